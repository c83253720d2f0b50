//! Values that are made again while the agent serves.

use crate::peer::{Answer, Peer, ack, hello, notify};
use spoa::State;
use spoa::agent::Agent;
use spoa::agent::{AgentBuilder, Reloader, Renewal};
use spoa::handler::Peer as Origin;
use spoa::prelude::*;
use spoa::spop::{ActionIter, Frame, FrameType};
use spoa_test_support::Stream;
use std::future::{Future, pending};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Weak, mpsc};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::ReadBuf;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::{Notify, Semaphore, oneshot};

/// A number that is one more each time it is made.
struct Left(Arc<u8>);
struct Right(u8);

#[spoe_message("both")]
fn both(State(left): State<'_, Left>, State(right): State<'_, Right>) -> [SetVar<u8>; 2] {
    [
        SetVar::session("left", *left.0),
        SetVar::session("right", right.0),
    ]
}

/// Shows what it began with when it is let go.
#[spoe_message("waits", timeout = "60s")]
async fn waits(State(left): State<'_, Left>, State(gate): State<'_, Arc<Notify>>) -> SetVar<u8> {
    gate.notified().await;
    SetVar::session("left", *left.0)
}

/// The changes that tests make to the values.
#[derive(Default)]
struct World {
    left: AtomicU8,
    right: AtomicU8,
    broken: AtomicBool,
    gate: Arc<Notify>,
    /// The values of `Left` that were made.
    made: std::sync::Mutex<Vec<Weak<u8>>>,
}

impl World {
    fn live(&self) -> Vec<u8> {
        let made = self.made.lock().unwrap();
        made.iter()
            .filter_map(Weak::upgrade)
            .map(|left| *left)
            .collect()
    }
}

async fn agent(world: &Arc<World>) -> AgentBuilder {
    let (left, right) = (world.clone(), world.clone());
    let builder = Agent::builder()
        .handlers(handlers![both, waits])
        .state(world.gate.clone())
        .reloadable(move || {
            let world = left.clone();
            async move {
                let left = Arc::new(world.left.fetch_add(1, Ordering::SeqCst));
                world.made.lock().unwrap().push(Arc::downgrade(&left));
                Ok::<_, String>(Left(left))
            }
        })
        .await;
    let builder = builder.unwrap().reloadable(move || {
        let world = right.clone();
        async move {
            if world.broken.load(Ordering::SeqCst) {
                Err("the table is locked")
            } else {
                Ok(Right(world.right.fetch_add(1, Ordering::SeqCst)))
            }
        }
    });
    builder.await.unwrap()
}

fn shows(left: u8, right: u8) -> Answer {
    let (left, right) = (
        format!("set-var sess.left = {left}"),
        format!("set-var sess.right = {right}"),
    );
    ack(1, &[&left, &right])
}

/// The read that brings the message happens after the reload, though the poll of the connection began before.
#[tokio::test]
async fn a_message_that_comes_after_a_reload_has_the_new_values() {
    let agent = agent(&Arc::default()).await.build().unwrap();
    let reloader = agent.reloader();
    let mut reads = 0;
    let read = move |cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>| {
        reads += 1;
        match reads {
            1 => buffer.put_slice(&hello(16380)),
            2 => {
                let replaced = pin!(reloader.replace(Right(7))).poll(cx);
                assert!(matches!(replaced, Poll::Ready(Ok(()))));
                buffer.put_slice(&notify(1, &["both"]));
            }
            _ => {}
        }
        Poll::Ready(())
    };
    let (sender, written) = std::sync::mpsc::channel();
    let stream = Stream::new(read, move |_, bytes: &[u8]| {
        sender.send(bytes.to_vec()).unwrap();
    });
    agent
        .serve_connection(stream, Origin::Memory, pending())
        .await;
    let written: Vec<u8> = written.iter().flatten().collect();
    let mut frames = written.as_slice();
    let mut answers = std::iter::from_fn(|| Frame::split(&mut frames, 1 << 20).unwrap());
    let ack = answers
        .find(|frame| frame.frame_type == FrameType::ACK)
        .unwrap();
    let actions = ActionIter::new(ack.payload).map(|action| action.unwrap().to_string());
    assert_eq!(
        actions.collect::<Vec<_>>(),
        ["set-var sess.left = 0", "set-var sess.right = 7"]
    );
}

#[tokio::test]
async fn all_values_change_at_once_or_none_does() {
    let world = Arc::default();
    let agent = agent(&world).await.build().unwrap();
    let reloader = agent.reloader();
    let mut peer = Peer::to(&agent, 1 << 16);
    peer.greet().await;
    assert_eq!(peer.ask(&["both"]).await, shows(0, 0));

    let reloaded = reloader.reload().await.unwrap();
    let parts: Vec<_> = reloaded.parts().collect();
    assert_eq!(parts, ["agent::reload::Left", "agent::reload::Right"]);
    assert_eq!(peer.ask(&["both"]).await, shows(1, 1));

    world.broken.store(true, Ordering::SeqCst);
    let error = reloader.reload().await.unwrap_err();
    assert_eq!(error.reload_part(), Some("agent::reload::Right"));
    assert_eq!(
        error.to_string(),
        "`agent::reload::Right` failed: the table is locked"
    );
    // The left one was made, and is dropped.
    assert_eq!(world.left.load(Ordering::SeqCst), 3);
    assert_eq!(peer.ask(&["both"]).await, shows(1, 1));

    world.broken.store(false, Ordering::SeqCst);
    reloader.reload().await.unwrap();
    assert_eq!(peer.ask(&["both"]).await, shows(3, 2));
    // A new connection begins with what holds.
    let mut late = Peer::to(&agent, 1 << 16);
    late.greet().await;
    assert_eq!(late.ask(&["both"]).await, shows(3, 2));
}

#[tokio::test]
async fn a_running_handler_keeps_the_values_it_began_with() {
    let world = Arc::<World>::default();
    let agent = agent(&world).await.build().unwrap();
    let reloader = agent.reloader();
    let mut peer = Peer::to(&agent, 1 << 16);
    peer.greet().await;
    peer.send(&notify(3, &["waits"])).await;
    assert_eq!(peer.ask(&["both"]).await, shows(0, 0));
    reloader.reload().await.unwrap();
    assert_eq!(peer.ask(&["both"]).await, shows(1, 1));
    assert_eq!(world.live(), [0, 1]);
    world.gate.notify_one();
    assert_eq!(peer.answer().await, ack(3, &["set-var sess.left = 0"]));
    freed(&world, &[1]).await;
}

/// Waits until these values alone are left.
async fn freed(world: &World, left: &[u8]) {
    let freed = async {
        while world.live() != left {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let freed = tokio::time::timeout(Duration::from_secs(20), freed).await;
    assert!(freed.is_ok(), "{:?} are alive", world.live());
}

#[tokio::test]
async fn an_idle_connection_releases_replaced_state() {
    let world = Arc::<World>::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let server = agent(&world).await.listener(listener).build().unwrap();
    let server = server.bind().unwrap();
    let reloader = server.reloader();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(server.serve(async { drop(stopped.await) }));
    let mut peer = Peer::over(TcpStream::connect(addr).await.unwrap(), serving);
    peer.greet().await;
    reloader.reload().await.unwrap();
    freed(&world, &[1]).await;
    assert_eq!(peer.ask(&["both"]).await, shows(1, 1));
    drop(stop);
}

#[tokio::test]
async fn a_panic_keeps_the_old_values() {
    let first = AtomicBool::new(true);
    let make = move || {
        assert!(first.swap(false, Ordering::SeqCst), "no such luck");
        async { Ok::<_, String>(Right(7)) }
    };
    let builder = Agent::builder()
        .handlers(handlers![both])
        .state(Left(Arc::new(5)));
    let agent = builder.reloadable(make).await.unwrap().build().unwrap();
    let error = agent.reloader().reload().await.unwrap_err();
    // Its place follows where the panic hook of `run!` notes it.
    assert_eq!(
        error.to_string(),
        "`agent::reload::Right` failed: panicked: no such luck"
    );
    let mut peer = Peer::to(&agent, 1 << 16);
    peer.greet().await;
    assert_eq!(peer.ask(&["both"]).await, shows(5, 7));
}

#[tokio::test]
async fn reloads_run_one_after_the_other() {
    static AT_WORK: Semaphore = Semaphore::const_new(1);
    let make = || async {
        // A reload that comes while another is running fails.
        let alone = AT_WORK.try_acquire();
        tokio::time::sleep(Duration::from_millis(20)).await;
        alone.map(|_| Right(0))
    };
    let builder = Agent::builder()
        .handlers(handlers![both])
        .state(Left(Arc::default()));
    let agent = builder.reloadable(make).await.unwrap().build().unwrap();
    let reloader: Reloader = agent.reloader();
    let all = tokio::join!(reloader.reload(), reloader.reload(), reloader.reload());
    assert!(all.0.is_ok() && all.1.is_ok() && all.2.is_ok(), "{all:?}");
}

#[tokio::test]
async fn without_a_first_value_the_agent_does_not_start() {
    let made = Agent::builder()
        .reloadable(async || Err::<Right, _>("the table is locked"))
        .await;
    assert_eq!(
        made.unwrap_err().to_string(),
        "`agent::reload::Right` failed: the table is locked"
    );
}

#[tokio::test]
async fn a_type_has_one_value() {
    let right = || async { Ok::<_, String>(Right(1)) };
    let plain = Agent::builder()
        .handlers(handlers![both])
        .state(Left(Arc::default()));
    let once = plain.reloadable(right).await.unwrap();
    let twice = once.reloadable(right).await.unwrap().build();
    let error = twice.unwrap_err();
    assert!(error.is_config());
    assert_eq!(
        error.to_string(),
        "two values of the type `agent::reload::Right`: a type has one, so remove one `state` or \
         `reload`, or wrap one of the two in a type of its own"
    );
    let builder = Agent::builder().handlers(handlers![both]);
    let neither = builder
        .state(Left(Arc::default()))
        .state(Right(1))
        .state(Right(2))
        .build();
    let error = neither.unwrap_err().to_string();
    assert!(error.starts_with("two values of the type"), "{error}");
    let builder = Agent::builder().handlers(handlers![both]);
    let first = builder.reloadable(right).await.unwrap();
    let both = first.state(Right(2)).build();
    let error = both.unwrap_err().to_string();
    assert!(error.starts_with("two values of the type"), "{error}");
}

#[tokio::test]
async fn an_agent_without_reloadable_values_has_an_empty_reloader() {
    let builder = || {
        Agent::builder()
            .handlers(handlers![both])
            .state(Left(Arc::default()))
    };
    let agent = builder().state(Right(1)).build().unwrap();
    assert!(agent.reloader().is_empty());
    let right = || async { Ok::<_, String>(Right(1)) };
    let agent = builder().reloadable(right).await.unwrap().build().unwrap();
    assert!(!agent.reloader().is_empty());
}

/// Waits until the agent has reloaded this often.
async fn reloaded(reloader: &Reloader, times: u64) {
    let reloaded = async {
        while reloader.succeeded() < times {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let reloaded = tokio::time::timeout(Duration::from_secs(20), reloaded).await;
    assert!(reloaded.is_ok(), "{} reloads", reloader.succeeded());
}

#[tokio::test]
async fn a_load_that_hangs_keeps_no_other_value_from_its_renewal() {
    let (hung, freed) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
    let (is_hung, gate) = (hung.clone(), freed.clone());
    let every = || Renewal::new().every(Duration::from_millis(10));
    let left = move || {
        let (is_hung, gate) = (is_hung.clone(), gate.clone());
        async move {
            // The first value is made before the agent is there.
            if is_hung.swap(true, Ordering::SeqCst) {
                gate.notified().await;
            }
            Ok::<_, String>(Left(Arc::new(1)))
        }
    };
    let count = Arc::new(AtomicU8::new(0));
    let right = move || {
        let made = Right(count.fetch_add(1, Ordering::SeqCst));
        async { Ok::<_, String>(made) }
    };
    let builder = Agent::builder().handlers(handlers![both]);
    let builder = builder.renewed(every(), left).await.unwrap();
    let builder = builder.renewed(every(), right).await.unwrap();
    let server = builder.listen("127.0.0.1:0").build().unwrap();
    let server = server.bind().unwrap();
    let reloader = server.reloader();
    tokio::spawn(server.serve(std::future::pending()));
    reloaded(&reloader, 5).await;
    // A push of the program goes through, too; a reload of all values waits for the load.
    reloader.replace(Left(Arc::new(9))).await.unwrap();
    let all = reloader.clone();
    let all = tokio::spawn(async move { all.reload().await.map(drop) });
    let times = reloader.succeeded();
    reloaded(&reloader, times + 5).await;
    assert!(!all.is_finished());
    // Not only the load that is running waits, but also that of the reload.
    while !all.is_finished() {
        freed.notify_one();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    all.await.unwrap().unwrap();
}

/// A runtime that ends waits for the threads that make values.
#[test]
fn a_load_that_never_ends_ends_with_the_runtime() {
    for workers in [None, Some(2)] {
        let mut runtime = match workers {
            None => Builder::new_current_thread(),
            Some(_) => Builder::new_multi_thread(),
        };
        let runtime = runtime.worker_threads(workers.unwrap_or(1)).enable_all();
        let runtime = runtime.build().unwrap();
        runtime.block_on(async {
            let (is_first, hangs) = (AtomicBool::new(true), Arc::new(Notify::new()));
            let hung = hangs.clone();
            let left = async move || {
                if !is_first.swap(false, Ordering::SeqCst) {
                    hangs.notify_one();
                    pending::<()>().await;
                }
                Ok::<_, String>(Left(Arc::new(1)))
            };
            let renewal = Renewal::new().every(Duration::from_millis(10));
            let builder = Agent::builder()
                .handlers(handlers![waits])
                .state(hung.clone());
            let builder = builder.renewed(renewal, left).await.unwrap();
            let server = builder.listen("127.0.0.1:0").build().unwrap();
            tokio::spawn(server.bind().unwrap().serve(pending()));
            hung.notified().await;
        });
        let (end, ended) = mpsc::channel();
        std::thread::spawn(move || {
            drop(runtime);
            end.send(()).unwrap();
        });
        let ended = ended.recv_timeout(Duration::from_secs(20));
        assert_eq!(ended, Ok(()), "{workers:?}");
    }
}

/// The value that the program pushed is newer, though the load ended later.
#[tokio::test]
async fn a_value_is_not_replaced_by_one_whose_load_began_before_it() {
    let gate = Arc::new(Semaphore::new(1));
    let begun = Arc::new(Notify::new());
    let (opens, begins) = (gate.clone(), begun.clone());
    let right = move || {
        let (opens, begins) = (opens.clone(), begins.clone());
        async move {
            begins.notify_one();
            opens.acquire().await.map(|permit| permit.forget())?;
            Ok::<_, tokio::sync::AcquireError>(Right(1))
        }
    };
    let builder = Agent::builder().handlers(handlers![both]);
    let builder = builder.state(Left(Arc::new(0)));
    let agent = builder.reloadable(right).await.unwrap().build().unwrap();
    let reloader = agent.reloader();
    begun.notified().await;
    let slow = reloader.clone();
    let slow = tokio::spawn(async move { slow.reload().await.map(drop) });
    begun.notified().await;
    reloader.replace(Right(2)).await.unwrap();
    gate.add_permits(1);
    slow.await.unwrap().unwrap();
    let mut peer = Peer::to(&agent, 1 << 16);
    peer.greet().await;
    assert_eq!(peer.ask(&["both"]).await, shows(0, 2));
}

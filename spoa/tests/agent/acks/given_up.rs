//! Handlers that are given up at their deadline, at the end of a drain, or with their connection, and
//! leave something behind that panics.

use super::*;
use spoa::State;
use std::sync::mpsc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

#[spoe_message("holds")]
async fn holds() {
    let _bad = Bad(Wrong::DropPanics);
    std::future::pending().await
}

#[spoe_fallback]
async fn holds_another() {
    let _bad = Bad(Wrong::DropPanics);
    std::future::pending().await
}

/// Fails when nobody waits for its answer any more, with an error that panics in whatever is done with
/// it.
#[spoe_message("late", blocking)]
fn late(State(gate): State<'_, Gate>) -> Result<(), Bad> {
    // The other end is dropped when the test has its answer.
    let _ = gate.0.lock().unwrap().recv();
    Err(Bad(Wrong::DisplayAndDropPanic))
}

struct Gate(std::sync::Mutex<mpsc::Receiver<()>>);

fn builder(on_failure: OnFailure) -> (AgentBuilder, mpsc::Sender<()>) {
    let (open, gate) = mpsc::channel();
    let builder = Agent::builder()
        .handlers(handlers![
            holds,
            holds_another,
            late,
            before,
            after,
            neighbour
        ])
        .state(Gate(std::sync::Mutex::new(gate)))
        .limits(|limits| limits.handler_timeout = Some(Duration::from_millis(10)));
    (on_failure.set(builder), open)
}

#[test]
fn a_handler_cancelled_at_its_deadline_loses_only_its_own_actions() {
    expect_panics();
    let log = Log::default();
    let _guard = log.subscribe(tracing::Level::WARN);
    for on_failure in ON_FAILURE {
        let given = on_failure.actions("timed out");
        for message in ["holds", "of a fallback", "late"] {
            let asked = async {
                let (builder, open) = builder(on_failure);
                let mut peer = Peer::connect(builder).await;
                let answer = peer.ask(&["before", message, "after"]).await;
                let mut expected = vec!["set-var sess.before = 7"];
                expected.extend(given.iter().map(String::as_str));
                expected.push("set-var sess.after = 7");
                assert_eq!(answer, ack(1, &expected), "{message}, {on_failure:?}");
                drop(open);
                let next = peer.ask(&["before"]).await;
                assert_eq!(next, ack(1, &["set-var sess.before = 7"]));
                assert!(!peer.has_more());
            };
            // Dropping it waits for the blocking handler, whose error nobody takes.
            // On a clock of its own, nothing would be late while a blocking handler runs.
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            runtime.enable_all().build().unwrap().block_on(asked);
        }
    }
    check_log(&log.text(), 3 * ON_FAILURE.len());
}

#[tokio::test]
async fn a_handler_cancelled_at_the_end_of_a_drain_loses_only_its_own_actions() {
    expect_panics();
    for on_failure in ON_FAILURE {
        let given = on_failure.actions("stopped");
        let (builder, open) = builder(on_failure);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let agent = builder
            .limits(|limits| {
                limits.handler_timeout = None;
                limits.drain_timeout = Duration::from_millis(20);
                // A pause of the machine does not count as one of the peer.
                limits.linger_timeout = Duration::from_secs(60);
            })
            .listener(listener)
            .build()
            .unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(async {
            agent.serve(async { drop(stopped.await) }).await.unwrap();
        });
        let mut peer = Peer::over(TcpStream::connect(addr).await.unwrap(), serving);
        peer.greet().await;
        peer.send(&notify(3, &["before", "holds", "after"])).await;
        peer.send(&notify(5, &["of a fallback", "late"])).await;
        assert_eq!(
            peer.ask(&["before"]).await,
            ack(1, &["set-var sess.before = 7"])
        );
        stop.send(()).unwrap();
        let given: Vec<_> = given.iter().map(String::as_str).collect();
        let first = [
            &["set-var sess.before = 7"],
            &*given,
            &["set-var sess.after = 7"],
        ]
        .concat();
        let second = [&*given, &*given].concat();
        let mut answers = [peer.answer().await, peer.answer().await];
        answers.sort_by_key(|answer| matches!(answer, Answer::Ack(5, _)));
        assert_eq!(answers, [ack(3, &first), ack(5, &second)], "{on_failure:?}");
        assert_eq!(peer.answer().await, Answer::Disconnect(0));
        drop(open);
        drop(peer.io);
        peer.agent.await.unwrap();
    }
}

#[tokio::test]
async fn a_handler_that_ends_with_its_connection_ends_no_other() {
    expect_panics();
    let (builder, _open) = builder(OnFailure::Panics);
    let agent = builder
        .limits(|limits| limits.handler_timeout = None)
        .build()
        .unwrap();
    let mut ends = Peer::to(&agent, 1 << 16);
    let mut stays = Peer::to(&agent, 1 << 16);
    for peer in [&mut ends, &mut stays] {
        peer.greet().await;
    }
    stays.send(&notify(3, &["neighbour"])).await;
    ends.send(&notify(3, &["holds", "of a fallback", "holds"]))
        .await;
    assert_eq!(
        ends.ask(&["before"]).await,
        ack(1, &["set-var sess.before = 7"])
    );
    drop(ends.io);
    ends.agent.await.unwrap();
    assert_eq!(
        stays.answer().await,
        ack(3, &["set-var sess.neighbour = 7"])
    );
}

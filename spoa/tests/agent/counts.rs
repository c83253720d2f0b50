//! The numbers that an agent counts are those of what happened.

use crate::peer::{Answer, Peer, hello, notify};
use spoa::agent::{Agent, MessageStats, Monitor, Phase, Stats};
use spoa::prelude::*;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

#[spoe_message("good")]
fn good() -> SetVar<bool> {
    SetVar::transaction("good", true)
}

#[spoe_message("takes")]
fn takes(#[arg(reject)] n: &str, m: Option<u8>) {
    let _ = (n, m);
}

#[spoe_message("errs")]
fn errs() -> Result<(), HandlerError> {
    Err("on purpose".into())
}

#[spoe_message("panics")]
fn panics() {
    panic!("on purpose");
}

#[spoe_message("misnames")]
fn misnames() -> SetVar<bool> {
    SetVar::transaction("ö".repeat(2), true)
}

#[spoe_message("late", timeout = "10ms")]
async fn late() {
    std::future::pending().await
}

#[spoe_message("waits", timeout = "10s")]
async fn waits() {
    tokio::time::sleep(Duration::from_millis(30)).await;
}

#[spoe_message("blocks", blocking)]
fn blocks() {}

/// Is in flight until its connection ends, however long the machine pauses.
#[spoe_message("never", timeout = "60s")]
async fn never() {
    std::future::pending().await
}

#[spoe_message("large")]
fn large() -> [SetVar<String>; 2] {
    [
        SetVar::transaction("a", "x".repeat(100)),
        SetVar::transaction("b", "x".repeat(300)),
    ]
}

#[spoe_fallback]
fn others() {}

fn agent() -> Agent {
    let handlers = handlers![
        good, takes, errs, panics, misnames, late, waits, blocks, large, others
    ];
    Agent::builder()
        .name("counts")
        .handlers(handlers)
        .build()
        .unwrap()
}

fn of<'s>(stats: &'s Stats, message: &str) -> &'s MessageStats {
    let mut all = stats.messages.iter();
    let wanted = Some(message).filter(|name| !name.is_empty());
    all.find(|it| it.message == wanted).unwrap()
}

async fn asked(messages: &[&str]) -> Stats {
    let agent = agent();
    let mut peer = Peer::to(&agent, 1 << 20);
    peer.send(&hello(256)).await;
    assert_eq!(peer.answer().await, Answer::Hello);
    for message in messages {
        assert!(matches!(peer.ask(&[message]).await, Answer::Ack(1, _)));
    }
    agent.stats()
}

#[tokio::test(start_paused = true)]
async fn each_message_is_counted_once_under_its_outcome() {
    let messages = [
        "good", "good", "takes", "errs", "panics", "misnames", "late", "waits", "blocks", "nobody",
    ];
    let stats = asked(&messages).await;
    for (message, handled, failed) in [
        ("good", 2, 0),
        ("takes", 0, 1),
        ("errs", 0, 1),
        ("panics", 0, 1),
        ("misnames", 0, 1),
        ("late", 0, 1),
        ("waits", 1, 0),
        ("blocks", 1, 0),
        ("", 1, 0),
    ] {
        let counted = of(&stats, message);
        let expected = (handled, failed, 0);
        let found = (counted.handled, counted.failed(), counted.running);
        assert_eq!(found, expected, "{message}");
    }
    assert_eq!(of(&stats, "takes").rejected_by, [("n", 1), ("m", 0)]);
    assert_eq!(of(&stats, "errs").errors, 1);
    assert_eq!(of(&stats, "misnames").errors, 1);
    assert_eq!(of(&stats, "panics").panicked, 1);
    assert_eq!(of(&stats, "late").late, 1);
    assert_eq!((stats.notifies, stats.acks), (10, 10));
    assert_eq!((stats.connections, stats.connections_open), (1, 1));
    assert_eq!(stats.unknown_messages, 0);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_waits_is_timed_from_its_beginning_to_its_end() {
    let stats = asked(&["good", "waits", "late"]).await;
    let waits = of(&stats, "waits").durations;
    assert_eq!((waits.count(), waits.sum()), (1, Duration::from_millis(30)));
    assert_eq!(waits.quantile(0.99), Some(Duration::from_millis(50)));
    let late = of(&stats, "late").durations;
    assert_eq!((late.count(), late.sum()), (1, Duration::from_millis(10)));
    // On this clock a sync handler takes no time.
    let good = of(&stats, "good").durations;
    assert_eq!((good.count(), good.sum()), (1, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn the_first_notify_of_one_read_in_eight_is_timed() {
    let agent = agent();
    let mut peer = Peer::to(&agent, 1 << 20);
    peer.send(&hello(256)).await;
    assert_eq!(peer.answer().await, Answer::Hello);
    // The HELLO was the first read.
    for batch in [20].into_iter().chain([1; 15]) {
        let together: Vec<u8> = (0..batch)
            .flat_map(|_| notify(1, &["good", "good"]))
            .collect();
        peer.send(&together).await;
        for _ in 0..batch {
            assert!(matches!(peer.answer().await, Answer::Ack(1, _)));
        }
    }
    let stats = agent.stats();
    let good = of(&stats, "good");
    assert_eq!((good.handled, good.durations.count()), (70, 6));
}

#[tokio::test(start_paused = true)]
async fn actions_without_room_are_counted() {
    let stats = asked(&["large"]).await;
    let large = of(&stats, "large");
    assert_eq!((large.handled, large.actions_left_out), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn messages_that_no_handler_answers_are_counted() {
    let agent = Agent::builder().handlers(handlers![good]).build().unwrap();
    let mut peer = Peer::to(&agent, 1 << 20);
    peer.send(&hello(256)).await;
    assert_eq!(peer.answer().await, Answer::Hello);
    peer.ask(&["nobody", "good"]).await;
    let stats = agent.stats();
    assert_eq!((stats.unknown_messages, of(&stats, "good").handled), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_full_agent_counts_what_it_refuses() {
    let builder = Agent::builder().handlers(handlers![late]).limits(|limits| {
        limits.max_in_flight = 1;
    });
    let agent = builder.build().unwrap();
    let mut peer = Peer::to(&agent, 1 << 20);
    peer.send(&hello(256)).await;
    assert_eq!(peer.answer().await, Answer::Hello);
    peer.send(&notify(1, &["late"])).await;
    peer.send(&notify(2, &["late"])).await;
    assert!(matches!(peer.answer().await, Answer::Ack(2, _)));
    let stats = agent.stats();
    let counted = of(&stats, "late");
    assert_eq!((counted.overloaded, counted.running), (1, 1));
    let reached: Vec<_> = stats.limits_reached.iter().filter(|it| it.1 > 0).collect();
    assert_eq!(reached, [&("max_in_flight", 1)]);
}

#[tokio::test(start_paused = true)]
async fn all_bytes_and_connections_are_counted() {
    let agent = agent();
    let mut sent = 0;
    for _ in 0..3 {
        let mut peer = Peer::to(&agent, 1 << 20);
        for bytes in [hello(256), notify(1, &["good"])] {
            sent += bytes.len() as u64;
            peer.send(&bytes).await;
            peer.answer().await;
        }
        drop(peer.io);
        peer.agent.await.unwrap();
    }
    let mut foreign = Peer::to(&agent, 1 << 20);
    foreign.send(b"GET / HTTP/1.1\r\n\r\n").await;
    sent += 18;
    foreign.agent.await.unwrap();
    let stats = agent.stats();
    assert_eq!(stats.received_bytes, sent);
    assert!(stats.sent_bytes > 0);
    assert_eq!((stats.connections, stats.connections_open), (4, 0));
    assert_eq!(stats.protocol_errors, 1);
}

/// HAProxy ends a health check so.
#[tokio::test]
async fn a_reset_with_nothing_in_flight_is_not_a_broken_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let builder = Agent::builder()
        .handlers(handlers![good, never])
        .listener(listener);
    let server = builder.build().unwrap().bind().unwrap();
    let monitor = server.monitor();
    tokio::spawn(server.serve(std::future::pending()));
    for (messages, broken) in [(&["good"][..], 0), (&["never"], 1)] {
        let agent = tokio::spawn(std::future::pending());
        let mut peer = Peer::over(TcpStream::connect(address).await.unwrap(), agent);
        peer.send(&hello(256)).await;
        assert_eq!(peer.answer().await, Answer::Hello);
        peer.send(&notify(1, messages)).await;
        if broken == 0 {
            peer.answer().await;
        } else {
            while of(&monitor.stats(), "never").running == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        let socket = socket2::SockRef::from(&peer.io);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
        drop(peer.io);
        while monitor.stats().connections_open > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(monitor.stats().connections_broken, broken, "{messages:?}");
    }
}

/// Waits until an agent is in a phase.
async fn reached(monitor: &Monitor, phase: Phase) {
    while monitor.stats().phase != phase {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn the_phases_follow_each_other() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let builder = Agent::builder()
        .handlers(handlers![waits])
        .listener(listener)
        .limits(|limits| limits.lame_duck = Duration::from_millis(50));
    let server = builder.build().unwrap().bind().unwrap();
    let monitor = server.monitor();
    assert_eq!(monitor.stats().phase, Phase::Starting);
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(server.serve(async { drop(stopped.await) }));
    reached(&monitor, Phase::Serving).await;
    let agent = tokio::spawn(std::future::pending());
    let mut peer = Peer::over(TcpStream::connect(address).await.unwrap(), agent);
    peer.send(&hello(256)).await;
    assert_eq!(peer.answer().await, Answer::Hello);
    stop.send(()).unwrap();
    reached(&monitor, Phase::LameDuck).await;
    reached(&monitor, Phase::Draining).await;
    drop(peer.io);
    serving.await.unwrap();
    assert_eq!(monitor.stats().phase, Phase::Stopped);
}

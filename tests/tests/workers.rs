//! A handler that does not return affects no other handler, and is named in the log.

use spoa::client::Client;
use spoa::prelude::*;
use spoa::spop::Value;
use spoa_tests::{Background, PATIENCE, eventually};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Closed until the test opens it.
static GATE: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

/// Whether `keep` runs.
static KEPT: AtomicBool = AtomicBool::new(false);

/// Keeps its thread until the gate is open.
#[spoe_message("keep")]
fn keep() -> SetVar<bool> {
    KEPT.store(true, Ordering::SeqCst);
    let open = GATE.1.wait_while(GATE.0.lock().unwrap(), |open| !*open);
    SetVar::transaction("open", *open.unwrap())
}

#[spoe_message("quick")]
fn quick() -> SetVar<u8> {
    SetVar::transaction("quick", 1)
}

#[spoe_message("look-up")]
fn look_up(#[arg("user-agent")] user_agent: Option<&[u8]>) -> SetVar<bool> {
    SetVar::transaction("known", user_agent.is_some())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_keeps_its_worker_is_named_and_delays_no_other_connection() {
    let agent = Background::agent(|builder| builder.handlers(handlers![keep, quick]));
    let address = agent.addr().to_string();
    let options = Client::options().ack_timeout(PATIENCE);
    let keeper = options.connect(&address).await.unwrap();
    let kept = tokio::spawn(async move { keeper.send("keep", &[]).await });
    eventually("the handler runs", || KEPT.load(Ordering::SeqCst));
    for _ in 0..20 {
        let call = async {
            let client = Client::connect(&address).await.unwrap();
            client.send("quick", &[]).await.unwrap()
        };
        let ack = tokio::time::timeout(PATIENCE, call).await;
        let ack = ack.expect("the other worker serves the other connections");
        assert!(ack.get("txn.quick").is_some());
    }
    // So long that it is worth a line, even if it should never return.
    let line = agent.wait_for_warning("has kept its worker thread");
    assert!(line.contains("workers::keep"), "{line}");
    assert!(line.contains("add `blocking` to its attribute"), "{line}");
    *GATE.0.lock().unwrap() = true;
    GATE.1.notify_all();
    assert!(kept.await.unwrap().unwrap().get("txn.open").is_some());
    // There is a line for each second that it took.
    agent.stop_with_warnings("has kept its worker thread");
}

/// Takes the time it is asked to, on its worker.
#[spoe_message("take", set = "txn.took")]
fn take(ms: u64) -> u64 {
    let start = Instant::now();
    std::thread::sleep(Duration::from_millis(ms));
    start.elapsed().as_millis() as u64
}

#[spoe_message("take-too", set = "txn.took")]
fn take_too(ms: u64) -> u64 {
    take(ms)
}

/// Whether `hold` is to go on.
static HELD: AtomicBool = AtomicBool::new(true);

/// Keeps its worker until the test ends that.
#[spoe_message("hold", set = "txn.took")]
fn hold() -> u64 {
    let start = Instant::now();
    while HELD.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(10));
    }
    start.elapsed().as_millis() as u64
}

#[spoe_message("hold-too", set = "txn.took")]
fn hold_too() -> u64 {
    hold()
}

/// Sends a message; returns how many milliseconds its handler took.
async fn time_of(address: SocketAddr, message: &str, ms: u64) -> u64 {
    let options = Client::options().ack_timeout(PATIENCE);
    let client = options.connect(&address.to_string()).await.unwrap();
    let ack = client.send(message, &[("ms", Value::Uint64(ms))]).await;
    ack.unwrap()
        .get("txn.took")
        .unwrap()
        .to_string()
        .parse()
        .unwrap()
}

/// The milliseconds of a text that begins with a time, such as `509ms, …` or `1.529s, …`.
fn milliseconds(text: &str) -> u64 {
    let end = text.find(|byte: char| byte != '.' && !byte.is_ascii_digit());
    let (number, unit) = text.split_at(end.expect("it has a unit"));
    let number: f64 = number.parse().expect("it is a time");
    (if unit.starts_with("ms") {
        number
    } else {
        number * 1000.0
    }) as u64
}

/// Each server used to count the checks of both, by a clock of its own.
#[tokio::test(flavor = "multi_thread")]
async fn two_agents_in_one_process_have_one_watcher() {
    let first = Background::agent(|builder| builder.handlers(handlers![take, hold]));
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let second = Background::agent(|builder| builder.handlers(handlers![take_too, hold_too]));
    let kept = "has kept its worker thread for ";
    for (agent, short, long) in [(&first, "take", "hold"), (&second, "take-too", "hold-too")] {
        let took = time_of(agent.addr(), short, 350).await;
        let warnings = agent.warnings();
        // Not if the machine made more of it.
        assert!(took >= 500 || warnings.is_empty(), "{warnings:?}");
        // Looks are counted, not time, and on a busy machine there are fewer of them.
        HELD.store(true, Ordering::SeqCst);
        let took = tokio::spawn(time_of(agent.addr(), long, 0));
        let line = agent.wait_for_warning(&format!("{}` {kept}", long.replace('-', "_")));
        HELD.store(false, Ordering::SeqCst);
        let took = took.await.unwrap();
        let time = milliseconds(line.split(kept).nth(1).unwrap());
        assert!((480..=took).contains(&time), "{line}");
    }
    // Each has its own lines only. A long call may have more than one.
    let is_of = |line: &String, [short, long]: [&str; 2]| {
        [short, long]
            .iter()
            .any(|name| line.contains(&format!("handler=\"workers::{name}\"")))
    };
    let (of_first, of_second) = (first.warnings(), second.warnings());
    assert!(
        of_first.iter().all(|line| is_of(line, ["take", "hold"])),
        "{of_first:?}"
    );
    assert!(
        of_second
            .iter()
            .all(|line| is_of(line, ["take_too", "hold_too"])),
        "{of_second:?}"
    );
    for agent in [first, second] {
        agent.stop_with_warnings(kept);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_is_not_blamed_for_the_handlers_before_it() {
    let agent = Background::agent(|builder| builder.handlers(handlers![take]));
    let client = Client::options().ack_timeout(PATIENCE);
    let client = client.connect(&agent.addr().to_string()).await.unwrap();
    let client = Arc::new(client);
    let kept = "one after another have kept a worker thread for ";
    let mut line = None;
    // On a busy machine there are so few looks that 60 ms may not be enough.
    for ms in [60, 200] {
        // All but the first come while that runs: in one poll, one after another.
        let mut asked = JoinSet::new();
        for _ in 0..60 {
            let client = client.clone();
            asked.spawn(async move { client.send("take", &[("ms", Value::Uint64(ms))]).await });
        }
        while let Some(answered) = asked.join_next().await {
            answered.unwrap().unwrap();
        }
        let warnings = agent.warnings();
        assert!(
            warnings.iter().all(|line| line.contains(kept)),
            "{warnings:?}"
        );
        line = warnings.into_iter().next();
        if line.is_some() {
            break;
        }
    }
    let line = line.unwrap_or_else(|| agent.wait_for_warning(kept));
    assert!(line.contains("workers::take"), "{line}");
    agent.stop_with_warnings(kept);
}

#[tokio::test]
async fn a_misspelt_name_of_an_optional_argument_is_reported_once() {
    let agent = Background::agent(|builder| builder.handlers(handlers![look_up]));
    let client = Client::connect(&agent.addr().to_string()).await.unwrap();
    for _ in 0..3 {
        let args = [("user_agent", Value::from("curl")), ("path", "/".into())];
        client.send("look-up", &args).await.unwrap();
    }
    let line = agent.wait_for_warning("has no argument `user-agent`");
    assert!(
        line.contains("is it the `user_agent` that HAProxy sends?"),
        "{line}"
    );
    assert_eq!(agent.warnings(), Vec::<String>::new(), "one line is enough");
}

#[tokio::test]
async fn an_optional_argument_that_is_not_sent_causes_no_line() {
    let agent = Background::agent(|builder| builder.handlers(handlers![look_up]));
    let client = Client::connect(&agent.addr().to_string()).await.unwrap();
    client
        .send("look-up", &[("path", "/".into())])
        .await
        .unwrap();
    assert_eq!(agent.warnings(), Vec::<String>::new());
}

#[tokio::test]
async fn a_name_that_no_configuration_has_does_not_reach_the_log() {
    let agent = Background::agent(|builder| builder.handlers(handlers![look_up]));
    let client = Client::connect(&agent.addr().to_string()).await.unwrap();
    let args = [
        ("user_agent\nWARN forged", Value::Null),
        ("user_agent\n", Value::Null),
    ];
    client.send("look-up", &args).await.unwrap();
    assert_eq!(agent.warnings(), Vec::<String>::new());
}

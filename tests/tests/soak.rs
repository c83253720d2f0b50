//! Puts mixed load on one agent: its memory, files, threads and tasks must not grow.
//!
//! `cargo test` does so for a second, which shows that every NOTIFY has its ACK and that nothing is left over.
//! `tests/long soak` runs for ten minutes, or for `SPOA_SOAK` seconds, and judges growth.

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use spoa::client::{Ack, Client};
use spoa::spop::Value;
use spoa_test_support::hello;
use spoa_tests::{Figures, PATIENCE, Process, Vitals, bounded_or_long, long};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// The message, how many are in flight on the connection, and the bytes of each.
const LOADS: [(&str, u64, usize); 10] = [
    ("echo", 1, 20),
    ("echo", 20, 200),
    ("echo", 8, 12_000),
    ("later", 20, 2000),
    ("later", 200, 20),
    ("aside", 4, 20),
    ("refuses", 4, 200),
    ("panics", 2, 20),
    ("panics-later", 2, 20),
    ("hangs", 20, 20),
];

/// Counts of the work so far.
#[derive(Default)]
struct Done {
    over: AtomicBool,
    verdicts: AtomicU64,
    failures: AtomicU64,
    connections: AtomicU64,
    attacks: AtomicU64,
}

impl Done {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    fn count(&self, ack: &Ack, token: &str) {
        match (ack.get("txn.echo"), ack.get("txn.failed")) {
            (Some(echo), None) => {
                assert_eq!(echo.as_str(), Some(token), "another's verdict");
                self.verdicts.fetch_add(1, Ordering::Relaxed);
            }
            (None, Some(_)) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
            }
            _ => panic!("neither a verdict nor a failure: {ack:?}"),
        }
    }
}

async fn send(client: &Client, message: &str, token: &str, done: &Done) {
    let ack = client.send(message, &[("token", Value::from(token))]).await;
    done.count(&ack.expect("every NOTIFY has its ACK"), token);
}

async fn connect(agent: SocketAddr) -> Client {
    let client = Client::options().ack_timeout(PATIENCE).max_in_flight(1000);
    let client = client.connect(&agent.to_string()).await;
    client.expect("it listens")
}

/// One after the other: of all that are in flight on the connection, one.
async fn steady(client: Client, message: &str, size: usize, done: Arc<Done>) {
    for number in 0_u64.. {
        let token = format!("{}-{number}", "x".repeat(size));
        send(&client, message, &token, &done).await;
        if done.is_over() {
            return;
        }
    }
}

/// Connections that come and go, with and without a word.
async fn fleeting(agent: SocketAddr, done: Arc<Done>) {
    for number in 0_u64.. {
        let client = connect(agent).await;
        for message in ["echo", "later"] {
            send(&client, message, &format!("/{number}"), &done).await;
        }
        if number % 2 == 0 {
            client.close().await.expect("it sends a DISCONNECT, too");
        }
        done.connections.fetch_add(1, Ordering::Relaxed);
        if done.is_over() {
            return;
        }
    }
}

/// Connections on which a good beginning is followed by something else.
async fn hostile(agent: SocketAddr, done: Arc<Done>) {
    // Any numbers will do, the same at every run.
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let hello = hello(16380);
    while !done.is_over() {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let noise: Vec<u8> = (0..random % 3000)
            .map(|place| (random.rotate_left(place as u32 % 64) ^ place) as u8)
            .collect();
        let bytes = match random % 6 {
            0 => noise,
            1 => b"GET / HTTP/1.1\r\nhost: test\r\n\r\n".to_vec(),
            2 => b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
            3 => hello[..hello.len() / 2].to_vec(),
            4 => [&hello[..], &noise].concat(),
            _ => [&hello[..], &[0, 0, 1, 0, 3, 0, 0, 0, 1, 1, 1]].concat(),
        };
        let mut stream = TcpStream::connect(agent).await.expect("it listens");
        // It may hang up before it has read them all.
        let _ = stream.write_all(&bytes).await;
        if !random.is_multiple_of(3) {
            let _ = timeout(Duration::from_millis(20), stream.read(&mut [0; 300])).await;
        }
        done.attacks.fetch_add(1, Ordering::Relaxed);
    }
}

/// The agent at one moment: what the system says of it, and how many tasks it has.
async fn sample(agent: &Process, observer: &Client) -> [f64; 4] {
    let ack = observer.send("tasks", &[]).await.expect("it answers");
    let tasks = ack.get("txn.tasks").and_then(|tasks| tasks.as_integer());
    let vitals = Vitals::of(agent.id());
    [
        vitals.memory as f64 / f64::from(1 << 20),
        vitals.files as f64,
        vitals.threads as f64,
        tasks.expect("it is a number") as f64,
    ]
}

/// A sample once the agent has started: its files and tasks stay as they are.
async fn settled(agent: &Process, observer: &Client) -> [f64; 4] {
    let (begin, mut before) = (Instant::now(), sample(agent, observer).await);
    loop {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let now = sample(agent, observer).await;
        if (now[1], now[3]) == (before[1], before[3]) {
            return now;
        }
        before = now;
        assert!(begin.elapsed() < PATIENCE, "it never settles: {now:?}");
    }
}

/// The figures, and by how much the mean of the last quarter may be above that of the second.
const FLAT: [(&str, f64, f64); 4] = [
    ("RSS in MiB", 1.05, 2.0),
    ("file descriptors", 1.1, 10.0),
    // The pool of blocking handlers starts a thread when none is free at that moment, and keeps it
    // until it has had nothing to do for 10 s: as many as were ever late at once on a busy machine.
    ("threads", 1.0, 64.0),
    ("tasks", 1.1, 10.0),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_grows_under_mixed_load() {
    let seconds = std::env::var("SPOA_SOAK")
        .ok()
        .and_then(|it| it.parse().ok());
    let whole = Duration::from_secs(seconds.unwrap_or(bounded_or_long(1, 600)));
    let mut command = common::program(env!("CARGO_BIN_EXE_agent-flaky"));
    let agent = Process::start(command.args(["--workers", "2", "--log", "error"]));
    let line = agent.wait_for_line("listening on ");
    let address: SocketAddr = line
        .trim_start_matches("listening on ")
        .parse()
        .expect("it is");
    let observer = connect(address).await;
    let start = settled(&agent, &observer).await;

    let done = Arc::new(Done::default());
    let mut load = JoinSet::new();
    for (message, depth, size) in LOADS {
        let client = connect(address).await;
        for _ in 0..depth {
            load.spawn(steady(client.clone(), message, size, done.clone()));
        }
    }
    for _ in 0..3 {
        load.spawn(fleeting(address, done.clone()));
        load.spawn(hostile(address, done.clone()));
    }
    let (begin, mut samples) = (Instant::now(), Vec::new());
    while begin.elapsed() < whole {
        tokio::time::sleep(whole / 400).await;
        samples.push(sample(&agent, &observer).await);
        if let Some(ended) = load.try_join_next() {
            panic!("some of the load has ended: {ended:?}");
        }
    }
    done.over.store(true, Ordering::Relaxed);
    while let Some(ended) = load.join_next().await {
        ended.expect("every NOTIFY has its ACK");
    }

    const COLUMNS: &[&str] = &[
        "",
        "at the start",
        "second quarter",
        "last quarter",
        "when it is over",
    ];
    let figures = Figures::of("soak", COLUMNS);
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed).to_string();
    let quarter = samples.len() / 4;
    let mean = |samples: &[[f64; 4]], what: usize| {
        samples.iter().map(|sample| sample[what]).sum::<f64>() / samples.len() as f64
    };
    // Connections that ended without a DISCONNECT close soon. Idle threads end after 10 s.
    let is_as_at_the_start = |now: &[f64; 4]| {
        now[1] <= start[1] && now[3] <= start[3] && (!long() || now[2] <= start[2])
    };
    let mut end = sample(&agent, &observer).await;
    while !is_as_at_the_start(&end) && begin.elapsed() < whole + PATIENCE {
        tokio::time::sleep(Duration::from_millis(20)).await;
        end = sample(&agent, &observer).await;
    }
    for (what, (name, ..)) in FLAT.iter().enumerate() {
        let second = mean(&samples[quarter..2 * quarter], what);
        let last = mean(&samples[3 * quarter..], what);
        let numbers = [start[what], second, last, end[what]];
        let numbers = numbers.iter().map(|number| format!("{number:.1}"));
        let cells: Vec<_> = std::iter::once((*name).to_owned()).chain(numbers).collect();
        figures.row(&cells);
    }
    const DONE: &[&str] = &[
        "seconds",
        "verdicts",
        "failures answered",
        "connections that came and went",
        "attacks",
    ];
    Figures::of("soak, what was done", DONE).row(&[
        whole.as_secs().to_string(),
        count(&done.verdicts),
        count(&done.failures),
        count(&done.connections),
        count(&done.attacks),
    ]);
    if !long() {
        assert_eq!(
            [end[1], end[3]],
            [start[1], start[3]],
            "files and tasks as at the start"
        );
        return;
    }
    for (what, (name, times, plus)) in FLAT.into_iter().enumerate() {
        let second = mean(&samples[quarter..2 * quarter], what);
        let last = mean(&samples[3 * quarter..], what);
        assert!(
            last <= second * times + plus,
            "{name} grew from {second:.1} to {last:.1}"
        );
    }
    assert_eq!(
        end[1..],
        start[1..],
        "files, threads and tasks as at the start"
    );
}

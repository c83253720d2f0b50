//! The HTTP server beside an agent.

#![cfg(feature = "admin")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use spoa::State;
use spoa::admin::Admin;
use spoa::agent::{Agent, Monitor};
use spoa::client::Client;
use spoa::prelude::*;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::oneshot;
use tokio::time::timeout;

#[spoe_message("good")]
fn good() -> SetVar<bool> {
    SetVar::transaction("good", true)
}

#[spoe_message("takes")]
fn takes(#[arg(reject)] n: &str) {
    let _ = n;
}

#[spoe_message("errs")]
fn errs() -> Result<(), HandlerError> {
    Err("on purpose".into())
}

#[spoe_fallback]
fn others() {}

fn agent() -> Agent {
    let builder = Agent::builder()
        .name("shown")
        .handlers(handlers![good, takes, errs, others]);
    builder.listen("127.0.0.1:0").build().unwrap()
}

/// An answer: the line of the status, and everything after it.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

async fn send(address: &str, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    answer(&text)
}

fn answer(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_lowercase(),
        body: body.to_owned(),
    }
}

async fn get(address: &str, path: &str) -> Answer {
    let accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: x\r\naccept: {accept}\r\nconnection: close\r\n\r\n");
    send(address, &request).await
}

fn serve(agents: impl IntoIterator<Item = Monitor>) -> String {
    let admin = Admin::bind("127.0.0.1:0")
        .unwrap()
        .handlers_page("# Handlers\n");
    let address = admin.address().to_owned();
    tokio::spawn(admin.serve(agents.into_iter().collect::<Vec<_>>()));
    address
}

/// The value of a line of the metrics.
fn value(metrics: &str, series: &str) -> Option<f64> {
    let mut lines = metrics.lines();
    lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

#[tokio::test]
async fn the_metrics_count_connections_messages_and_failures() {
    let agent = agent();
    let address = serve([agent.monitor()]);
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let peer = spoa::handler::Peer::Memory;
    tokio::spawn(agent.serve_connection(theirs, peer, std::future::pending()));
    let client = Client::over(ours).await.unwrap();
    for message in ["good", "good", "takes", "errs", "x\"} 1\nspoa_evil 1"] {
        client.send(message, &[]).await.unwrap();
    }
    let answer = get(&address, "/metrics").await;
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .head
            .contains("content-type: application/openmetrics-text")
    );
    assert!(answer.head.contains("cache-control: no-store"));
    let text = &answer.body;
    for (series, expected) in [
        (
            r#"spoa_messages_total{agent="shown",message="good",outcome="ok"}"#,
            2.0,
        ),
        (
            r#"spoa_messages_total{agent="shown",message="takes",outcome="rejected"}"#,
            1.0,
        ),
        (
            r#"spoa_rejections_total{agent="shown",message="takes",argument="n"}"#,
            1.0,
        ),
        (
            r#"spoa_messages_total{agent="shown",message="errs",outcome="error"}"#,
            1.0,
        ),
        (
            r#"spoa_messages_total{agent="shown",message="",outcome="ok"}"#,
            1.0,
        ),
        (r#"spoa_notifies_total{agent="shown"}"#, 5.0),
        (r#"spoa_acks_total{agent="shown"}"#, 5.0),
        (r#"spoa_connections_open{agent="shown"}"#, 1.0),
        (r#"spoa_ready{agent="shown"}"#, 0.0),
    ] {
        assert_eq!(value(text, series), Some(expected), "{series}\n{text}");
    }
    assert!(!text.contains("evil"), "{text}");
    assert!(text.ends_with("# EOF\n"));
    let count = r#"spoa_message_duration_seconds_count{agent="shown",message="good"}"#;
    let most = r#"spoa_message_duration_seconds_bucket{le="+Inf",agent="shown",message="good"}"#;
    assert!(
        value(text, count).is_some_and(|count| count >= 1.0),
        "{text}"
    );
    assert_eq!(value(text, most), value(text, count), "{text}");
    if cfg!(target_os = "linux") {
        let memory = value(text, "process_resident_memory_bytes").unwrap();
        assert!(memory > 1e6, "{memory}");
        assert!(value(text, "process_open_fds").unwrap() > 3.0);
        let started = value(text, "process_start_time_seconds").unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let age = now.unwrap().as_secs_f64() - started;
        assert!((-5.0..3600.0).contains(&age), "{age}");
    }
}

#[tokio::test]
async fn metrics_of_the_program_are_beside_those_of_its_agents() {
    use spoa::admin::prometheus_client::metrics::counter::Counter;

    let lookups = Counter::<u64>::default();
    spoa::admin::register(|registry| registry.register("lookups", "Look-ups", lookups.clone()));
    lookups.inc_by(3);
    let text = get(&serve([agent().monitor()]), "/metrics").await.body;
    assert_eq!(value(&text, "lookups_total"), Some(3.0));
    assert_eq!(text.matches("# EOF").count(), 1);
}

#[tokio::test]
async fn the_agent_is_ready_only_while_it_serves() {
    let builder = Agent::builder().name("shown").handlers(handlers![good]);
    let builder = builder
        .listen("127.0.0.1:0")
        .limits(|limits| limits.lame_duck = Duration::from_secs(2));
    let server = builder.build().unwrap().bind().unwrap();
    let address = serve([server.monitor()]);
    let before = get(&address, "/readyz").await;
    assert_eq!(
        (before.status, &*before.body),
        (503, "agent shown is starting\n")
    );
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(server.serve(async { drop(stopped.await) }));
    while get(&address, "/readyz").await.status != 200 {}
    stop.send(()).unwrap();
    let mut said = Vec::new();
    while !serving.is_finished() {
        let answer = get(&address, "/readyz").await;
        assert_eq!(get(&address, "/healthz").await.status, 200);
        if !said.contains(&answer.body) {
            said.push(answer.body);
        }
    }
    assert!(
        said.contains(&"agent shown is in lame duck\n".to_owned()),
        "{said:?}"
    );
    assert_eq!(get(&address, "/readyz").await.status, 503);
}

#[tokio::test]
async fn all_agents_must_be_ready() {
    let server = agent().bind().unwrap();
    let other = agent();
    let address = serve([server.monitor(), other.monitor()]);
    tokio::spawn(server.serve(std::future::pending()));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(get(&address, "/readyz").await.status, 503);
}

/// A value that can be made once.
struct Once;

#[spoe_message("once")]
fn once(State(_once): State<'_, Once>) {}

#[tokio::test]
async fn a_failed_reload_is_seen_until_one_succeeds() {
    use std::sync::atomic::{AtomicBool, Ordering};

    static FAILS: AtomicBool = AtomicBool::new(false);
    let make = || async {
        if FAILS.load(Ordering::Relaxed) {
            Err("on purpose")
        } else {
            Ok(Once)
        }
    };
    let builder = Agent::builder().name("shown").handlers(handlers![once]);
    let builder = builder
        .listen("127.0.0.1:0")
        .reloadable(make)
        .await
        .unwrap();
    let server = builder.build().unwrap().bind().unwrap();
    let (monitor, reloader) = (server.monitor(), server.reloader());
    tokio::spawn(server.serve(std::future::pending()));
    let lax = serve([monitor.clone()]);
    let admin = Admin::bind("127.0.0.1:0").unwrap();
    let admin = admin.ready_needs_fresh_values(true);
    let strict = admin.address().to_owned();
    tokio::spawn(admin.serve([monitor]));
    while get(&lax, "/readyz").await.status != 200 {}
    let stale = r#"spoa_stale_values{agent="shown"}"#;
    for (fails, strictly, stale_values) in [(false, 200, 0.0), (true, 503, 1.0), (false, 200, 0.0)]
    {
        FAILS.store(fails, Ordering::Relaxed);
        assert_eq!(reloader.reload().await.is_err(), fails);
        assert_eq!(get(&lax, "/readyz").await.status, 200);
        let answer = get(&strict, "/readyz").await;
        assert_eq!(answer.status, strictly, "{}", answer.body);
        let metrics = get(&lax, "/metrics").await.body;
        assert_eq!(value(&metrics, stale), Some(stale_values), "{metrics}");
    }
    FAILS.store(true, Ordering::Relaxed);
    assert!(reloader.reload().await.is_err());
    // A value that the program pushed is fresh, too.
    reloader.replace(Once).await.unwrap();
    assert_eq!(get(&strict, "/readyz").await.status, 200);
}

#[tokio::test]
async fn the_numbers_can_be_read_as_json() {
    let text = get(&serve([agent().monitor()]), "/stats.json").await.body;
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let agent = &json["agents"][0];
    assert_eq!(agent["agent"], "shown");
    assert_eq!(agent["phase"], "starting");
    assert_eq!(agent["messages"][1]["message"], "good");
    assert_eq!(agent["messages"].as_array().unwrap().len(), 4);
    let buckets = &agent["messages"][0]["duration_seconds"]["buckets"];
    assert_eq!(buckets.as_array().unwrap().len(), 15);
}

#[tokio::test]
async fn the_page_has_a_row_for_each_message_and_no_script() {
    let answer = get(&serve([agent().monitor()]), "/").await;
    assert!(answer.head.contains("content-type: text/html"));
    let page = answer.body;
    for cell in ["<td>good<", "<td>takes<", "<td>errs<", "<i>fallback</i>"] {
        assert!(page.contains(cell), "{cell}: {page}");
    }
    assert!(!page.contains("<script"));
    assert!(page.contains("http-equiv=\"refresh\""));
}

#[tokio::test]
async fn other_requests_are_refused() {
    let address = serve([agent().monitor()]);
    assert_eq!(get(&address, "/handlers").await.body, "# Handlers\n");
    assert_eq!(get(&address, "/nothing").await.status, 404);
    let post =
        "POST /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let answer = send(&address, post).await;
    assert_eq!(answer.status, 405);
    assert!(answer.head.contains("allow: get, head"));
    let head = "HEAD /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = send(&address, head).await;
    assert_eq!((answer.status, &*answer.body), (200, ""));
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(20_000));
    let answer = send(&address, &long).await;
    assert!((400..500).contains(&answer.status), "{}", answer.status);
}

#[tokio::test]
async fn the_server_can_listen_on_a_unix_socket() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("admin.sock");
    let admin = Admin::bind(format!("unix@{}", path.display())).unwrap();
    tokio::spawn(admin.serve([agent().monitor()]));
    let mut stream = UnixStream::connect(&path).await.unwrap();
    let request = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert_eq!(answer(&text).body, "ok\n");
}

#[tokio::test]
async fn silent_clients_do_not_keep_their_places_for_long() {
    let address = serve([agent().monitor()]);
    let mut silent = Vec::new();
    for _ in 0..32 {
        silent.push(TcpStream::connect(&address).await.unwrap());
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    // All places are taken: the next client gets the place of the oldest.
    assert_eq!(get(&address, "/healthz").await.status, 200);
    let mut byte = [0];
    let closed = timeout(Duration::from_secs(2), silent[0].read(&mut byte)).await;
    assert!(matches!(closed, Ok(Ok(0) | Err(_))), "{closed:?}");
    // After five seconds the other silent ones have lost theirs.
    for stream in &mut silent {
        let mut rest = Vec::new();
        let closed = timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await;
        assert!(closed.is_ok(), "a silent client was not closed");
    }
    assert_eq!(get(&address, "/healthz").await.status, 200);
}

/// On one thread, as a worker thread of the agent: handlers have their turn between any two answers.
#[tokio::test]
async fn a_client_with_many_requests_at_once_does_not_keep_its_thread() {
    use std::sync::atomic::{AtomicU64, Ordering};

    static TURNS: AtomicU64 = AtomicU64::new(0);
    let address = serve([agent().monitor()]);
    tokio::spawn(async {
        loop {
            TURNS.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    let requests = 100;
    let one = "GET /stats.json HTTP/1.1\r\nhost: x\r\n\r\n";
    let last = "GET /stats.json HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let all = one.repeat(requests - 1) + last;
    let before = TURNS.load(Ordering::Relaxed);
    stream.write_all(all.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), requests);
    let turns = TURNS.load(Ordering::Relaxed) - before;
    assert!(turns >= requests as u64, "{turns} turns");
}

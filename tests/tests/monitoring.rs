//! `--admin` and `probe`, as their users see them: Prometheus, promtool, and a container's health
//! check.

mod common;

use common::{Said, fixture, said};
use spoa::client::Client;
use spoa::spop::Value;
use spoa_tests::certificates::{Authority, Signed};
use spoa_tests::{Figures, PATIENCE, Port, Process, TempDir, bounded_or_long, eventually};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The folder of the rules and the dashboard.
fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations/monitoring")
}

/// Returns a command of the Debian package `prometheus`.
fn tool(name: &str) -> Command {
    let found = Command::new(name).arg("--version").output();
    let help = "install it: `apt-get install prometheus`, or run `.ci/run`, which does";
    assert!(found.is_ok(), "`{name}` is not on the path; {help}");
    Command::new(name)
}

/// An agent with an admin server.
struct Watched {
    process: Process,
    listen: SocketAddr,
    admin: SocketAddr,
}

fn start(args: &[&str]) -> Watched {
    let (listen, admin) = (Port::free(), Port::free());
    let mut command = fixture();
    command
        .args(["--listen", &listen.addr().to_string()])
        .args(["--admin", &admin.addr().to_string()])
        .args(args);
    let process = Process::start(&mut command);
    process.wait_for_line("metrics, health and a page at ");
    Watched {
        process,
        listen: listen.addr(),
        admin: admin.addr(),
    }
}

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    let (_, body) = text.split_once("\r\n\r\n").expect("a head");
    body.to_owned()
}

fn probe(args: &[&str]) -> Said {
    said(fixture().arg("probe").args(args))
}

#[test]
fn probe_says_whether_the_agent_is_ready() {
    let mut agent = start(&["--lame-duck", "10m", "--drain-timeout", "1s"]);
    let (listen, admin) = (agent.listen.to_string(), agent.admin.to_string());
    let ready = Said {
        status: Some(0),
        out: "ready\n".to_owned(),
        err: String::new(),
    };
    let by_admin = ["--admin", &admin];
    let by_check = ["--listen", &listen];
    assert_eq!(probe(&by_admin), ready);
    assert_eq!(probe(&by_check), ready);
    // A probe is a connection without a word: it is not worth a line.
    let lines = agent.process.output().len();
    for _ in 0..20 {
        drop(TcpStream::connect(agent.listen).expect("it listens"));
    }
    agent.process.signal("TERM");
    agent.process.wait_for_line("health checks refused");
    eventually("the lame duck is not ready", || {
        probe(&by_admin).status == Some(1)
    });
    let Said { err, .. } = probe(&by_admin);
    assert_eq!(
        err,
        format!("error: {admin}: agent fixture is in lame duck\n")
    );
    assert_eq!(probe(&by_check).status, Some(1));
    let more = agent.process.output().len() - lines;
    assert!(more <= 2, "{:?}", agent.process.output());
    agent.process.kill();
    let Said { status, err, .. } = probe(&by_check);
    assert_eq!(status, Some(1), "{err}");
    let expected = format!("error: nothing listens on `{listen}` (");
    assert!(err.starts_with(&expected), "{err}");
    let Said { status, err, .. } = probe(&by_admin);
    assert_eq!(status, Some(1), "{err}");
    let expected = format!("error: {admin}: no admin server listens there (");
    assert!(err.starts_with(&expected), "{err}");
}

#[test]
fn idle_clients_do_not_block_health_checks() {
    let agent = start(&[]);
    let idle = || TcpStream::connect(agent.admin).expect("it listens");
    let idle: Vec<_> = (0..40).map(|_| idle()).collect();
    assert_eq!(get(agent.admin, "/livez"), "ok\n");
    assert_eq!(
        probe(&["--admin", &agent.admin.to_string()]).status,
        Some(0)
    );
    drop(idle);
}

#[test]
fn an_admin_address_in_use_names_its_option() {
    let agent = start(&[]);
    let listen = Port::free();
    let Said { status, err, .. } = said(
        fixture()
            .args(["--listen", &listen.addr().to_string()])
            .args(["--admin", &agent.admin.to_string()]),
    );
    assert_eq!(status, Some(1));
    let admin = agent.admin.to_string();
    assert!(
        err.contains(&admin) && err.contains("with `--admin`"),
        "{err}"
    );
}

#[test]
fn the_handlers_are_shown_as_docs_prints_them() {
    let agent = start(&[]);
    let listen = agent.listen.to_string();
    let docs = said(fixture().arg("docs").args(["--listen", &listen]));
    assert_eq!(docs.status, Some(0), "{}", docs.err);
    assert_eq!(get(agent.admin, "/handlers"), docs.out);
}

#[test]
fn promtool_finds_no_fault_in_the_metrics_and_the_rules() {
    let agent = start(&[]);
    let metrics = get(agent.admin, "/metrics");
    let mut check = tool("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool runs");
    let mut input = check.stdin.take().expect("it is piped");
    input.write_all(metrics.as_bytes()).expect("it reads");
    drop(input);
    let output = check.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.is_empty(),
        "{text}\n{metrics}"
    );
    for (what, file) in [("check", "alerts.yml"), ("test", "alerts-test.yml")] {
        let checked = tool("promtool")
            .args([what, "rules", file])
            .current_dir(shipped())
            .output()
            .expect("promtool runs");
        let text = String::from_utf8_lossy(&checked.stdout);
        assert!(
            checked.status.success() && text.contains("SUCCESS"),
            "{text}"
        );
    }
}

/// An agent that takes TLS, and the folder of its certificate.
fn start_secure() -> (Watched, TempDir) {
    let dir = TempDir::new();
    let Signed { cert, key } = Authority::new("test").agent();
    let (cert, key) = (dir.write("cert.pem", &cert), dir.write("key.pem", &key));
    let [cert, key] = [cert, key].map(|path| path.display().to_string());
    (start(&["--tls-cert", &cert, "--tls-key", &key]), dir)
}

/// The expressions of the dashboard, with its variables filled in.
fn dashboard() -> Vec<String> {
    let text = std::fs::read_to_string(shipped().join("grafana-dashboard.json"));
    let dashboard: serde_json::Value =
        serde_json::from_str(&text.expect("it is there")).expect("it is JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().expect("targets"));
    let filled = targets.map(|target| {
        let query = target["expr"].as_str().expect("an expression");
        query
            .replace("$__rate_interval", "1m")
            .replace("$agent", ".*")
            .replace("$job", ".*")
            .replace("job=\"", "job=~\"")
    });
    filled.collect()
}

/// Returns the names of metrics in a text.
fn names(text: &str) -> BTreeSet<&str> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let words = text.split(|letter| !is_part(letter));
    words
        .filter(|word| word.starts_with("spoa_") || word.starts_with("process_"))
        .collect()
}

#[test]
fn the_dashboard_the_alerts_and_the_docs_name_the_metrics_that_exist() {
    let (agent, _dir) = start_secure();
    let metrics = get(agent.admin, "/metrics");
    let samples = metrics.lines().filter(|line| !line.starts_with('#'));
    let samples = samples.filter_map(|line| line.split(['{', ' ']).next());
    let exist: BTreeSet<_> = samples.filter(|name| !name.is_empty()).collect();
    let read = |name: &str| std::fs::read_to_string(shipped().join(name)).expect("it is there");
    // Names in texts for people, such as the summary of an alert, must exist as well. `label_values` is of Grafana.
    let (dashboard, alerts) = (dashboard().join("\n"), read("alerts.yml"));
    for (file, text) in [("the dashboard", &dashboard), ("the alerts", &alerts)] {
        let unknown: Vec<_> = names(text)
            .into_iter()
            .filter(|name| !exist.contains(name) && *name != "spoa_version")
            .collect();
        assert_eq!(unknown, [""; 0], "unknown in {file}");
    }
    let base = |name: &str| {
        let ends = ["_bucket", "_count", "_sum"];
        let end = ends.iter().find_map(|end| name.strip_suffix(end));
        let is_histogram = end.is_some_and(|base| exist.contains(&*format!("{base}_bucket")));
        end.filter(|_| is_histogram).unwrap_or(name).to_owned()
    };
    let own = exist.iter().filter(|name| name.starts_with("spoa_"));
    let own: BTreeSet<_> = own.map(|name| base(name)).collect();
    let table = read("../metrics.md");
    let rows = table.lines().filter(|line| line.starts_with("| `spoa_"));
    let first_cells = rows.filter_map(|row| row.split('|').nth(1));
    let documented = first_cells.flat_map(names).map(str::to_owned);
    let documented: BTreeSet<_> = documented.filter(|it| it != "spoa_version").collect();
    assert_eq!(documented, own);
    let shown: BTreeSet<_> = names(&dashboard).into_iter().map(base).collect();
    let not_shown: Vec<_> = own.difference(&shown).collect();
    // Grafana reads the names of agents from it.
    assert_eq!(not_shown, ["spoa_build_info"]);
}

/// Readers that send many requests and read no answer.
const SLOW: usize = 48;

/// Sends messages one after the other; returns how long each took, sorted.
async fn ask(client: &Client, count: usize) -> Vec<Duration> {
    let mut took = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        let argument = ("ip", Value::Ipv4([192, 0, 2, 7].into()));
        let ack = client.send("score", &[argument]).await.expect("an ACK");
        assert!(ack.get("sess.score").is_some(), "{ack:?}");
        took.push(start.elapsed());
    }
    took.sort();
    took
}

/// The admin server writes for a reader only what the sockets hold, and then waits without a thread. The figures show
/// the time of ACKs with and without such readers.
#[tokio::test(flavor = "multi_thread")]
async fn slow_readers_of_the_metrics_do_not_delay_an_ack() {
    let agent = start(&["--workers", "2"]);
    let client = Client::options().ack_timeout(PATIENCE);
    let client = client.connect(&agent.listen.to_string()).await;
    let client = client.expect("it listens");
    // The readers are closed after a minute, and on a busy machine a message takes tens of milliseconds.
    let count = bounded_or_long(300, 50_000);
    ask(&client, 200).await;
    let without = ask(&client, count).await;
    let requests = "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n".repeat(200);
    let open = || {
        let mut stream = TcpStream::connect(agent.admin).expect("it listens");
        // It takes what the sockets hold: after that, the server reads no more requests.
        stream
            .set_nonblocking(true)
            .expect("any socket can be made so");
        let _ = stream.write(requests.as_bytes());
        stream
    };
    let slow: Vec<_> = (0..SLOW).map(|_| open()).collect();
    let with = ask(&client, count).await;
    // They are still there, but for those that made room.
    let closed = slow.iter().filter(|stream| {
        let mut stream = *stream;
        let mut all = vec![0; 1 << 20];
        loop {
            match stream.read(&mut all) {
                Ok(1..) => {}
                Ok(0) => return true,
                Err(error) => return error.kind() != std::io::ErrorKind::WouldBlock,
            }
        }
    });
    let closed = closed.count();
    let at =
        |took: &[Duration], share: usize| format!("{:?}", took[(took.len() - 1) * share / 1000]);
    const COLUMNS: &[&str] = &["slow readers", "messages", "p50", "p99", "p99.9"];
    let figures = Figures::of("admin", COLUMNS);
    for (readers, took) in [(0, &without), (SLOW, &with)] {
        let [p50, p99, p999] = [500, 990, 999].map(|share| at(took, share));
        figures.row(&[readers.to_string(), count.to_string(), p50, p99, p999]);
    }
    assert!(
        closed <= SLOW - 32,
        "{closed} of {SLOW} readers were closed"
    );
    let handled = r#"spoa_messages_total{agent="fixture",message="score",outcome="ok"}"#;
    let metrics = get(agent.admin, "/metrics");
    let line = metrics.lines().find_map(|line| line.strip_prefix(handled));
    assert_eq!(line.map(str::trim), Some(&*(200 + 2 * count).to_string()));
}

/// A Prometheus that scrapes an agent.
struct Prometheus {
    _process: Process,
    _data: TempDir,
    address: SocketAddr,
}

impl Prometheus {
    /// Scrapes one agent as the job `spoa`, and another one as the job `secure`.
    fn start(target: SocketAddr, secure: SocketAddr) -> Prometheus {
        let (data, port) = (TempDir::new(), Port::free());
        let alerts = std::fs::canonicalize(shipped().join("alerts.yml")).expect("it is there");
        data.write(
            "prometheus.yml",
            &format!(
                "global:\n  scrape_interval: 250ms\n  evaluation_interval: 250ms\n\
                 rule_files:\n  - {}\n\
                 scrape_configs:\n  - job_name: spoa\n    static_configs:\n      - targets: [\"{target}\"]\n\
                 \x20 - job_name: secure\n    static_configs:\n      - targets: [\"{secure}\"]\n",
                alerts.display()
            ),
        );
        let mut command = tool("prometheus");
        command
            .arg(format!(
                "--config.file={}",
                data.join("prometheus.yml").display()
            ))
            .arg(format!(
                "--storage.tsdb.path={}",
                data.join("data").display()
            ))
            .arg(format!("--web.listen-address={}", port.addr()));
        let process = Process::start(&mut command);
        let address = port.addr();
        let prometheus = Prometheus {
            _process: process,
            _data: data,
            address,
        };
        eventually("Prometheus is ready", || {
            TcpStream::connect(address).is_ok() && get(address, "/-/ready").contains("Ready")
        });
        prometheus
    }

    /// Returns what Prometheus answers to a query, as JSON.
    fn query(&self, query: &str) -> serde_json::Value {
        let mut escaped = String::new();
        for byte in query.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => escaped.push(byte.into()),
                byte => escaped += &format!("%{byte:02x}"),
            }
        }
        let text = get(self.address, &format!("/api/v1/query?query={escaped}"));
        let start = text.find('{').unwrap_or_default();
        let end = text.rfind('}').map_or(0, |end| end + 1);
        serde_json::from_str(&text[start..end]).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Returns the only value of a query.
    fn value(&self, query: &str) -> Option<f64> {
        let answer = self.query(query);
        answer["data"]["result"][0]["value"][1]
            .as_str()?
            .parse()
            .ok()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_counts_as_many_messages_as_were_sent() {
    let agent = start(&[]);
    // Only an agent with TLS has a certificate.
    let (secure, _dir) = start_secure();
    let prometheus = Prometheus::start(agent.admin, secure.admin);
    let (connections, each) = (8, 500);
    let mut sending = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let address = agent.listen.to_string();
        sending.spawn(async move {
            let client = Client::options().ack_timeout(PATIENCE).connect(&address);
            let client = client.await.expect("it listens");
            for number in 0..each {
                let argument = ("ip", Value::Ipv4([192, 0, 2, 7].into()));
                client.send("score", &[argument]).await.expect("an ACK");
                if number % 5 == 0 {
                    client.send("refuse", &[]).await.expect("an ACK");
                }
                if number % 100 == 0 {
                    client.send("panic", &[]).await.expect("an ACK");
                    client.send("score", &[]).await.expect("an ACK");
                }
            }
            client.close().await.expect("a DISCONNECT");
        });
    }
    sending.join_all().await;
    for (query, expected) in [
        (
            r#"spoa_messages_total{job="spoa",message="score",outcome="ok"}"#,
            connections * each,
        ),
        (
            r#"spoa_messages_total{job="spoa",message="refuse",outcome="error"}"#,
            connections * each / 5,
        ),
        (
            r#"spoa_messages_total{job="spoa",message="panic",outcome="panic"}"#,
            connections * each / 100,
        ),
        (
            r#"spoa_messages_total{job="spoa",message="score",outcome="rejected"}"#,
            connections * each / 100,
        ),
        (
            r#"spoa_rejections_total{job="spoa",message="score",argument="ip"}"#,
            connections * each / 100,
        ),
        (r#"spoa_connections_total{job="spoa"}"#, connections),
        (r#"spoa_connections_open{job="spoa"}"#, 0),
        (
            r#"spoa_notifies_total{job="spoa"}"#,
            connections * (each + each / 5 + each / 100 * 2),
        ),
        (
            r#"spoa_acks_total{job="spoa"}"#,
            connections * (each + each / 5 + each / 100 * 2),
        ),
        (r#"up{job="spoa"}"#, 1),
        (r#"spoa_ready{job="spoa"}"#, 1),
    ] {
        let mut last = None;
        eventually(query, || {
            last = prometheus.value(query);
            last == Some(f64::from(expected))
        });
    }
    let address = agent.listen.to_string();
    let _traffic = tokio::spawn(async move {
        let client = Client::connect(&address).await.expect("it listens");
        loop {
            let argument = ("ip", Value::Ipv4([192, 0, 2, 7].into()));
            client.send("score", &[argument]).await.expect("an ACK");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let queries = dashboard();
    assert_eq!(queries.len(), 37);
    for query in queries {
        // The dashboard has nothing to show only while nothing happens.
        eventually(&query, || {
            let answer = prometheus.query(&query);
            assert_eq!(answer["status"], "success", "{query}: {answer}");
            let found = answer["data"]["result"].as_array().expect("a result");
            !found.is_empty()
        });
    }
}

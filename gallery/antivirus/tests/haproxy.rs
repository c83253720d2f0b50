//! Runs the agent with real HAProxies, and a real clamd with a signature of the test's own.

use spoa::testing::{HaProxy, InstalledHaProxy, Reply, Service, eventually, free_port, http_get};
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The bytes of the signature.
const VIRUS: &str = "antivirus-test-marker";

/// A folder with what clamd needs.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        // The path of a socket has at most 107 bytes.
        let folder = std::env::temp_dir().join(format!("antivirus-{}-{name}", std::process::id()));
        fs::create_dir_all(folder.join("signatures")).unwrap();
        let hex: String = VIRUS.bytes().map(|byte| format!("{byte:02x}")).collect();
        let signature = format!("Test.Marker:0:*:{hex}\n");
        fs::write(folder.join("signatures/test.ndb"), signature).unwrap();
        let config = format!(
            "LocalSocket {0}/clamd.sock\nDatabaseDirectory {0}/signatures\nForeground true\n",
            folder.display()
        );
        fs::write(folder.join("clamd.conf"), config).unwrap();
        Folder(folder)
    }

    fn socket(&self) -> PathBuf {
        self.0.join("clamd.sock")
    }

    fn clamd(&self) -> Service {
        fs::remove_file(self.socket()).ok();
        let mut command = Command::new("/usr/sbin/clamd");
        command.arg("-c").arg(self.0.join("clamd.conf"));
        Service::start_when(&command, || UnixStream::connect(self.socket()).is_ok())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn agent(clamd: &Path, options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_antivirus"));
    command.arg("--clamd").arg(clamd).args(options);
    command.env("SPOA_CLAMD_RETRY", "200ms");
    // The longest that the option takes, since a machine that runs tests is busy.
    command.env("SPOA_CLAMD_TIMEOUT", "9s");
    command
}

fn start(haproxy: &InstalledHaProxy, agent: Command) -> HaProxy {
    HaProxy::program(agent)
        .rules(include_str!("../site.cfg"))
        .on(haproxy)
        .start()
}

fn upload(haproxy: &HaProxy, body: impl Into<Vec<u8>>) -> Reply {
    haproxy.post("/upload", body).send()
}

/// Returns what the server read in `x-virus-scan`.
fn seen(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let text = reply.text();
    text.trim_start_matches("scan:").trim().to_owned()
}

#[test]
fn a_time_that_the_handler_does_not_have_is_refused() {
    let mut agent = agent(Path::new("clamd.sock"), &["--clamd-timeout", "9001ms"]);
    let output = agent.arg("check").output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(error.contains("option `--clamd-timeout`"), "{error}");
}

#[test]
fn uploads_with_a_virus_are_denied() {
    let folder = Folder::new("scan");
    let _clamd = folder.clamd();
    for installed in HaProxy::oldest_middle_newest() {
        let haproxy = start(&installed, agent(&folder.socket(), &[]));
        assert_eq!(seen(&upload(&haproxy, "a letter")), "clean", "{installed}");
        let form = format!("--x\r\ncontent-disposition: form-data\r\n\r\n{VIRUS}\r\n--x--");
        let reply = upload(&haproxy, form);
        assert_eq!(reply.status, 403, "{installed}");
        let line = haproxy.wait_for_log("Test.Marker.UNOFFICIAL");
        assert!(line.contains(" 403 "), "{installed}: {line}");
        // A request without a body is not asked about, and a client cannot say that it was scanned.
        let reply = haproxy.get("/").header("x-virus-scan", "clean").send();
        assert_eq!(seen(&reply), "", "{installed}");
        let lie = haproxy.post("/", "x".repeat(50_000));
        let reply = lie.header("x-virus-scan", "clean").send();
        assert_eq!(seen(&reply), "partial", "{installed}");
    }
}

/// A condition on the size of the body would let this one pass.
#[test]
fn a_body_that_comes_late_and_in_chunks_is_scanned() {
    let folder = Folder::new("late");
    let _clamd = folder.clamd();
    for installed in HaProxy::oldest_middle_newest() {
        let haproxy = start(&installed, agent(&folder.socket(), &[]));
        let mut client = TcpStream::connect(haproxy.address()).unwrap();
        let head =
            "GET / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
        client.write_all(head.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        let chunk = format!("{:x}\r\n{VIRUS}\r\n0\r\n\r\n", VIRUS.len());
        client.write_all(chunk.as_bytes()).unwrap();
        let mut reply = String::new();
        client.read_to_string(&mut reply).unwrap();
        assert!(reply.starts_with("HTTP/1.1 403 "), "{installed}: {reply}");
    }
}

#[test]
fn an_upload_that_was_not_scanned_can_be_denied() {
    let folder = Folder::new("deny");
    let clamd = folder.clamd();
    for installed in HaProxy::oldest_middle_newest() {
        let haproxy = start(&installed, agent(&folder.socket(), &["--deny-unscanned"]));
        assert_eq!(seen(&upload(&haproxy, "a letter")), "clean", "{installed}");
        let large = "x".repeat(50_000);
        assert_eq!(upload(&haproxy, large).status, 413, "{installed}");
    }
    let haproxy = start(
        &HaProxy::newest(),
        agent(&folder.socket(), &["--deny-unscanned"]),
    );
    drop(clamd);
    assert_eq!(upload(&haproxy, "a letter").status, 503);
    assert_eq!(haproxy.get("/").send().status, 200);
}

#[test]
fn without_clamd_the_server_learns_that_nothing_was_scanned() {
    let folder = Folder::new("away");
    for installed in HaProxy::oldest_middle_newest() {
        fs::remove_file(folder.socket()).ok();
        let begin = Instant::now();
        // Down at the start.
        let haproxy = start(&installed, agent(&folder.socket(), &[]));
        assert_eq!(seen(&upload(&haproxy, VIRUS)), "none", "{installed}");
        // It comes.
        let clamd = folder.clamd();
        eventually("clamd scans", || upload(&haproxy, VIRUS).status == 403);
        // Killed in the middle: no request fails.
        drop(clamd);
        assert_eq!(seen(&upload(&haproxy, VIRUS)), "none", "{installed}");
        // Back again.
        let clamd = folder.clamd();
        eventually("clamd scans again", || {
            upload(&haproxy, VIRUS).status == 403
        });
        drop(clamd);
        // One line for each outage, or for both if they follow within a second. A late answer is one more outage, but
        // there is one line a second at most.
        eventually("the log says that each outage is over", || {
            let log = haproxy.agent_log().join("\n");
            let lines = |text: &str| log.matches(text).count();
            let away = lines("clamd is unavailable, handlers run without it");
            let most = 2 + begin.elapsed().as_secs() as usize;
            (1..=most).contains(&away) && lines("clamd answers again") == away
        });
    }
}

#[test]
fn a_clamd_that_hangs_costs_one_timeout_and_not_one_for_each_upload() {
    let folder = Folder::new("slow");
    let clamd = folder.clamd();
    let mut agent = agent(&folder.socket(), &["--clamd-retry", "30s"]);
    agent.env("SPOA_CLAMD_TIMEOUT", "1s");
    let haproxy = start(&HaProxy::newest(), agent);
    eventually("clamd scans", || {
        seen(&upload(&haproxy, "a letter")) == "clean"
    });
    clamd.pause();
    let start = Instant::now();
    for _ in 0..40 {
        assert_eq!(seen(&upload(&haproxy, "a letter")), "none");
    }
    let elapsed = start.elapsed();
    // Half of what they take with one timeout for each.
    assert!(
        elapsed < Duration::from_secs(20),
        "40 uploads took {elapsed:?}"
    );
}

#[test]
fn wrong_answers_of_clamd_count_as_no_answer() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut stream in other.incoming().flatten() {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").ok();
        }
    });
    let haproxy = start(&HaProxy::newest(), agent(Path::new(&address), &[]));
    assert_eq!(seen(&upload(&haproxy, VIRUS)), "none");
    haproxy.wait_for_agent_log("clamd is unavailable");
}

#[test]
fn metrics_count_uploads_by_result() {
    let folder = Folder::new("metrics");
    let _clamd = folder.clamd();
    let admin = format!("127.0.0.1:{}", free_port());
    let options = ["--admin", admin.as_str()];
    let haproxy = start(&HaProxy::newest(), agent(&folder.socket(), &options));
    for body in ["a letter", "another", VIRUS] {
        upload(&haproxy, body);
    }
    let metrics = http_get(&admin, "/metrics").text();
    for line in [
        "antivirus_uploads_total{result=\"clean\"} 2",
        "antivirus_uploads_total{result=\"found\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
}

#[test]
fn the_configuration_is_what_config_writes() {
    let mut config = Command::new(env!("CARGO_BIN_EXE_antivirus"));
    config.args(["config", "--haproxy", "2.6", "--rules", "site.cfg"]);
    let diff = config.args(["--output", ".", "--diff"]).output().unwrap();
    assert_eq!(
        String::from_utf8(diff.stdout).unwrap(),
        "nothing would change\n"
    );
}

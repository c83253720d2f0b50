//! Runs the agent with real HAProxies. Chromium solves the challenge, and a simple client does not.

use spoa::testing::{HaProxy, InstalledHaProxy, Reply, eventually, free_port, http_get};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file of keys in a folder of its own.
struct Keys(PathBuf);

impl Keys {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::remove_dir_all(&folder).ok();
        fs::create_dir_all(&folder).unwrap();
        let keys = Keys(folder.join("keys.txt"));
        keys.write("a");
        keys
    }

    /// Writes a key for each letter.
    fn write(&self, letters: &str) {
        let lines: String = letters
            .chars()
            .map(|letter| format!("{}\n", letter.to_string().repeat(64)))
            .collect();
        fs::write(self.0.with_extension("new"), lines).unwrap();
        fs::rename(self.0.with_extension("new"), &self.0).unwrap();
    }

    fn agent(&self, options: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_challenge"));
        command.arg("--keys").arg(&self.0).args(options);
        command
    }
}

fn start(haproxy: &InstalledHaProxy, agent: Command) -> HaProxy {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("challenge.html");
    HaProxy::program(agent)
        .rules(include_str!("../site.cfg"))
        .page(None, page)
        .on(haproxy)
        .start()
}

/// Opens a page in Chromium, with the cookies of a folder, and returns the page that it ends at.
fn chromium(haproxy: &HaProxy, profile: &Path) -> String {
    let output = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
        ])
        .args(["--no-first-run", "--disable-background-networking"])
        .args(["--disable-component-update", "--disable-sync"])
        .arg(format!("--user-data-dir={}", profile.display()))
        // The time that scripts see passes only while nothing is waited for.
        .args(["--virtual-time-budget=60000", "--dump-dom"])
        .arg(format!("http://{}/", haproxy.address()))
        .output()
        .expect("chromium is installed");
    String::from_utf8(output.stdout).unwrap()
}

fn question(reply: &Reply) -> String {
    assert_eq!(reply.status, 403);
    let text = reply.text();
    let (_, rest) = text
        .split_once("[question, difficulty] = \"")
        .expect("the page");
    rest.split('"').next().unwrap_or_default().to_owned()
}

/// Returns the pass that solves a question, found by the script of the page.
fn solve(question: &str) -> String {
    let page = include_str!("../challenge.html");
    let (_, script) = page.split_once("const zeros").unwrap();
    let (script, _) = script.split_once("const say").unwrap();
    let (question, difficulty) = question.split_once(' ').unwrap();
    let script = format!(
        "const question = \"{question}\", difficulty = \"{difficulty}\";\nconst zeros{script}\nsolve().then(console.log);"
    );
    let output = Command::new("node").args(["-e", &script]).output();
    let output = output.expect("node is installed");
    let pass = String::from_utf8(output.stdout).unwrap();
    assert!(
        pass.len() > 64,
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    pass.trim().to_owned()
}

fn get(haproxy: &HaProxy, pass: &str) -> Reply {
    let cookie = format!("a=b; challenge={pass}");
    haproxy.get("/").header("cookie", cookie).send()
}

#[test]
fn a_browser_passes_and_a_simple_client_does_not() {
    let keys = Keys::new("browser");
    for installed in HaProxy::oldest_middle_newest() {
        let haproxy = start(&installed, keys.agent(&["--difficulty", "8"]));
        // curl sees the challenge, however often it asks.
        for _ in 0..3 {
            question(&haproxy.get("/").send());
        }
        assert_eq!(haproxy.get("/health").send().status, 200, "{installed}");
        let profile = keys.0.with_file_name("profile");
        fs::remove_dir_all(&profile).ok();
        let page = chromium(&haproxy, &profile);
        assert!(page.contains("<p>hello</p>"), "{installed}: {page}");
    }
}

#[test]
fn a_pass_is_for_one_client_and_its_time() {
    let keys = Keys::new("client");
    for installed in HaProxy::oldest_middle_newest() {
        let haproxy = start(
            &installed,
            keys.agent(&["--difficulty", "8", "--pass-for", "3s"]),
        );
        let pass = solve(&question(&haproxy.get("/").send()));
        let ends: u64 = pass.split('.').next().unwrap().parse().unwrap();
        let reply = get(&haproxy, &pass);
        let now = || {
            let since = std::time::SystemTime::UNIX_EPOCH.elapsed();
            since.unwrap().as_secs()
        };
        // On a busy machine it may be over.
        assert!(
            reply.status == 200 || now() >= ends,
            "{installed}: {}",
            reply.status
        );
        eventually("the pass ends", || get(&haproxy, &pass).status == 403);
        assert!(now() >= ends, "{installed}");
        for wrong in ["", "1.2.3", &"x".repeat(4000)] {
            assert_eq!(get(&haproxy, wrong).status, 403, "{installed}");
        }
    }
}

#[test]
fn keys_are_rotated_while_the_agent_serves() {
    let keys = Keys::new("rotation");
    let haproxy = start(&HaProxy::newest(), keys.agent(&["--difficulty", "8"]));
    let pass = solve(&question(&haproxy.get("/").send()));
    assert_eq!(get(&haproxy, &pass).status, 200);
    let reloaded = |count: usize| {
        eventually("the keys are read again", || {
            let log = haproxy.agent_log();
            log.iter().filter(|line| line.contains("reloaded")).count() == count
        });
    };
    // A new key signs, and the old one is accepted.
    keys.write("ba");
    reloaded(1);
    let new = solve(&question(&haproxy.get("/").send()));
    assert_eq!(get(&haproxy, &pass).status, 200);
    assert_eq!(get(&haproxy, &new).status, 200);
    keys.write("b");
    reloaded(2);
    assert_eq!(get(&haproxy, &pass).status, 403);
    assert_eq!(get(&haproxy, &new).status, 200);
    // A file without keys keeps those that were there.
    fs::write(&keys.0, "short\n").unwrap();
    haproxy.wait_for_agent_log("a key has at least 32 characters");
    assert_eq!(get(&haproxy, &new).status, 200);
}

#[test]
fn metrics_count_requests_by_result() {
    let keys = Keys::new("metrics");
    let admin = format!("127.0.0.1:{}", free_port());
    let options = ["--difficulty", "8", "--admin", admin.as_str()];
    let haproxy = start(&HaProxy::newest(), keys.agent(&options));
    let pass = solve(&question(&haproxy.get("/").send()));
    get(&haproxy, &pass);
    get(&haproxy, "1.2.3");
    let metrics = http_get(&admin, "/metrics").text();
    for result in ["new", "passed", "wrong"] {
        let line = format!("challenge_requests_total{{result=\"{result}\"}} 1");
        assert!(metrics.contains(&line), "{line} is not in {metrics}");
    }
}

#[test]
fn without_keys_the_agent_does_not_start() {
    let output = Command::new(env!("CARGO_BIN_EXE_challenge"))
        .args(["check", "--keys", "nowhere.txt"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("nowhere.txt: No such file"), "{said}");
}

#[test]
fn the_configuration_is_what_config_writes() {
    let mut config = Command::new(env!("CARGO_BIN_EXE_challenge"));
    config.args(["config", "--haproxy", "2.6", "--rules", "site.cfg"]);
    config.args(["--page", "challenge=challenge.html"]);
    let diff = config.args(["--output", ".", "--diff"]).output().unwrap();
    assert_eq!(
        String::from_utf8(diff.stdout).unwrap(),
        "nothing would change\n"
    );
}

//! Compares two rule sets on recorded traffic, as the README says: with `spop record` and `spop replay`.

use serde_json::Value;
use spoa::testing::{HaProxy, InstalledHaProxy, Service, eventually, free_port, http_get};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const RULES: &str = include_str!("../rules.txt");
const SITE: &str = include_str!("../site.cfg");

/// Says how to get `spop`.
const INSTALL: &str = "`spop` is on the PATH: `cargo install haproxy-spoa-cli`; in a clone of the repository, it is \
    built: `cargo build -p haproxy-spoa-cli`";

/// Returns `spop` of the same build, or else that of the `PATH`.
fn spop() -> Command {
    let built = Path::new(env!("CARGO_BIN_EXE_waf")).with_file_name("spop");
    let installed = PathBuf::from("spop");
    let spop = if built.exists() { built } else { installed };
    Command::new(spop)
}

/// Starts the agent with a file of rules.
fn agent(port: u16, rules: &Path) -> Service {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waf"));
    command.args(["--listen", &format!("127.0.0.1:{port}"), "--rules"]);
    Service::start(command.arg(rules), port)
}

/// Starts HAProxy with the site of the agent, and the recorder in place of the agent.
fn haproxy(installed: &InstalledHaProxy, folder: &Path, port: u16, recorder: u16) -> Service {
    let site = SITE.replace("127.0.0.1:8087", &format!("127.0.0.1:{port}"));
    fs::write(folder.join("site.cfg"), site).unwrap();
    let mut config = Command::new(env!("CARGO_BIN_EXE_waf"));
    config.args(["config", "--haproxy", installed.version()]);
    config.args(["--rules", "site.cfg", "--output", ".", "--server"]);
    config.arg(format!("127.0.0.1:{recorder}"));
    let written = config.current_dir(folder).output().unwrap();
    assert!(written.status.success(), "{written:?}");
    // On a busy machine, an answer or a health check may be late.
    for (file, from, to) in [
        ("spoe.conf", "processing 500ms", "processing 30s"),
        ("haproxy.cfg", " fall 2 ", " fall 100 "),
    ] {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        assert!(text.contains(from), "{file} has no `{from}`:\n{text}");
        fs::write(folder.join(file), text.replace(from, to)).unwrap();
    }
    let mut command = Command::new(installed.path());
    command.args(["-db", "-f", "haproxy.cfg"]);
    Service::start(command.current_dir(folder), port)
}

/// Records requests with their verdicts by the rules, and returns the file.
fn record(installed: &InstalledHaProxy, folder: &Path, rules: &Path) -> PathBuf {
    let [agent_port, recorder, port] = [(); 3].map(|()| free_port());
    let _agent = agent(agent_port, rules);
    let traffic = folder.join("traffic.jsonl");
    let mut command = spop();
    command.args(["record", &format!("127.0.0.1:{agent_port}")]);
    command.arg(&traffic);
    command.args(["--listen", &format!("127.0.0.1:{recorder}")]);
    let recording = Service::start(&command, recorder);
    let haproxy = haproxy(installed, folder, port, recorder);
    let get = |target| http_get(&format!("127.0.0.1:{port}"), target).status;
    eventually("HAProxy finds the agent", || get("/start") == 200);
    for (target, status) in [
        ("/", 200),
        ("/?q=%3Cscript%3E", 403),
        ("/.git/config", 403),
        ("/?q=beta", 200),
        ("/?q=beta", 200),
    ] {
        assert_eq!(get(target), status, "{installed} {target}");
    }
    drop(haproxy);
    recording.signal("TERM");
    recording.wait_for_log("recorded ");
    traffic
}

/// Replays the traffic to the agent with other rules, and returns the report.
fn replay(traffic: &Path, rules: &Path) -> Value {
    let port = free_port();
    let _agent = agent(port, rules);
    let mut command = spop();
    command.args(["replay", &format!("127.0.0.1:{port}")]);
    command.arg(traffic).args(["--ignore", "txn.id", "--json"]);
    let output = command.output().expect(INSTALL);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn a_replay_shows_which_decisions_other_rules_change() {
    spop().arg("--version").output().expect(INSTALL);
    for installed in HaProxy::oldest_middle_newest() {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("replay-{}", free_port()));
        fs::remove_dir_all(&folder).ok();
        fs::create_dir_all(&folder).unwrap();
        let [old, new] = ["old.txt", "new.txt"].map(|name| folder.join(name));
        fs::write(&old, RULES).unwrap();
        // One rule less, and one more.
        let fewer = RULES.lines().filter(|line| !line.starts_with("930130 "));
        let mut rules: Vec<_> = fewer.collect();
        assert_eq!(rules.len() + 1, RULES.lines().count());
        rules.push("990100 5 args ^beta$");
        fs::write(&new, rules.join("\n")).unwrap();

        let traffic = record(&installed, &folder, &old);
        let report = replay(&traffic, &old);
        assert_eq!(report["changed"], 0, "{installed} {report:#}");
        let report = replay(&traffic, &new);
        assert_eq!(report["changed"], 3, "{installed} {report:#}");
        let variables = report["variables"].as_array().expect("a list");
        let action = variables.iter().find(|one| one["variable"] == "txn.action");
        let action = action.unwrap_or_else(|| panic!("{report:#}"));
        let changes = action["values"].as_array().expect("a list").iter();
        let mut changes: Vec<_> = changes
            .map(|change| {
                let text = |key: &str| change[key].as_str().unwrap_or_default().trim_matches('"');
                let (recorded, replayed) = (text("recorded"), text("replayed"));
                (recorded, replayed, change["count"].as_u64())
            })
            .collect();
        changes.sort_unstable();
        let expected = [("allow", "deny", Some(2)), ("deny", "allow", Some(1))];
        assert_eq!(changes, expected, "{installed} {report:#}");
    }
}

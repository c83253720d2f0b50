//! Runs the agent with real HAProxies and the rules of `rules.txt`.

use spoa::testing::{HaProxy, InstalledHaProxy, Reply, eventually, free_port, http_get};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn agent(options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waf"));
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules.txt");
    command.env("SPOA_RULES", rules).args(options);
    command
}

fn start(haproxy: &InstalledHaProxy, agent: Command) -> HaProxy {
    HaProxy::program(agent)
        .rules(include_str!("../site.cfg"))
        .on(haproxy)
        .start()
}

/// A file of rules in a folder of its own.
fn file(name: &str, text: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    write(&folder.join("rules.txt"), text);
    folder.join("rules.txt")
}

fn write(path: &Path, text: &str) {
    fs::write(path.with_extension("new"), text).unwrap();
    fs::rename(path.with_extension("new"), path).unwrap();
}

fn judged(reply: &Reply) -> [Option<&str>; 3] {
    ["anomaly_score", "rules_hit", "rule_ids"].map(|name| reply.var(&format!("txn.{name}")))
}

#[test]
fn each_part_of_a_request_is_judged() {
    // HAProxy's buffer holds only the beginning.
    let large = format!(r#"{{"a":"\u003cscript>{}"}}"#, "x".repeat(20_000));
    for installed in HaProxy::oldest_middle_newest() {
        let haproxy = start(&installed, agent(&[]));
        let reply = haproxy.get("/?q=a").send();
        assert_eq!(reply.status, 200, "{installed}");
        assert_eq!(judged(&reply)[..2], [Some("0"), Some("0")], "{installed}");
        for (id, request) in [
            ("941100", haproxy.get("/?q=%3Cscript%3E")),
            ("941100", haproxy.get("/?%3Cscript%20=1")),
            ("930100", haproxy.get("/a/..%2f..%2fetc")),
            ("930130", haproxy.get("/.git/config")),
            (
                "913100",
                haproxy.get("/").header("user-agent", "sqlmap/1.8"),
            ),
            ("920100", haproxy.request("TRACE", "/")),
            ("933100", haproxy.post("/", "<?php system(1)")),
            ("942100", haproxy.post("/", "q=1+union+select+2")),
            (
                "942100",
                haproxy.post("/", r#"{"a":["1 UNION  ALL SELECT 2"]}"#),
            ),
            ("941100", haproxy.post("/", large.as_str())),
        ] {
            let reply = request.send();
            let about = format!("{installed} {id}: {}", reply.text());
            assert_eq!(reply.status, 403, "{about}");
            assert_eq!(reply.header("waf-block"), Some("request"), "{about}");
        }
        // A score below the limit is not enough.
        let reply = haproxy.get("/?q=%27%20or%201").send();
        assert_eq!(reply.status, 200, "{installed}");
        assert_eq!(
            judged(&reply),
            [Some("3"), Some("1"), Some("942130")],
            "{installed}"
        );
    }
}

#[test]
fn responses_are_judged() {
    // HAProxy sends no message about a response of its own, so these come from a server.
    let (frontend, _) = include_str!("../site.cfg")
        .split_once("    default_backend")
        .unwrap();
    for installed in HaProxy::oldest_middle_newest() {
        let haproxy = HaProxy::program(agent(&[]))
            .rules(frontend)
            .server(|request| match request.target.as_str() {
                "/broken" => Reply::new(500, "oops"),
                "/leak" => Reply::new(200, "You have an error in your SQL syntax; MySQL server"),
                _ => Reply::new(200, "hello"),
            })
            .on(&installed)
            .start();
        assert_eq!(haproxy.get("/").send().text(), "hello", "{installed}");
        for target in ["/broken", "/leak"] {
            let reply = haproxy.get(target).send();
            assert_eq!(reply.status, 403, "{installed} {target}");
            assert_eq!(
                reply.header("waf-block"),
                Some("response"),
                "{installed} {target}"
            );
        }
    }
}

#[test]
fn without_the_agent_requests_are_denied() {
    for installed in HaProxy::oldest_middle_newest() {
        let mut haproxy = start(&installed, agent(&[]));
        assert_eq!(haproxy.get("/").send().status, 200, "{installed}");
        haproxy.stop_agent();
        assert_eq!(haproxy.get("/").send().status, 503, "{installed}");
    }
}

#[test]
fn rules_change_while_the_agent_serves() {
    let rules = file("watch", "1 5 args evil\n");
    let mut command = agent(&[]);
    command.env("SPOA_RULES", &rules);
    let haproxy = start(&HaProxy::newest(), command);
    assert_eq!(haproxy.get("/?a=evil").send().status, 403);
    write(&rules, "1 5 args good\n");
    eventually("the new rules hold", || {
        haproxy.get("/?a=good").send().status == 403
    });
    assert_eq!(haproxy.get("/?a=evil").send().status, 200);
    // A mistake keeps the rules that were there.
    write(&rules, "1 5 args (\n");
    haproxy.wait_for_agent_log("line 1: regex parse error");
    assert_eq!(haproxy.get("/?a=good").send().status, 403);
}

#[test]
fn a_limit_of_0_is_refused() {
    let output = agent(&["check", "--deny-from", "0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let error = String::from_utf8(output.stderr).unwrap();
    let problem = "invalid value '0' for '--deny-from <N>'";
    assert!(error.contains(problem), "{error}");
}

#[test]
fn metrics_count_verdicts() {
    let admin = format!("127.0.0.1:{}", free_port());
    let haproxy = start(&HaProxy::newest(), agent(&["--admin", &admin]));
    for target in ["/", "/.git/", "/?q=<script>"] {
        haproxy.get(target).send();
    }
    let metrics = http_get(&admin, "/metrics").text();
    for line in [
        "waf_judged_total{of=\"request\",verdict=\"allow\"} 1",
        "waf_judged_total{of=\"request\",verdict=\"deny\"} 2",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
}

#[test]
fn the_configuration_is_what_config_writes() {
    let mut config = Command::new(env!("CARGO_BIN_EXE_waf"));
    config.args(["config", "--haproxy", "2.6", "--rules", "site.cfg"]);
    let diff = config.args(["--output", ".", "--diff"]).output().unwrap();
    assert_eq!(
        String::from_utf8(diff.stdout).unwrap(),
        "nothing would change\n"
    );
}

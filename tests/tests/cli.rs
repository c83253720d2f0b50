//! The command line of `run!`: `handlers`, `call`, and which option holds.

mod common;

use common::{Said, fixture, said};
use serde_json::{Value, json};
use spoa_tests::{Process, TempDir, example, line_of, place_of};
use std::process::Command;

fn call(args: &[&str]) -> Said {
    said(fixture().arg("call").args(args))
}

/// The lines of a call that went well.
#[track_caller]
fn lines(args: &[&str]) -> Vec<String> {
    let Said { status, out, err } = call(args);
    assert_eq!((status, err.as_str()), (Some(0), ""), "{out}");
    out.lines().map(str::to_owned).collect()
}

#[track_caller]
fn json_of(command: &mut Command) -> Value {
    let Said { out, .. } = said(command);
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
}

/// Returns the place of a handler of the fixture.
fn line(function: &str) -> String {
    line_of("tests/agents/fixture.rs", &format!("fn {function}("))
}

#[test]
fn handlers_are_listed_in_the_order_of_the_source() {
    let listed = said(fixture().arg("handlers"));
    let [score, echo, greet, shift] = ["score", "echo", "greet", "shift"].map(line);
    let expected = format!(
        "\
MESSAGE              ARGUMENTS                   SETS          FUNCTION
score                ip: IpAddr = src            sess.score    agent_fixture::score ({score})
  on-client-session  penalty: Option<u8> = TODO
echo                 -                           -             agent_fixture::echo ({echo})
greet                -                           req.greeting  agent_fixture::greet ({greet})
  group greetings
move                 [1]: &str = TODO            req.to        agent_fixture::shift ({shift})
  on-http-response                               req.from
  if {{ status 500 }}
"
    );
    assert_eq!(listed.status, Some(0));
    let warned = format!("warning: {score}: argument `penalty: Option<u8>` of message `score` has");
    assert!(listed.err.starts_with(&warned), "{}", listed.err);
    assert!(listed.out.starts_with(&expected), "{}", listed.out);
}

#[test]
fn handlers_as_json_include_all_that_is_known() {
    let listed = json_of(fixture().args(["handlers", "--json"]));
    let expected = json!({
        "message": "score",
        "event": "on-client-session",
        "condition": null,
        "group": null,
        "arguments": [
            {
                "name": "ip",
                "index": null,
                "type": "IpAddr",
                "takes": "address",
                "expected": "an IP address",
                "required": true,
                "sample": "src",
                "guess": null,
                "may_be_missing": false,
            },
            {
                "name": "penalty",
                "index": null,
                "type": "Option<u8>",
                "takes": "integer",
                "expected": "an integer from 0 to 255",
                "required": false,
                "sample": null,
                "guess": null,
                "may_be_missing": null,
            },
        ],
        "variables": [{ "scope": "sess", "name": "score", "type": "u8", "set": "always" }],
        "verdicts": [],
        "complete": true,
        "states": [],
        "timeout_ms": null,
        "docs": "Scores an address.",
        "function": "agent_fixture::score",
        "file": "tests/agents/fixture.rs",
        "line": listed["messages"][0]["line"],
    });
    let line_of_score = format!("tests/agents/fixture.rs:{}", listed["messages"][0]["line"]);
    assert_eq!(line_of_score, line("score"));
    assert_eq!(listed["messages"][0], expected);
    assert_eq!(listed["messages"][2]["group"], "greetings");
    assert_eq!(listed["messages"][3]["condition"], "if { status 500 }");
    assert_eq!(
        listed["messages"][2]["states"],
        json!(["alloc::string::String"])
    );
    assert_eq!(listed["messages"][3]["arguments"][0]["name"], Value::Null);
    assert_eq!(listed["messages"][3]["arguments"][0]["index"], 1);
}

#[test]
fn the_example_answers_as_the_readme_says() {
    let readme = include_str!("../../README.md");
    let answer = said(example("ip-reputation").args(["call", "get-ip-reputation", "ip=192.0.2.7"]));
    assert_eq!((answer.status, answer.err.as_str()), (Some(0), ""));
    let command = "$ cargo run -p spoa-examples --example ip-reputation -- call get-ip-reputation ip=192.0.2.7\n";
    assert!(
        readme.contains(&format!("{command}{}", answer.out)),
        "{}",
        answer.out
    );
}

#[test]
fn a_call_prints_the_actions() {
    assert_eq!(
        lines(&["score", "ip=192.0.2.7"]),
        ["set-var sess.score = 20"]
    );
    assert_eq!(
        lines(&["score", "ip=127.0.0.1", "penalty=5"]),
        ["set-var sess.score = 95"]
    );
    assert_eq!(
        lines(&["move", "from", "to"]),
        ["set-var req.to = \"to\"", "unset-var req.from"]
    );
    assert_eq!(
        lines(&["greet"]),
        ["set-var req.greeting = \"hello from the state\""]
    );
    assert_eq!(lines(&["echo"]), [""; 0]);
}

#[test]
fn arguments_of_call_are_typed_by_their_form() {
    let args = [
        "echo",
        "4=192.0.2.7",
        "6=2001:db8::7",
        "n=443",
        "m=-5",
        "yes=true",
        "no=false",
        "s=GET",
        "e=",
        "nil=null",
        "text=str:443",
        "b=bin:00ff",
        "bit=bool:0",
        "i=i32:-5",
        "u=u32:5",
        "l=i64:5",
        "w=u64:18446744073709551615",
        "f=ip4:192.0.2.7",
        "x=ip6:::1",
        "bare",
        "-7",
        "=a=b",
        "--",
        "--json",
    ];
    let expected = [
        "4 = 192.0.2.7",
        "6 = 2001:db8::7",
        "n = 443",
        "m = -5",
        "yes = true",
        "no = false",
        "s = \"GET\"",
        "e = \"\"",
        "nil = null",
        "text = \"443\"",
        "b = 0x00ff",
        "bit = false",
        "i = -5",
        "u = 5",
        "l = 5",
        "w = 18446744073709551615",
        "f = 192.0.2.7",
        "x = ::1",
        "a18 = \"bare\"",
        "a19 = -7",
        "a20 = \"a=b\"",
        "a21 = \"--json\"",
    ];
    let expected = expected.map(|action| format!("set-var txn.{action}"));
    assert_eq!(lines(&args), expected);

    let answer = json_of(fixture().arg("call").args(&args[..18]).arg("--json"));
    let types = answer["actions"].as_array().expect("a list").iter();
    let types: Vec<_> = types
        .map(|action| action["type"].as_str().expect("a name"))
        .collect();
    let expected = [
        "IPV4", "IPV6", "INT64", "INT64", "BOOL", "BOOL", "STRING", "STRING", "NULL", "STRING",
        "BINARY", "BOOL", "INT32", "UINT32", "INT64", "UINT64", "IPV4",
    ];
    assert_eq!(types, expected);
}

#[test]
fn the_json_of_a_call_has_the_actions_or_the_failure() {
    assert_eq!(
        json_of(fixture().args(["call", "move", "--json", "x", "to"])),
        json!({
            "message": "move",
            "actions": [
                { "action": "set-var", "scope": "req", "name": "to", "type": "STRING", "value": "to" },
                { "action": "unset-var", "scope": "req", "name": "from" },
            ],
            "failure": null,
        })
    );
    assert_eq!(
        json_of(fixture().args(["call", "--json", "refuse"])),
        json!({ "message": "refuse", "actions": [], "failure": "the database is down" })
    );
}

#[test]
fn a_handler_that_fails_says_why_and_the_status_is_1() {
    let place = place_of("tests/agents/fixture.rs", "panic!(\"no such luck\")");
    let panicked = format!("panicked: no such luck, at {place}");
    for (args, words) in [
        (vec!["refuse"], "the database is down"),
        (vec!["panic"], panicked.as_str()),
        (
            vec!["never", "--handler-timeout", "20ms"],
            "timed out: not done within 20ms; make it faster, or give it longer with `timeout = …` in \
             its attribute or `--handler-timeout`, below `timeout processing` in spoe.conf",
        ),
        (
            vec!["score", "ip=GET"],
            "argument `ip` of message `score` should be an IP address, but the STRING that HAProxy \
             sent does not read as one; if a client chooses it, take `Result<IpAddr, Mismatch>` or \
             `&[u8]`",
        ),
        (
            vec!["score", "addr=192.0.2.7"],
            "message `score` has no argument `ip`, which should be an IP address; HAProxy sent \
             `addr`; in `spoe-message score` of spoe.conf write `args ip=src`, or take \
             `Option<IpAddr>`",
        ),
    ] {
        let expected = Said {
            status: Some(1),
            out: String::new(),
            err: format!("error: {words}\n"),
        };
        assert_eq!(call(&args), expected);
    }
}

#[test]
fn call_logs_only_if_asked_to() {
    let logged = said(fixture().env("SPOA_LOG", "warn").args(["call", "refuse"]));
    assert_eq!(logged.status, Some(1));
    assert_eq!(
        logged.err,
        " WARN spoa::failures: handler `refuse` failed: the database is down peer=memory \
         engine=\"call\" stream=1 frame=1 spoe_message=refuse handler=\"agent_fixture::refuse\"\n\
         error: the database is down\n"
    );
}

#[test]
fn a_wrong_command_line_has_status_2() {
    for (args, words) in [
        (
            vec!["call", "scor"],
            "error: no handler for message `scor`: did you mean `score`? This agent answers `echo`, \
             `gated`, `greet`, `move`, `never`, `panic`, `refuse`, `score`, `stuck`\n",
        ),
        (
            vec!["call", "score", "ip=ip4:x"],
            "error: `ip=ip4:x`: `ip4:` is followed by an address such as `192.0.2.7`\n",
        ),
        (
            vec!["--handler-timeout", "20"],
            "error: invalid value '20' for '--handler-timeout <TIME>': the unit is missing: write \
             `20ms` or `20s`\n\nFor more information, try '--help'.\n",
        ),
        (
            vec!["--idle-timeout", "0"],
            "error: invalid value '0' for '--idle-timeout <TIME>': it must be longer than 0; to \
             turn it off, write `none`\n\nFor more information, try '--help'.\n",
        ),
        (
            vec!["--max-frame-size", "100"],
            "error: invalid value '100' for '--max-frame-size <BYTES>': HAProxy needs at least 256 \
             bytes\n\nFor more information, try '--help'.\n",
        ),
    ] {
        let expected = Said {
            status: Some(2),
            out: String::new(),
            err: words.to_owned(),
        };
        assert_eq!(said(fixture().args(args)), expected);
    }
}

#[test]
fn a_message_larger_than_haproxys_frame_arrives_in_fragments() {
    let large = format!("text={}", "x".repeat(20_000));
    assert_eq!(
        lines(&["score", &large, "ip=::1"]),
        ["set-var sess.score = 100"]
    );
}

#[test]
fn an_answer_that_is_too_long_for_haproxy_is_cut_and_logged() {
    let large = format!("text={}", "x".repeat(300));
    let Said { status, out, err } = call(&["echo", "--max-frame-size=256", "n=1", &large]);
    assert_eq!((status, out.as_str()), (Some(0), "set-var txn.n = 1\n"));
    assert!(
        err.contains(
            "handler `echo`: 1 action does not fit into the frame that HAProxy takes, left out: \
             `txn.text`; set fewer"
        ),
        "{err}"
    );
}

#[test]
fn the_version_and_the_help_are_those_of_the_program() {
    let version = said(fixture().arg("--version"));
    assert_eq!(
        version.out,
        format!("fixture {}\n", env!("CARGO_PKG_VERSION"))
    );
    let help = said(fixture().arg("--help"));
    assert_eq!((help.status, help.err.as_str()), (Some(0), ""));
    assert!(help.out.contains("[default: 127.0.0.1:0]"), "{}", help.out);
}

/// Returns the output of an agent that starts with these options and variables, up to the commands to try next.
fn banner(args: &[&str], env: &[(&str, &str)]) -> Vec<String> {
    // The log has a stream of its own, whose lines may come between.
    let quiet = [("SPOA_LOG", "warn")];
    let agent = Process::start(fixture().args(args).envs(quiet.iter().chain(env).copied()));
    agent.wait_for_line("Wire HAProxy to it");
    agent.output()
}

fn listens(banner: &[String]) -> Vec<&str> {
    let lines = banner.iter();
    lines
        .filter_map(|line| line.strip_prefix("listening on "))
        .collect()
}

#[test]
fn the_banner_names_the_handlers_the_addresses_and_a_command_to_try() {
    let banner = banner(&["serve"], &[]);
    let address = listens(&banner)[0];
    let program = env!("CARGO_BIN_EXE_agent-fixture");
    let first = format!("fixture {}", env!("CARGO_PKG_VERSION"));
    assert_eq!(
        banner[..3],
        [
            first,
            format!("  score   agent_fixture::score ({})", line("score")),
            format!("  echo    agent_fixture::echo ({})", line("echo")),
        ]
    );
    let rest = banner
        .iter()
        .skip_while(|line| !line.starts_with("listening"));
    let expected = format!(
        "listening on {address}\n\n\
         Try it without HAProxy:  {program} call score ip=192.0.2.7\n\
         Wire HAProxy to it:      {program} config --server {address}\n"
    );
    assert_eq!(
        rest.map(|line| format!("{line}\n")).collect::<String>(),
        expected
    );
}

#[test]
fn the_command_line_comes_before_the_environment_and_the_program() {
    let dir = TempDir::new();
    let socket = |name: &str| format!("unix@{}", dir.join(name).display());
    let (line, other, env) = (socket("line"), socket("other"), socket("env"));
    let args = ["--listen", &line, "--listen", &other];
    let said = banner(&args, &[("SPOA_LISTEN", &env)]);
    assert_eq!(listens(&said), [&line, &other]);

    let said = banner(&[], &[("SPOA_LISTEN", &format!("{env},{line}"))]);
    assert_eq!(listens(&said), [&env, &line]);

    let said = banner(&[], &[]);
    assert!(listens(&said)[0].starts_with("127.0.0.1:"), "{said:?}");

    let timeout = ("SPOA_HANDLER_TIMEOUT", "30ms");
    let said = common::said(fixture().args(["call", "never"]).envs([timeout]));
    assert!(
        said.err
            .starts_with("error: timed out: not done within 30ms; "),
        "{said:?}"
    );
    let args = ["call", "never", "--handler-timeout=20ms"];
    let said = common::said(fixture().args(args).envs([timeout]));
    assert!(
        said.err
            .starts_with("error: timed out: not done within 20ms; "),
        "{said:?}"
    );
    let said = common::said(fixture().args(["call", "never"]));
    assert!(
        said.err
            .starts_with("error: timed out: not done within 1s; "),
        "{said:?}"
    );
}

/// A folder that was unpacked or cloned may have anything in it.
#[test]
fn no_haproxy_below_the_current_directory_is_run() {
    let dir = TempDir::new();
    let ran = dir.path().join("ran");
    let script = format!("#!/bin/sh\ntouch '{}'\n", ran.display());
    for place in ["target/haproxy/9.9", "bin", "."] {
        let place = dir.path().join(place);
        std::fs::create_dir_all(&place).expect("a folder");
        let path = place.join("haproxy");
        std::fs::write(&path, &script).expect("a script");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).expect("it is ours");
    }
    for path in ["", ".:bin", "target/haproxy/9.9"] {
        let mut command = fixture();
        let command = command.env("PATH", path).current_dir(dir.path());
        said(command.args(["config", "--server", "127.0.0.1:12345"]));
        assert!(!ran.exists(), "PATH={path}");
    }
}

#[test]
fn the_help_of_each_command_shows_its_default_log_level() {
    for (args, level) in [
        (&["--help"][..], "info"),
        (&["serve", "--help"], "info"),
        (&["call", "--help"], "warn"),
        (&["dev", "--help"], "warn"),
    ] {
        let help = said(fixture().args(args).env("COLUMNS", "400"));
        let line = format!("and TARGET=LEVEL for parts [default: {level}]");
        let text = help.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(&line), "{args:?}: {}", help.out);
    }
}

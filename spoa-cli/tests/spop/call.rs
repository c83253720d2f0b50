//! `spop call`.

use super::agent::{ack, agent, answering, serving};
use super::{spop, spop_with};
use serde_json::json;

#[test]
fn actions_are_printed_as_set_var_and_unset_var() {
    let agent = agent();
    let call = |words: &[&str]| spop(&[&["call", &agent], words].concat()).good();
    assert_eq!(
        call(&["get-ip-reputation", "ip=192.0.2.7"]),
        "set-var sess.ip_score = 20\n"
    );
    assert_eq!(
        call(&["everything"]),
        "set-var txn.name = \"a b\"\nset-var txn.bytes = 0x00ff\n\
         set-var req.big = 18446744073709551615\nset-var sess.nothing = null\n\
         unset-var proc.old\n"
    );
}

#[test]
fn arguments_are_typed_and_may_have_no_name() {
    let args = [
        "ip=::1",
        "n=u32:5",
        "-7",
        "=a=b",
        "gone=null",
        "raw=bin:00ff",
    ];
    let done = spop(&[&["call", &agent(), "echo", "--json"], &args[..]].concat());
    let expected = "ip=IPV6:::1 n=UINT32:5 =INT64:-7 =STRING:\"a=b\" gone=NULL:null \
                    raw=BINARY:0x00ff";
    assert_eq!(
        done.json(),
        json!({
            "message": "echo",
            "actions": [{
                "action": "set-var", "scope": "txn", "name": "echo", "type": "STRING",
                "value": expected,
            }],
            "malformed": null,
        })
    );
    assert_eq!(done.status, 0);
}

#[test]
fn an_answer_without_actions_is_a_success() {
    let done = spop(&["call", &agent(), "nobody-answers-this"]);
    assert_eq!((done.status, done.out.as_str()), (0, ""));
    assert_eq!(done.err, "the agent answered, without actions\n");
}

#[test]
fn a_variable_that_haproxy_would_drop_is_a_warning() {
    let address = answering(|ids, out| ack(ids, "ip-score", out));
    let done = spop(&["call", &address, "any"]);
    assert_eq!(
        (done.status, done.out.as_str()),
        (1, "set-var sess.ip-score = 20\n")
    );
    assert_eq!(
        done.err,
        "warning: HAProxy drops the variable `sess.ip-score`: `-` is not allowed in a name; use \
         letters, digits, `_` and `.`\n"
    );
}

#[test]
fn a_wrong_command_line_and_a_failure_have_different_exit_statuses() {
    let done = spop(&["call", "127.0.0.1:12345", "m", "n=u32:x"]);
    assert_eq!(done.status, 2);
    assert_eq!(
        done.err,
        "error: `n=u32:x`: `x` is not an integer from 0 to 4294967295\n"
    );
    let done = spop(&["call", "localhost", "m"]);
    assert_eq!(done.status, 2);
    assert!(
        done.err
            .starts_with("error: `localhost` is not an address: there is no port;")
    );
    let done = spop(&["call", "unix@/no/such/socket", "m"]);
    assert_eq!(done.status, 1);
    assert!(
        done.err
            .starts_with("error: nothing listens on `unix@/no/such/socket`")
    );
}

#[test]
fn call_stops_waiting_for_an_agent_that_does_not_answer() {
    let address = answering(|_, _| {});
    // The HELLO has as much time, which a busy machine may need.
    let done = spop(&["call", &address, "any", "--timeout", "3s"]);
    assert_eq!(done.status, 1);
    assert!(done.err.contains("no ACK within 3s") && done.err.contains("`--timeout"));
}

#[test]
fn an_expectation_that_is_met_is_silent() {
    let agent = agent();
    let line = ["call", &agent, "get-ip-reputation", "ip=192.0.2.7"];
    for expectation in [
        "sess.ip_score = 20",
        "sess.ip_score>=20",
        "sess.ip_score != 21",
        "sess.ip_score < 21",
        "sess.ip_score exists",
        "txn.error absent",
    ] {
        let out = spop(&[&line[..], &["--expect", expectation]].concat()).good();
        assert_eq!(out, "set-var sess.ip_score = 20\n", "{expectation}");
    }
}

#[test]
fn an_expectation_that_is_not_met_shows_the_actual_actions() {
    let agent = agent();
    let line = ["call", &agent, "get-ip-reputation", "ip=127.0.0.1"];
    let expectations = [
        "--expect",
        "sess.ip_score < 100",
        "--expect",
        "sess.ip_score = str:100",
        "--expect",
        "txn.user exists",
        "--expect",
        "sess.ip_score > 99",
    ];
    let done = spop(&[&line[..], &expectations].concat());
    assert_eq!(
        (done.status, done.out.as_str()),
        (1, "set-var sess.ip_score = 100\n")
    );
    assert_eq!(
        done.err,
        "expectation failed: `sess.ip_score < 100`: `sess.ip_score` is 100 (UINT32)\n\
         expectation failed: `sess.ip_score = \"100\"`: `sess.ip_score` is 100 (UINT32)\n\
         expectation failed: `txn.user exists`: `txn.user` is not set\n"
    );
    let done = spop(&[&line[..], &["--json"], &expectations].concat());
    let met: Vec<_> = done.json()["expectations"]
        .as_array()
        .expect("the expectations are an array")
        .iter()
        .map(|verdict| verdict["met"].clone())
        .collect();
    assert_eq!(met, [false, false, false, true]);
    let done = spop(&[&line[..], &["--expect", "ip_score=1"]].concat());
    assert_eq!(done.status, 2);
    assert!(done.err.contains("write SCOPE.NAME with"), "{}", done.err);
}

#[test]
fn an_unknown_message_fails_if_the_agent_is_described() {
    let dir = tempfile::tempdir().expect("there is room for a file");
    let path = dir.path().join("agent.json");
    let described =
        r#"{ "format": 1, "agent": "a", "messages": [{ "message": "get-ip-reputation" }] }"#;
    std::fs::write(&path, described).expect("it can be written");
    let path = path.display().to_string();
    let agent = agent();
    let call = |message: &str| spop(&["call", &agent, message, "ip=192.0.2.7", "--agent", &path]);
    call("get-ip-reputation").good();
    let done = call("get-ip-reputatoin");
    assert_eq!((done.status, done.out.as_str()), (1, ""));
    assert_eq!(
        done.err,
        "error: no handler for message `get-ip-reputatoin`: did you mean `get-ip-reputation`? the agent \
         answers `get-ip-reputation`\n"
    );
}

#[test]
fn the_admin_server_knows_the_messages_of_an_agent() {
    let admin = serving(r#"{"agents":[{"messages":[{"message":"get-ip-reputation"}]}]}"#);
    let agent = agent();
    let call = |message: &str| spop(&["call", &agent, message, "ip=192.0.2.7", "--admin", &admin]);
    call("get-ip-reputation").good();
    let done = call("echo");
    assert_eq!(done.status, 1);
    assert_eq!(
        done.err,
        "error: no handler for message `echo`: the agent answers `get-ip-reputation`\n"
    );
    let done = spop(&["call", &agent, "echo", "--admin", &agent, "--timeout", "2s"]);
    assert_eq!(done.status, 1);
    assert!(
        done.err.starts_with("error: admin server `127.0.0.1:"),
        "{}",
        done.err
    );
}

#[test]
fn an_argument_may_be_a_file_or_standard_input() {
    let file = tempfile::NamedTempFile::new().expect("there is room for a file");
    std::fs::write(file.path(), b"\x00{}").expect("it can be written");
    let path = format!("body=@{}", file.path().display());
    let agent = agent();
    let line = ["call", &agent, "echo", &path, "more=@-", "user=str:@bob"];
    let done = spop_with(&line, b"\xff");
    assert_eq!(
        done.good(),
        "set-var txn.echo = \"body=BINARY:0x007b7d more=BINARY:0xff user=STRING:\\\"@bob\\\"\"\n"
    );
    let done = spop(&["call", &agent, "echo", "body=@/no/such/file"]);
    assert_eq!(done.status, 2);
    assert!(
        done.err
            .starts_with("error: `body=@/no/such/file`: cannot read the file `/no/such/file`"),
        "{}",
        done.err
    );
}

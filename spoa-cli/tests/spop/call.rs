//! `spop call`.

use super::agent::{ack, agent, answering};
use super::spop;
use serde_json::json;

#[test]
fn the_actions_are_printed_as_they_would_be_written() {
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
fn an_answer_without_actions_is_an_answer() {
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
fn a_wrong_command_line_and_a_failure_differ_in_the_status() {
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
fn an_agent_that_does_not_answer_is_not_waited_for_without_end() {
    let address = answering(|_, _| {});
    let done = spop(&["call", &address, "any", "--timeout", "50ms"]);
    assert_eq!(done.status, 1);
    assert!(done.err.contains("no ACK within 50ms") && done.err.contains("`--timeout"));
}

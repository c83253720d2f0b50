//! `testing::HaProxy` in front of a program, with each HAProxy.

use std::process::Command;

use spoa::testing::HaProxy;

#[test]
fn a_program_is_described_started_and_ended() {
    for installed in HaProxy::installed() {
        for (session, ask, status) in [(false, "deny 418", 418), (true, "allow", 403)] {
            let mut agent = Command::new(env!("CARGO_BIN_EXE_agent-judging"));
            if session {
                agent.env("JUDGE_SESSION", "1");
            }
            let mut haproxy = HaProxy::program(agent).on(&installed).fail_closed().start();
            let reply = haproxy.get("/").header("x-ask", ask).send();
            assert_eq!(reply.status, status, "{installed}");
            haproxy.wait_for_agent_log("listening on 127.0.0.1:");
            haproxy.stop_agent();
            let reply = haproxy.get("/").header("x-ask", ask).send();
            assert_eq!(reply.status, 503, "{installed}");
            assert_eq!(reply.var("txn.action"), None, "{installed}");
        }
    }
}

#[test]
#[should_panic = "cannot start `/no/such`: No such file"]
fn a_program_that_is_not_there_is_named() {
    let _ = HaProxy::program(Command::new("/no/such")).start();
}

#[test]
#[should_panic = "`/bin/false handlers --json` failed: "]
fn a_program_that_describes_nothing_is_named() {
    let _ = HaProxy::program(Command::new("/bin/false")).start();
}

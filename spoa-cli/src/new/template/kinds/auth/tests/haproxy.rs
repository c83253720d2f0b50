//! The program behind every HAProxy of this machine, with the configuration that `config` writes.

use spoa::testing::HaProxy;
use std::process::Command;

#[test]
fn the_server_sees_the_user_and_strangers_do_not_reach_it() {
    for installed in HaProxy::installed() {
        let agent = Command::new(env!("CARGO_BIN_EXE_{{name}}"));
        let mut haproxy = HaProxy::program(agent).fail_closed().on(&installed).start();
        assert_eq!(haproxy.get("/").send().status, 401);
        let token = "Bearer change-me-1f0c9a";
        let known = haproxy
            .get("/")
            .header("authorization", token)
            .header("x-user", "root")
            .send();
        assert_eq!(known.status, 200);
        let received = haproxy.received();
        let users: Vec<_> = received
            .iter()
            .map(|request| request.header("x-user"))
            .collect();
        assert_eq!(users, [Some("alice".to_owned())]);
        // Without the agent, nobody passes.
        haproxy.stop_agent();
        let known = haproxy.get("/").header("authorization", token).send();
        assert_eq!(known.status, 503);
    }
}

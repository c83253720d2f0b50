//! The program behind every HAProxy of this machine, with the configuration that `config` writes.

use spoa::testing::HaProxy;
use std::process::Command;

#[test]
fn haproxy_enforces_the_verdict() {
    for installed in HaProxy::installed() {
        let agent = Command::new(env!("CARGO_BIN_EXE_{{name}}"));
        let haproxy = HaProxy::program(agent).on(&installed).start();
        assert_eq!(haproxy.get("/").send().status, 200);
        let denied = haproxy.get("/.env").send();
        let reason = denied.var("txn.reason");
        assert_eq!((denied.status, reason), (403, Some("a hidden file")));
    }
}

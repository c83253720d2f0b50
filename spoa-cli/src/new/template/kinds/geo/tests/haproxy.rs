//! The program behind every HAProxy of this machine, with the configuration that `config` writes.

use spoa::testing::HaProxy;
use std::process::Command;

#[test]
fn haproxy_gets_the_country() {
    for installed in HaProxy::installed() {
        let agent = Command::new(env!("CARGO_BIN_EXE_{{name}}"));
        let haproxy = HaProxy::program(agent).on(&installed).start();
        let known = haproxy.get("/").from([192, 0, 2, 7]).send();
        assert_eq!((known.status, known.var("txn.country")), (200, Some("ZZ")));
        let unknown = haproxy.get("/").from([198, 51, 100, 1]).send();
        assert_eq!((unknown.status, unknown.var("txn.country")), (200, None));
    }
}

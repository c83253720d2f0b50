//! The program behind every HAProxy of this machine, with the configuration that `config` writes.

use spoa::testing::HaProxy;
use std::process::Command;

#[test]
fn haproxy_gets_the_score() {
    for installed in HaProxy::installed() {
        let agent = Command::new(env!("CARGO_BIN_EXE_{{name}}"));
        let haproxy = HaProxy::program(agent)
            .rules("http-request deny if { var(txn.{{crate}}.score) -m int lt 20 }")
            .on(&installed)
            .start();
        let known = haproxy.get("/").send();
        assert_eq!((known.status, known.var("txn.score")), (200, Some("100")));
        let unwanted = haproxy.get("/").from([192, 0, 2, 7]).send();
        assert_eq!(unwanted.status, 403);
    }
}

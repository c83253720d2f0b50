//! The program behind every HAProxy of this machine, with the configuration that `config` writes.

use spoa::testing::HaProxy;
use std::process::Command;

#[test]
fn the_third_request_of_a_client_is_one_too_many() {
    for installed in HaProxy::installed() {
        let mut agent = Command::new(env!("CARGO_BIN_EXE_{{name}}"));
        agent.env("SPOA_REQUESTS", "2");
        let haproxy = HaProxy::program(agent).on(&installed).start();
        let get = |ip| haproxy.get("/").from(ip).send().status;
        let [one, other] = [[192, 0, 2, 7], [192, 0, 2, 8]];
        assert_eq!([get(one), get(one), get(one)], [200, 200, 429]);
        assert_eq!(get(other), 200);
    }
}

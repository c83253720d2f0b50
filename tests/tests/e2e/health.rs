//! HAProxy's health checks, `option spop-check`.

use spoa::prelude::*;
use spoa_tests::{Background, Config, Message, Port, Proxy, eventually, for_each_haproxy};

#[spoe_message("ping", set = "txn.pong")]
fn ping() -> bool {
    true
}

fn agent(port: &Port) -> Background {
    Background::agent_at(&port.addr().to_string(), |agent| {
        agent.handlers(handlers![ping])
    })
}

fn wait_for_status(proxy: &Proxy, status: &str, check: &str) {
    eventually(&format!("the agent is {status} by {check}"), || {
        (proxy.agent_status(), proxy.agent_stat("check_status")) == (status.into(), check.into())
    });
}

#[test]
fn haproxy_finds_an_agent_up_while_it_runs() {
    for_each_haproxy(|haproxy| {
        let port = Port::free();
        let config = Config::new(port.addr())
            .message(Message::new("ping"))
            .vars(["txn.iprep.pong"])
            .spop_check();
        let proxy = config.start(haproxy);
        eventually("no agent is DOWN", || proxy.agent_status() == "DOWN");

        let first = agent(&port);
        wait_for_status(&proxy, "UP", "L7OK");
        assert_eq!(proxy.get("/").var("txn.iprep.pong"), Some("1"));
        let checks = || {
            first
                .logs()
                .iter()
                .filter(|it| it.contains("healthcheck=true"))
                .count()
        };
        let before = checks();
        eventually("checks go on", || checks() >= before + 3);
        // A check that is late on a busy machine makes it `UP 2/3` for a while.
        assert!(proxy.agent_status().starts_with("UP"));
        eventually("it stays UP", || proxy.agent_status() == "UP");
        // That it warned of nothing is seen when it stops.
        first.stop();
        eventually("an agent that left is DOWN", || {
            proxy.agent_status() == "DOWN"
        });

        let _second = agent(&port);
        wait_for_status(&proxy, "UP", "L7OK");
        assert_eq!(proxy.get("/").var("txn.iprep.pong"), Some("1"));
    });
}

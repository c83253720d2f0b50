//! Kills, halts and stops agents under load.

use std::net::SocketAddr;
use std::time::Duration;

use spoa_tests::{
    Config, Haproxy, Load, PATIENCE, Port, bounded_or_long, eventually, for_each_haproxy,
};

use crate::counts::{Counts, Table};
use crate::{CLIENTS, assert_well, config, start_agent, wait_for, wait_until_well, with_second};

#[test]
fn an_only_agent_is_killed_and_started_again() {
    let table = Table::of("SIGKILL of the only agent, three times");
    for_each_haproxy(|haproxy| {
        let port = Port::free();
        let mut agent = start_agent(&port, &[]);
        let mut config = config(port.addr(), "later");
        if !haproxy.at_least(3, 1) {
            // HAProxy waits this long for each request while no agent runs.
            config = config.processing_timeout(Duration::from_secs(3));
        }
        let proxy = config.start(haproxy);
        let exchanges = Load::on(proxy.addr(), CLIENTS, |load| {
            for _ in 0..3 {
                wait_for(load, 50);
                agent.kill();
                load.wait_for(CLIENTS);
                agent = start_agent(&port, &[]);
                wait_for(load, 50);
                if haproxy.at_least(3, 1) {
                    assert_well(&proxy);
                } else {
                    wait_until_well(&proxy);
                }
            }
        });
        let counts = Counts::of(&exchanges);
        assert!(counts.lost() > 0 && counts.verdicts > 0, "{counts:?}");
        table.row(haproxy, &counts);
    });
}

#[test]
fn one_of_two_agents_is_killed_and_started_again() {
    let table = Table::of("SIGKILL of one of two agents, three times");
    for_each_haproxy(|haproxy| {
        let (one, other) = (Port::free(), Port::free());
        let (mut agent, _second) = (start_agent(&one, &[]), start_agent(&other, &[]));
        let config = with_second(config(one.addr(), "later"), other.addr(), "");
        let proxy = config.start(haproxy);
        let exchanges = Load::on(proxy.addr(), CLIENTS, |load| {
            for _ in 0..3 {
                wait_for(load, 50);
                agent.kill();
                load.wait_for(50);
                agent = start_agent(&one, &[]);
            }
            wait_for(load, 50);
        });
        let counts = Counts::of(&exchanges);
        // Each client may meet a second connection that just ended.
        assert!(counts.lost() <= 3 * 2 * CLIENTS, "{counts:?}");
        table.row(haproxy, &counts);
    });
}

#[test]
fn an_agent_is_halted_for_less_than_haproxy_waits() {
    let table = Table::of("SIGSTOP for 2 s, `timeout processing 10s`");
    for_each_haproxy(|haproxy| {
        let counts = halted(haproxy, Duration::from_secs(10));
        counts.assert_none_lost();
        table.row(haproxy, &counts);
    });
}

#[test]
fn an_agent_is_halted_for_longer_than_haproxy_waits() {
    let table = Table::of("SIGSTOP for 2 s, `timeout processing 500ms`");
    for_each_haproxy(|haproxy| {
        let counts = halted(haproxy, halt() / 4);
        assert!(counts.lost() > 0, "{counts:?}");
        table.row(haproxy, &counts);
    });
}

/// Returns how long an agent is halted.
fn halt() -> Duration {
    bounded_or_long(Duration::from_millis(800), Duration::from_secs(2))
}

fn halted(haproxy: &Haproxy, patience: Duration) -> Counts {
    let port = Port::free();
    let agent = start_agent(&port, &[]);
    let proxy = config(port.addr(), "echo")
        .processing_timeout(patience)
        .start(haproxy);
    let exchanges = Load::on(proxy.addr(), CLIENTS, |load| {
        for _ in 0..bounded_or_long(1, 5) {
            wait_for(load, 50);
            agent.signal("STOP");
            std::thread::sleep(halt());
            agent.signal("CONT");
            wait_for(load, 50);
        }
    });
    if patience > halt() {
        assert_well(&proxy);
    } else {
        wait_until_well(&proxy);
    }
    Counts::of(&exchanges)
}

#[test]
fn two_agents_are_restarted_in_turn() {
    let table =
        Table::of("rolling restart of two agents, two rounds, `--lame-duck` and health checks");
    for_each_haproxy(|haproxy| {
        // Health checks of a busy machine are late, though there are twenty a second.
        let counts = restarted(haproxy, "5s", |one, other| {
            // As docs/operations say: up to 3.0 a connection is used on while its server is DOWN.
            let config = with_second(
                config(one, "later").spop_check(),
                other,
                " check inter 50ms",
            );
            if haproxy.at_least(2, 8) && !haproxy.at_least(3, 1) {
                config.no_pipelining()
            } else {
                config
            }
        });
        // 2.6 forgets what is in its queue when the last connection of a thread ends. Up to 3.0, a NOTIFY on a
        // connection that was idle can cross the DISCONNECT, as docs/operations/lifecycle.md says.
        let most = match (haproxy.at_least(2, 8), haproxy.at_least(3, 1)) {
            (false, _) => 4 * CLIENTS,
            (true, false) => 2,
            (true, true) => 0,
        };
        assert!(counts.lost() <= most, "{counts:?}");
        let closed = counts.errors.get("256").copied().unwrap_or_default();
        assert!(counts.lost() == closed || most > 2, "{counts:?}");
        table.row(haproxy, &counts);
    });
}

#[test]
fn two_agents_without_health_checks_are_restarted_in_turn() {
    let table = Table::of("the same without health checks");
    for_each_haproxy(|haproxy| {
        let counts = restarted(haproxy, "600ms", |one, other| {
            with_second(config(one, "later"), other, "")
        });
        // HAProxy may be sending one more NOTIFY when the DISCONNECT is on its way to it.
        assert!(counts.lost() <= 4 * CLIENTS, "{counts:?}");
        table.row(haproxy, &counts);
    });
}

fn restarted(
    haproxy: &Haproxy,
    lame_duck: &str,
    config: impl Fn(SocketAddr, SocketAddr) -> Config,
) -> Counts {
    let start = |port: &Port| start_agent(port, &["--lame-duck", lame_duck]);
    let ports = [Port::free(), Port::free()];
    let mut agents = [start(&ports[0]), start(&ports[1])];
    let proxy = config(ports[0].addr(), ports[1].addr()).start(haproxy);
    let are_up = || {
        ["agent", "second"]
            .iter()
            .all(|name| proxy.server_stat(name, "status") != "DOWN")
    };
    let exchanges = Load::on(proxy.addr(), CLIENTS, |load| {
        for turn in 0..4 {
            eventually("both are there", are_up);
            wait_for(load, 50);
            let (agent, port) = (&mut agents[turn % 2], &ports[turn % 2]);
            agent.signal("TERM");
            assert!(agent.wait(PATIENCE).success());
            load.wait_for(20);
            *agent = start(port);
        }
        eventually("both are there", are_up);
        wait_for(load, 50);
    });
    Counts::of(&exchanges)
}

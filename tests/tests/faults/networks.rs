//! Connections that end in the middle of a frame.

use spoa_tests::{Load, Port, Relay, Way, eventually, for_each_haproxy};

use crate::counts::{Counts, Table};
use crate::{CLIENTS, assert_well, config, start_agent, wait_for};

/// How often a connection is cut.
const TIMES: usize = 10;

#[test]
fn connections_are_cut_in_the_middle_of_a_notify() {
    let table = Table::of("connection cut inside a NOTIFY, ten times");
    for_each_haproxy(|haproxy| {
        let counts = cut(haproxy, Way::Up);
        table.row(haproxy, &counts);
    });
}

#[test]
fn connections_are_cut_in_the_middle_of_an_ack() {
    let table = Table::of("connection cut inside an ACK, ten times");
    for_each_haproxy(|haproxy| {
        let counts = cut(haproxy, Way::Down);
        table.row(haproxy, &counts);
    });
}

fn cut(haproxy: &spoa_tests::Haproxy, way: Way) -> Counts {
    let port = Port::free();
    let _agent = start_agent(&port, &[]);
    let relay = Relay::to(port.addr());
    let proxy = config(relay.addr(), "later").start(haproxy);
    let exchanges = Load::on(proxy.addr(), CLIENTS, |load| {
        for _ in 0..TIMES {
            wait_for(load, 30);
            let before = relay.cuts();
            relay.cut(way);
            eventually("a connection is cut", || relay.cuts() > before);
        }
        wait_for(load, 30);
    });
    assert_well(&proxy);
    let counts = Counts::of(&exchanges);
    // At most what was in flight on the connection; a HELLO cut in half may cost nothing.
    assert!((1..=TIMES * CLIENTS).contains(&counts.lost()), "{counts:?}");
    counts
}

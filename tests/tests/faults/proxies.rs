//! HAProxies that are reloaded.

use spoa_tests::{Load, Port, for_each_haproxy};

use crate::counts::{Counts, Table};
use crate::{CLIENTS, config, start_agent, wait_for};

#[test]
fn haproxy_is_reloaded_ten_times() {
    let table = Table::of("reload of HAProxy (`-sf`), ten times");
    for_each_haproxy(|haproxy| {
        let port = Port::free();
        let _agent = start_agent(&port, &[]);
        let mut proxy = config(port.addr(), "later").start(haproxy);
        let counts = Counts::of(&Load::on(proxy.addr(), CLIENTS, |load| {
            for _ in 0..10 {
                wait_for(load, 20);
                proxy.reload();
                wait_for(load, 20);
                proxy.wait_until_the_old_one_left();
            }
        }));
        counts.assert_none_lost();
        table.row(haproxy, &counts);
    });
}

#[test]
fn a_master_reloads_its_worker_ten_times() {
    let table = Table::of("reload of HAProxy (`-W`, SIGUSR2), ten times");
    for_each_haproxy(|haproxy| {
        let port = Port::free();
        let _agent = start_agent(&port, &[]);
        let mut proxy = config(port.addr(), "later").master_worker().start(haproxy);
        let counts = Counts::of(&Load::on(proxy.addr(), CLIENTS, |load| {
            for _ in 0..10 {
                wait_for(load, 20);
                proxy.reload();
                wait_for(load, 20);
            }
        }));
        counts.assert_none_lost();
        table.row(haproxy, &counts);
    });
}

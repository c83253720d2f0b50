//! Certificates that are replaced.

use spoa_tests::{Authority, Load, Port, TempDir, eventually, for_each_haproxy_in_turn};

use crate::counts::{Counts, Table};
use crate::{CLIENTS, config, start_agent, wait_for};

#[test]
fn certificates_are_replaced() {
    let table = Table::of("certificate swap (SIGHUP, then new connections by `-sf`), six times");
    let authorities = [Authority::new("the first"), Authority::new("the second")];
    let dir = TempDir::new();
    let both = dir.write(
        "both-ca.pem",
        &[authorities[0].pem(), authorities[1].pem()].concat(),
    );
    for_each_haproxy_in_turn(|haproxy| {
        let certificate = dir.write("agent.pem", &authorities[0].agent().both());
        let port = Port::free();
        let agent = start_agent(&port, &["--tls-cert", &certificate.display().to_string()]);
        let server = format!(
            "{} ssl verify required ca-file {}",
            port.addr(),
            both.display()
        );
        let mut proxy = config(server, "later").start(haproxy);
        let reloads = || {
            let lines = agent.output();
            let done = lines
                .iter()
                .filter(|line| line.contains("SIGHUP: reloaded in"));
            done.count()
        };
        let counts = Counts::of(&Load::on(proxy.addr(), CLIENTS, |load| {
            for turn in 1..=6 {
                wait_for(load, 20);
                dir.write("agent.pem", &authorities[turn % 2].agent().both());
                agent.signal("HUP");
                eventually("it is read", || reloads() == turn);
                proxy.reload();
                wait_for(load, 20);
                proxy.wait_until_the_old_one_left();
            }
        }));
        counts.assert_none_lost();
        table.row(haproxy, &counts);
    });
}

//! Handlers that panic at times, and such as do not return.

use std::collections::BTreeMap;

use spoa_tests::{Exchange, Haproxy, Load, Port, at_once, for_each_haproxy};

use crate::counts::{Counts, Table};
use crate::{CLIENTS, config, start_agent, wait_for};

/// Every so manieth request has the variable that says so, all others their verdicts.
fn fails_one_in(every: usize, why: &str, message: &str, haproxy: &Haproxy) -> Counts {
    let port = Port::free();
    // So that those which never return do not use all of it up.
    let agent = start_agent(&port, &["--max-blocking", "4000"]);
    let proxy = config(port.addr(), message).start(haproxy);
    let exchanges = Load::on(proxy.addr(), CLIENTS, |load| wait_for(load, 250));
    let counts = Counts::of(&exchanges);
    for exchange in &exchanges {
        let failed = exchange.var("txn.iprep.failed");
        let expected = number(exchange) % every == every - 1;
        assert_eq!(failed, expected.then_some(why), "{}", exchange.path);
    }
    assert_eq!(counts.lost(), 0, "{counts:?}");
    let lines = agent.output();
    assert!(
        lines.iter().any(|line| line.contains("` failed: ")),
        "{lines:#?}"
    );
    counts
}

/// `17` of `/3-17`.
fn number(exchange: &Exchange) -> usize {
    let number = exchange.path.rsplit('-').next();
    let number = number.and_then(|number| number.parse().ok());
    number.expect("the load numbers its requests")
}

#[test]
fn a_handler_panics_on_every_seventh_request() {
    let table = Table::of("a sync handler panics on every seventh request");
    for_each_haproxy(|haproxy| {
        table.row(haproxy, &fails_one_in(7, "panicked", "panics", haproxy));
    });
}

#[test]
fn an_async_handler_panics_on_every_seventh_request() {
    let table = Table::of("an async handler panics on every seventh request");
    for_each_haproxy(|haproxy| {
        table.row(
            haproxy,
            &fails_one_in(7, "panicked", "panics-later", haproxy),
        );
    });
}

#[test]
fn an_async_handler_never_returns_on_every_eleventh_request() {
    let table = Table::of("an async handler never returns on every eleventh request");
    for_each_haproxy(|haproxy| {
        table.row(haproxy, &fails_one_in(11, "timed out", "hangs", haproxy));
    });
}

#[test]
fn a_blocking_handler_never_returns_on_every_eleventh_request() {
    let table = Table::of("a blocking handler never returns on every eleventh request");
    for_each_haproxy(|haproxy| {
        table.row(
            haproxy,
            &fails_one_in(11, "timed out", "hangs-aside", haproxy),
        );
    });
}

#[test]
fn a_full_pool_is_reported_at_once() {
    let table =
        Table::of("the same with `--max-blocking 4 --max-blocking-queue 0`: the pool is used up");
    for_each_haproxy(|haproxy| {
        let port = Port::free();
        let _agent = start_agent(&port, &["--max-blocking", "4", "--max-blocking-queue", "0"]);
        let proxy = config(port.addr(), "hangs-aside").start(haproxy);
        // Not by the load: on a busy machine, its first verdicts can keep the pool to its end.
        let mut exchanges = at_once(4, |nth| Exchange::with(proxy.addr(), 11 * nth + 10));
        exchanges.extend(Load::on(proxy.addr(), CLIENTS, |load| wait_for(load, 250)));
        let counts = Counts::of(&exchanges);
        let failed = BTreeMap::from([
            ("timed out".to_owned(), 4),
            ("overloaded".to_owned(), exchanges.len() - 4),
        ]);
        assert_eq!((counts.lost(), &counts.failed), (0, &failed), "{counts:?}");
        table.row(haproxy, &counts);
    });
}

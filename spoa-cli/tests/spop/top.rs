//! `spop top`.

use super::agent::{agent, peer, serving};
use super::spop;
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The counters of an agent that handled this many messages.
fn stats(handled: u64) -> String {
    format!(
        r#"{{"agents":[{{"agent":"ip-reputation","phase":"serving","connections_open":2,"notifies":{handled},
        "messages":[{{"message":"get-ip-reputation","ok":{handled},"in_flight":0}}]}}]}}"#
    )
}

#[test]
fn the_figures_of_one_interval_are_plain_text() {
    let looks = Arc::new(AtomicU64::new(0));
    let admin = peer(move |mut stream| {
        let _ = stream.read(&mut [0; 1024]);
        let looks = looks.fetch_add(1, Ordering::Relaxed);
        let text = format!("HTTP/1.0 200 OK\r\n\r\n{}", stats(looks * 1000));
        let _ = stream.write_all(text.as_bytes());
    });
    let out = spop(&["top", &admin, "--once", "--interval", "100ms"]).good();
    let lines: Vec<&str> = out.lines().collect();
    let [head, titles, row] = lines.as_slice() else {
        panic!("three lines, not {lines:#?}");
    };
    assert!(
        head.starts_with("ip-reputation  serving   connections 2   NOTIFYs "),
        "{head}"
    );
    assert!(
        titles.starts_with("MESSAGE ") && titles.ends_with("FAILED"),
        "{titles}"
    );
    let words: Vec<&str> = row.split_whitespace().collect();
    let [name, rate, failing, .., handled, failed] = words.as_slice() else {
        panic!("a row has columns, not {row}");
    };
    assert_eq!(
        (*name, *failing, *handled, *failed),
        ("get-ip-reputation", "0", "1000", "0")
    );
    let rate: f64 = rate.parse().expect("a rate is a number");
    // 1000 in a tenth of a second, or in longer on a busy machine.
    assert!((1.0..=11_000.0).contains(&rate), "{rate}");
}

#[test]
fn an_address_without_an_admin_server_is_an_error() {
    let done = spop(&["top", &agent(), "--once", "--timeout", "500ms"]);
    assert_eq!(done.status, 1);
    assert!(
        done.err.starts_with("error: admin server `"),
        "{}",
        done.err
    );
    let done = spop(&["top", "127.0.0.1:1", "--once"]);
    assert_eq!(done.status, 1);
    assert!(
        done.err.contains("give the address of its `--admin`"),
        "{}",
        done.err
    );
    let done = spop(&["top", &serving("{}"), "--once"]);
    assert_eq!(done.status, 1);
    let done = spop(&["top", "127.0.0.1:1", "--interval", "1ms"]);
    assert_eq!(done.status, 2);
    assert!(done.err.contains("write at least `100ms`"), "{}", done.err);
}

//! `spop record` between real HAProxies and an agent, and `spop replay` of what it wrote.
//!
//! The other tests measure time: this one, which keeps the machine busy, has a process of its own.

#[path = "spop/recorder.rs"]
mod recorder;

use recorder::Recorder;
use spoa::prelude::*;
use spoa::spop::Args;
use spoa_tests::{Background, Config, Message as Sent, for_each_haproxy};
use std::net::IpAddr;
use std::process::Command;

#[spoe_message("get-ip-reputation", set = "sess.ip_score")]
fn ip_reputation(ip: IpAddr) -> u8 {
    if ip.is_loopback() { 100 } else { 20 }
}

#[spoe_message("echo", set = "txn.echo")]
fn echo(args: Args<'_>) -> String {
    let words: Vec<String> = args
        .iter()
        .map(|arg| format!("{}={}:{}", arg.name, arg.value.data_type(), arg.value))
        .collect();
    words.join(" ")
}

#[spoe_message("status", set = "txn.status")]
fn status(code: i64) -> i64 {
    code
}

#[test]
fn the_traffic_of_every_haproxy_is_recorded_and_replayed() {
    let agent = Background::agent(|agent| agent.handlers(handlers![ip_reputation, echo, status]));
    for_each_haproxy(|haproxy| {
        let address = agent.addr().to_string();
        let mut recorder = Recorder::start(&address, &["--hash", "ip"]);
        let config = Config::new(&recorder.address)
            .message(Sent::new("get-ip-reputation").args("ip=src"))
            .message(
                Sent::new("echo").args("path=path method=method ssl=ssl_fc none=req.hdr(none)"),
            )
            .message(
                Sent::new("status")
                    .args("code=status")
                    .event("on-http-response"),
            )
            .set_on_error("error")
            .vars([
                "sess.iprep.ip_score",
                "txn.iprep.echo",
                "txn.iprep.status",
                "txn.iprep.error",
            ]);
        let proxy = config.start(haproxy);
        for number in 0..20 {
            let path = format!("/{number}");
            let reply = proxy.get(&path);
            assert_eq!(reply.var("txn.iprep.error"), None);
            assert_eq!(reply.var("sess.iprep.ip_score"), Some("100"));
            let echo = reply.var("txn.iprep.echo").expect("it is set");
            assert!(echo.contains(&format!("STRING:\"{path}\"")), "{echo}");
            assert_eq!(reply.var("txn.iprep.status"), Some("200"));
        }
        drop(proxy);
        let (code, out, err) = recorder.stop();
        assert_eq!((code, err.as_str()), (0, ""), "{haproxy}");
        // Two events of each request.
        assert!(
            out.starts_with("recorded 40 NOTIFYs of "),
            "{haproxy}: {out}"
        );
        assert!(!recorder.text().contains("\"127.0.0.1\""), "{haproxy}");
        // The hash of the loopback address is another address, and has another score.
        for (options, changed, code) in [(&["--ignore", "sess.ip_score"][..], 0, 0), (&[], 20, 1)] {
            let replayed = Command::new(env!("CARGO_BIN_EXE_spop"))
                .args(["replay", &address])
                .arg(recorder.file())
                .args(options)
                .output()
                .expect("the binary runs");
            let out = String::from_utf8_lossy(&replayed.stdout);
            assert_eq!(replayed.status.code(), Some(code), "{haproxy}: {out}");
            let verdict = format!("{changed} of 40 answers changed");
            assert!(out.contains(&verdict), "{haproxy}: {out}");
        }
    });
}

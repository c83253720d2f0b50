//! Checks the order in which HAProxy carries out a configuration. `doctor` depends on it.
//!
//! `spoa-config/tests/order` has a configuration whose rules and arguments each print a label, and the
//! labels in the order in which they come: for a frontend with a backend, and for a `listen`.
//! State kept from one request to the next is tested here as well.

use spoa_tests::{
    Client, Config, Message, PATIENCE, Port, Process, Request, TempDir, for_each_haproxy,
};
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// The labels that HAProxy printed.
fn labels(output: &[String]) -> Vec<String> {
    let label = |line: &String| {
        let (_, rest) = line.split_once("[debug] ")?;
        Some(rest.split_once(": type=")?.0.to_owned())
    };
    output.iter().filter_map(label).collect()
}

#[test]
fn events_come_before_the_rules_of_their_kind() {
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spoa-config/tests/order");
    let read = |name: &str| fs::read_to_string(files.join(name)).expect("the file is there");
    for_each_haproxy(|haproxy| {
        let ports = [(); 4].map(|()| Port::free());
        let numbers = ["18080", "18082", "18081", "18099"];
        let mut config = read("haproxy.cfg");
        for (number, port) in numbers.iter().zip(&ports) {
            config = config.replace(number, &port.number().to_string());
        }
        let [front, listen, origin, _] = &ports;
        let dir = TempDir::new();
        // See `Proxy::wait_for_log`.
        dir.write(
            "haproxy.cfg",
            &format!("global\n    nbthread 1\n\n{config}"),
        );
        dir.write("spoe.conf", &read("spoe.conf"));
        dir.write("spoe-b.conf", &read("spoe-b.conf"));
        let mut command = Command::new(haproxy.path());
        command.args(["-f", "haproxy.cfg"]).current_dir(dir.path());
        let process = Process::start(&mut command);
        let limit = Instant::now() + PATIENCE;
        while TcpStream::connect(origin.addr()).is_err() {
            assert!(Instant::now() < limit, "{haproxy}: {:?}", process.output());
            thread::sleep(Duration::from_millis(10));
        }
        let mut seen = 0;
        for (port, name, last) in [
            (front, "frontend", "fe-http-after"),
            (listen, "listen", "li-http-after"),
        ] {
            let reply = Client::connect(port.addr())
                .expect("HAProxy accepts")
                .send(&Request::get("/"));
            assert_eq!(reply.status, 200, "{haproxy} {name}");
            process.wait_for_line(last);
            let all = labels(&process.output());
            let expected = read(name);
            let expected: Vec<_> = expected.lines().collect();
            assert_eq!(
                all.get(seen..),
                Some(&*expected.iter().map(|it| it.to_string()).collect::<Vec<_>>()),
                "{haproxy} {name}"
            );
            seen = all.len();
        }
    });
}

/// `proc` is one for all clients, `sess` one for the requests of a connection; `txn` is gone with its
/// request.
#[test]
fn variables_of_proc_and_sess_are_there_for_other_requests() {
    let agent = Port::free();
    for_each_haproxy(|haproxy| {
        let never = Message::new("never").event("on-client-session if { always_false }");
        let mut config = Config::new(agent.addr()).message(never);
        for scope in ["proc", "sess", "txn"] {
            config = config.frontend(&format!(
                "http-request set-var({scope}.kept) url_param(name) if {{ path /set }}"
            ));
        }
        let proxy = config
            .frontend(
                "http-request return status 200 content-type text/plain lf-string \
                 \"%[var(proc.kept)] %[var(sess.kept)] %[var(txn.kept)].\"",
            )
            .start(haproxy);
        let mut one = proxy.client();
        assert_eq!(one.get("/set?name=a").text(), "a a a.", "{haproxy}");
        assert_eq!(one.get("/").text(), "a a .", "{haproxy}");
        assert_eq!(proxy.client().get("/").text(), "a  .", "{haproxy}");
    });
}

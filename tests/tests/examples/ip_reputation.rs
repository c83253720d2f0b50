//! `ip-reputation`: who scores enough is let in.

use spoa_tests::{Directory, Port, Request, example, for_each_haproxy_in_turn};

use crate::agent::{ask, exchange, start};

#[test]
fn clients_with_a_high_score_are_let_in() {
    let _ports = Port::fixed([8080, 8081, 12345]);
    let directory = Directory::new("examples/ip-reputation", "127.0.0.1:8080");
    for_each_haproxy_in_turn(|haproxy| {
        let agent = start(&mut example("ip-reputation"));
        let proxy = directory.start_patiently(haproxy);

        let reply = ask(&proxy, &Request::get("/"), "x-ip-score");
        assert_eq!((reply.status, reply.text().as_str()), (200, "hello\n"));
        assert_eq!(reply.header("x-ip-score"), Some("100"));

        for (ip, status, score) in [
            ("192.0.2.7", "200", "20"),
            ("10.1.2.3", "200", "80"),
            ("255.255.255.255", "403", "0"),
        ] {
            let request = format!(
                "PROXY TCP4 {ip} 127.0.0.1 40000 8081\r\nGET / HTTP/1.1\r\nhost: a\r\n\
                 connection: close\r\n\r\n"
            );
            let answer = exchange(8081, request.as_bytes());
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status} ")),
                "{ip}: {answer}"
            );
            assert!(
                answer.contains(&format!("\r\nx-ip-score: {score}\r\n")),
                "{ip}: {answer}"
            );
        }

        assert_eq!(agent.stop_agent(), [""; 0]);
        let reply = ask(&proxy, &Request::get("/"), "x-ip-error");
        assert_eq!((reply.status, reply.header("x-ip-score")), (200, None));
    });
}

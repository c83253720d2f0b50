//! Agents that come and go, which HAProxy finds by DNS: `server-template`.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::Command;
use std::sync::{Arc, Mutex};

use spoa_tests::{Origin, Port, Process, Proxy, Request, TempDir, eventually, for_each_haproxy};

use crate::common::program;
use crate::written::Written;

fn agent() -> Command {
    program(env!("CARGO_BIN_EXE_agent-member"))
}

/// A DNS server that answers each question for addresses with those that it is told.
struct Dns {
    addr: SocketAddr,
    addresses: Arc<Mutex<Vec<Ipv4Addr>>>,
}

impl Dns {
    fn start() -> Dns {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("there is a port");
        let addr = socket.local_addr().expect("it is bound");
        let addresses = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&addresses);
        // The end of the test program ends it.
        std::thread::spawn(move || {
            let mut query = [0; 512];
            while let Ok((len, from)) = socket.recv_from(&mut query) {
                let answer = answer(&query[..len], &told.lock().expect("not poisoned"));
                let _ = socket.send_to(&answer, from);
            }
        });
        Dns { addr, addresses }
    }

    fn tell(&self, addresses: &[Ipv4Addr]) {
        *self.addresses.lock().expect("not poisoned") = addresses.to_vec();
    }
}

/// Returns the answer to a query, by RFC 1035: its head, its question and an A record for each address.
fn answer(query: &[u8], addresses: &[Ipv4Addr]) -> Vec<u8> {
    const HEAD: usize = 12;
    let name = query[HEAD..].iter().position(|byte| *byte == 0);
    let end = HEAD + name.expect("the name has an end") + 5;
    let is_a = query[end - 4..end - 2] == [0, 1];
    let count = if is_a { addresses.len() } else { 0 };
    let mut answer = query[..2].to_vec();
    answer.extend([
        0x81,
        0x80,
        0,
        1,
        0,
        u8::try_from(count).expect("a few"),
        0,
        0,
        0,
        0,
    ]);
    answer.extend(&query[HEAD..end]);
    for address in addresses.iter().take(count) {
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
        answer.extend(address.octets());
    }
    answer
}

fn member(name: &str, address: Ipv4Addr, port: u16) -> Process {
    let listen = format!("{address}:{port}");
    let process = Process::start(agent().args(["--member", name, "--listen", &listen]));
    process.wait_for_line("listening on ");
    process
}

fn wait_until_up(proxy: &Proxy, wanted: &[Ipv4Addr]) {
    eventually("HAProxy does not see these agents", || {
        let servers = proxy.admin("show servers state member-agents");
        let mut up: Vec<Ipv4Addr> = servers
            .lines()
            .filter_map(|line| {
                let fields: Vec<_> = line.split(' ').collect();
                let is_up = fields.get(5) == Some(&"2") && fields.get(6) == Some(&"0");
                fields.get(4)?.parse().ok().filter(|_| is_up)
            })
            .collect();
        up.sort_unstable();
        up == wanted
    });
}

#[test]
fn agents_that_come_and_go_in_dns_lose_no_answer() {
    for_each_haproxy(|haproxy| {
        let [one, other] = [Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3)];
        let (front, site, dir, dns) = (Port::free(), Origin::start(), TempDir::new(), Dns::start());
        let agents = Port::free();
        let port = agents.number();
        let rules = format!(
            "    bind {}\n    \
             http-after-response set-header x-asked %[var(txn.member.asked)]\n    \
             http-after-response set-header x-told %[var(txn.member.told)]\n    \
             default_backend site\n\nbackend site\n    server origin {}\n",
            front.addr(),
            site.addr()
        );
        let rules = dir.write("rules.cfg", &rules).display().to_string();
        let server = format!("127.0.0.1:{port}");
        let mut written = Written::by(agent(), haproxy, &["--rules", &rules, "--server", &server]);
        written.serve_at(front);
        let config = written.read("haproxy.cfg");
        let line = format!("    server agent1 {server}\n");
        assert!(config.contains(&line), "{config}");
        let template = format!(
            "    server-template agent 3 agents.example:{port} resolvers dns init-addr none resolve-prefer ipv4\n"
        );
        let resolvers = format!(
            "\nresolvers dns\n    nameserver dns {}\n    timeout resolve 200ms\n    hold valid 200ms\n    \
             hold obsolete 0s\n",
            dns.addr
        );
        let config = config.replace(&line, &template) + &resolvers;
        fs::write(written.dir.join("haproxy.cfg"), config).expect("it is written");
        dns.tell(&[one]);
        let mut first = member("first", one, port);
        let proxy = written.start(haproxy);
        wait_until_up(&proxy, &[one]);
        // The agents that answer for a request, and for its response.
        let asked = || {
            let reply = proxy.send(&Request::get("/"));
            ["x-asked", "x-told"].map(|name| reply.header(name).unwrap_or_default().to_owned())
        };
        let of_both = |names: [String; 2]| {
            let mut names = names.iter();
            assert!(
                names.all(|name| name == "first" || name == "second"),
                "{haproxy}"
            );
        };
        assert_eq!(asked(), ["first", "first"], "{haproxy}");
        // One more comes.
        let second = member("second", other, port);
        dns.tell(&[one, other]);
        wait_until_up(&proxy, &[one, other]);
        of_both(asked());
        // The first leaves: it is removed from DNS, and stops once HAProxy knows.
        dns.tell(&[other]);
        wait_until_up(&proxy, &[other]);
        first.signal("TERM");
        loop {
            of_both(asked());
            if !first.is_running() {
                break;
            }
        }
        assert_eq!(asked(), ["second", "second"], "{haproxy}");
        drop(second);
    });
}

//! `config --sticky`: all messages of a key go to one agent, and only the keys of an agent that is down move.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use spoa_tests::{
    Haproxy, Origin, Port, Process, Proxy, Reply, Request, TempDir, eventually, for_each_haproxy,
};

use crate::common::program;
use crate::written::{Written, ask};

/// The keys: enough that each of three agents has some.
const KEYS: u32 = 24;

fn agent() -> Command {
    program(env!("CARGO_BIN_EXE_agent-member"))
}

/// Three agents that say their names, and HAProxy with what `config` writes for them.
struct Fleet {
    proxy: Proxy,
    agents: Vec<Process>,
    ports: Vec<String>,
    _ports: [Port; 3],
    _written: Written,
    _origin: Origin,
}

impl Fleet {
    fn start(haproxy: &Haproxy, sticky: &str) -> Fleet {
        let held = [Port::free(), Port::free(), Port::free()];
        let ports: Vec<_> = held.iter().map(|port| port.addr().to_string()).collect();
        // HAProxy sends no message about a response that is its own.
        let (front, origin, dir) = (Port::free(), Origin::start(), TempDir::new());
        let rules = format!(
            "    bind {}\n    \
             http-after-response set-header x-asked %[var(txn.member.asked)]\n    \
             http-after-response set-header x-told %[var(txn.member.told)]\n    \
             default_backend site\n\nbackend site\n    server origin {}\n",
            front.addr(),
            origin.addr()
        );
        let rules = dir.write("rules.cfg", &rules).display().to_string();
        let mut args = vec!["--rules", &rules, "--sticky", sticky];
        for port in &ports {
            args.extend(["--server", port]);
        }
        let mut written = Written::by(agent(), haproxy, &args);
        written.serve_at(front);
        assert_eq!(written.warnings, [""; 0], "{haproxy}");
        let agents = (0..ports.len()).map(|number| member(number, &ports[number]));
        let agents = agents.collect();
        let proxy = written.start(haproxy);
        let fleet = Fleet {
            proxy,
            agents,
            ports,
            _ports: held,
            _written: written,
            _origin: origin,
        };
        fleet.wait_until_up(3);
        fleet
    }

    fn wait_until_up(&self, count: usize) {
        eventually("HAProxy does not see the agents", || {
            let servers = self.proxy.admin("show servers state member-agents");
            let up = servers.lines().filter(|line| {
                let mut fields = line.split(' ');
                fields.nth(5) == Some("2")
            });
            up.count() == count
        });
    }

    /// Returns the agents that answer for a key: to the request, and to its response.
    fn answers(&self, key: u32) -> [String; 2] {
        let request = Request::get("/").header("x-user", &format!("user {key}"));
        let answer = |reply: &Reply| {
            let [asked, told] = ["x-asked", "x-told"].map(|name| reply.header(name));
            Some([asked?.to_owned(), told?.to_owned()])
        };
        let reply = ask(&self.proxy, &request, "answers of an agent", |reply| {
            answer(reply).is_some_and(|names| names.iter().all(|name| !name.is_empty()))
        });
        answer(&reply).expect("both were waited for")
    }

    /// Returns the agent of each key, which must be one for request and response.
    fn agents_of_keys(&self) -> BTreeMap<u32, String> {
        let agents = (0..KEYS).map(|key| {
            let [asked, told] = self.answers(key);
            assert_eq!(asked, told, "key {key}");
            (key, asked)
        });
        agents.collect()
    }
}

fn member(number: usize, listen: &str) -> Process {
    let name = format!("m{number}");
    let process = Process::start(agent().args(["--member", &name, "--listen", listen]));
    process.wait_for_line("listening on ");
    process
}

#[test]
fn only_the_keys_of_an_agent_that_is_down_move() {
    for_each_haproxy(|haproxy| {
        if !haproxy.at_least(3, 1) {
            let refused = agent()
                .args(["config", "--haproxy"])
                .arg(format!("{}.{}", haproxy.series().0, haproxy.series().1))
                .args(["--sticky", "src"])
                .stdin(Stdio::null())
                .output()
                .expect("the agent runs");
            let said = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert_eq!(refused.status.code(), Some(2), "{said}");
            assert!(
                said.contains("option `--sticky` needs HAProxy 3.1 or later"),
                "{said}"
            );
            return;
        }
        let mut fleet = Fleet::start(haproxy, "req.hdr(x-user)");
        let before = fleet.agents_of_keys();
        assert_eq!(fleet.agents_of_keys(), before, "{haproxy}");
        for name in ["m0", "m1", "m2"] {
            assert!(
                before.values().any(|agent| agent == name),
                "{haproxy}: {before:?}"
            );
        }
        fleet.agents[1].kill();
        fleet.wait_until_up(2);
        let during = fleet.agents_of_keys();
        for (key, agent) in &before {
            let now = &during[key];
            assert_ne!(now, "m1", "{haproxy} key {key}");
            assert!(
                agent == "m1" || now == agent,
                "{haproxy} key {key}: {agent}, then {now}"
            );
        }
        fleet.agents[1] = member(1, &fleet.ports[1]);
        fleet.wait_until_up(3);
        assert_eq!(fleet.agents_of_keys(), before, "{haproxy}");
    });
}

#[test]
fn with_a_key_of_the_connection_all_requests_go_to_one_agent() {
    for_each_haproxy(|haproxy| {
        if !haproxy.at_least(3, 1) {
            return;
        }
        let fleet = Fleet::start(haproxy, "src");
        let agents: Vec<_> = fleet.agents_of_keys().into_values().collect();
        // All requests come from 127.0.0.1.
        assert!(
            agents.iter().all(|agent| *agent == agents[0]),
            "{haproxy}: {agents:?}"
        );
    });
}

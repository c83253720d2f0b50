//! Two agents that are stopped by SIGTERM and started again in turns, under load.

use std::collections::HashSet;
use std::time::Duration;

use spoa::prelude::*;
use spoa_tests::{
    Background, Config, Exchange, Haproxy, Load, Message as Sent, PATIENCE, Port, Process, Proxy,
    eventually, for_each_haproxy, for_haproxies,
};

use crate::asked::{Asked, kept};
use crate::common::program;

/// How often both agents are restarted.
const ROUNDS: usize = 2;

/// The agents: their ports, and what runs there.
struct Agents {
    ports: [Port; 2],
    running: [Process; 2],
}

impl Agents {
    fn start() -> Agents {
        let ports = [Port::free(), Port::free()];
        let running = [start(&ports[0]), start(&ports[1])];
        Agents { ports, running }
    }

    /// Stops one and starts it again.
    fn restart(&mut self, which: usize) {
        self.running[which].signal("TERM");
        assert_eq!(self.running[which].wait(PATIENCE).code(), Some(0));
        self.running[which] = start(&self.ports[which]);
    }
}

fn start(port: &Port) -> Process {
    let mut command = program(env!("CARGO_BIN_EXE_agent-echoing"));
    let address = port.addr().to_string();
    // Health checks of a busy machine are late, though there are twenty a second.
    let args = ["--listen", &address, "--lame-duck", "5s"];
    let agent = Process::start(command.args(args));
    agent.wait_for_line("INFO started: ");
    agent
}

fn is_up(proxy: &Proxy, server: &str) -> bool {
    proxy.server_stat(server, "status") == "UP"
}

/// Both are restarted in turns, several times, while requests come: what came of those.
fn roll(haproxy: &Haproxy, more: impl Fn(Config) -> Config) -> Vec<Exchange> {
    let mut agents = Agents::start();
    let second = format!("server second {} check inter 50ms", agents.ports[1].addr());
    let config = Config::new(agents.ports[0].addr())
        .message(Sent::new("echo").args("token=path"))
        .set_on_error("error")
        .vars(["txn.iprep.echo", "txn.iprep.error"])
        .processing_timeout(Duration::from_secs(10))
        .spop_check()
        .agent_backend(&second)
        .agent_backend("option redispatch 1");
    let proxy = more(config).start(haproxy);
    eventually("both are UP", || {
        is_up(&proxy, "agent") && is_up(&proxy, "second")
    });
    Load::on(proxy.addr(), 16, |load| {
        for _ in 0..ROUNDS {
            for (which, server) in ["agent", "second"].into_iter().enumerate() {
                load.wait_for(100);
                agents.restart(which);
                eventually("it is UP again", || is_up(&proxy, server));
            }
        }
        load.wait_for(100);
    })
}

/// Returns the errors of requests without their verdict. No request gets another one's verdict, or no answer.
fn lost(exchanges: &[Exchange]) -> Vec<&str> {
    let mut lost = Vec::new();
    for exchange in exchanges {
        let status = exchange.reply.as_ref().map(|reply| reply.status);
        assert_eq!(status.ok(), Some(200), "{}", exchange.path);
        match exchange.var("txn.iprep.echo") {
            Some(token) => assert_eq!(token, exchange.path),
            None => lost.push(exchange.var("txn.iprep.error").unwrap_or("-")),
        }
    }
    lost
}

#[test]
fn a_rolling_restart_loses_nothing_or_what_the_guide_says() {
    for_each_haproxy(|haproxy| {
        // Up to 3.0 a connection is used on while its server is DOWN. Without pipelining a NOTIFY can
        // cross a DISCONNECT only if the connection was idle, which is rare. 2.6 forgets what is in
        // its queue when the last connection of a thread ends, and more of it without pipelining: as much as
        // there are clients, at each restart.
        let old = !haproxy.at_least(2, 8);
        let pipelining = old || haproxy.at_least(3, 1);
        let exchanges = roll(haproxy, |config| {
            if pipelining {
                config
            } else {
                config.no_pipelining()
            }
        });
        let lost = lost(&exchanges);
        let (requests, restarts) = (exchanges.len(), 2 * ROUNDS);
        println!(
            "{haproxy}: pipelining {pipelining}, {restarts} restarts, {requests} requests, lost: \
             {lost:?}"
        );
        let most = match (old, haproxy.at_least(3, 1)) {
            (true, _) => 16 * restarts,
            (false, false) => 2,
            (false, true) => 0,
        };
        // The error of a connection that was closed.
        assert!(lost.iter().all(|error| *error == "256" || old), "{lost:?}");
        assert!(lost.len() <= most, "{} of {requests}: {lost:?}", lost.len());
    });
}

fn keeping(asked: &Asked, lame_duck: Duration) -> Background {
    let asked = asked.clone();
    Background::agent(move |agent| {
        agent
            .handlers(handlers![kept])
            .state(asked)
            .limits(|limits| limits.lame_duck = lame_duck)
    })
}

#[test]
fn haproxy_finds_a_lame_duck_down_and_sends_it_nothing() {
    const CLIENTS: usize = 8;
    // Up to 3.0 all may go over the one connection there is, and goes on there.
    let why = "connections to a server that is DOWN, of HAProxy 3.1 and later";
    for_haproxies(
        why,
        |haproxy| haproxy.at_least(3, 1),
        |haproxy| {
            let (first_asked, second_asked) = <(Asked, Asked)>::default();
            // On a busy machine, checks are late, and so are the requests below.
            let first = keeping(&first_asked, Duration::from_secs(20));
            let second = keeping(&second_asked, Duration::ZERO);
            let server = format!("server second {}", second.addr());
            let proxy = Config::new(first.addr())
                .message(Sent::new("echo").args("token=path"))
                .vars(["txn.iprep.echo", "txn.iprep.error"])
                .spop_check()
                .agent_backend(&server)
                .start(haproxy);
            eventually("it is UP", || is_up(&proxy, "agent"));
            let asked = || first_asked.len();
            let exchanges = Load::on(proxy.addr(), CLIENTS, |load| {
                eventually("it is asked", || asked() > 20);
                std::thread::scope(|scope| {
                    let stopping = scope.spawn(|| first.stop());
                    eventually("it is DOWN", || proxy.agent_status() == "DOWN");
                    // On a busy machine, a check may time out before one is refused.
                    eventually("its check is refused", || {
                        proxy.agent_stat("check_status") == "L7RSP"
                    });
                    // A client has one request at a time. Those that began before have ended once the other
                    // agent has had one of each client.
                    let seen = second_asked.len();
                    eventually("each client gets to the other agent", || {
                        let tokens = second_asked.after(seen);
                        let clients: HashSet<_> =
                            tokens.iter().map(|token| token.split('-').next()).collect();
                        clients.len() == CLIENTS
                    });
                    let before = asked();
                    load.wait_for(40);
                    assert!(!stopping.is_finished(), "it does not drain yet");
                    assert_eq!(asked(), before);
                });
            });
            assert_eq!(lost(&exchanges), [""; 0]);
        },
    );
}

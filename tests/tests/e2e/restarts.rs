//! HAProxy and agents that stop and start while requests go on.

use std::net::TcpStream;
use std::time::Duration;

use spoa::State;
use spoa::agent::Agent;
use spoa::prelude::*;
use spoa_tests::{
    Background, Config, Exchange, Haproxy, Load, Message as Sent, Port, at_once, eventually,
    for_each_haproxy, for_each_haproxy_in_turn, for_haproxies,
};

use crate::asked::Asked;
use crate::gate::Gate;

/// Keeps the token it is given, and answers with it after a while.
#[spoe_message("echo", set = "txn.echo", timeout = "20s")]
async fn echo(token: &str, State(asked): State<'_, Asked>) -> String {
    asked.keep(token);
    tokio::time::sleep(Duration::from_millis(3)).await;
    token.to_owned()
}

/// The number of clients that send requests at once.
const CLIENTS: usize = 8;

fn echoing(asked: &Asked) -> Background {
    let asked = asked.clone();
    Background::agent(|agent| agent.handlers(handlers![echo]).state(asked))
}

fn config(agent: impl ToString) -> Config {
    Config::new(agent)
        .message(Sent::new("echo").args("token=path"))
        .set_on_error("error")
        .vars(["txn.iprep.echo", "txn.iprep.error"])
        .processing_timeout(Duration::from_secs(10))
}

/// Returns the requests without their verdict. No request gets another one's verdict, or no answer.
fn lost(exchanges: &[Exchange]) -> Vec<&Exchange> {
    let mut lost = Vec::new();
    for exchange in exchanges {
        let reply = exchange.reply.as_ref();
        let status = reply.map(|reply| reply.status).map_err(ToString::to_string);
        assert_eq!(status, Ok(200), "{}", exchange.path);
        match exchange.var("txn.iprep.echo") {
            Some(token) => assert_eq!(token, exchange.path),
            None => lost.push(exchange),
        }
    }
    lost
}

fn assert_none_lost(exchanges: &[Exchange]) {
    let lost = lost(exchanges);
    assert!(
        lost.is_empty(),
        "{} of {}: {lost:#?}",
        lost.len(),
        exchanges.len()
    );
}

/// Returns how many NOTIFYs were lost, each at once, with the code for a connection that ended: it crossed a
/// DISCONNECT. Those that HAProxy kept in its queue are not counted.
fn crossings(haproxy: &Haproxy, asked: &Asked, exchanges: &[Exchange]) -> usize {
    let mut lost = lost(exchanges);
    lost.retain(|exchange| !asked.stayed_in_the_queue(haproxy, exchange));
    for exchange in &lost {
        let error = exchange.var("txn.iprep.error");
        assert!(matches!(error, Some("256" | "257")), "{exchange:?}");
    }
    lost.len()
}

/// Asserts that at most `limit` NOTIFYs cross a DISCONNECT. On a busy machine, HAProxy may pause for milliseconds and
/// then send several at once, so there are three attempts.
fn assert_few_crossings(
    haproxy: &Haproxy,
    limit: usize,
    attempt: impl Fn(&Asked) -> Vec<Exchange>,
) {
    let mut crossed = Vec::new();
    while crossed.len() < 3 {
        let asked = Asked::default();
        let count = crossings(haproxy, &asked, &attempt(&asked));
        if count <= limit {
            return;
        }
        crossed.push(count);
    }
    panic!(
        "{haproxy}: {crossed:?} NOTIFYs crossed a DISCONNECT in three attempts, at most {limit} may"
    );
}

#[test]
fn haproxy_is_reloaded_under_load() {
    let agent = echoing(&Asked::default());
    for_each_haproxy_in_turn(|haproxy| {
        let mut proxy = config(agent.addr()).start(haproxy);
        assert_none_lost(&Load::on(proxy.addr(), CLIENTS, |load| {
            for _ in 0..2 {
                load.wait_for(50);
                proxy.reload();
                load.wait_for(50);
                proxy.wait_until_the_old_one_left();
            }
        }));
    });
}

#[test]
fn a_master_reloads_its_worker_under_load() {
    let agent = echoing(&Asked::default());
    for_each_haproxy_in_turn(|haproxy| {
        let mut proxy = config(agent.addr()).master_worker().start(haproxy);
        assert_none_lost(&Load::on(proxy.addr(), CLIENTS, |load| {
            for _ in 0..2 {
                load.wait_for(50);
                proxy.reload();
                load.wait_for(50);
            }
        }));
    });
}

#[spoe_message("echo", set = "txn.echo", timeout = "20s")]
async fn held_back(token: &str, State(gate): State<'_, Gate>) -> String {
    gate.pass().await;
    token.to_owned()
}

#[test]
fn requests_in_flight_when_haproxy_stops_are_answered() {
    for_each_haproxy_in_turn(|haproxy| {
        let gate = Gate::shut();
        let state = gate.clone();
        let agent = Background::agent(|agent| agent.handlers(handlers![held_back]).state(state));
        let config = config(agent.addr()).processing_timeout(Duration::from_secs(20));
        let mut proxy = config.start(haproxy);
        let addr = proxy.addr();
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| at_once(30, |number| Exchange::with(addr, number)));
            gate.wait_for(30);
            proxy.soft_stop();
            // HAProxy notices before they are answered.
            eventually("nobody is let in", || TcpStream::connect(addr).is_err());
            gate.open();
            assert_none_lost(&asking.join().expect("they say what goes wrong"));
        });
        assert!(proxy.wait(Duration::from_secs(10)).success());
    });
}

/// Starts an agent there.
fn echoing_at(port: &Port, asked: &Asked) -> Background {
    let asked = asked.clone();
    Background::agent_at(&port.addr().to_string(), |agent| {
        agent.handlers(handlers![echo]).state(asked)
    })
}

/// One of two agents is stopped and started again twice under load: what came of the requests.
fn one_of_two_restarts(
    haproxy: &Haproxy,
    asked: &Asked,
    more: impl Fn(Config) -> Config,
) -> Vec<Exchange> {
    let (port, second) = (Port::free(), echoing(asked));
    let first = echoing_at(&port, asked);
    let config = config(port.addr())
        .agent_backend(&format!("server second {}", second.addr()))
        // A stream that cannot connect to one agent takes the other at once.
        .agent_backend("option redispatch 1");
    let proxy = more(config).start(haproxy);
    Load::on(proxy.addr(), CLIENTS, |load| {
        let mut first = Some(first);
        for _ in 0..2 {
            load.wait_for(100);
            first.take().expect("it was started").stop();
            load.wait_for(100);
            first = Some(echoing_at(&port, asked));
        }
        load.wait_for(100);
    })
}

#[test]
fn an_agent_is_stopped_and_started_under_load() {
    for_each_haproxy_in_turn(|haproxy| {
        // HAProxy may be sending one more NOTIFY when the DISCONNECT is on its way to it: that is rare.
        assert_few_crossings(haproxy, 4, |asked| {
            one_of_two_restarts(haproxy, asked, |config| config)
        });
    });
}

#[test]
fn without_pipelining_at_most_an_idle_connection_loses_a_request() {
    // 2.6 forgets requests in its queue now and then, whatever the agent does.
    let why = "an agent stopped without pipelining, of HAProxy 2.8 and later";
    for_haproxies(
        why,
        |haproxy| haproxy.at_least(2, 8),
        |haproxy| {
            // A connection in use has nothing else on its way when its last answer and the DISCONNECT leave.
            // One that was idle may be taken just then. That is rare: once in each of the two stops is allowed.
            assert_few_crossings(haproxy, 2, |asked| {
                one_of_two_restarts(haproxy, asked, Config::no_pipelining)
            });
        },
    );
}

#[test]
fn each_connection_that_ends_by_age_loses_at_most_one_request_of_a_client() {
    let ended = |agent: &Background| {
        let logs = agent.logs();
        logs.iter().filter(|line| line.contains(": closed")).count()
    };
    for_each_haproxy_in_turn(|haproxy| {
        let asked = Asked::default();
        let state = asked.clone();
        let agent = Background::agent(|agent| {
            agent
                .handlers(handlers![echo])
                .state(state)
                .limits(|limits| limits.connection_lifetime = Some(Duration::from_millis(300)))
        });
        let proxy = config(agent.addr()).start(haproxy);
        let before = ended(&agent);
        let exchanges = Load::on(proxy.addr(), CLIENTS, |load| {
            // A busy machine may need more than a minute for all of them.
            for _ in 0..20 {
                load.wait_for(100);
            }
            // Whatever the machine makes of it, some must end while they are in use.
            eventually("connections end", || ended(&agent) >= before + 2);
        });
        // A moment is waited for in which no NOTIFY should cross the DISCONNECT. It still may happen, and
        // then to all that HAProxy sent in one go: for each DISCONNECT, one for each client at most.
        let disconnects = ended(&agent) - before;
        let crossed = crossings(haproxy, &asked, &exchanges);
        let limit = CLIENTS * disconnects;
        assert!(
            crossed <= limit,
            "{crossed} of {} NOTIFYs crossed a DISCONNECT, at most {limit} may",
            exchanges.len()
        );
    });
}

#[test]
fn requests_fail_while_the_only_agent_is_down() {
    for_each_haproxy(|haproxy| {
        let (port, asked) = (Port::free(), Asked::default());
        let config = config(port.addr()).processing_timeout(Duration::from_secs(5));
        let proxy = if haproxy.at_least(3, 1) {
            config.agent_backend("retries 0").start(haproxy)
        } else {
            // With `retries 0`, HAProxy would connect again and again without a pause while the request waits.
            config.start(haproxy)
        };
        Load::on(proxy.addr(), 4, |load| {
            for _ in 0..2 {
                let agent = echoing_at(&port, &asked);
                let answered = || {
                    Exchange::with(proxy.addr(), 1)
                        .var("txn.iprep.echo")
                        .is_some()
                };
                eventually("it is back", answered);
                load.wait_for(20);
                assert_none_lost(&at_once(20, |number| Exchange::with(proxy.addr(), number)));
                agent.stop();
                let missed = Exchange::with(proxy.addr(), 2);
                assert_eq!(missed.var("txn.iprep.echo"), None);
                assert!(missed.var("txn.iprep.error").is_some());
                load.wait_for(4);
            }
        });
    });
}

/// An agent that closes its sockets without a DISCONNECT when it is stopped.
fn mortal(asked: &Asked) -> Background {
    let asked = asked.clone();
    Background::serve(|listener, death| async {
        let agent = Agent::builder()
            .handlers(handlers![echo])
            .state(asked)
            .listener(listener)
            .build();
        let serving = agent
            .map_err(|error| error.to_string())?
            .serve(std::future::pending());
        tokio::select! {
            () = death => {}
            served = serving => served.map_err(|error| error.to_string())?,
        }
        Ok::<(), String>(())
    })
}

#[test]
fn an_agent_that_dies_loses_the_notifys_in_flight() {
    for_each_haproxy_in_turn(|haproxy| {
        let asked = Asked::default();
        let (first, second) = (mortal(&asked), echoing(&asked));
        let proxy = config(first.addr())
            .agent_backend(&format!("server second {}", second.addr()))
            .agent_backend("option redispatch 1")
            .start(haproxy);
        let exchanges = Load::on(proxy.addr(), CLIENTS, |load| {
            load.wait_for(100);
            first.stop();
            load.wait_for(50);
            assert_none_lost(&at_once(20, |number| Exchange::with(proxy.addr(), number)));
        });
        let lost = lost(&exchanges);
        // Each client may meet a second connection that just ended.
        assert!(
            lost.len() <= 2 * CLIENTS,
            "{} of {}: {lost:#?}",
            lost.len(),
            exchanges.len()
        );
        for exchange in lost {
            let timed_out = exchange.var("txn.iprep.error") == Some("1");
            assert!(
                !timed_out || asked.stayed_in_the_queue(haproxy, exchange),
                "it waited in vain: {exchange:?}"
            );
        }
    });
}

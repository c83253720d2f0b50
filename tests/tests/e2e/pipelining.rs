//! Many NOTIFYs at once, answered out of order, each with its own verdict.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use spoa::agent::Limits;
use spoa::handler::Peer;
use spoa::prelude::*;
use spoa::{Context, State};
use spoa_tests::{
    Background, Config, Message as Sent, Proxy, at_once, eventually, for_each_haproxy_in_turn,
};

/// The handlers that ran on each connection.
#[derive(Default)]
struct Work(Mutex<HashMap<String, AtWork>>);

#[derive(Default, Clone)]
struct AtWork {
    now: Vec<String>,
    /// The most at once.
    most: usize,
    /// How often one was done before another that had begun earlier.
    overtaken: usize,
}

impl Work {
    fn on<T>(&self, peer: &Peer, change: impl FnOnce(&mut AtWork) -> T) -> T {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(all.entry(peer.to_string()).or_default())
    }

    fn begin(&self, peer: &Peer, token: &str) {
        self.on(peer, |work| {
            work.now.push(token.to_owned());
            work.most = work.most.max(work.now.len());
        });
    }

    fn end(&self, peer: &Peer, token: &str) {
        self.on(peer, |work| {
            let at = work
                .now
                .iter()
                .position(|it| it == token)
                .expect("it began");
            work.overtaken += usize::from(at > 0);
            work.now.remove(at);
        });
    }

    /// The most at once on a connection, and how often one overtook another, since the last time.
    fn take(&self) -> (usize, usize) {
        let all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let most = all.values().map(|work| work.most).max();
        (
            most.unwrap_or(0),
            all.values().map(|work| work.overtaken).sum(),
        )
    }
}

/// Answers with the token it is given, some sooner than others.
#[spoe_message("echo", set = "txn.echo", timeout = "20s")]
async fn echo(token: &str, work: State<'_, std::sync::Arc<Work>>, context: Context<'_>) -> String {
    work.begin(context.peer(), token);
    let number: u64 = token[1..].parse().expect("the path is a number");
    tokio::time::sleep(Duration::from_millis(number * 7 % 5 * 5)).await;
    work.end(context.peer(), token);
    token.to_owned()
}

/// An agent that echoes, and a record of its running handlers.
fn echoing(
    limits: impl FnOnce(&mut Limits) + Send + 'static,
) -> (Background, std::sync::Arc<Work>) {
    let work = std::sync::Arc::new(Work::default());
    let state = work.clone();
    let agent = Background::agent(|agent| {
        let mut set = Limits::default();
        limits(&mut set);
        agent
            .handlers(handlers![echo])
            .state(state)
            .limits(|all| *all = set)
    });
    (agent, work)
}

fn config(agent: &Background) -> Config {
    Config::new(agent.addr())
        .message(Sent::new("echo").args("token=path"))
        .set_on_error("error")
        .vars(["txn.iprep.echo", "txn.iprep.error"])
        // A hundred answers take a while on a busy machine.
        .processing_timeout(Duration::from_secs(20))
        // All of them share what connections there are.
        .global("nbthread 1")
}

/// Sends 100 requests at once, each of which must get its own verdict.
fn ask_100(proxy: &Proxy) {
    let replies = at_once(100, |number| proxy.get(&format!("/{number}")));
    for (number, reply) in replies.iter().enumerate() {
        let (token, seen) = (format!("/{number}"), reply.var("txn.iprep.echo"));
        assert_eq!((seen, reply.var("txn.iprep.error")), (Some(&*token), None));
    }
}

/// Sends 100 requests twice to a HAProxy that may forget requests in its own queue while all its connections
/// are idle, as 2.6 does without pipelining. The requests whose messages it sent must have their answers.
fn ask_100_and_forgive_what_was_not_sent(proxy: &Proxy) {
    let mut late = 0;
    for _ in 0..2 {
        let replies = at_once(100, |number| proxy.get(&format!("/{number}")));
        for (number, reply) in replies.iter().enumerate() {
            let (token, seen) = (format!("/{number}"), reply.var("txn.iprep.echo"));
            match (seen, reply.var("txn.iprep.error")) {
                (None, Some("1")) => late += 1,
                verdict => assert_eq!(verdict, (Some(&*token), None)),
            }
        }
    }
    let logged = || -> Vec<String> {
        let lines = proxy.logs().into_iter();
        lines
            .filter_map(|line| Some(line.split_once(" st=1 ")?.1.to_owned()))
            .collect()
    };
    eventually("HAProxy logs what was late", || logged().len() >= late);
    for times in logged() {
        // The second of `reqT/qT/wT/resT/pT` is how long it took to leave the queue, or -1.
        assert_eq!(times.split('/').nth(1), Some("-1"), "it was sent: {times}");
    }
}

#[test]
fn a_hundred_notifys_at_once_are_answered_out_of_order() {
    let (agent, work) = echoing(|_| ());
    for_each_haproxy_in_turn(|haproxy| {
        let proxy = config(&agent).start(haproxy);
        for _ in 0..3 {
            ask_100(&proxy);
        }
        let (most, overtaken) = work.take();
        assert!(
            most <= 20,
            "HAProxy waits for the answers to 20 on a connection, not {most}"
        );
        assert!(
            most > 1 && overtaken > 0,
            "{most} at once, {overtaken} out of order"
        );
    });
}

#[test]
fn a_hundred_notifys_at_once_are_answered_without_pipelining() {
    let (agent, work) = echoing(|_| ());
    for_each_haproxy_in_turn(|haproxy| {
        let config = config(&agent).no_pipelining();
        if haproxy.at_least(2, 8) {
            let proxy = config.start(haproxy);
            ask_100(&proxy);
            ask_100(&proxy);
        } else {
            // It waits as long for the requests that it forgets, and a busy machine needs seconds for a hundred.
            let config = config.processing_timeout(Duration::from_secs(8));
            ask_100_and_forgive_what_was_not_sent(&config.start(haproxy));
        }
        assert_eq!(work.take(), (1, 0), "one at a time on each connection");
    });
}

#[test]
fn beyond_the_limit_of_a_connection_the_answer_comes_at_once() {
    let (agent, work) = echoing(|limits| limits.max_in_flight = 2);
    for_each_haproxy_in_turn(|haproxy| {
        let proxy = config(&agent).start(haproxy);
        let mut refused = 0;
        for _ in 0..3 {
            let replies = at_once(100, |number| proxy.get(&format!("/{number}")));
            for (number, reply) in replies.iter().enumerate() {
                assert_eq!(reply.var("txn.iprep.error"), None);
                match reply.var("txn.iprep.echo") {
                    Some(seen) => assert_eq!(seen, format!("/{number}")),
                    None => refused += 1,
                }
            }
        }
        assert!(refused > 0);
        assert_eq!(work.take().0, 2);
        let warnings = agent.warnings();
        let expected = "overloaded: 2 NOTIFYs of its connection wait, which is the limit";
        assert!(
            warnings.iter().all(|line| line.contains(expected)),
            "{warnings:?}"
        );
    });
}

/// Blocks its thread for 5 ms.
#[spoe_message("echo", set = "txn.echo", blocking, timeout = "20s")]
fn echo_slowly(token: &str) -> String {
    std::thread::sleep(Duration::from_millis(5));
    token.to_owned()
}

#[test]
fn a_hundred_notifys_at_once_are_answered_by_blocking_handlers() {
    let agent = Background::agent(|agent| {
        agent
            .handlers(handlers![echo_slowly])
            .limits(|limits| limits.max_blocking = 100)
    });
    for_each_haproxy_in_turn(|haproxy| ask_100(&config(&agent).start(haproxy)));
}

/// Returns at once.
#[spoe_message("echo", set = "txn.echo")]
fn echo_at_once(token: &str) -> String {
    token.to_owned()
}

#[test]
fn a_hundred_notifys_at_once_are_answered_by_sync_handlers() {
    let agent = Background::agent(|agent| agent.handlers(handlers![echo_at_once]));
    for_each_haproxy_in_turn(|haproxy| {
        let proxy = config(&agent).start(haproxy);
        for _ in 0..3 {
            ask_100(&proxy);
        }
    });
}

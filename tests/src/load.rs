//! Requests that keep coming while something happens to HAProxy or its agent.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::http::{Client, Reply, Request};
use crate::{at_once, eventually};

/// Clients that send one request after the other, each on a connection of its own.
#[derive(Debug, Default)]
pub struct Load {
    over: AtomicBool,
    answered: AtomicUsize,
    exchanges: Mutex<Vec<Exchange>>,
}

/// One request and what came of it.
#[derive(Debug)]
pub struct Exchange {
    /// The path, which no other request of the load has: `/3-17`.
    pub path: String,
    /// The answer, or the error.
    pub reply: io::Result<Reply>,
}

impl Exchange {
    /// Sends a request for `/<number>` on a connection of its own.
    pub fn with(addr: SocketAddr, number: usize) -> Exchange {
        Exchange::ask(addr, format!("/{number}"))
    }

    fn ask(addr: SocketAddr, path: String) -> Exchange {
        let request = Request::get(&path);
        let reply = Client::connect(addr).and_then(|mut client| client.try_send(&request));
        Exchange { path, reply }
    }

    /// Returns the value of a variable, if there was an answer.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.reply.as_ref().ok()?.var(name)
    }
}

impl Load {
    /// Sends requests from this many clients at once for as long as `during` runs, and returns all
    /// of them.
    pub fn on(addr: SocketAddr, clients: usize, during: impl FnOnce(&Load)) -> Vec<Exchange> {
        let load = Load::default();
        std::thread::scope(|scope| {
            let sending = scope.spawn(|| at_once(clients, |client| load.send(addr, client)));
            // A panic in `during` is not to leave the clients sending for ever.
            let over = Over(&load.over);
            during(&load);
            drop(over);
            if let Err(panic) = sending.join() {
                std::panic::resume_unwind(panic);
            }
        });
        load.exchanges
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for `count` more answers.
    pub fn wait_for(&self, answers: usize) {
        let until = self.answered.load(Ordering::SeqCst) + answers;
        eventually("the load goes on", || {
            self.answered.load(Ordering::SeqCst) >= until
        });
    }

    fn send(&self, addr: SocketAddr, client: usize) {
        for number in 0.. {
            if self.over.load(Ordering::SeqCst) {
                return;
            }
            let exchange = Exchange::ask(addr, format!("/{client}-{number}"));
            let mut exchanges = self
                .exchanges
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            exchanges.push(exchange);
            self.answered.fetch_add(1, Ordering::SeqCst);
        }
    }
}

struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Load;
    use crate::origin::Origin;

    #[test]
    fn a_load_sends_until_it_is_told_to_stop() {
        let origin = Origin::start();
        let exchanges = Load::on(origin.addr(), 3, |load| load.wait_for(10));
        let paths: HashSet<_> = exchanges.iter().map(|it| &it.path).collect();
        assert!(exchanges.len() >= 10 && paths.len() == exchanges.len());
        assert!(
            exchanges
                .iter()
                .all(|it| it.reply.as_ref().is_ok_and(|it| it.status == 200))
        );
        assert_eq!(origin.requests().len(), exchanges.len());
    }
}

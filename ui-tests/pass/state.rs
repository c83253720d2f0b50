#![deny(warnings)]

use spoa::testing::TestAgent;
use spoa::{agent::Agent, prelude::*, State};
use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Mutex;

trait Store: Send + Sync {
    fn get(&self) -> u8;
}

impl Store for u8 {
    fn get(&self) -> u8 {
        *self
    }
}

#[spoe_message("sync")]
fn sync(
    ip: IpAddr,
    State(blocked): State<'_, HashSet<IpAddr>>,
    store: State<'_, Box<dyn Store>>,
) -> SetVar<bool> {
    SetVar::session("blocked", blocked.contains(&ip) && store.get() == 7)
}

#[spoe_message("async")]
async fn later(
    counter: State<'_, AtomicU64>,
    names: State<'_, Mutex<Vec<&'static str>>>,
) -> SetVar<u64> {
    let len = names
        .lock()
        .map(|names| names.len() as u64)
        .unwrap_or_default();
    std::future::ready(()).await;
    SetVar::session("count", counter.fetch_add(1, Ordering::Relaxed) + len)
}

pub fn main() {
    let builder = Agent::builder()
        .handlers(handlers![sync, later])
        .state(HashSet::from([IpAddr::from([127, 0, 0, 1])]))
        .state(Box::new(7u8) as Box<dyn Store>)
        .state(AtomicU64::new(40))
        .state(Mutex::new(vec!["a", "b"]));
    let agent = TestAgent::build(builder).unwrap();
    let answer = agent
        .call_blocking("sync", &[("ip", &"127.0.0.1")])
        .unwrap();
    assert_eq!(answer.get("sess.blocked"), Some(true));
    let answer = agent.call_blocking("async", &[]).unwrap();
    assert_eq!(answer.get("sess.count"), Some(42));
}

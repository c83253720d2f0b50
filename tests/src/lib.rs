//! The harness of the end-to-end tests: real HAProxies, their agents, and the answers to clients.
//!
//! A test starts an agent, describes the configuration that matters to it, and runs on every
//! HAProxy this machine has ([`haproxies()`] says where they come from):
//!
//! ```no_run
//! use spoa::prelude::*;
//! use spoa_tests::{Background, Config, Message, for_each_haproxy};
//! use std::net::IpAddr;
//!
//! #[spoe_message("get-ip-reputation")]
//! fn ip_reputation(ip: IpAddr) -> SetVar<u8> {
//!     SetVar::session("ip_score", if ip.is_loopback() { 100 } else { 20 })
//! }
//!
//! # #[allow(dead_code)]
//! # /*
//! #[test]
//! # */
//! fn the_score_reaches_the_session() {
//!     let agent = Background::agent(|agent| agent.handlers(handlers![ip_reputation]));
//!     for_each_haproxy(|haproxy| {
//!         let proxy = Config::new(agent.addr())
//!             .message(Message::new("get-ip-reputation").args("ip=src"))
//!             .vars(["sess.iprep.ip_score"])
//!             .start(haproxy);
//!
//!         let reply = proxy.get("/");
//!
//!         assert_eq!(reply.var("sess.iprep.ip_score"), Some("100"));
//!     });
//! }
//! # fn main() { the_score_reaches_the_session() }
//! ```
//!
//! Only [`background`] knows the library, and only [`invariants`], which the fuzz targets share, the
//! protocol: the rest is processes, configuration and HTTP.

/// Compiles and runs the Rust code of the README and of the guides with whole programs.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../README.md")]
    mod readme {}
    #[doc = include_str!("../../docs/beyond-one-message.md")]
    mod beyond_one_message {}
    #[doc = include_str!("../../docs/http.md")]
    mod http {}
    #[doc = include_str!("../../docs/moving/coraza-spoa.md")]
    mod coraza_spoa {}
    #[doc = include_str!("../../docs/moving/crowdsec.md")]
    mod crowdsec {}
    #[doc = include_str!("../../docs/moving/spoe-auth.md")]
    mod spoe_auth {}
    #[doc = include_str!("../../docs/moving/other-languages.md")]
    mod other_languages {}
    #[doc = include_str!("../../docs/operations/metrics.md")]
    mod metrics {}
    #[doc = include_str!("../../docs/options.md")]
    mod options {}
    #[doc = include_str!("../../docs/verdicts.md")]
    mod verdicts {}
}

pub mod background;
pub mod certificates;
pub mod config;
pub mod dir;
pub mod examples;
pub mod figures;
pub mod haproxies;
pub mod http;
pub mod invariants;
pub mod load;
mod logs;
pub mod origin;
mod places;
pub mod ports;
pub mod process;
pub mod proxy;
pub mod relay;
mod scoped;
pub mod vitals;

pub use background::{Background, Shutdown};
pub use certificates::{Authority, Signed};
pub use config::{Config, Message};
pub use dir::TempDir;
pub use examples::{Directory, example, gallery, spop};
pub use figures::{Figures, bounded_or_long, long};
pub use haproxies::{
    Haproxy, for_each_haproxy, for_each_haproxy_in_turn, for_haproxies, haproxies, not_tested_here,
};
pub use http::{Client, Reply, Request};
pub use load::{Exchange, Load};
pub use origin::Origin;
pub use places::{line_of, place_of};
pub use ports::Port;
pub use process::Process;
pub use proxy::Proxy;
pub use relay::{Relay, Way};
pub use vitals::{Vitals, assert_few_switches, mib};

use std::time::{Duration, Instant};

/// How long the harness waits for something that takes milliseconds on an idle machine.
///
/// It is long, since a test that waits for nothing wrong never waits that long, and the machine
/// may be busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `condition` holds, and panics naming `what` when it does not within [`PATIENCE`].
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(
            start.elapsed() < PATIENCE,
            "waited {PATIENCE:?} in vain: {what}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs `job` with 0, 1, … `count - 1`, each on a thread of its own and all at once.
///
/// The results come in the order of the numbers. A panic in one of them is the caller's.
pub fn at_once<T: Send>(count: usize, job: impl Fn(usize) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let job = &job;
        let threads: Vec<_> = (0..count)
            .map(|number| scope.spawn(move || job(number)))
            .collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, T>| match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        threads.into_iter().map(join).collect()
    })
}

//! The server: listens, speaks SPOP, runs the handlers, answers.
//!
//! # A `main` of your own
//!
//! The agent logs with [`tracing`]. `run!` sets up a subscriber; a program with its own `main` has to do so
//! itself, or the log goes nowhere. Lines have one of four targets, which do not depend on the modules of
//! the crate:
//!
//! | target | lines |
//! |---|---|
//! | `spoa` | about the agent: its start and end, reloads, panics, handlers that block a thread |
//! | `spoa::connection` | about connections: opened and closed at DEBUG, refused and broken ones at WARN |
//! | `spoa::failures` | about messages whose handler failed, at WARN |
//! | `spoa::values` | messages and answers with their values, at TRACE |
//!
//! ```no_run
//! use spoa::prelude::*;
//! use spoa::agent::Agent;
//! use std::process::ExitCode;
//!
//! #[spoe_message("ping")]
//! fn ping() {}
//!
//! async fn serve() -> Result<(), spoa::agent::Error> {
//!     let agent = Agent::builder()
//!         .handlers(handlers![ping])
//!         .listen("127.0.0.1:12345")
//!         .build()?;
//!     let for_ever = std::future::pending();
//!     agent.serve(for_ever).await
//! }
//!
//! #[tokio::main]
//! async fn main() -> ExitCode {
//!     tracing_subscriber::fmt().with_writer(std::io::stderr).init();
//!     match serve().await {
//!         Ok(()) => ExitCode::SUCCESS,
//!         Err(error) => {
//!             eprintln!("error: {error}");
//!             ExitCode::FAILURE
//!         }
//!     }
//! }
//! ```
//!
//! The `Display` of an [`Error`] says what to do. A `main` that returns a `Result` prints the `Debug` form
//! instead, so this `main` prints its error itself.

mod builder;
mod cache;
mod clock;
mod connection;
mod counters;
mod dependency;
mod dispatch;
mod error;
mod limits;
mod listen;
mod phase;
mod reload;
mod renewal;
mod report;
mod server;
mod shared;

mod stats;
mod worker;

pub use builder::AgentBuilder;
pub use cache::Cache;
pub use dependency::Dependency;
pub use error::Error;
pub use limits::Limits;
pub use listen::address::Address;
#[cfg(feature = "admin")]
pub(crate) use listen::listener::Accepted;
pub use listen::listener::Listener;
#[cfg(feature = "tls")]
pub use listen::tls::{Tls, TlsVersion};
pub use phase::Phase;
pub use reload::{Reloaded, Reloader};
pub use renewal::Renewal;
pub use report::panics::log_panics;
pub use server::Server;
pub use stats::{Durations, MessageStats, Monitor, Stats};

#[cfg(feature = "run")]
pub(crate) use builder::check;
#[cfg(all(feature = "run", feature = "tls"))]
pub(crate) use error::TlsError;
#[cfg(feature = "run")]
pub(crate) use error::{BindError, ErrorKind, RAISE_DESCRIPTORS, descriptors_ran_out};
#[cfg(feature = "run")]
pub(crate) use listen::allow_list::network;
pub(crate) use shared::Shared;
pub use shared::observer::{HandlerBegun, HandlerEnded, HandlerOutcome, Observer};
#[cfg(feature = "tools")]
pub(crate) use shared::trace_arguments::SecretArguments;

pub use crate::handler::failed_message::FailedMessage;

use crate::handler::{Definition, Peer};
use connection::drive;
use dispatch::wakeups::Wakeups;
use listen::allow_list::AllowList;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

/// An agent: handlers, state and limits, and where it listens.
///
/// ```no_run
/// use spoa::prelude::*;
/// use spoa::agent::Agent;
/// use std::net::IpAddr;
///
/// #[spoe_message("get-ip-reputation")]
/// fn ip_reputation(ip: IpAddr) -> SetVar<u8> {
///     SetVar::session("ip_score", if ip.is_loopback() { 100 } else { 20 })
/// }
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let agent = Agent::builder()
///     .handlers(handlers![ip_reputation])
///     .listen("127.0.0.1:12345")
///     .build()?;
/// agent.serve(async { /* until when */ }).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Agent {
    shared: Arc<Shared>,
    addresses: Vec<Address>,
    listeners: Vec<Listener>,
    allow: AllowList,
    reloader: Reloader,
    renewals: Vec<(Arc<reload::ReloadPart>, Renewal)>,
    #[cfg(feature = "tls")]
    tls: Option<listen::tls::Certificates>,
}

impl Agent {
    /// Returns its handlers, by the names of their messages, the fallback last.
    pub fn handlers(&self) -> impl Iterator<Item = &'static Definition> + '_ {
        self.shared.table.definitions()
    }

    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.info.name
    }

    /// Returns its limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// Returns what reloads its reloadable values.
    #[must_use]
    pub fn reloader(&self) -> Reloader {
        self.reloader.clone()
    }

    /// Has it listen on this socket instead of all others, without TLS and for all peers.
    #[cfg(all(feature = "testing", feature = "tools"))]
    pub(crate) fn listen_only(&mut self, listener: Listener) {
        self.addresses.clear();
        self.listeners = vec![listener];
        self.allow = AllowList::default();
        #[cfg(feature = "tls")]
        drop(self.tls.take());
    }

    /// Returns the numbers that the agent has counted until now. Use [`Agent::monitor`] to read them while
    /// it serves.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.monitor().stats()
    }

    /// Returns what reads the numbers that the agent counts, also while it serves.
    #[must_use]
    pub fn monitor(&self) -> Monitor {
        Monitor::new(self.shared.clone())
    }

    /// Serves one connection that the program accepted itself, until `shutdown` is done, and then closes
    /// it gracefully: NOTIFYs in flight are answered, and an AGENT-DISCONNECT is sent.
    ///
    /// It is for a program with a listener of its own; [`Agent::serve`] does this on every connection
    /// that it accepts. After [`Limits::drain_timeout`] it answers the NOTIFYs still in flight without actions,
    /// and after another [`Limits::linger_timeout`] it drops the connection. [`Limits::lame_duck`] and
    /// [`Limits::max_connections`] play no part. Log lines and handlers get `peer` as the other end.
    ///
    /// The future must be polled within a tokio runtime with timers. Dropping it drops the connection and
    /// its running handlers. For a connection that only its peer closes, `shutdown` is
    /// [`std::future::pending()`].
    ///
    /// ```
    /// # use spoa::prelude::*;
    /// # use spoa::agent::Agent;
    /// # #[spoe_message("ping")] fn ping() {}
    /// use spoa::handler::Peer;
    ///
    /// # async fn serve() -> Result<(), spoa::agent::Error> {
    /// let agent = Agent::builder().handlers(handlers![ping]).build()?;
    /// let (haproxys_end, ours) = tokio::io::duplex(4096);
    /// let shutdown = async { drop(tokio::signal::ctrl_c().await) };
    /// agent.serve_connection(ours, Peer::Memory, shutdown).await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn serve_connection<S, F>(
        &self,
        stream: S,
        peer: Peer,
        shutdown: F,
    ) -> impl Future<Output = ()> + use<S, F>
    where
        S: AsyncRead + AsyncWrite + Unpin,
        F: Future<Output = ()>,
    {
        let shared = self.shared.clone();
        // An async block, since the runtime is needed when it is polled, not before.
        async {
            let limits = &shared.limits;
            let (drain, linger) = (limits.drain_timeout, limits.linger_timeout);
            let wakeups = Arc::new(Wakeups::default());
            let mut connection = pin!(drive(stream, peer, shared, wakeups.clone()));
            tokio::select! {
                biased;
                () = &mut connection => return,
                () = shutdown => {}
            }
            wakeups.drain();
            if timeout(drain, &mut connection).await.is_err() {
                wakeups.cut_short();
                let _ = timeout(linger, connection).await;
            }
        }
    }

    /// Binds its addresses. It must be called within a tokio runtime.
    ///
    /// # Errors
    /// An [`Error`] that says what to do, also for an agent that was given no
    /// address and no socket.
    pub fn bind(self) -> Result<Server, Error> {
        let server = Server {
            shared: self.shared,
            listeners: self.listeners,
            allow: self.allow,
            reloader: self.reloader,
            renewals: self.renewals,
            #[cfg(feature = "tls")]
            tls: self.tls,
        };
        server.bind(&self.addresses)
    }

    /// Binds the agent's addresses and serves until `shutdown` is done and all NOTIFYs in flight are answered.
    ///
    /// Several agents, or an agent and another server, run in one program and stop together:
    ///
    /// ```no_run
    /// # use spoa::prelude::*;
    /// # use spoa::agent::Agent;
    /// # use std::error::Error;
    /// # use std::future::Future;
    /// # #[spoe_message("ping")] fn ping() {}
    /// use tokio::sync::watch;
    ///
    /// /// Another server, such as `axum::serve(…).with_graceful_shutdown(shutdown)`.
    /// async fn serve_http(shutdown: impl Future<Output = ()>) -> Result<(), Box<dyn Error>> {
    ///     # shutdown.await;
    ///     // …
    ///     Ok(())
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// let (stop, stopped) = watch::channel(());
    /// let shutdown = || {
    ///     let mut stopped = stopped.clone();
    ///     async move { drop(stopped.changed().await) }
    /// };
    /// tokio::spawn(async move {
    ///     // Either end of the wait stops both servers.
    ///     let _ = tokio::signal::ctrl_c().await;
    ///     drop(stop);
    /// });
    /// let agent = Agent::builder().handlers(handlers![ping]).listen("127.0.0.1:12345").build()?;
    /// let agent = async { Ok(agent.serve(shutdown()).await?) };
    /// tokio::try_join!(agent, serve_http(shutdown()))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// An [`Error`] that says what to do.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
        self.bind()?.serve(shutdown).await;
        Ok(())
    }
}

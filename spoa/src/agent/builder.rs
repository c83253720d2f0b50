//! How an agent is put together.

use super::connection::drive;
use super::dispatch::wakeups::Wakeups;
use super::listen::allow_list::AllowList;
use super::reload::{CurrentStates, Install, ReloadPart, Reloader};
use super::report::LineLimits;
use super::shared::budget::Budgets;
use super::shared::failed_message::OnFailure;
use super::shared::handler_table::HandlerTable;
use super::{Address, Error, FailedMessage, Limits, Listener, Server, Shared};
use crate::handler::{Definition, IntoActions, IntoHandlerError, Peer, States};
use std::any::{TypeId, type_name};
use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};
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
    pub(crate) shared: Arc<Shared>,
    pub(crate) addresses: Vec<Address>,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) allow: AllowList,
    pub(crate) reloader: Reloader,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<super::listen::tls::Certificates>,
}

impl Agent {
    /// Returns a builder of an agent.
    pub fn builder() -> AgentBuilder {
        AgentBuilder::default()
    }

    /// Returns its handlers, by the names of their messages, the fallback last.
    pub fn handlers(&self) -> impl Iterator<Item = &'static Definition> + '_ {
        self.shared.table.definitions()
    }

    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
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

    /// Serves one connection that the program accepted itself, until `shutdown` is done, and then closes
    /// it gracefully: what is in flight is answered and an AGENT-DISCONNECT sent.
    ///
    /// It is for a program with a listener of its own; [`Agent::serve`] does this on every connection
    /// that it accepts. After [`Limits::drain_timeout`] it answers what is still in flight without actions,
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
        Server::bind(self)
    }

    /// Binds the agent's addresses and serves until `shutdown` is done and what is in flight is answered.
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

/// Why an agent cannot be built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    /// No handlers were given.
    #[error(
        "the agent has no handlers: put `#[spoe_message(\"name\")]` above a function; if the \
         handlers are in another crate, write `use that_crate as _;` so that it is linked"
    )]
    NoHandlers,
    /// Two handlers for one message.
    #[error(
        "two handlers answer the message `{message}`: {first} and {second}; remove one of them or \
         rename its message"
    )]
    Duplicate {
        /// The message.
        message: &'static str,
        /// The function and place of one.
        first: String,
        /// The function and place of the other.
        second: String,
    },
    /// Two fallbacks.
    #[error("two functions are `#[spoe_fallback]`: {first} and {second}; an agent has one at most")]
    DuplicateFallback {
        /// The function and place of one.
        first: String,
        /// The function and place of the other.
        second: String,
    },
    /// A handler takes state the agent was not given.
    #[error(
        "no state of type `{state}`, which {handler} takes: write `run!(state = …)` or \
         `Agent::builder().state(…)` with a value of that type"
    )]
    MissingState {
        /// The type.
        state: &'static str,
        /// The function and place that takes it.
        handler: String,
    },
    /// A type has two values.
    #[error(
        "two values of the type `{state}`: a type has one, so remove one `state` or `reload`, or wrap \
         one of the two in a type of its own"
    )]
    TwoStates {
        /// The type.
        state: &'static str,
    },
}

/// Builds an [`Agent`].
#[derive(Default)]
#[must_use = "`build` makes the agent"]
pub struct AgentBuilder {
    name: Option<String>,
    definitions: Vec<&'static Definition>,
    states: States,
    /// A type of which there were two values.
    twice: Option<&'static str>,
    reloadable: Vec<ReloadableState>,
    addresses: Vec<String>,
    listeners: Vec<Listener>,
    allow: Vec<String>,
    #[cfg(feature = "tls")]
    tls: Option<super::Tls>,
    limits: Limits,
    on_failure: Option<OnFailure>,
}

/// A state that can be reloaded, and was made once.
struct ReloadableState {
    id: TypeId,
    type_name: &'static str,
    part: Arc<ReloadPart>,
    put: Install,
}

impl std::fmt::Debug for AgentBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentBuilder")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl AgentBuilder {
    /// Names the agent in logs and [`Context::agent_name`](crate::handler::Context::agent_name). Default
    /// `spoa`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Adds handlers, as `handlers![a, b]` lists them.
    pub fn handlers(mut self, handlers: impl IntoIterator<Item = &'static Definition>) -> Self {
        self.definitions.extend(handlers);
        self
    }

    /// Gives handlers that take [`State<'_, T>`](crate::handler::State) their value, one for each
    /// type: a second one is an error of [`build`](Self::build).
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        if self.states.contains(TypeId::of::<T>()) {
            self.twice.get_or_insert(type_name::<T>());
        }
        self.states.insert(value);
        self
    }

    /// Gives handlers a state that [`Reloader::reload`] replaces while the agent serves. The first value is
    /// made here.
    ///
    /// ```
    /// use spoa::prelude::*;
    /// use spoa::State;
    /// use spoa::agent::Agent;
    /// use std::io;
    ///
    /// struct Rules(String);
    ///
    /// # #[spoe_message("check")] fn check(State(rules): State<'_, Rules>) {}
    /// # async fn agent() -> Result<(), Box<dyn std::error::Error>> {
    /// let agent = Agent::builder()
    ///     .handlers(handlers![check])
    ///     .reloadable(|| async { io::Result::Ok(Rules(std::fs::read_to_string("rules.txt")?)) })
    ///     .await?
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// An [`Error`] if the first value cannot be made.
    pub async fn reloadable<T, E, F>(self, make: F) -> Result<Self, Error>
    where
        T: Send + Sync + 'static,
        E: IntoHandlerError,
        F: AsyncFn() -> Result<T, E> + Send + Sync + 'static,
    {
        self.reloadable_as(None, make).await
    }

    /// Like [`reloadable`](Self::reloadable), with the name that reports use.
    pub(crate) async fn reloadable_as<T, E, F>(
        mut self,
        name: Option<String>,
        make: F,
    ) -> Result<Self, Error>
    where
        T: Send + Sync + 'static,
        E: IntoHandlerError,
        F: AsyncFn() -> Result<T, E> + Send + Sync + 'static,
    {
        let part = ReloadPart::state(name, make);
        let put = part.make().await?;
        self.reloadable.push(ReloadableState {
            id: TypeId::of::<T>(),
            type_name: type_name::<T>(),
            part,
            put,
        });
        Ok(self)
    }

    /// Adds an address to listen on, in the notation of [`Address`].
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.addresses.push(address.into());
        self
    }

    /// Adds a socket the caller bound: a tokio `TcpListener` or `UnixListener`.
    pub fn listener(mut self, listener: impl Into<Listener>) -> Self {
        self.listeners.push(listener.into());
        self
    }

    /// Lets peers of this network connect to the TCP sockets, and closes the connections of all
    /// others as they come. It may be called once for each network; without it everybody may
    /// connect. An IPv4 peer of an IPv6 socket is one of IPv4 networks.
    ///
    /// Unix sockets are guarded by their mode and owner: see [`Address`].
    ///
    /// ```
    /// # use spoa::prelude::*;
    /// # use spoa::agent::Agent;
    /// # #[spoe_message("ping")] fn ping() {}
    /// let agent = Agent::builder()
    ///     .handlers(handlers![ping])
    ///     .listen(":12345")
    ///     .allow("10.0.0.0/8")
    ///     .allow("2001:db8::7")
    ///     .build();
    /// assert!(agent.is_ok());
    /// ```
    pub fn allow(mut self, network: impl Into<String>) -> Self {
        self.allow.push(network.into());
        self
    }

    /// Has all TCP sockets take TLS, with these certificates: see [`Tls`](super::Tls). Feature
    /// `tls`.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: super::Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Changes the limits, which are [`Limits::default`] at first.
    ///
    /// ```
    /// # use spoa::prelude::*;
    /// # use spoa::agent::Agent;
    /// # #[spoe_message("ping")] fn ping() {}
    /// use std::time::Duration;
    ///
    /// let agent = Agent::builder()
    ///     .handlers(handlers![ping])
    ///     .limits(|limits| limits.handler_timeout = Some(Duration::from_millis(50)))
    ///     .build();
    /// assert!(agent.is_ok());
    /// ```
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// Gives the actions for messages whose handler failed, for instance a variable that says so.
    pub fn on_failure<F, A>(mut self, on_failure: F) -> Self
    where
        F: Fn(&FailedMessage<'_>) -> A + Send + Sync + 'static,
        A: IntoActions,
    {
        self.on_failure = Some(Box::new(move |failed, out| {
            on_failure(failed).into_actions(out)
        }));
        self
    }

    /// Shows every failure to `observe`, before what [`on_failure`](Self::on_failure) says.
    #[cfg(any(feature = "run", feature = "testing"))]
    pub(crate) fn observe(
        mut self,
        observe: impl Fn(&FailedMessage<'_>) + Send + Sync + 'static,
    ) -> Self {
        let on_failure = self.on_failure.take();
        self.on_failure = Some(Box::new(move |failed, out| {
            observe(failed);
            on_failure
                .as_ref()
                .map_or(Ok(()), |on_failure| on_failure(failed, out))
        }));
        self
    }

    /// Makes the agent.
    ///
    /// # Errors
    /// An [`Error`] that says what to do.
    pub fn build(mut self) -> Result<Agent, Error> {
        check(&self.definitions)?;
        if let Some(state) = self.twice {
            return Err(BuildError::TwoStates { state }.into());
        }
        let mut parts = Vec::new();
        for ReloadableState {
            id,
            type_name,
            part,
            put,
        } in self.reloadable
        {
            if self.states.contains(id) {
                return Err(BuildError::TwoStates { state: type_name }.into());
            }
            put(&mut self.states);
            parts.push(part);
        }
        for definition in &self.definitions {
            for state in definition.description().states {
                if !self.states.contains(state.id) {
                    let handler = place(definition);
                    return Err(BuildError::MissingState {
                        state: state.type_name,
                        handler,
                    }
                    .into());
                }
            }
        }
        let addresses = self
            .addresses
            .iter()
            .map(|address| address.parse())
            .collect::<Result<_, Error>>()?;
        let allow = AllowList::new(self.allow.iter().map(String::as_str))?;
        #[cfg(feature = "tls")]
        let tls = self
            .tls
            .map(super::listen::tls::Certificates::load)
            .transpose()?;
        #[cfg(feature = "tls")]
        parts.extend(tls.as_ref().map(super::listen::tls::Certificates::part));
        let limits = self.limits.usable();
        let budgets = Budgets::new(&limits);
        let shared = Shared {
            name: self.name.as_deref().unwrap_or("spoa").into(),
            table: HandlerTable::new(&self.definitions, limits.handler_timeout, &budgets),
            current: CurrentStates::new(self.states),
            limits,
            leaving: AtomicBool::new(false),
            on_failure: self.on_failure,
            lines: LineLimits::default(),
            budgets,
            blocking: Arc::new(AtomicUsize::new(0)),
        };
        Ok(Agent {
            reloader: Reloader::new(parts, shared.current.clone()),
            shared: Arc::new(shared),
            addresses,
            listeners: self.listeners,
            allow,
            #[cfg(feature = "tls")]
            tls,
        })
    }
}

/// Finds what is wrong with the handlers, whatever their states.
pub(crate) fn check(definitions: &[&'static Definition]) -> Result<(), Error> {
    if definitions.is_empty() {
        return Err(BuildError::NoHandlers.into());
    }
    let mut seen: HashMap<Option<&str>, &Definition> = HashMap::new();
    for definition in definitions {
        let Some(first) = seen.insert(definition.message_name(), definition) else {
            continue;
        };
        // Registered handlers come in any order: name them in that of their places.
        let (first, second) = if first.location() <= definition.location() {
            (place(first), place(definition))
        } else {
            (place(definition), place(first))
        };
        let error = match definition.message_name() {
            Some(message) => BuildError::Duplicate {
                message,
                first,
                second,
            },
            None => BuildError::DuplicateFallback { first, second },
        };
        return Err(error.into());
    }
    Ok(())
}

fn place(definition: &Definition) -> String {
    let (file, line) = definition.location();
    format!("`{}` ({file}:{line})", definition.function())
}

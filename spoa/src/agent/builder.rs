//! The builder of an agent.

use super::error::{BuildError, Error};
use super::listen::allow_list::AllowList;
use super::reload::{CurrentStates, Install, ReloadPart, Reloader};
use super::renewal::Renewal;
use super::report::LineLimits;
use super::shared::after_work::AfterWork;
use super::shared::blocking::BlockingPlaces;
use super::shared::budget::Budgets;
use super::shared::handler_table::HandlerTable;
use super::shared::observer::Observer;
use super::shared::spans::Spans;
use super::{Agent, FailedMessage, Limits, Listener, Shared};
use crate::agent::counters::AgentCounters;
use crate::handler::failed_message::OnFailure;
use crate::handler::owned::Owned;
use crate::handler::{
    AgentInfo, Definition, IntoActions, IntoHandlerError, States, TransactionLimits,
    TransactionStore,
};
#[cfg(feature = "run")]
use std::any::Any;
use std::any::{TypeId, type_name};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

impl Agent {
    /// Returns a builder of an agent.
    pub fn builder() -> AgentBuilder {
        AgentBuilder::default()
    }
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
    on_failure: Option<Owned<OnFailure>>,
    spans: Option<Owned<Spans>>,
    observer: Option<Owned<Box<dyn Observer>>>,
}

/// A state that can be reloaded, and was made once.
struct ReloadableState {
    id: TypeId,
    type_name: &'static str,
    part: Arc<ReloadPart>,
    renewal: Renewal,
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
        self.states.insert(Owned::new(value));
        self
    }

    /// Adds a state whose type only its maker knows.
    #[cfg(feature = "run")]
    pub(crate) fn shared_state(mut self, value: Arc<dyn Any + Send + Sync>) -> Self {
        self.states.insert_shared(value);
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
        self.renewed_as(None, Renewal::new(), make).await
    }

    /// Adds a state as [`reloadable`](Self::reloadable) does. The agent also loads it again while it serves, when the
    /// [`Renewal`] says so.
    ///
    /// # Errors
    /// An [`Error`] if the first value cannot be made.
    pub async fn renewed<T, E, F>(self, renewal: Renewal, make: F) -> Result<Self, Error>
    where
        T: Send + Sync + 'static,
        E: IntoHandlerError,
        F: AsyncFn() -> Result<T, E> + Send + Sync + 'static,
    {
        self.renewed_as(None, renewal, make).await
    }

    /// Like [`renewed`](Self::renewed), with the name that reports use.
    pub(crate) async fn renewed_as<T, E, F>(
        mut self,
        name: Option<String>,
        renewal: Renewal,
        make: F,
    ) -> Result<Self, Error>
    where
        T: Send + Sync + 'static,
        E: IntoHandlerError,
        F: AsyncFn() -> Result<T, E> + Send + Sync + 'static,
    {
        let part = ReloadPart::state(name, make);
        let put = part.make().await;
        let put = put.map_err(|error| error.watching(renewal.files()))?;
        self.reloadable.push(ReloadableState {
            id: TypeId::of::<T>(),
            type_name: type_name::<T>(),
            part,
            renewal,
            put,
        });
        Ok(self)
    }

    /// Adds an address to listen on, in the notation of [`Address`](super::Address).
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
    /// others at once. It may be called once for each network; without it every peer may
    /// connect. An IPv4 peer of an IPv6 socket belongs to IPv4 networks.
    ///
    /// Unix sockets are guarded by their mode and owner: see [`Address`](super::Address).
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

    /// Gives the actions for messages whose handler failed, for instance a variable that says so. A handler with an
    /// `on_failure` of its own has the actions of that instead.
    pub fn on_failure<F, A>(mut self, on_failure: F) -> Self
    where
        F: Fn(&FailedMessage<'_>) -> A + Send + Sync + 'static,
        A: IntoActions,
    {
        let on_failure: OnFailure =
            Box::new(move |failed, out| on_failure(failed).into_actions(out));
        self.on_failure = Some(Owned::new(on_failure));
        self
    }

    /// Runs each handler in a span of `tracing`. It has the name `spoe_message` and the fields `otel.name` (the name of
    /// the message), `stream`, `frame`, and `req_id` if the handler has an argument whose sample is `unique-id`, such
    /// as [`UniqueId`](crate::http::UniqueId). A subscriber that shows spans so has the id in each line that the
    /// handler logs. A message whose handler fails sets `otel.status_code`.
    ///
    /// Spans are off by default, and cost nothing then.
    ///
    /// ```
    /// # use spoa::prelude::*;
    /// # use spoa::agent::Agent;
    /// use spoa::http::UniqueId;
    ///
    /// #[spoe_message("check")]
    /// fn check(id: UniqueId<'_>) {
    ///     // spoe_message{otel.name="check" … req_id="…"}: checks: checked
    ///     tracing::info!(target: "checks", "checked");
    /// }
    ///
    /// let agent = Agent::builder().handlers(handlers![check]).spans(true).build();
    /// assert!(agent.is_ok());
    /// ```
    pub fn spans(mut self, spans: bool) -> Self {
        match (spans, &self.spans) {
            (true, None) => self.spans = Some(Owned::new(Spans::default())),
            (true, Some(_)) => {}
            (false, _) => self.spans = None,
        }
        self
    }

    /// Runs each handler in a span, as [`spans`](Self::spans) does, and calls a function with each new span whose message
    /// carries a `traceparent` header. The function gives the span its parent, in the way of the program's tracing
    /// system. The crate `haproxy-spoa-otel` has one for OpenTelemetry.
    ///
    /// The header comes from an argument whose sample is `req.fhdr(traceparent)`, such as
    /// [`TraceParent`](crate::http::TraceParent). A client chooses its text, which may be anything.
    ///
    /// ```
    /// # use spoa::prelude::*;
    /// # use spoa::agent::Agent;
    /// # #[spoe_message("ping")] fn ping() {}
    /// let builder = Agent::builder().handlers(handlers![ping]);
    /// let builder = builder.spans_with_parent(|span, traceparent| {
    ///     println!("{:?} belongs to {traceparent}", span.id());
    /// });
    /// assert!(builder.build().is_ok());
    /// ```
    pub fn spans_with_parent(
        mut self,
        link: impl Fn(&tracing::Span, &str) + Send + Sync + 'static,
    ) -> Self {
        self.spans = Some(Owned::new(Spans::linked(link)));
        self
    }

    /// Adds an observer, which is told of the begin and the end of each handler: see [`Observer`]. An agent has at most one;
    /// the last one given is used.
    ///
    /// ```
    /// use spoa::agent::{Agent, HandlerEnded, Observer};
    /// use spoa::prelude::*;
    ///
    /// #[spoe_message("ping")]
    /// fn ping() {}
    ///
    /// struct Audit;
    ///
    /// impl Observer for Audit {
    ///     fn ended(&self, ended: &HandlerEnded<'_>) {
    ///         println!("{}: {:?} in {:?}", ended.message_name(), ended.outcome(), ended.time());
    ///     }
    /// }
    ///
    /// let agent = Agent::builder().handlers(handlers![ping]).observer(Audit).build();
    /// assert!(agent.is_ok());
    /// ```
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Some(Owned::new(Box::new(observer)));
        self
    }

    /// Returns whether failures have actions of their own.
    #[cfg(all(feature = "testing", feature = "tools"))]
    pub(crate) fn has_on_failure(&self) -> bool {
        self.on_failure.is_some()
    }

    /// Shows every failure to `observe`, before [`on_failure`](Self::on_failure) is called.
    #[cfg(any(feature = "run", feature = "testing"))]
    pub(crate) fn observe(
        mut self,
        observe: impl Fn(&FailedMessage<'_>) + Send + Sync + 'static,
    ) -> Self {
        let on_failure = self.on_failure.take();
        let observe: OnFailure = Box::new(move |failed, out| {
            observe(failed);
            on_failure
                .as_ref()
                .map_or(Ok(()), |on_failure| on_failure(failed, out))
        });
        self.on_failure = Some(Owned::new(observe));
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
        let mut renewals = Vec::new();
        for ReloadableState {
            id,
            type_name,
            part,
            renewal,
            put,
        } in self.reloadable
        {
            if self.states.contains(id) {
                return Err(BuildError::TwoStates { state: type_name }.into());
            }
            put(&mut self.states);
            if !renewal.is_never() {
                renewals.push((part.clone(), renewal));
            }
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
        let counters = Arc::new(AgentCounters::new());
        #[cfg(feature = "tls")]
        let tls = self
            .tls
            .map(super::listen::tls::Certificates::load)
            .transpose()?;
        #[cfg(feature = "tls")]
        parts.extend(tls.as_ref().map(|tls| tls.part(counters.clone())));
        let limits = self.limits.usable();
        let budgets = Budgets::new(&limits);
        let after_work = AfterWork::new(limits.max_after_work);
        let info = AgentInfo {
            name: self.name.as_deref().unwrap_or("spoa").into(),
            after_work: after_work.clone(),
            transactions: TransactionStore::new(TransactionLimits {
                number: limits.max_transactions,
                bytes: limits.max_transaction_bytes,
                time: limits.transaction_timeout,
            }),
        };
        let shared = Shared {
            info: Arc::new(info),
            table: HandlerTable::new(&self.definitions, limits.handler_timeout, &budgets),
            current_states: CurrentStates::new(self.states),
            blocking: BlockingPlaces::new(&limits),
            after_work,
            limits,
            refuses_health_checks: AtomicBool::new(false),
            on_failure: self.on_failure,
            has_spans_or_observer: self.spans.is_some() || self.observer.is_some(),
            spans: self.spans,
            observer: self.observer,
            line_limits: LineLimits::default(),
            counters: counters.clone(),
            budgets,
        };
        Ok(Agent {
            reloader: Reloader::new(parts, shared.current_states.clone(), counters),
            renewals,
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

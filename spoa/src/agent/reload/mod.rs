//! Reloads the parts of a running agent: all of them, or none.

use super::error::{Error, ReloadError};
use crate::agent::counters::Counters;
use crate::handler::guard::guard;
use crate::handler::panics::drop_quietly;
use crate::handler::{BoxError, Failure, IntoHandlerError, States};
use crate::log_target::AGENT;
use std::any::{TypeId, type_name};
use std::fmt;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

/// How often it is looked whether old values are still in use.
const RELEASE: Duration = Duration::from_millis(100);

/// How long a value may be in the making before the log says so.
const SLOW: Duration = Duration::from_secs(30);

/// Reloads the reloadable values of an agent while it serves: those of
/// [`AgentBuilder::reloadable`](super::AgentBuilder::reloadable), of `reload = …` in
/// [`run!`](macro@crate::run), and its certificates, if it takes TLS.
///
/// ```
/// use spoa::prelude::*;
/// use spoa::State;
/// use spoa::agent::Agent;
/// use std::sync::atomic::{AtomicU8, Ordering};
///
/// struct Threshold(u8);
///
/// #[spoe_message("check", set = "txn.bad")]
/// fn check(score: u8, State(threshold): State<'_, Threshold>) -> bool {
///     score < threshold.0
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// static VERSION: AtomicU8 = AtomicU8::new(0);
/// let load = || async {
///     match VERSION.fetch_add(1, Ordering::Relaxed) {
///         0 => Ok(Threshold(50)),
///         _ => Err("there is no second version"),
///     }
/// };
/// let agent = Agent::builder().handlers(handlers![check]).reloadable(load).await?.build()?;
/// let reloader = agent.reloader();
/// // The agent goes on with what it has.
/// assert!(reloader.reload().await.is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Reloader(Arc<Reloading>);

struct Reloading {
    parts: Vec<Arc<ReloadPart>>,
    current: Arc<CurrentStates>,
    counters: Arc<Counters>,
    /// Held during a reload of all parts. A renewal of one part does not take it: each part has a turn of its own,
    /// so a part that is never made keeps no other part from being made.
    turn: tokio::sync::Mutex<()>,
    /// Numbers the beginnings of loads.
    next: AtomicU64,
    /// Held while values are put in place.
    installing: Mutex<()>,
}

/// A value that was made, and has to be put in place.
struct Made {
    /// `None` for a value that the program pushed and that no part makes.
    part: Option<Arc<ReloadPart>>,
    /// The number of its load.
    load: u64,
    install: Install,
}

impl Reloading {
    fn begin(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Makes a value, after the load of it that is running.
    async fn make(&self, part: &Arc<ReloadPart>) -> Result<Made, ReloadError> {
        let _turn = part.turn.lock().await;
        let load = self.begin();
        let install = make(part).await?;
        Ok(Made {
            part: Some(part.clone()),
            load,
            install,
        })
    }

    /// Puts values in their places. A value is left out if a load that began later has replaced it already.
    fn install(&self, made: Vec<Made>) {
        let installing = self.installing();
        let mut installs = Vec::with_capacity(made.len());
        let mut superseded = Vec::new();
        for Made {
            part,
            load,
            install,
        } in made
        {
            if part.is_some_and(|part| !part.supersede(load)) {
                superseded.push(install);
            } else {
                installs.push(install);
            }
        }
        let old = self.current.replace(installs);
        self.note();
        drop(installing);
        self.counters.reload_ended(true);
        tokio::spawn(release(old));
        if !superseded.is_empty() {
            tokio::task::spawn_blocking(move || drop_quietly(superseded));
        }
    }

    /// Notes that this load could not make these values, or did not put them in place. A value that a later load has
    /// put in place is not stale.
    fn failed<'p>(&self, parts: impl IntoIterator<Item = &'p Arc<ReloadPart>>, load: u64) {
        self.counters.reload_ended(false);
        let _installing = self.installing();
        for part in parts {
            if part.installed.load(Ordering::Relaxed) <= load {
                part.stale.store(true, Ordering::Relaxed);
            }
        }
        self.note();
    }

    /// Counts the values that are stale.
    fn note(&self) {
        let all = self.parts.iter();
        let stale = all.filter(|part| part.stale.load(Ordering::Relaxed));
        self.counters.stale(stale.count());
    }

    fn installing(&self) -> std::sync::MutexGuard<'_, ()> {
        self.installing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Reloader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reloader").field(&self.names()).finish()
    }
}

impl Reloader {
    pub(crate) fn new(
        parts: Vec<Arc<ReloadPart>>,
        current: Arc<CurrentStates>,
        counters: Arc<Counters>,
    ) -> Self {
        Reloader(Arc::new(Reloading {
            parts,
            current,
            counters,
            turn: tokio::sync::Mutex::default(),
            // Before the first load are the values that the agent was built with.
            next: AtomicU64::new(1),
            installing: Mutex::default(),
        }))
    }

    /// Makes all values again and, once all are made, replaces the old ones together.
    /// A message that is being answered keeps the values it began with. A reload that is asked for
    /// while another is running begins when that is over. A renewal of one value goes on meanwhile; if it began after
    /// this reload made that value, its value stays.
    ///
    /// The values are made one after the other on a thread for what blocks, so that files may be read
    /// as it is convenient. It must be polled within a tokio runtime with timers.
    ///
    /// # Errors
    /// An [`Error`] that says which value could not be made, because of an error or a panic. Then
    /// all old ones are kept.
    pub async fn reload(&self) -> Result<Reloaded, Error> {
        let reloading = &self.0;
        let _turn = reloading.turn.lock().await;
        let (start, load) = (Instant::now(), reloading.begin());
        let mut made = Vec::with_capacity(reloading.parts.len());
        for part in &reloading.parts {
            match reloading.make(part).await {
                Ok(value) => made.push(value),
                Err(error) => {
                    reloading.failed(&reloading.parts, load);
                    // The values made before may be large, and may panic when they are dropped.
                    let made: Vec<_> = made.into_iter().map(|made| made.install).collect();
                    tokio::task::spawn_blocking(move || drop_quietly(made));
                    return Err(error.into());
                }
            }
        }
        reloading.install(made);
        Ok(Reloaded {
            parts: self.names(),
            elapsed: start.elapsed(),
        })
    }

    /// Makes the value of one part again. If it cannot be made, the old one is kept.
    pub(super) async fn renew(&self, part: &Arc<ReloadPart>) -> Result<Duration, Error> {
        let (start, load) = (Instant::now(), self.0.begin());
        match self.0.make(part).await {
            Ok(made) => {
                self.0.install(vec![made]);
                Ok(start.elapsed())
            }
            Err(error) => {
                self.0.failed([part], load);
                Err(error.into())
            }
        }
    }

    /// Replaces the state of this type by a value that the program made: for a task that receives new values,
    /// from a stream or a long poll. A reload in between makes the value of `reload` again.
    ///
    /// It must be called within a tokio runtime with timers.
    ///
    /// ```
    /// use spoa::prelude::*;
    /// use spoa::State;
    /// use spoa::agent::Agent;
    ///
    /// struct Rules(String);
    ///
    /// # #[spoe_message("check")] fn check(State(rules): State<'_, Rules>) {}
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), spoa::agent::Error> {
    /// let first = Rules("first".to_owned());
    /// let agent = Agent::builder().handlers(handlers![check]).state(first).build()?;
    /// agent.reloader().replace(Rules("second".to_owned())).await?;
    /// // The agent has no state of this type.
    /// assert!(agent.reloader().replace(7_u8).await.is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// An [`Error`] if the agent has no state of this type.
    pub async fn replace<T: Send + Sync + 'static>(&self, value: T) -> Result<(), Error> {
        if !self.0.current.states().contains(TypeId::of::<T>()) {
            let error = ReloadError {
                part: type_name::<T>().to_owned(),
                text: "the agent has no state of this type".to_owned(),
            };
            return Err(error.into());
        }
        let is_it = |part: &&Arc<ReloadPart>| part.state == Some(TypeId::of::<T>());
        self.0.install(vec![Made {
            part: self.0.parts.iter().find(is_it).cloned(),
            load: self.0.begin(),
            install: Box::new(move |states: &mut States| states.insert(value)),
        }]);
        Ok(())
    }

    /// Returns how many reloads, renewals and replacements of values succeeded.
    #[must_use]
    pub fn succeeded(&self) -> u64 {
        self.0.counters.reloaded.get()
    }

    /// Returns how many reloads and renewals failed. Each kept the old values.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.0.counters.reloads_failed.get()
    }

    /// Returns whether the agent has nothing to reload.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.parts.is_empty()
    }

    fn names(&self) -> Vec<String> {
        self.0.parts.iter().map(|part| part.name.clone()).collect()
    }
}

/// Makes a value again, and says in the log if that takes long: a reload of all values waits for it.
async fn make(part: &Arc<ReloadPart>) -> Result<Install, ReloadError> {
    let mut making = pin!(part.make());
    if let Ok(made) = timeout(SLOW, &mut making).await {
        return made;
    }
    tracing::warn!(target: AGENT,
        "reload has not ended after {SLOW:?}, the old values are in use until then: `{}`; if it waits for \
         another program, give it a timeout",
        part.name
    );
    making.await
}

/// Frees what was replaced once nobody uses it: what is large takes its time, which a thread that
/// serves does not have.
async fn release(old: Arc<States>) {
    while Arc::strong_count(&old) > 1 {
        tokio::time::sleep(RELEASE).await;
    }
    tokio::task::spawn_blocking(move || drop(old));
}

/// A reload that succeeded.
#[derive(Clone, Debug)]
pub struct Reloaded {
    parts: Vec<String>,
    elapsed: Duration,
}

impl Reloaded {
    /// Returns what was reloaded: expressions of `reload = …`, or names of types.
    pub fn parts(&self) -> impl Iterator<Item = &str> + '_ {
        self.parts.iter().map(String::as_str)
    }

    /// Returns how long that took.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }
}

/// Puts what was made in its place. All parts are made when the first of these is called, so it
/// cannot fail. A part that is not a state ignores the states.
pub(crate) type Install = Box<dyn FnOnce(&mut States) + Send>;

/// A part of an agent that can be reloaded.
pub(crate) struct ReloadPart {
    name: String,
    /// The type of the state; `None` for a part that is not a state.
    state: Option<TypeId>,
    /// Whether its last reload failed, so that the old value is in use.
    stale: AtomicBool,
    /// Held while it is made.
    turn: tokio::sync::Mutex<()>,
    /// The load that made the value in use.
    installed: AtomicU64,
    make: Box<dyn Fn() -> Result<Install, BoxError> + Send + Sync>,
}

impl fmt::Debug for ReloadPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReloadPart").field(&self.name).finish()
    }
}

impl ReloadPart {
    /// A part that a function makes, which may block and may panic. `state` is the type of a state.
    pub(crate) fn new(
        name: impl Into<String>,
        state: Option<TypeId>,
        make: impl Fn() -> Result<Install, BoxError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(ReloadPart {
            name: name.into(),
            state,
            stale: AtomicBool::new(false),
            turn: tokio::sync::Mutex::default(),
            installed: AtomicU64::new(0),
            make: Box::new(make),
        })
    }

    /// A state that a future makes; without a name, that of its type.
    pub(crate) fn state<T, E, F>(name: Option<String>, make: F) -> Arc<Self>
    where
        T: Send + Sync + 'static,
        E: IntoHandlerError,
        F: AsyncFn() -> Result<T, E> + Send + Sync + 'static,
    {
        let name = name.unwrap_or_else(|| type_name::<T>().to_owned());
        ReloadPart::new(name, Some(TypeId::of::<T>()), move || {
            let made = Handle::current().block_on(make());
            let value = made.map_err(IntoHandlerError::into_handler_error)?;
            Ok(Box::new(move |states: &mut States| states.insert(value)))
        })
    }

    /// Notes that the value of this load takes the place of an earlier one; returns `false` if a later one is there.
    fn supersede(&self, load: u64) -> bool {
        if self.installed.load(Ordering::Relaxed) > load {
            return false;
        }
        self.installed.store(load, Ordering::Relaxed);
        self.stale.store(false, Ordering::Relaxed);
        true
    }

    /// Returns the name: an expression of `reload = …`, or the name of a type.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Makes it, on a thread for what blocks.
    pub(crate) async fn make(self: &Arc<Self>) -> Result<Install, ReloadError> {
        let part = self.clone();
        let making = tokio::task::spawn_blocking(move || {
            let made = guard(|| (part.make)().map_err(Failure::Error));
            made.map_err(|failure| {
                let text = failure.to_string();
                drop_quietly(failure);
                text
            })
        });
        let made = making.await.unwrap_or_else(|ended| Err(ended.to_string()));
        made.map_err(|text| ReloadError {
            part: self.name.clone(),
            text,
        })
    }
}

/// The states that hold now.
#[derive(Debug)]
pub(crate) struct CurrentStates {
    /// That of the states: connections look here whether theirs hold still.
    generation: AtomicU64,
    states: watch::Sender<Arc<States>>,
}

impl CurrentStates {
    pub(crate) fn new(states: States) -> Arc<Self> {
        Arc::new(CurrentStates {
            generation: AtomicU64::new(states.generation),
            states: watch::Sender::new(Arc::new(states)),
        })
    }

    /// Returns whether other states hold by now.
    #[inline]
    pub(crate) fn is_newer_than(&self, states: &States) -> bool {
        self.generation.load(Ordering::Acquire) != states.generation
    }

    pub(crate) fn states(&self) -> Arc<States> {
        self.states.borrow().clone()
    }

    /// Subscribes to reloads.
    pub(crate) fn changes(&self) -> watch::Receiver<Arc<States>> {
        self.states.subscribe()
    }

    /// Puts all in its place; returns what held before.
    fn replace(&self, made: Vec<Install>) -> Arc<States> {
        let before = self.states();
        let mut states = States::clone(&before);
        for put in made {
            put(&mut states);
        }
        states.generation += 1;
        self.states.send_modify(|current| {
            self.generation.store(states.generation, Ordering::Release);
            *current = Arc::new(states);
        });
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Mutex, mpsc};
    use tracing_subscriber::fmt::MakeWriter;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Log {
        type Writer = Log;

        fn make_writer(&'a self) -> Log {
            self.clone()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_value_that_takes_long_is_in_the_log_before_it_is_made() {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt().with_writer(log.clone());
        let _guard = tracing::subscriber::set_default(subscriber.with_ansi(false).finish());
        let (end, ends) = mpsc::channel::<()>();
        let ends = Mutex::new(ends);
        let part = ReloadPart::new("slow", None, move || {
            ends.lock().unwrap().recv()?;
            Ok(Box::new(|_| {}))
        });
        let making = tokio::spawn(async move { make(&part).await.is_ok() });
        tokio::task::yield_now().await;
        tokio::time::advance(SLOW).await;
        tokio::task::yield_now().await;
        let said = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert!(
            said.contains(
                "reload has not ended after 30s, the old values are in use until then: `slow`;"
            ),
            "{said}"
        );
        end.send(()).unwrap();
        assert!(making.await.unwrap());
    }
}

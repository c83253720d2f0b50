//! Reloads the parts of a running agent: all of them, or none.

mod current_states;
mod part;

pub(crate) use current_states::CurrentStates;
pub(crate) use part::{Install, ReloadPart};

use crate::agent::counters::AgentCounters;
use crate::agent::error::{Error, ReloadError};
use crate::handler::States;
use crate::handler::owned::Owned;
use crate::handler::panics::drop_quietly;
use crate::task;
use std::any::{TypeId, type_name};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

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
    counters: Arc<AgentCounters>,
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
        let install = part.make_again().await?;
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
        task::spawn(current_states::release(old));
        if !superseded.is_empty() {
            task::spawn_blocking(move || drop_quietly(superseded));
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
        counters: Arc<AgentCounters>,
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
    /// as it is convenient. It must be polled within a tokio runtime with timers. A load ends at its
    /// next `.await` if this future is dropped; one that blocks its thread runs to its end.
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
                    task::spawn_blocking(move || drop_quietly(made));
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
        let value = Owned::new(value);
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

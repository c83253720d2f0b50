//! A part of an agent that can be reloaded: a state, or its certificates.

use crate::agent::error::ReloadError;
use crate::handler::guard::guard;
use crate::handler::owned::Owned;
use crate::handler::panics::drop_quietly;
use crate::handler::{BoxError, Failure, IntoHandlerError, States};
use crate::log_target::AGENT;
use std::any::{TypeId, type_name};
use std::convert::Infallible;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long a reload may take before the log says so.
const SLOW: Duration = Duration::from_secs(30);

/// Puts what was made in its place. All parts are made when the first of these is called, so it
/// cannot fail. A part that is not a state ignores the states.
pub(crate) type Install = Box<dyn FnOnce(&mut States) + Send>;

/// Ready when nobody waits for a load any more: the future that did was dropped, as at the end of an agent.
pub(crate) type Abandoned = oneshot::Receiver<Infallible>;

type Make = Box<dyn Fn(Abandoned) -> Result<Install, BoxError> + Send + Sync>;

/// A part of an agent that can be reloaded.
pub(crate) struct ReloadPart {
    pub(super) name: String,
    /// The type of the state; `None` for a part that is not a state.
    pub(super) state: Option<TypeId>,
    /// Whether its last reload failed, so that the old value is in use.
    pub(super) stale: AtomicBool,
    /// Held while it is made.
    pub(super) turn: tokio::sync::Mutex<()>,
    /// The load that made the value in use.
    pub(super) installed: AtomicU64,
    make: Owned<Make>,
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
        make: impl Fn(Abandoned) -> Result<Install, BoxError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(ReloadPart {
            name: name.into(),
            state,
            stale: AtomicBool::new(false),
            turn: tokio::sync::Mutex::default(),
            installed: AtomicU64::new(0),
            make: Owned::new(Box::new(make)),
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
        ReloadPart::new(name, Some(TypeId::of::<T>()), move |abandoned| {
            // Within the runtime, but not as one of its tasks: a client that blocks has a runtime of its own.
            let made = pollster::block_on(async {
                tokio::select! {
                    biased;
                    // The runtime waits for this thread when it ends, so a load that never ends must not keep it.
                    _ = abandoned => Err("nobody waits for it".into()),
                    made = async { make().await } => made.map_err(IntoHandlerError::into_handler_error),
                }
            });
            let value = Owned::new(made?);
            Ok(Box::new(move |states: &mut States| states.insert(value)))
        })
    }

    /// Notes that the value of this load takes the place of an earlier one; returns `false` if a later one is there.
    pub(super) fn supersede(&self, load: u64) -> bool {
        if self.installed.load(Ordering::Relaxed) > load {
            return false;
        }
        self.installed.store(load, Ordering::Relaxed);
        self.stale.store(false, Ordering::Relaxed);
        true
    }

    /// Returns the name: an expression of `reload = …`, or the name of a type.
    pub(in crate::agent) fn name(&self) -> &str {
        &self.name
    }

    /// Makes it, on a thread for what blocks. A load that waits ends with this future.
    pub(crate) async fn make(self: &Arc<Self>) -> Result<Install, ReloadError> {
        let part = self.clone();
        let (_waits, abandoned) = oneshot::channel();
        let making = tokio::task::spawn_blocking(move || {
            let made = guard(|| (part.make)(abandoned).map_err(Failure::Error));
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

    /// Makes it again, and says in the log if that takes long: a reload of all values waits for it.
    pub(super) async fn make_again(self: &Arc<Self>) -> Result<Install, ReloadError> {
        let mut making = pin!(self.make());
        if let Ok(made) = timeout(SLOW, &mut making).await {
            return made;
        }
        tracing::warn!(target: AGENT,
            "reload has not ended after {SLOW:?}, the old values are in use until then: `{}`; if it waits for \
             another program, give it a timeout",
            self.name
        );
        making.await
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
    async fn a_slow_load_is_logged_before_it_ends() {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt().with_writer(log.clone());
        let _guard = tracing::subscriber::set_default(subscriber.with_ansi(false).finish());
        let (end, ends) = mpsc::channel::<()>();
        let ends = Mutex::new(ends);
        let part = ReloadPart::new("slow", None, move |_| {
            ends.lock().unwrap().recv()?;
            Ok(Box::new(|_| {}))
        });
        let making = tokio::spawn(async move { part.make_again().await.is_ok() });
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

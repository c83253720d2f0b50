//! Services: tasks of the program that run while its agent serves.

use crate::agent::Reloader;
use crate::handler::guard::guard;
use crate::handler::owned::Owned;
use crate::handler::{Failure, IntoHandlerError};
use crate::log_target::AGENT;
use crate::task;
use crate::text::one_line;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The pause before a service that failed starts again, which doubles with each failure.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause. A service that ran for this long before it failed starts over with the first one.
const LAST_PAUSE: Duration = Duration::from_secs(30);

/// A running agent, as a service sees it: see [`Setup::serve`](super::Setup::serve).
#[derive(Clone, Debug)]
pub struct Serving {
    stopping: Arc<watch::Sender<bool>>,
    /// Whether the service has asked whether the agent stops.
    asked: Arc<AtomicBool>,
    reloader: Reloader,
}

impl Serving {
    /// Returns a future that is done when the agent begins to stop: at the signal, before the lame duck. A server
    /// takes it as its graceful shutdown.
    ///
    /// The process then waits for the service, until the end of the drain and of `--linger-timeout` at the latest.
    pub fn stopping(&self) -> impl Future<Output = ()> + Send + use<> {
        self.asked.store(true, Ordering::Relaxed);
        let mut stopping = self.stopping.subscribe();
        async move {
            let _ = stopping.wait_for(|stopping| *stopping).await;
        }
    }

    /// Returns whether the agent has begun to stop. As for [`stopping`](Self::stopping), the process waits for a
    /// service that asks.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.asked.store(true, Ordering::Relaxed);
        *self.stopping.borrow()
    }

    /// Returns what replaces the values of the agent.
    #[must_use]
    pub fn reloader(&self) -> &Reloader {
        &self.reloader
    }
}

/// A type that the future of a service may return.
#[diagnostic::on_unimplemented(
    message = "a service returns `()` or `Result<(), E>`, not `{Self}`",
    label = "this service returns `{Self}`"
)]
pub trait ServiceOutcome {
    /// Returns the outcome as a result.
    fn into_result(self) -> Result<(), Failure>;
}

impl ServiceOutcome for () {
    fn into_result(self) -> Result<(), Failure> {
        Ok(())
    }
}

impl<E: IntoHandlerError> ServiceOutcome for Result<(), E> {
    fn into_result(self) -> Result<(), Failure> {
        self.map_err(|error| Failure::Error(error.into_handler_error()))
    }
}

/// A service that has not been started.
pub(super) struct ServiceToStart {
    name: String,
    start: Owned<Box<dyn Fn(Serving) -> Run + Send + Sync>>,
}

/// A run of a service.
type Run = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

impl ServiceToStart {
    pub(super) fn new<F, S>(name: String, start: F) -> Self
    where
        F: Fn(Serving) -> S + Send + Sync + 'static,
        S: Future<Output: ServiceOutcome> + Send + 'static,
    {
        let start = move |serving| -> Run {
            let run = start(serving);
            Box::pin(async { run.await.into_result() })
        };
        ServiceToStart {
            name,
            start: Owned::new(Box::new(start)),
        }
    }

    /// Runs the service, again and again if it fails, until it ends or the agent stops.
    async fn supervise(self, serving: Serving) {
        let name = &self.name;
        let mut pause = FIRST_PAUSE;
        loop {
            let start = Instant::now();
            let outcome = self.run(serving.clone()).await;
            let stopping = *serving.stopping.borrow();
            let failure = match outcome {
                Ok(()) if stopping => return,
                Ok(()) => {
                    tracing::info!(target: AGENT, "service `{name}` ended");
                    return;
                }
                Err(failure) => failure.to_string(),
            };
            let failure = one_line(&failure);
            if stopping {
                tracing::warn!(target: AGENT, "service `{name}` failed: {failure}");
                return;
            }
            if start.elapsed() >= LAST_PAUSE {
                pause = FIRST_PAUSE;
            }
            tracing::error!(target: AGENT, "service `{name}` failed, it starts again in {pause:?}: {failure}");
            let mut stopping = serving.stopping.subscribe();
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stopping.wait_for(|stopping| *stopping) => return,
            }
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    /// Runs the service once. A panic is a failure.
    async fn run(&self, serving: Serving) -> Result<(), Failure> {
        let run = guard(|| Ok((self.start)(serving))).map_err(|failure| *failure)?;
        let mut run = Owned::new(run);
        poll_fn(|context| match guard(|| Ok(run.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(outcome)) => Poll::Ready(outcome),
            Err(panicked) => Poll::Ready(Err(*panicked)),
        })
        .await
    }
}

/// The services of an agent that serves.
pub(super) struct Services {
    stopping: Arc<watch::Sender<bool>>,
    /// The tasks, and whether each has asked whether the agent stops.
    tasks: Vec<(JoinHandle<()>, Arc<AtomicBool>)>,
    stopped: std::sync::OnceLock<Instant>,
}

impl Services {
    pub(super) fn start(services: Vec<ServiceToStart>, reloader: &Reloader) -> Self {
        let stopping = Arc::new(watch::Sender::new(false));
        let tasks = services.into_iter().map(|service| {
            let asked = Arc::new(AtomicBool::new(false));
            let serving = Serving {
                stopping: stopping.clone(),
                asked: asked.clone(),
                reloader: reloader.clone(),
            };
            (task::spawn(service.supervise(serving)), asked)
        });
        let tasks = tasks.collect();
        Services {
            stopping,
            tasks,
            stopped: std::sync::OnceLock::new(),
        }
    }

    /// Tells the services that the agent stops.
    pub(super) fn stop(&self) {
        self.stopped.get_or_init(Instant::now);
        self.stopping.send_replace(true);
    }

    /// Waits for the services that asked to be told, for this long after they were told, and cancels the others.
    pub(super) async fn end(self, limit: Duration) {
        let stopped = self.stopped.get().copied().unwrap_or_else(Instant::now);
        let deadline = tokio::time::Instant::from_std(stopped + limit);
        for (mut task, asked) in self.tasks {
            if asked.load(Ordering::Relaxed) {
                if tokio::time::timeout_at(deadline, &mut task).await.is_ok() {
                    continue;
                }
                tracing::warn!(target: AGENT,
                    "a service did not end within {limit:?} of the signal: it is cancelled"
                );
            }
            task.abort();
            let _ = tokio::time::timeout(task::CANCELLED, task).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::Agent;
    use crate::handler::Definition;
    use std::sync::Mutex;

    fn reloader() -> Reloader {
        let agent = Agent::builder().handlers([&Definition::EMPTY]).build();
        agent.unwrap().reloader()
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_fails_starts_again_after_a_growing_pause() {
        let starts = Arc::new(Mutex::new(Vec::new()));
        let begin = tokio::time::Instant::now();
        let seen = starts.clone();
        let service = ServiceToStart::new("a".to_owned(), move |_| {
            let mut starts = seen.lock().unwrap();
            starts.push(begin.elapsed());
            let count = starts.len();
            async move {
                match count {
                    1 => Err("first".to_owned()),
                    2 => panic!("second"),
                    _ => Ok(()),
                }
            }
        });
        let services = Services::start(vec![service], &reloader());
        for (task, _) in services.tasks {
            task.await.unwrap();
        }
        let starts: Vec<_> = starts
            .lock()
            .unwrap()
            .iter()
            .map(Duration::as_millis)
            .collect();
        assert_eq!(starts, [0, 500, 1500]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_can_ask_to_finish_its_work_and_others_are_cancelled() {
        let ended = Arc::new(AtomicBool::new(false));
        let seen = ended.clone();
        let graceful = ServiceToStart::new("graceful".to_owned(), move |serving| {
            let (seen, stopping) = (seen.clone(), serving.stopping());
            async move {
                stopping.await;
                tokio::time::sleep(Duration::from_secs(2)).await;
                seen.store(true, Ordering::Relaxed);
            }
        });
        let endless = ServiceToStart::new("endless".to_owned(), |_| std::future::pending::<()>());
        let services = Services::start(vec![graceful, endless], &reloader());
        tokio::time::sleep(Duration::from_millis(1)).await;
        let begin = tokio::time::Instant::now();
        services.stop();
        services.end(Duration::from_secs(5)).await;
        assert!(ended.load(Ordering::Relaxed));
        assert_eq!(begin.elapsed(), Duration::from_secs(2));
    }

    /// Dropping a runtime in a task panics.
    #[tokio::test]
    async fn a_service_with_a_runtime_of_its_own_is_dropped_started_or_not() {
        let service = || {
            let runtime = Arc::new(tokio::runtime::Runtime::new().unwrap());
            ServiceToStart::new("client".to_owned(), move |_| {
                let runtime = runtime.clone();
                async move {
                    let _runtime = runtime;
                    std::future::pending::<()>().await;
                }
            })
        };
        drop(service());
        let mut services = Services::start(vec![service()], &reloader());
        tokio::task::yield_now().await;
        let (task, _) = services.tasks.remove(0);
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    }
}

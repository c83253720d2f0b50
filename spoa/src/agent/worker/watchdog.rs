//! Watches for a handler that keeps its worker thread: wakes another worker, and has the handler named.
//!
//! A sync handler runs on the thread that reads the socket, and so does what an `async fn` does
//! between two awaits. While it does not return, tokio may have no other thread wait for sockets: the
//! one that did is the one that is kept, and the others sleep. So one thread of our own, the watcher
//! of all agents in the process, looks every few milliseconds and wakes another worker. On the way of
//! a NOTIFY that costs a store for each handler, and a few for each poll. While no agent has anything
//! to do, the watcher sleeps.

use super::activity::{BlockedWorker, Look, WatchedThread, WorkerActivity};
use crate::agent::clock;
use crate::task;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;
use tokio::runtime::Handle;
use tracing::Dispatch;

/// How often to check the threads: well below any `timeout processing`.
const TICK: Duration = Duration::from_millis(10);

static REGISTRY: Mutex<Registry> = Mutex::new(Registry {
    threads: Vec::new(),
    agents: Vec::new(),
    watcher: None,
});

/// Whether the watcher sleeps, or is about to, until a handler is begun.
static SLEEPS: AtomicBool = AtomicBool::new(false);

/// All that is watched in the process.
struct Registry {
    threads: Vec<WatchedThread>,
    agents: Vec<WatchedAgent>,
    watcher: Option<Thread>,
}

/// An agent that serves.
struct WatchedAgent {
    id: usize,
    runtime: Handle,
    /// The log of the agent, which also gets the lines of the watcher.
    log: Dispatch,
    report: Arc<dyn Fn(BlockedWorker) + Send + Sync>,
}

impl WorkerActivity {
    /// Has the calling thread watched.
    pub(crate) fn new() -> Arc<Self> {
        let watch = Arc::new(WorkerActivity::default());
        registry().threads.push(WatchedThread::new(&watch));
        watch
    }

    /// Wakes the watcher, for handlers may be run from here to the end of the poll.
    #[inline]
    pub(crate) fn handlers_may_run(&self) {
        if SLEEPS.load(Ordering::Relaxed) {
            wake();
        }
    }
}

/// Watches an agent until it is dropped.
#[derive(Debug)]
pub(crate) struct Watchdog {
    agent: usize,
}

impl Watchdog {
    /// Watches the threads of the runtime it is called in while they poll connections of this agent;
    /// `report` is told of handlers that keep one, at each look. Without a thread to be had nothing is
    /// watched: the agent serves all the same.
    pub(crate) fn start(
        agent: usize,
        report: impl Fn(BlockedWorker) + Send + Sync + 'static,
    ) -> Self {
        let mut registry = registry();
        registry.agents.push(WatchedAgent {
            id: agent,
            runtime: Handle::current(),
            log: tracing::dispatcher::get_default(Clone::clone),
            report: Arc::new(report),
        });
        if registry.watcher.is_none() {
            let thread = thread::Builder::new().name("spoa-watch".to_owned());
            let started = thread.spawn(watch).ok();
            registry.watcher = started.map(|thread| thread.thread().clone());
        }
        Watchdog { agent }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        let mut registry = registry();
        let agents = &mut registry.agents;
        if let Some(at) = agents.iter().position(|agent| agent.id == self.agent) {
            let agent = agents.swap_remove(at);
            let last = agents.is_empty();
            drop(registry);
            // Its log and its closure belong to the program, whose drop may do anything.
            drop(agent);
            if last {
                // The watcher ends as well.
                wake();
            }
        }
    }
}

fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cold]
fn wake() {
    if SLEEPS.swap(false, Ordering::SeqCst) {
        if let Some(watcher) = &registry().watcher {
            watcher.unpark();
        }
    }
}

/// Looks at all threads while there are agents that serve.
fn watch() {
    let mut sleepy = false;
    while let Some(active) = look_at_all(clock::elapsed()) {
        let idle = !active && SLEEPS.load(Ordering::SeqCst) == sleepy;
        match (idle, sleepy) {
            (false, _) => {
                SLEEPS.store(false, Ordering::SeqCst);
                sleepy = false;
            }
            // From here on a handler that is begun wakes the watcher. One that was begun before, on
            // another core, is seen by the next look.
            (true, false) => {
                SLEEPS.store(true, Ordering::SeqCst);
                sleepy = true;
            }
            (true, true) => {
                while SLEEPS.load(Ordering::SeqCst) {
                    thread::park();
                }
                sleepy = false;
                continue;
            }
        }
        thread::sleep(TICK);
    }
    SLEEPS.store(false, Ordering::SeqCst);
}

/// Whether any thread has done anything since the last look; `None` once no agent serves.
fn look_at_all(now: Duration) -> Option<bool> {
    let mut registry = registry();
    let Registry {
        threads,
        agents,
        watcher,
    } = &mut *registry;
    if agents.is_empty() {
        *watcher = None;
        return None;
    }
    let mut active = false;
    let mut reports = Vec::new();
    threads.retain_mut(|watched| {
        let Some(thread) = watched.thread.upgrade() else {
            return false;
        };
        let look = watched.look(&thread, now);
        active |= look != Look::Idle;
        let id = thread.agent.load(Ordering::Relaxed);
        let agent = agents.iter().find(|agent| agent.id == id);
        if let (Look::Kept(kept), Some(agent)) = (look, agent) {
            // A task wakes a worker that sleeps, and a worker with nothing left to do waits for
            // sockets.
            agent.runtime.spawn(task::boxed(async {}));
            reports.extend(kept.map(|kept| (kept, agent.log.clone(), agent.report.clone())));
        }
        true
    });
    // A line may take its time, and its reader ask for the lock.
    drop(registry);
    for (kept, log, report) in reports {
        tracing::dispatcher::with_default(&log, || report(kept));
    }
    Some(active)
}

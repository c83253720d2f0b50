//! Work that handlers leave for the time after their answers: kept until the ACK has left, then run as a task.

use crate::agent::counters::Count;
use crate::agent::report::{handlers as report, rate_limit::RateLimit};
use crate::handler::guard::guard;
use crate::handler::panics::drop_quietly;
use crate::handler::{AfterWorkQueue, AfterWorkQueues, WorkFuture};
use crate::spop::FrameIds;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// The work of one agent.
pub(crate) struct AfterWork {
    most: usize,
    held: AtomicUsize,
    pub(crate) done: Count,
    pub(crate) panicked: Count,
    pub(crate) dropped: Count,
    cancelled: watch::Sender<bool>,
    none_held: Notify,
    /// The runtime of the newest connection.
    runtime: Mutex<Option<Handle>>,
    full_lines: RateLimit,
    panic_lines: RateLimit,
}

impl std::fmt::Debug for AfterWork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AfterWork").finish_non_exhaustive()
    }
}

impl AfterWork {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(AfterWork {
            most,
            held: AtomicUsize::new(0),
            done: Count::default(),
            panicked: Count::default(),
            dropped: Count::default(),
            cancelled: watch::Sender::new(false),
            none_held: Notify::new(),
            runtime: Mutex::default(),
            full_lines: RateLimit::default(),
            panic_lines: RateLimit::default(),
        })
    }

    /// Notes the runtime of a connection that begins, which runs the work of its handlers.
    pub(crate) fn connected(&self) {
        *self.runtime() = Handle::try_current().ok();
    }

    fn runtime(&self) -> MutexGuard<'_, Option<Handle>> {
        self.runtime.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how many futures wait for their ACK or are running.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Acquire)
    }

    /// Waits until no work is left.
    pub(crate) async fn all_done(&self) {
        loop {
            let none_held = self.none_held.notified();
            if self.held() == 0 {
                return;
            }
            none_held.await;
        }
    }

    /// Cancels the work that is left, and returns how much that is.
    pub(crate) fn cancel(&self) -> usize {
        let held = self.held();
        self.cancelled.send_replace(true);
        held
    }

    /// Takes a permit to keep work, if there is one.
    fn acquire(self: &Arc<Self>) -> Option<AfterWorkPermit> {
        let held = self.held.fetch_add(1, Ordering::AcqRel);
        // It counts the work as dropped, unless that ends.
        let permit = AfterWorkPermit {
            work: self.clone(),
            ended: false,
        };
        if held < self.most {
            return Some(permit);
        }
        report::after_work_dropped(&self.full_lines, self.most);
        None
    }
}

/// A permit to keep one piece of work, given back when this is dropped.
struct AfterWorkPermit {
    work: Arc<AfterWork>,
    /// Whether the work has ended by itself.
    ended: bool,
}

impl Drop for AfterWorkPermit {
    fn drop(&mut self) {
        if !self.ended {
            self.work.dropped.add(1);
        }
        if self.work.held.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.work.none_held.notify_waiters();
        }
    }
}

impl AfterWorkQueues for AfterWork {
    fn queue(self: Arc<Self>) -> Arc<dyn AfterWorkQueue> {
        Arc::new(ConnectionAfterWork {
            all: self,
            any: AtomicBool::new(false),
            waiting: Mutex::default(),
        })
    }
}

/// The work of one connection whose ACKs have not left.
pub(crate) struct ConnectionAfterWork {
    all: Arc<AfterWork>,
    /// Whether work waits: it spares the lock while none does.
    any: AtomicBool,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    /// Whether the connection is over, so that no other ACK leaves.
    closed: bool,
    works: Vec<(FrameIds, WorkFuture, AfterWorkPermit)>,
}

impl std::fmt::Debug for ConnectionAfterWork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectionAfterWork")
            .finish_non_exhaustive()
    }
}

impl ConnectionAfterWork {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts work in this runtime, or in that of the newest connection.
    fn start(&self, runtime: Option<Handle>, work: WorkFuture, permit: AfterWorkPermit) {
        match runtime.or_else(|| self.all.runtime().clone()) {
            Some(runtime) => drop(runtime.spawn(run(work, permit))),
            None => drop_quietly(work),
        }
    }

    /// Starts works from the task of the connection.
    fn start_all(&self, works: Vec<(FrameIds, WorkFuture, AfterWorkPermit)>) {
        for (_, work, permit) in works {
            self.start(Handle::try_current().ok(), work, permit);
        }
    }
}

impl AfterWorkQueue for ConnectionAfterWork {
    fn push(&self, ids: FrameIds, deadline: Option<std::time::Instant>, work: WorkFuture) -> bool {
        let Some(permit) = self.all.acquire() else {
            drop_quietly(work);
            return false;
        };
        // A blocking handler may still be running when its NOTIFY has been answered without it.
        let is_late =
            deadline.is_some_and(|deadline| Instant::from_std(deadline) <= Instant::now());
        let mut waiting = self.lock();
        if waiting.closed || is_late {
            drop(waiting);
            // The handler may be in a thread or a runtime of its own, which ends with it.
            self.start(None, work, permit);
        } else {
            waiting.works.push((ids, work, permit));
            self.any.store(true, Ordering::Release);
        }
        true
    }

    #[inline]
    fn is_waiting(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    fn start_answered(&self, is_in_flight: &dyn Fn(FrameIds) -> bool) {
        let mut waiting = self.lock();
        let works = std::mem::take(&mut waiting.works).into_iter();
        let (in_flight, answered) = works.partition::<Vec<_>, _>(|(ids, ..)| is_in_flight(*ids));
        waiting.works = in_flight;
        self.any.store(!waiting.works.is_empty(), Ordering::Release);
        drop(waiting);
        self.start_all(answered);
    }

    fn close(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        let works = std::mem::take(&mut waiting.works);
        drop(waiting);
        self.start_all(works);
    }
}

/// Runs work to its end, or until the agent has waited long enough for it.
async fn run(mut work: WorkFuture, mut permit: AfterWorkPermit) {
    let all = permit.work.clone();
    let mut cancelled = all.cancelled.subscribe();
    let ended = poll_fn(|cx| match guard(|| Ok(work.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(())) => Poll::Ready(Ok(())),
        Err(panicked) => Poll::Ready(Err(panicked)),
    });
    let ended = tokio::select! {
        biased;
        ended = ended => Some(ended),
        _ = cancelled.wait_for(|cancelled| *cancelled) => None,
    };
    permit.ended = ended.is_some();
    match ended {
        Some(Ok(())) => all.done.add(1),
        Some(Err(panicked)) => {
            all.panicked.add(1);
            report::after_work_panicked(&all.panic_lines, &panicked);
            drop_quietly(panicked);
        }
        None => {}
    }
    drop_quietly(work);
}

//! The parts of an agent that all its connections share: its handlers, its states, its limits.

pub(crate) mod admission;
pub(crate) mod after_work;
pub(crate) mod blocking;
pub(crate) mod budget;
pub(crate) mod handler_table;
pub(crate) mod observer;
pub(crate) mod spans;
pub(crate) mod trace_arguments;

use self::after_work::AfterWork;
use self::blocking::BlockingPlaces;
use self::budget::Budgets;
use self::handler_table::HandlerTable;
use self::observer::Observer;
use self::spans::Spans;
use crate::agent::Limits;
use crate::agent::counters::AgentCounters;
use crate::agent::reload::CurrentStates;
use crate::agent::report::LineLimits;
use crate::handler::AgentInfo;
use crate::handler::failed_message::OnFailure;
use crate::handler::owned::Owned;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The parts of an agent that all its connections share.
pub(crate) struct Shared {
    pub(crate) info: Arc<AgentInfo>,
    pub(crate) table: HandlerTable,
    pub(crate) current_states: Arc<CurrentStates>,
    pub(crate) limits: Limits,
    /// Whether health checks are refused, so that HAProxy sends to its other servers.
    pub(crate) refuses_health_checks: AtomicBool,
    pub(crate) on_failure: Option<Owned<OnFailure>>,
    /// `None` if messages have no spans.
    pub(crate) spans: Option<Owned<Spans>>,
    pub(crate) observer: Option<Owned<Box<dyn Observer>>>,
    /// Whether messages have spans or an observer.
    pub(crate) has_spans_or_observer: bool,
    pub(crate) line_limits: LineLimits,
    pub(crate) counters: Arc<AgentCounters>,
    pub(crate) budgets: Arc<Budgets>,
    pub(crate) blocking: Arc<BlockingPlaces>,
    pub(crate) after_work: Arc<AfterWork>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agent")
            .field("name", &self.info.name)
            .field("limits", &self.limits)
            .finish()
    }
}

impl Shared {
    /// Returns a number that no other agent of the process has.
    #[inline]
    pub(crate) fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

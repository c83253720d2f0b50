//! A verdict with all moments at which it can come.

use crate::Verdict;

/// The moment at which a verdict comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum VerdictMoment {
    /// Before the rules about requests.
    Request,
    /// Before the rules about requests in a backend, at this event.
    Backend(String),
    /// Before the rules about responses.
    Response,
    /// With this group, which a rule of the site's own sends.
    ByRules(String),
}

/// A verdict with all moments at which it can come.
#[derive(Debug)]
pub(super) struct PlannedVerdict {
    pub(super) verdict: Verdict,
    pub(super) moments: Vec<VerdictMoment>,
}

impl PlannedVerdict {
    /// Returns whether the rules about requests come after the verdict.
    pub(super) fn is_early(&self) -> bool {
        self.moments.contains(&VerdictMoment::Request)
    }

    /// Returns whether the rules about responses come after the verdict.
    pub(super) fn is_late(&self) -> bool {
        self.moments.contains(&VerdictMoment::Response)
    }

    /// Returns the event at which the verdict comes to a backend.
    pub(super) fn backend_event(&self) -> Option<&str> {
        self.moments.iter().find_map(|when| match when {
            VerdictMoment::Backend(event) => Some(event.as_str()),
            _ => None,
        })
    }
}

/// Adds a verdict, or joins it with the one that has the same variables.
pub(super) fn add(verdicts: &mut Vec<PlannedVerdict>, verdict: &Verdict, when: VerdictMoment) {
    let known = verdicts
        .iter()
        .position(|it| it.verdict.action == verdict.action);
    let index = known.unwrap_or_else(|| {
        verdicts.push(PlannedVerdict {
            verdict: Verdict {
                outcomes: Vec::new(),
                headers: Vec::new(),
                ..verdict.clone()
            },
            moments: Vec::new(),
        });
        verdicts.len() - 1
    });
    let Some(planned) = verdicts.get_mut(index) else {
        return;
    };
    for outcome in &verdict.outcomes {
        if !planned.verdict.outcomes.contains(outcome) {
            planned.verdict.outcomes.push(*outcome);
        }
    }
    for header in &verdict.headers {
        if !planned.verdict.headers.contains(header) {
            planned.verdict.headers.push(header.clone());
        }
    }
    if !planned.moments.contains(&when) {
        planned.moments.push(when);
    }
}

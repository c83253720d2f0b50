//! A verdict with all moments at which it can come.

use crate::Verdict;

/// The moment at which a verdict comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum When {
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
pub(super) struct Ladder {
    pub(super) verdict: Verdict,
    pub(super) moments: Vec<When>,
}

impl Ladder {
    /// Returns whether the rules about requests come after the verdict.
    pub(super) fn is_early(&self) -> bool {
        self.moments.contains(&When::Request)
    }

    /// Returns whether the rules about responses come after the verdict.
    pub(super) fn is_late(&self) -> bool {
        self.moments.contains(&When::Response)
    }

    /// Returns the event at which the verdict comes to a backend.
    pub(super) fn backend_event(&self) -> Option<&str> {
        self.moments.iter().find_map(|when| match when {
            When::Backend(event) => Some(event.as_str()),
            _ => None,
        })
    }
}

/// Adds a verdict to the ladder of its variables.
pub(super) fn add(ladders: &mut Vec<Ladder>, verdict: &Verdict, when: When) {
    let known = ladders
        .iter()
        .position(|it| it.verdict.action == verdict.action);
    let index = known.unwrap_or_else(|| {
        ladders.push(Ladder {
            verdict: Verdict {
                outcomes: Vec::new(),
                headers: Vec::new(),
                ..verdict.clone()
            },
            moments: Vec::new(),
        });
        ladders.len() - 1
    });
    let Some(ladder) = ladders.get_mut(index) else {
        return;
    };
    for outcome in &verdict.outcomes {
        if !ladder.verdict.outcomes.contains(outcome) {
            ladder.verdict.outcomes.push(*outcome);
        }
    }
    for header in &verdict.headers {
        if !ladder.verdict.headers.contains(header) {
            ladder.verdict.headers.push(header.clone());
        }
    }
    if !ladder.moments.contains(&when) {
        ladder.moments.push(when);
    }
}

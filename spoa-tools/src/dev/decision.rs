//! The verdict in an answer of the agent, and whether HAProxy enforced it.

use spoa_config::{Action, Verdict};

/// A verdict that a handler returned.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decision {
    /// The value of the variable with the action.
    action: String,
    status: Option<i32>,
    /// The location of a redirect, as the action shows it.
    location: Option<String>,
    reason: Option<String>,
}

/// The end of a request, as HAProxy logs it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Response {
    /// The status; below 100 if there was no response.
    pub(super) status: i32,
    pub(super) by_haproxy: bool,
}

/// Separates the verdicts in an ACK from the other actions, which are text such as `set-var txn.score = 20`.
pub(super) fn decisions<'a>(
    verdicts: impl Iterator<Item = &'a Verdict>,
    mut actions: Vec<String>,
) -> (Vec<Decision>, Vec<String>) {
    let mut found: Vec<Decision> = Vec::new();
    for verdict in verdicts {
        let mut take = |name: &str| {
            let start = format!("set-var txn.{name} = ");
            let place = actions.iter().position(|it| it.starts_with(&start))?;
            let action = actions.remove(place);
            action.strip_prefix(&start).map(str::to_owned)
        };
        let Some(action) = take(&verdict.action) else {
            continue;
        };
        let action = action.trim_matches('"').to_owned();
        let data = take(&verdict.data);
        take(&verdict.content_type);
        let status = take(&verdict.status);
        found.push(Decision {
            location: data.filter(|_| action == Action::Redirect.name()),
            status: status.and_then(|status| status.parse().ok()),
            reason: take(&verdict.reason).filter(|reason| reason != "\"\""),
            action,
        });
    }
    (found, actions)
}

impl Decision {
    /// Returns the verdict as text, and whether HAProxy enforced it, if its response is known.
    pub(super) fn text(&self, response: Option<Response>) -> String {
        let Decision {
            action,
            status,
            location,
            reason,
        } = self;
        let mut text = action.clone();
        // HAProxy is not asked to do anything, so the status is not one of a response.
        let asked = Action::named(action);
        if let (Some(status), Some(_)) = (status, asked) {
            text.push_str(&format!(" {status}"));
        }
        if let Some(location) = location {
            text.push_str(&format!(" to {location}"));
        }
        if let Some(reason) = reason {
            text.push_str(&format!(", reason {reason}"));
        }
        if let (Some(asked), Some(response)) = (asked, response) {
            let enforced = match asked {
                Action::Drop => response.status < 100,
                _ => response.by_haproxy && *status == Some(response.status),
            };
            if enforced {
                text.push_str(", enforced");
            } else if response.status < 100 {
                text.push_str(", not enforced: there was no response");
            } else {
                text.push_str(&format!(
                    ", not enforced: the response was {}",
                    response.status
                ));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(actions: &[&str]) -> (String, Vec<String>) {
        let verdict = Verdict::default();
        let actions = actions.iter().map(|it| (*it).to_owned()).collect();
        let (decisions, rest) = decisions([&verdict].into_iter(), actions);
        let response = Response {
            status: 403,
            by_haproxy: true,
        };
        let text = decisions.iter().map(|it| it.text(Some(response)));
        (text.collect(), rest)
    }

    #[test]
    fn a_verdict_becomes_text_and_other_actions_stay() {
        let (text, rest) = decided(&[
            "set-var txn.score = 7",
            "set-var txn.action = \"deny\"",
            "set-var txn.status = 403",
            "set-var txn.reason = \"a bot\"",
        ]);
        assert_eq!(text, "deny 403, reason \"a bot\", enforced");
        assert_eq!(rest, ["set-var txn.score = 7"]);
        let (text, rest) = decided(&["set-var txn.action = \"allow\""]);
        assert_eq!((text.as_str(), rest.len()), ("allow", 0));
        let other = decided(&["set-var txn.score = 7"]);
        assert_eq!(
            other,
            (String::new(), vec!["set-var txn.score = 7".to_owned()])
        );
    }

    #[test]
    fn a_request_that_does_not_end_as_decided_is_shown() {
        let decision = |action: &str, status, location: Option<&str>| Decision {
            action: action.to_owned(),
            status,
            location: location.map(str::to_owned),
            reason: None,
        };
        let passed = Response {
            status: 200,
            by_haproxy: false,
        };
        let dropped = Response {
            status: -1,
            by_haproxy: true,
        };
        let redirect = decision("redirect", Some(302), Some("\"/login\""));
        for (decision, response, expected) in [
            (
                &redirect,
                Some(passed),
                "redirect 302 to \"/login\", not enforced: the response was 200",
            ),
            (&redirect, None, "redirect 302 to \"/login\""),
            (
                &redirect,
                Some(dropped),
                "redirect 302 to \"/login\", not enforced: there was no response",
            ),
            (
                &decision("drop", None, None),
                Some(dropped),
                "drop, enforced",
            ),
            (
                &decision("drop", None, None),
                Some(passed),
                "drop, not enforced: the response was 200",
            ),
            (&decision("allow", Some(0), None), Some(passed), "allow"),
        ] {
            assert_eq!(decision.text(response), expected);
        }
    }
}

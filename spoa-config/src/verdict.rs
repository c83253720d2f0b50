//! The verdicts of a handler, and the variables that have them.

use crate::Variable;

/// The decisions that a handler can make about a request or a response. All variables are of the scope `txn`.
///
/// ```
/// use spoa_config::{Action, Outcome, Verdict};
///
/// let deny = Outcome { action: Action::Deny, status: Some(403) };
/// let verdict = Verdict { outcomes: vec![deny], ..Verdict::default() };
/// assert_eq!(verdict.to_string(), "allow, deny 403");
/// ```
///
/// Write `..Default::default()` after the fields that you set: later versions may have more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The type that declares it.
    pub declared_by: String,
    /// The variable with the action.
    pub action: String,
    /// The variable with the status.
    pub status: String,
    /// The variable with the location of a redirect, or with a body.
    pub data: String,
    /// The variable with the type of a body.
    pub content_type: String,
    /// The variable with the reason.
    pub reason: String,
    /// The outcomes besides `allow`.
    pub outcomes: Vec<Outcome>,
    /// The headers that can come with it.
    pub headers: Vec<HeaderRule>,
}

impl Default for Verdict {
    fn default() -> Self {
        Verdict {
            declared_by: String::new(),
            action: "action".to_owned(),
            status: "status".to_owned(),
            data: "data".to_owned(),
            content_type: "content_type".to_owned(),
            reason: "reason".to_owned(),
            outcomes: Vec::new(),
            headers: Vec::new(),
        }
    }
}

/// One outcome of a verdict. Two statuses of one action are two outcomes.
///
/// A description sets all of its fields. A new one is a breaking change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The action that HAProxy takes.
    pub action: Action,
    /// The status of HAProxy's response, if there is one.
    pub status: Option<u16>,
}

macro_rules! actions {
    ($($variant:ident $name:literal $docs:literal;)*) => {
        /// The action that HAProxy takes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Action {
            $(#[doc = $docs] $variant,)*
        }

        impl Action {
            /// All actions.
            pub const ALL: &'static [Action] = &[$(Action::$variant),*];

            /// Returns the value of the variable with the action.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Action::$variant => $name,)* }
            }

            /// Finds an action by its name.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                Action::ALL.iter().copied().find(|it| it.name() == name)
            }
        }
    };
}

actions! {
    Deny "deny" "Respond with an error.";
    Redirect "redirect" "Send the client elsewhere.";
    Respond "respond" "Respond with a body of the agent's.";
    Challenge "challenge" "Respond with a page of the site's.";
    Tarpit "tarpit" "Respond with an error after a while.";
    Drop "drop" "Forget the connection.";
}

/// A header that can come with a verdict, and its variable.
///
/// A description sets all of its fields. A new one is a breaking change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderRule {
    /// Whether the header is one of the response, not of the request.
    pub of_response: bool,
    /// The change.
    pub change: HeaderChange,
    /// The name of the header; `None` for one variable with headers of any names.
    pub name: Option<String>,
    /// The variable.
    pub variable: String,
}

/// The change that is made to a header.
///
/// These are all changes that HAProxy's rules make without a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderChange {
    /// The header is set, and replaces all of its name.
    Set,
    /// A line is added.
    Add,
    /// The header is removed.
    Remove,
}

impl Verdict {
    /// Returns whether a variable is one by which the rules enforce the verdict, or one for the log.
    #[must_use]
    pub fn owns(&self, variable: &Variable) -> bool {
        let own = [
            &self.action,
            &self.status,
            &self.data,
            &self.content_type,
            &self.reason,
        ];
        let mut names = own
            .into_iter()
            .chain(self.headers.iter().map(|it| &it.variable));
        variable.scope == "txn" && names.any(|name| *name == variable.name)
    }

    /// Returns the whole rule that enforces an outcome with HAProxy's own pages, for `http-request` or
    /// `http-response`.
    pub(crate) fn rule(&self, outcome: &Outcome, rules: &str, prefix: &str) -> String {
        let data = format!("txn.{prefix}.{}", self.data);
        let status = outcome.status.unwrap_or_default();
        let what = match outcome.action {
            Action::Tarpit if rules == "http-request" => denial("tarpit", status),
            Action::Deny | Action::Tarpit => denial("deny", status),
            Action::Redirect => format!("redirect code {status} location %[var({data})]"),
            // HAProxy refuses a rule with a body for these.
            Action::Respond if matches!(status, 204 | 304) => format!("return status {status}"),
            Action::Respond => {
                format!("return status {status} content-type text/plain lf-string %[var({data})]")
            }
            Action::Challenge => {
                format!("return status {status} content-type text/html lf-string %[var({data})]")
            }
            Action::Drop => "silent-drop".to_owned(),
        };
        format!("{rules} {what} if {}", self.condition(outcome, prefix))
    }

    /// Returns the condition for an outcome.
    pub(crate) fn condition(&self, outcome: &Outcome, prefix: &str) -> String {
        let mut condition = format!(
            "{{ var(txn.{prefix}.{}) -m str {} }}",
            self.action,
            outcome.action.name()
        );
        // One status needs no test, and another one is denied all the same.
        if self.statuses(outcome.action).count() > 1 {
            if let Some(status) = outcome.status {
                let test = format!(" {{ var(txn.{prefix}.{}) -m int {status} }}", self.status);
                condition.push_str(&test);
            }
        }
        condition
    }

    /// Returns the statuses that are declared for an action, in their order.
    pub fn statuses(&self, action: Action) -> impl Iterator<Item = u16> {
        let outcomes = self.outcomes.iter().filter(move |it| it.action == action);
        outcomes.filter_map(|it| it.status)
    }
}

/// The statuses for which HAProxy 2.6 and later have a page.
const WITH_PAGE: [u16; 18] = [
    400, 401, 403, 404, 405, 407, 408, 410, 413, 421, 422, 425, 429, 500, 501, 502, 503, 504,
];

/// Returns the action of a rule that denies with HAProxy's page for a status, or a line of text without one.
pub(crate) fn denial(keyword: &str, status: u16) -> String {
    if WITH_PAGE.contains(&status) {
        format!("{keyword} deny_status {status}")
    } else {
        format!("{keyword} status {status} content-type text/plain string \"Denied.\\n\"")
    }
}

/// Writes the action, and the status if there is one: `deny 403`.
impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.action.name())?;
        match self.status {
            Some(status) => write!(f, " {status}"),
            None => Ok(()),
        }
    }
}

/// Writes all outcomes on one line: `allow, deny 403, deny 429, drop`.
impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("allow")?;
        for outcome in &self.outcomes {
            write!(f, ", {outcome}")?;
        }
        Ok(())
    }
}

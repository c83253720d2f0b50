//! What the verdict of a handler can be, and which variables tell of it.

use crate::Variable;

/// What a handler can decide about a request or a response. All variables are of the scope `txn`.
///
/// ```
/// use spoa_config::{Action, Outcome, Verdict};
///
/// let deny = Outcome { action: Action::Deny, status: Some(403) };
/// let verdict = Verdict { outcomes: vec![deny], ..Verdict::default() };
/// assert_eq!(verdict.to_string(), "allow, deny 403");
/// ```
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
    /// What it can be besides `allow`.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What HAProxy is to do.
    pub action: Action,
    /// The status of HAProxy's response, if there is one.
    pub status: Option<u16>,
}

macro_rules! actions {
    ($($variant:ident $name:literal $docs:literal;)*) => {
        /// What HAProxy is to do.
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderRule {
    /// Whether it is one of the response, not of the request.
    pub of_response: bool,
    /// What is done to it.
    pub change: HeaderChange,
    /// Its name; `None` for headers of any names, which one variable has together.
    pub name: Option<String>,
    /// The variable.
    pub variable: String,
}

/// What is done to a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderChange {
    /// It is set: what is there is replaced.
    Set,
    /// A line is added.
    Add,
    /// It is removed.
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

    /// Returns the statuses that are declared for an action, in their order.
    pub fn statuses(&self, action: Action) -> impl Iterator<Item = u16> {
        let outcomes = self.outcomes.iter().filter(move |it| it.action == action);
        outcomes.filter_map(|it| it.status)
    }
}

/// All outcomes on one line: `allow, deny 403, deny 429, drop`.
impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("allow")?;
        for outcome in &self.outcomes {
            write!(f, ", {}", outcome.action.name())?;
            if let Some(status) = outcome.status {
                write!(f, " {status}")?;
            }
        }
        Ok(())
    }
}

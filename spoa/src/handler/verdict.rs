//! The verdicts of a handler as plain data, for the tools that write the rules.

/// The possible verdicts of a handler, and their variables in the scope `txn`.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerdictDescription {
    /// The type that declares it.
    pub declared_by: &'static str,
    pub variables: VerdictVariables,
    /// The outcomes besides `allow`, in the order of their declaration.
    pub outcomes: &'static [OutcomeDescription],
    /// The headers that can come with it.
    pub headers: &'static [HeaderDescription],
}

/// The names of the variables of a verdict.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerdictVariables {
    /// The action that HAProxy takes: text that every verdict sets.
    pub action: &'static str,
    pub status: &'static str,
    /// The location of a redirect, or a body.
    pub data: &'static str,
    pub content_type: &'static str,
    pub reason: &'static str,
}

/// One outcome: `deny` with 403 and `deny` with 429 are two.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutcomeDescription {
    /// The value of the variable `action`.
    pub action: &'static str,
    /// The status; 0 if the client gets no response.
    pub status: u16,
}

/// A header that can come with a verdict.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderDescription {
    /// Whether it is a header of the response, not of the request.
    pub of_response: bool,
    pub change: HeaderChange,
    /// Its name; `None` for headers of any names, which share one variable.
    pub name: Option<&'static str>,
    /// The variable.
    pub variable: &'static str,
}

/// A change of a header.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderChange {
    Set,
    Add,
    Remove,
}

impl VerdictDescription {
    /// Returns whether a verdict can have one of these actions.
    #[must_use]
    pub fn has(&self, actions: &[&str]) -> bool {
        self.outcomes.iter().any(|it| actions.contains(&it.action))
    }
}

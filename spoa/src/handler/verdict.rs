//! The verdicts of a handler as plain data, for the tools that write the rules.

/// What a verdict can be, and the variables that tell HAProxy of it. They are of the scope `txn`.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerdictDescription {
    /// The type that declares it.
    pub declared_by: &'static str,
    pub variables: VerdictVariables,
    /// What it can be besides `allow`, in the order of its declaration.
    pub outcomes: &'static [OutcomeDescription],
    /// The headers that can come with it.
    pub headers: &'static [HeaderDescription],
}

/// The names of the variables of a verdict.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerdictVariables {
    /// What HAProxy is to do: text, set by every verdict.
    pub action: &'static str,
    pub status: &'static str,
    /// Where a redirect leads, or a body.
    pub data: &'static str,
    pub content_type: &'static str,
    pub reason: &'static str,
}

/// One outcome: a verdict `deny` with 403 is another one than `deny` with 429.
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
    /// Whether it is one of the response, not of the request.
    pub of_response: bool,
    pub change: HeaderChange,
    /// Its name; `None` for all names, which one variable has together.
    pub name: Option<&'static str>,
    /// The variable.
    pub variable: &'static str,
}

/// What is done to a header.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderChange {
    Set,
    Add,
    Remove,
}

impl VerdictDescription {
    /// Returns whether HAProxy is to read a variable for one of these actions.
    #[must_use]
    pub fn has(&self, actions: &[&str]) -> bool {
        self.outcomes.iter().any(|it| actions.contains(&it.action))
    }
}

//! The verdict of a handler on a request or a response.

use super::outcomes::{
    DeclaresChallenge, DeclaresDeny, DeclaresDrop, DeclaresRedirect, DeclaresRespond,
    DeclaresTarpit, Outcomes, Usual,
};
use super::{BadHeader, HeaderSet, Outcome, Undeclared};
use crate::handler::__macros::{HeaderChange, HeaderDescription};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// The decision of a handler about a request or a response.
///
/// A verdict becomes variables with the names of coraza's agents, and HAProxy's rules enforce it: `config` writes
/// the rules, see [`outcomes!`](crate::outcomes). Without a declaration, a verdict can be one that coraza's
/// published rules enforce: `deny` with 403, `redirect` with 302, and `drop`.
///
/// | variable | type | set by |
/// |---|---|---|
/// | `txn.<prefix>.action` | text: `allow`, `deny`, `redirect`, `respond`, `challenge`, `tarpit` or `drop` | every verdict |
/// | `txn.<prefix>.status` | integer | all but `allow` and `drop` |
/// | `txn.<prefix>.data` | text: the location, the body, or the data for the page of a challenge | `redirect`, `respond`, `challenge` |
/// | `txn.<prefix>.content_type` | text | `respond` |
/// | `txn.<prefix>.reason` | text, for HAProxy's log | [`reason`](Verdict::reason) |
///
/// To set other variables, return a tuple, or a struct with `#[derive(IntoActions)]` whose field with the
/// verdict has `#[spoa(flatten)]`.
///
/// ```
/// use spoa::http::Verdict;
/// use spoa::prelude::*;
///
/// #[spoe_message("inspect", event = "on-frontend-http-request")]
/// fn inspect(#[arg(default)] path: &[u8]) -> (Verdict, SetVar<u32>) {
///     let score = if path.starts_with(b"/.") { 100 } else { 0 };
///     let verdict = match score {
///         0 => Verdict::allow(),
///         _ => Verdict::deny::<403>().reason("a hidden file"),
///     };
///     (verdict, SetVar::transaction("score", score))
/// }
/// ```
/// A test compares the verdict that a handler returned with the expected one:
///
/// ```
/// # use spoa::http::Verdict;
/// # use spoa::prelude::*;
/// # spoa::outcomes! { struct Firewall { deny: 403; } }
/// # #[spoe_message("inspect", event = "on-frontend-http-request")]
/// # fn inspect(#[arg(default)] path: &[u8]) -> Verdict<Firewall> {
/// #     if path.starts_with(b"/.") { Verdict::deny::<403>().reason("a hidden file") } else { Verdict::allow() }
/// # }
/// assert_eq!(inspect(b"/.env"), Verdict::deny::<403>().reason("a hidden file"));
/// ```
#[must_use = "a verdict counts once a handler returns it"]
pub struct Verdict<O: Outcomes = Usual> {
    pub(super) outcome: Outcome,
    pub(super) status: u16,
    pub(super) data: Option<Cow<'static, str>>,
    pub(super) content_type: Option<Cow<'static, str>>,
    pub(super) reason: Option<Cow<'static, str>>,
    pub(super) headers: Option<Box<VerdictHeaders>>,
    of: PhantomData<fn() -> O>,
}

// The derives would ask for the same of `O`, which is only a name.
impl<O: Outcomes> Clone for Verdict<O> {
    fn clone(&self) -> Self {
        Verdict {
            outcome: self.outcome,
            status: self.status,
            data: self.data.clone(),
            content_type: self.content_type.clone(),
            reason: self.reason.clone(),
            headers: self.headers.clone(),
            of: PhantomData,
        }
    }
}

impl<O: Outcomes> PartialEq for Verdict<O> {
    fn eq(&self, other: &Self) -> bool {
        let parts = |it: &Self| (it.outcome, it.status);
        parts(self) == parts(other)
            && self.data == other.data
            && self.content_type == other.content_type
            && self.reason == other.reason
            && self.headers == other.headers
    }
}

impl<O: Outcomes> Eq for Verdict<O> {}

impl<O: Outcomes> fmt::Debug for Verdict<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut verdict = f.debug_struct("Verdict");
        verdict
            .field("outcome", &self.outcome)
            .field("status", &self.status);
        for (name, text) in [
            ("data", &self.data),
            ("content_type", &self.content_type),
            ("reason", &self.reason),
        ] {
            if let Some(text) = text {
                verdict.field(name, text);
            }
        }
        if let Some(headers) = &self.headers {
            verdict.field("headers", headers);
        }
        verdict.finish()
    }
}

/// The headers of a verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct VerdictHeaders {
    pub(super) request: HeaderSet,
    pub(super) response: HeaderSet,
}

impl<O: Outcomes> Verdict<O> {
    const fn new(outcome: Outcome, status: u16) -> Self {
        Verdict {
            outcome,
            status,
            data: None,
            content_type: None,
            reason: None,
            headers: None,
            of: PhantomData,
        }
    }

    /// Lets the request or response pass.
    pub const fn allow() -> Self {
        Verdict::new(Outcome::Allow, 0)
    }

    /// Denies the request or response with a status.
    pub const fn deny<const STATUS: u16>() -> Self
    where
        O: DeclaresDeny<STATUS>,
    {
        Verdict::new(Outcome::Deny, STATUS)
    }

    /// Sends the client to a location. HAProxy encodes control characters in it.
    pub fn redirect<const STATUS: u16>(location: impl Into<Cow<'static, str>>) -> Self
    where
        O: DeclaresRedirect<STATUS>,
    {
        Verdict::new(Outcome::Redirect, STATUS).data(location)
    }

    /// Responds with a body. A response with 204 or 304 has none.
    ///
    /// The body has to fit into a frame, 16 KiB by default, with all that is set beside it; else HAProxy
    /// responds without a body. It ends at the first NUL. HAProxy before 3.2 percent-encodes the control
    /// characters in it, line ends included: write JSON and HTML on one line.
    pub fn respond<const STATUS: u16>(
        content_type: impl Into<Cow<'static, str>>,
        body: impl Into<Cow<'static, str>>,
    ) -> Self
    where
        O: DeclaresRespond<STATUS>,
    {
        let mut verdict = Verdict::new(Outcome::Respond, STATUS).data(body);
        verdict.content_type = Some(content_type.into());
        verdict
    }

    /// Responds with the site's page for a challenge, which may show `data`, such as a token, by
    /// `%[var(txn.<prefix>.data)]`. If the site has no page, `data` is the page.
    pub fn challenge<const STATUS: u16>(data: impl Into<Cow<'static, str>>) -> Self
    where
        O: DeclaresChallenge<STATUS>,
    {
        Verdict::new(Outcome::Challenge, STATUS).data(data)
    }

    /// Denies the request with a status, after HAProxy's `timeout tarpit`. HAProxy cannot delay a response, and
    /// denies it at once.
    pub const fn tarpit<const STATUS: u16>() -> Self
    where
        O: DeclaresTarpit<STATUS>,
    {
        Verdict::new(Outcome::Tarpit, STATUS)
    }

    /// Forgets the connection without a response to the client.
    pub const fn drop_silently() -> Self
    where
        O: DeclaresDrop,
    {
        Verdict::new(Outcome::Drop, 0)
    }

    /// Denies the request or response with a status that is known only at run time, such as that of a rule.
    ///
    /// ```
    /// use spoa::http::Verdict;
    ///
    /// assert_eq!(Verdict::try_deny(403), Ok(<Verdict>::deny::<403>()));
    /// assert_eq!(
    ///     <Verdict>::try_deny(418).unwrap_err().to_string(),
    ///     "`Usual` does not declare `deny: 418`, so HAProxy has no rule for it"
    /// );
    /// ```
    ///
    /// # Errors
    /// [`Undeclared`] if the status is not declared.
    pub fn try_deny(status: u16) -> Result<Self, Undeclared> {
        Verdict::declared(Outcome::Deny, status)
    }

    /// Sends the client to a location, with a status that is known only at run time.
    ///
    /// # Errors
    /// [`Undeclared`] if the status is not declared.
    pub fn try_redirect(
        status: u16,
        location: impl Into<Cow<'static, str>>,
    ) -> Result<Self, Undeclared> {
        Ok(Verdict::declared(Outcome::Redirect, status)?.data(location))
    }

    /// Responds with a body, with a status that is known only at run time.
    ///
    /// # Errors
    /// [`Undeclared`] if the status is not declared.
    pub fn try_respond(
        status: u16,
        content_type: impl Into<Cow<'static, str>>,
        body: impl Into<Cow<'static, str>>,
    ) -> Result<Self, Undeclared> {
        let mut verdict = Verdict::declared(Outcome::Respond, status)?.data(body);
        verdict.content_type = Some(content_type.into());
        Ok(verdict)
    }

    fn declared(outcome: Outcome, status: u16) -> Result<Self, Undeclared> {
        let mut outcomes = O::DESCRIPTION.outcomes.iter();
        if outcomes.any(|it| it.action == outcome.as_str() && it.status == status) {
            Ok(Verdict::new(outcome, status))
        } else {
            Err(Undeclared {
                declared_by: O::DESCRIPTION.declared_by,
                what: format!("{outcome}: {status}"),
            })
        }
    }

    fn data(mut self, data: impl Into<Cow<'static, str>>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// Adds a reason for HAProxy's log. Clients do not see it.
    pub fn reason(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Changes the headers of the request, after the changes that the verdict has already. Servers see them if the
    /// request passes.
    ///
    /// The handler fails if a change is not declared.
    pub fn request_headers(mut self, headers: HeaderSet) -> Self {
        let all = self.headers.get_or_insert_default();
        all.request = std::mem::take(&mut all.request).and(headers);
        self
    }

    /// Changes the headers of the response, which comes from a server, or from HAProxy if the verdict denies.
    ///
    /// The handler fails if a change is not declared.
    pub fn response_headers(mut self, headers: HeaderSet) -> Self {
        let all = self.headers.get_or_insert_default();
        all.response = std::mem::take(&mut all.response).and(headers);
        self
    }

    /// Copies headers of an answer, for an agent that asks a service. Do not pass headers of a client: servers trust
    /// the declared ones.
    ///
    /// A header goes to the request, to the response or to both, where its name is declared with `set` or `add`. A
    /// header whose name is not declared is left out. `any` declares no name, so nothing is copied for it. Several lines
    /// of a header that is declared with `set` become one, separated by commas.
    ///
    /// ```
    /// use spoa::http::{HeaderSet, Verdict};
    ///
    /// spoa::outcomes! {
    ///     struct Access {
    ///         deny: 403;
    ///         request: set "remote-user", set "remote-groups";
    ///         response: add "set-cookie";
    ///     }
    /// }
    ///
    /// let answer = [("Server", "nginx"), ("Remote-User", "alice"), ("Set-Cookie", "seen=1")];
    /// let verdict = Verdict::<Access>::allow().copy_headers(answer)?;
    ///
    /// let request = HeaderSet::new().set("remote-user", "alice")?;
    /// let response = HeaderSet::new().add("set-cookie", "seen=1")?;
    /// assert_eq!(verdict, Verdict::allow().request_headers(request).response_headers(response));
    /// # Ok::<(), spoa::http::BadHeader>(())
    /// ```
    ///
    /// `answer` may be a reference to a `HeaderMap` of the crate `http`.
    ///
    /// # Errors
    /// [`BadHeader`] if HTTP does not allow the value of a declared header, or if a header that is declared with `add`
    /// has several lines, or `set-cookie` with either: its variable holds one line, and cookies are not a list.
    pub fn copy_headers<N: AsRef<str>, V: AsRef<[u8]>>(
        mut self,
        answer: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, BadHeader> {
        let (mut request, mut response) = (HeaderSet::new(), HeaderSet::new());
        for (name, value) in answer {
            let name = name.as_ref();
            let is_cookie = name.eq_ignore_ascii_case("set-cookie");
            let same =
                |it: &&HeaderDescription| it.name.is_some_and(|it| it.eq_ignore_ascii_case(name));
            for declared in O::DESCRIPTION.headers.iter().filter(same) {
                let headers = if declared.of_response {
                    &mut response
                } else {
                    &mut request
                };
                let before = std::mem::take(headers);
                *headers = match declared.change {
                    HeaderChange::Set if is_cookie => before.set_once(name, &value)?,
                    HeaderChange::Set => before.append(name, &value)?,
                    HeaderChange::Add => before.add_once(name, &value)?,
                    HeaderChange::Remove => before,
                };
            }
        }
        // If nothing is copied, the verdict equals the one before.
        if !request.is_empty() {
            self = self.request_headers(request);
        }
        if !response.is_empty() {
            self = self.response_headers(response);
        }
        Ok(self)
    }

    /// Returns the decision about the request or the response.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Returns the status of HAProxy's response; `None` if HAProxy does not respond.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        Some(self.status).filter(|status| *status != 0)
    }

    /// Combines two verdicts: the stricter one in the order of [`Outcome`], this one if they are equally
    /// strict. The changes of headers are those of both.
    ///
    /// ```
    /// use spoa::http::Verdict;
    ///
    /// let verdict: Verdict = Verdict::allow().stricter(Verdict::deny::<403>());
    /// assert_eq!(verdict.status(), Some(403));
    /// ```
    pub fn stricter(mut self, mut other: Self) -> Self {
        let (mine, others) = (self.headers.take(), other.headers.take());
        let mut stricter = if other.outcome > self.outcome {
            other
        } else {
            self
        };
        stricter.headers = match (mine, others) {
            (Some(mine), Some(others)) => Some(Box::new(VerdictHeaders {
                request: mine.request.and(others.request),
                response: mine.response.and(others.response),
            })),
            (mine, others) => mine.or(others),
        };
        stricter
    }
}

//! What a handler decides about a request or a response, as the variables that HAProxy's rules enforce.

use super::HeaderSet;
use super::outcomes::{
    DeclaresChallenge, DeclaresDeny, DeclaresDrop, DeclaresRedirect, DeclaresRespond,
    DeclaresTarpit, Outcomes, Usual,
};
use crate::handler::__macros::{
    Description, HeaderChange, HeaderDescription, Presence, VariableDescription,
};
use crate::handler::{ActionWriter, Failure, IntoActions};
use crate::spop::{Scope, Value};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// What a handler decides about a request or a response.
///
/// A verdict becomes variables, named as coraza's agents name them, and HAProxy's rules enforce it: `config`
/// writes them, see [`outcomes!`](crate::outcomes). Without a declaration of its own, a verdict can be what
/// coraza's published rules enforce: `deny` with 403, `redirect` with 302, and `drop`.
///
/// | variable | type | set by |
/// |---|---|---|
/// | `txn.<prefix>.action` | text: `allow`, `deny`, `redirect`, `respond`, `challenge`, `tarpit` or `drop` | every verdict |
/// | `txn.<prefix>.status` | integer | all but `allow` and `drop` |
/// | `txn.<prefix>.data` | text: the location, the body, or what the page of a challenge needs | `redirect`, `respond`, `challenge` |
/// | `txn.<prefix>.content_type` | text | `respond` |
/// | `txn.<prefix>.reason` | text, for HAProxy's log | [`reason`](Verdict::reason) |
///
/// Return other variables beside it in a tuple, or in a struct with `#[derive(IntoActions)]` whose field of
/// the verdict has `#[spoa(flatten)]`.
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
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a verdict counts once a handler returns it"]
pub struct Verdict<O: Outcomes = Usual> {
    outcome: Outcome,
    status: u16,
    data: Option<Cow<'static, str>>,
    content_type: Option<Cow<'static, str>>,
    reason: Option<Cow<'static, str>>,
    headers: Option<Box<Headers>>,
    of: PhantomData<fn() -> O>,
}

/// The headers of a verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Headers {
    request: HeaderSet,
    response: HeaderSet,
}

/// What becomes of a request or a response. The order is that of [`Verdict::stricter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// It passes.
    Allow,
    /// The client is sent elsewhere.
    Redirect,
    /// The client gets a page of the site's, and has to solve what that asks.
    Challenge,
    /// The client gets a response of the agent's.
    Respond,
    /// The client gets an error.
    Deny,
    /// The client gets an error after HAProxy's `timeout tarpit`.
    Tarpit,
    /// The client gets nothing, and its connection is forgotten.
    Drop,
}

impl Outcome {
    /// Returns the value of the variable `action`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Allow => "allow",
            Outcome::Redirect => "redirect",
            Outcome::Challenge => "challenge",
            Outcome::Respond => "respond",
            Outcome::Deny => "deny",
            Outcome::Tarpit => "tarpit",
            Outcome::Drop => "drop",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
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

    /// Lets it pass.
    pub const fn allow() -> Self {
        Verdict::new(Outcome::Allow, 0)
    }

    /// Denies it with a status.
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

    /// Responds with a body.
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
    /// `%[var(txn.<prefix>.data)]`. Without a page of the site's, `data` is the page.
    pub fn challenge<const STATUS: u16>(data: impl Into<Cow<'static, str>>) -> Self
    where
        O: DeclaresChallenge<STATUS>,
    {
        Verdict::new(Outcome::Challenge, STATUS).data(data)
    }

    /// Denies it with a status, after HAProxy's `timeout tarpit`. HAProxy cannot do so with a response, and
    /// denies it at once.
    pub const fn tarpit<const STATUS: u16>() -> Self
    where
        O: DeclaresTarpit<STATUS>,
    {
        Verdict::new(Outcome::Tarpit, STATUS)
    }

    /// Forgets the connection without a word to the client.
    pub const fn drop_silently() -> Self
    where
        O: DeclaresDrop,
    {
        Verdict::new(Outcome::Drop, 0)
    }

    /// Denies it with a status that is known only when the agent runs, for instance that of a rule.
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

    /// Sends the client to a location, with a status that is known only when the agent runs.
    ///
    /// # Errors
    /// [`Undeclared`] if the status is not declared.
    pub fn try_redirect(
        status: u16,
        location: impl Into<Cow<'static, str>>,
    ) -> Result<Self, Undeclared> {
        Ok(Verdict::declared(Outcome::Redirect, status)?.data(location))
    }

    /// Responds with a body, with a status that is known only when the agent runs.
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

    /// Says why, for HAProxy's log. Clients do not see it.
    pub fn reason(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Changes the headers of the request, after those changes that the verdict has. Servers see them if
    /// it passes.
    ///
    /// The handler fails if a change is not declared.
    pub fn request_headers(mut self, headers: HeaderSet) -> Self {
        let all = self.headers.get_or_insert_default();
        all.request = std::mem::take(&mut all.request).and(headers);
        self
    }

    /// Changes the headers of the response, that of a server, or HAProxy's own when it denies.
    ///
    /// The handler fails if a change is not declared.
    pub fn response_headers(mut self, headers: HeaderSet) -> Self {
        let all = self.headers.get_or_insert_default();
        all.response = std::mem::take(&mut all.response).and(headers);
        self
    }

    /// Returns what becomes of the request or the response.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Returns the status of HAProxy's response; `None` if there is none.
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
            (Some(mine), Some(others)) => Some(Box::new(Headers {
                request: mine.request.and(others.request),
                response: mine.response.and(others.response),
            })),
            (mine, others) => mine.or(others),
        };
        stricter
    }
}

impl<O: Outcomes> IntoActions for Verdict<O> {
    fn into_actions(self, out: &mut ActionWriter<'_>) -> Result<(), Failure> {
        let names = &O::DESCRIPTION.variables;
        let mut set = |name: &str, value| out.set_var(Scope::Transaction, name, value);
        set(names.action, Value::from(self.outcome.as_str()))?;
        if self.status != 0 {
            set(names.status, Value::Int32(i32::from(self.status)))?;
        }
        if let Some(content_type) = &self.content_type {
            set(names.content_type, Value::from(&**content_type))?;
        }
        if let Some(reason) = &self.reason {
            set(names.reason, Value::from(&**reason))?;
        }
        if let Some(headers) = &self.headers {
            write_headers::<O>(&headers.request, false, out)?;
            write_headers::<O>(&headers.response, true, out)?;
        }
        // Last, since it may be too large: the rest counts without it.
        if let Some(data) = &self.data {
            out.set_var(Scope::Transaction, names.data, Value::from(&**data))?;
        }
        Ok(())
    }

    fn describe(description: &mut Description) {
        let verdict = O::DESCRIPTION;
        let names = &verdict.variables;
        let mut add = |name, rust_type, presence| {
            description.variable(VariableDescription {
                scope: Scope::Transaction,
                name,
                rust_type: Some(rust_type),
                presence,
            });
        };
        add(names.action, "&str", Presence::Always);
        let outcomes = [
            (
                &["deny", "redirect", "respond", "challenge", "tarpit"][..],
                names.status,
                "i32",
            ),
            (
                &["redirect", "respond", "challenge"],
                names.data,
                "Cow<str>",
            ),
            (&["respond"], names.content_type, "Cow<str>"),
        ];
        for (actions, name, rust_type) in outcomes {
            if verdict.has(actions) {
                add(name, rust_type, Presence::Sometimes);
            }
        }
        add(names.reason, "Cow<str>", Presence::Sometimes);
        for header in verdict.headers {
            let rust_type = match (header.name, header.change) {
                (None, _) => "Vec<u8>",
                (Some(_), HeaderChange::Remove) => "bool",
                (Some(_), _) => "&str",
            };
            add(header.variable, rust_type, Presence::Sometimes);
        }
        description.verdicts.push(verdict);
    }
}

/// Sets the variables of headers.
fn write_headers<O: Outcomes>(
    headers: &HeaderSet,
    of_response: bool,
    out: &mut ActionWriter<'_>,
) -> Result<(), Failure> {
    let find = |change, name: Option<&str>| {
        let mut declared = O::DESCRIPTION.headers.iter();
        declared.find(|it| (it.of_response, it.change, it.name) == (of_response, change, name))
    };
    let undeclared = |change: &str, name: &str| {
        let side = if of_response { "response" } else { "request" };
        Failure::Error(Box::new(Undeclared {
            declared_by: O::DESCRIPTION.declared_by,
            what: format!("{side}: {change} \"{name}\""),
        }))
    };
    // One variable has all headers, if any may come.
    let all = [
        (HeaderChange::Remove, headers.to_remove()),
        (HeaderChange::Set, headers.to_set()),
        (HeaderChange::Add, headers.to_add()),
    ];
    if find(HeaderChange::Set, None).is_some() {
        for (change, block) in all {
            if let (Some(block), Some(variable)) = (block, find(change, None)) {
                out.set_var(Scope::Transaction, variable.variable, Value::Binary(&block))?;
            }
        }
        return Ok(());
    }
    for name in headers.removed_names() {
        match find(HeaderChange::Remove, Some(name)) {
            Some(header) => out.set_var(Scope::Transaction, header.variable, Value::Bool(true))?,
            // What a client sends under that name is removed anyway.
            None if !of_response && find(HeaderChange::Set, Some(name)).is_some() => {}
            None => return Err(undeclared("remove", name)),
        }
    }
    for header in headers.set_headers() {
        match find(HeaderChange::Set, Some(&header.name)) {
            Some(it) => out.set_var(
                Scope::Transaction,
                it.variable,
                Value::String(&header.value),
            )?,
            None => return Err(undeclared("set", &header.name)),
        }
    }
    let mut added: Vec<&HeaderDescription> = Vec::new();
    for header in headers.added_headers() {
        let Some(it) = find(HeaderChange::Add, Some(&header.name)) else {
            return Err(undeclared("add", &header.name));
        };
        if added.contains(&it) {
            let text = format!(
                "header `{}` is added twice, and its variable holds one line: declare `{}: any;`, which takes \
                 HAProxy 3.4",
                header.name,
                if of_response { "response" } else { "request" },
            );
            return Err(Failure::Error(text.into()));
        }
        added.push(it);
        out.set_var(
            Scope::Transaction,
            it.variable,
            Value::String(&header.value),
        )?;
    }
    Ok(())
}

/// The error for a verdict, or a header, that is not declared: HAProxy has no rule for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undeclared {
    declared_by: &'static str,
    what: String,
}

impl fmt::Display for Undeclared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` does not declare `{}`, so HAProxy has no rule for it",
            self.declared_by, self.what
        )
    }
}

impl std::error::Error for Undeclared {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::SetCookie;
    use crate::spop::ActionIter;

    crate::outcomes! {
        /// All there is.
        #[derive(Debug, PartialEq)]
        struct All {
            deny: 403, 418;
            redirect: 307;
            respond: 200;
            challenge: 403;
            tarpit: 429;
            drop;
            request: set "x-user", add "via", remove "authorization";
            response: set "x-frame-options", add "set-cookie";
        }
    }

    crate::outcomes! {
        #[derive(Debug)]
        struct Any as "bots" {
            request: any;
            response: any;
        }
    }

    fn actions<O: Outcomes>(verdict: Verdict<O>) -> Result<Vec<String>, String> {
        let mut out = Vec::new();
        verdict
            .into_actions(&mut ActionWriter::new(&mut out))
            .map_err(|f| f.to_string())?;
        let actions = ActionIter::new(&out).map(|action| action.unwrap().to_string());
        Ok(actions
            .map(|action| action.replacen("set-var txn.", "", 1))
            .collect())
    }

    #[test]
    fn a_verdict_is_its_variables() {
        type V = Verdict<All>;
        for (verdict, variables) in [
            (V::allow(), &["action = \"allow\""][..]),
            (
                V::deny::<403>().reason("rule 7"),
                &["action = \"deny\"", "status = 403", "reason = \"rule 7\""],
            ),
            (
                V::redirect::<307>("/login"),
                &["action = \"redirect\"", "status = 307", "data = \"/login\""],
            ),
            (
                V::respond::<200>("text/plain", "hello"),
                &[
                    "action = \"respond\"",
                    "status = 200",
                    "content_type = \"text/plain\"",
                    "data = \"hello\"",
                ],
            ),
            (
                V::challenge::<403>("t0ken"),
                &["action = \"challenge\"", "status = 403", "data = \"t0ken\""],
            ),
            (V::tarpit::<429>(), &["action = \"tarpit\"", "status = 429"]),
            (V::drop_silently(), &["action = \"drop\""]),
        ] {
            assert_eq!(actions(verdict).unwrap(), variables);
        }
    }

    #[test]
    fn declared_headers_have_a_variable_each() {
        let request = HeaderSet::new()
            .set("X-User", "alice")
            .unwrap()
            .add("via", "x")
            .unwrap()
            .remove("authorization")
            .unwrap();
        let cookie = SetCookie::new("id", "7").unwrap();
        let response = HeaderSet::new()
            .set("x-frame-options", "DENY")
            .unwrap()
            .cookie(&cookie);
        let verdict = Verdict::<All>::allow()
            .request_headers(request)
            .response_headers(response.clone());
        let expected = [
            "action = \"allow\"",
            "remove_authorization = true",
            "set_x_user = \"alice\"",
            "add_via = \"x\"",
            "response_set_x_frame_options = \"DENY\"",
            "response_add_set_cookie = \"id=7\"",
        ];
        assert_eq!(actions(verdict).unwrap(), expected);
        // It is the agent's alone, so it is removed where it is not set.
        let removed = HeaderSet::new().remove("x-user").unwrap();
        let verdict = Verdict::<All>::allow().request_headers(removed);
        assert_eq!(actions(verdict).unwrap(), ["action = \"allow\""]);
        let twice = Verdict::<All>::allow().response_headers(response.cookie(&cookie));
        assert_eq!(
            actions(twice).unwrap_err(),
            "header `set-cookie` is added twice, and its variable holds one line: declare `response: any;`, which \
             takes HAProxy 3.4"
        );
    }

    #[test]
    fn headers_of_any_names_are_one_variable_for_each_change() {
        let headers = HeaderSet::new().set("a", "1").unwrap().remove("b").unwrap();
        let verdict = Verdict::<Any>::allow()
            .request_headers(headers.clone())
            .response_headers(headers.add("c", "").unwrap());
        let expected = [
            "bots_action = \"allow\"",
            "bots_remove_headers = 0x016200",
            "bots_set_headers = 0x016101310000",
            "bots_remove_response_headers = 0x016200",
            "bots_set_response_headers = 0x016101310000",
            "bots_add_response_headers = 0x0163000000",
        ];
        assert_eq!(actions(verdict).unwrap(), expected);
    }

    #[test]
    fn what_is_not_declared_fails_with_the_declaration_to_write() {
        let headers = HeaderSet::new().set("x-other", "1").unwrap();
        let verdict = Verdict::<All>::allow().request_headers(headers.clone());
        assert_eq!(
            actions(verdict).unwrap_err(),
            "`All` does not declare `request: set \"x-other\"`, so HAProxy has no rule for it"
        );
        assert!(actions(Verdict::<All>::allow().response_headers(headers)).is_err());
        assert!(Verdict::<All>::try_redirect(302, "/").is_err());
        assert!(Verdict::<All>::try_respond(404, "a/b", "").is_err());
        assert_eq!(Verdict::try_deny(418), Ok(Verdict::<All>::deny::<418>()));
    }

    #[test]
    fn the_stricter_verdict_counts_and_headers_add_up() {
        let user = HeaderSet::new().set("x-user", "alice").unwrap();
        let via = HeaderSet::new().add("via", "x").unwrap();
        let allow = Verdict::<All>::allow().request_headers(user);
        let deny = Verdict::deny::<403>().request_headers(via);
        let expected = [
            "action = \"deny\"",
            "status = 403",
            "set_x_user = \"alice\"",
            "add_via = \"x\"",
        ];
        assert_eq!(actions(allow.stricter(deny)).unwrap(), expected);
        let first = Verdict::<All>::deny::<418>().stricter(Verdict::deny::<403>());
        assert_eq!(first.status(), Some(418));
        let drop = first.stricter(Verdict::drop_silently());
        assert_eq!((drop.outcome(), drop.status()), (Outcome::Drop, None));
    }

    #[test]
    fn a_body_that_does_not_fit_leaves_the_verdict_in_force() {
        let verdict = Verdict::<All>::respond::<200>("text/plain", "x".repeat(1000));
        let mut out = Vec::new();
        let mut writer = ActionWriter::within(&mut out, 200);
        verdict.into_actions(&mut writer).unwrap();
        assert!(writer.left_out().is_some());
        let first = ActionIter::new(&out).next().unwrap().unwrap();
        assert_eq!(first.to_string(), "set-var txn.action = \"respond\"");
    }

    #[test]
    fn the_declaration_is_described() {
        let mut description = Description::default();
        <(Verdict<All>, Option<crate::handler::SetVar<u8>>)>::describe(&mut description);
        let variables = description.variables.iter();
        let always: Vec<_> = variables
            .filter(|it| it.presence == Presence::Always)
            .map(|it| it.name)
            .collect();
        assert_eq!(always, ["action"]);
        assert_eq!(description.verdicts, [All::DESCRIPTION]);
        let mut description = Description::default();
        <Verdict>::describe(&mut description);
        let names: Vec<_> = description.variables.iter().map(|it| it.name).collect();
        assert_eq!(names, ["action", "status", "data", "reason"]);
        assert!(!description.open);
    }
}

//! The possible verdicts of a handler, declared where the compiler and the tools see them.

use crate::handler::__macros::{OutcomeDescription, VerdictDescription};

/// A declaration of the possible verdicts of a handler. [`outcomes!`](crate::outcomes) implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not declare the verdicts of a handler",
    label = "no `outcomes!`",
    note = "declare the type by `spoa::outcomes! {{ struct {Self} {{ deny: 403; redirect: 302; }} }}`"
)]
pub trait Outcomes: 'static {
    /// The declaration, for the tools.
    #[doc(hidden)]
    const DESCRIPTION: &'static VerdictDescription;
}

macro_rules! declares {
    ($($name:ident $doc:literal $message:literal $note:literal;)*) => {$(
        #[doc = $doc]
        #[diagnostic::on_unimplemented(message = $message, label = "not declared", note = $note)]
        pub trait $name<const STATUS: u16>: Outcomes {}
    )*};
}

declares! {
    DeclaresDeny "Declares `deny` with a status."
        "`{Self}` does not declare `deny: {STATUS}`"
        "HAProxy needs a rule for each status: write `deny: {STATUS};` in the `outcomes!` of `{Self}`, or add the status to its line `deny`";
    DeclaresRedirect "Declares `redirect` with a status."
        "`{Self}` does not declare `redirect: {STATUS}`"
        "HAProxy needs a rule for each status: write `redirect: {STATUS};` in the `outcomes!` of `{Self}`, or add the status to its line `redirect`";
    DeclaresRespond "Declares `respond` with a status."
        "`{Self}` does not declare `respond: {STATUS}`"
        "HAProxy needs a rule for each status: write `respond: {STATUS};` in the `outcomes!` of `{Self}`, or add the status to its line `respond`";
    DeclaresChallenge "Declares `challenge` with a status."
        "`{Self}` does not declare `challenge: {STATUS}`"
        "HAProxy needs a rule for each status: write `challenge: {STATUS};` in the `outcomes!` of `{Self}`, or add the status to its line `challenge`";
    DeclaresTarpit "Declares `tarpit` with a status."
        "`{Self}` does not declare `tarpit: {STATUS}`"
        "HAProxy needs a rule for each status: write `tarpit: {STATUS};` in the `outcomes!` of `{Self}`, or add the status to its line `tarpit`";
}

/// Declares `drop`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not declare `drop`",
    label = "not declared",
    note = "write `drop;` in the `outcomes!` of `{Self}`"
)]
pub trait DeclaresDrop: Outcomes {}

/// Declares a type with the possible verdicts of a handler.
///
/// HAProxy cannot take a status from a variable, so each status has a rule of its own and is declared. The
/// compiler refuses a [`Verdict`](crate::http::Verdict) with another status. `config` writes the rules, and
/// `doctor` checks yours.
///
/// | line | the verdict | HAProxy's rule |
/// |---|---|---|
/// | `deny: 403, 429;` | `Verdict::deny::<403>()` | `deny deny_status 403` |
/// | `redirect: 302;` | `Verdict::redirect::<302>("/login")` | `redirect code 302 location …` |
/// | `respond: 200;` | `Verdict::respond::<200>("text/html", page)` | `return status 200 …` |
/// | `challenge: 403;` | `Verdict::challenge::<403>("token")` | `return status 403 …`, with a page of the site |
/// | `tarpit: 429;` | `Verdict::tarpit::<429>()` | `tarpit deny_status 429`, for requests only |
/// | `drop;` | `Verdict::drop_silently()` | `silent-drop` |
/// | `request: set "x-user", remove "authorization";` | [`request_headers`](crate::http::Verdict::request_headers) | `set-header`, `add-header`, `del-header` |
/// | `request: any;` | headers of any names | `set-headers-bin` and its kin, from 3.4 on |
/// | `response: add "set-cookie";` | [`response_headers`](crate::http::Verdict::response_headers) | `http-after-response` rules |
///
/// Only the agent sets a request header that is declared with `set`: the rules remove the header from the request
/// of a client.
///
/// `as` gives the variables of a verdict a name before theirs, for a second verdict on the same request:
/// with `struct Bots as "bots" { … }`, they are `txn.<prefix>.bots_action` and so on.
///
/// ```
/// use spoa::http::{HeaderSet, Verdict};
/// use spoa::prelude::*;
///
/// spoa::outcomes! {
///     /// The verdicts of the firewall.
///     pub struct Firewall {
///         deny: 403, 429;
///         redirect: 302;
///         drop;
///         request: set "x-score";
///     }
/// }
///
/// #[spoe_message("inspect", event = "on-frontend-http-request")]
/// fn inspect(#[arg(default)] path: &[u8]) -> Verdict<Firewall> {
///     match path {
///         b"/.env" => Verdict::deny::<403>().reason("a file of secrets"),
///         b"/old" => Verdict::redirect::<302>("/new"),
///         _ => Verdict::allow(),
///     }
/// }
/// ```
///
/// # Errors
/// A verdict that is not declared does not compile:
///
/// ```compile_fail
/// spoa::outcomes! {
///     struct Firewall { deny: 403; }
/// }
/// fn judge() -> spoa::http::Verdict<Firewall> {
///     spoa::http::Verdict::deny::<429>()
/// }
/// ```
#[macro_export]
macro_rules! outcomes {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($lines:tt)* }) => {
        $crate::__outcomes! { [$(#[$meta])* $vis] $name [] [] [] [] $($lines)* }
    };
    ($(#[$meta:meta])* $vis:vis struct $name:ident as $prefix:literal { $($lines:tt)* }) => {
        $crate::__outcomes! { [$(#[$meta])* $vis] $name [$prefix "_"] [] [] [] $($lines)* }
    };
}

/// Reads a declaration line by line, and collects the outcomes, the traits that they implement, and the headers.
#[doc(hidden)]
#[macro_export]
macro_rules! __outcomes {
    ($head:tt $name:ident $prefix:tt [$($outcomes:tt)*] [$($traits:tt)*] $headers:tt
        deny: $($status:literal),+ $(,)?; $($rest:tt)*) => {
        $crate::__outcomes! { $head $name $prefix [$($outcomes)* $((deny $status))+]
            [$($traits)* $(($crate::http::DeclaresDeny<$status>))+] $headers $($rest)* }
    };
    ($head:tt $name:ident $prefix:tt [$($outcomes:tt)*] [$($traits:tt)*] $headers:tt
        redirect: $($status:literal),+ $(,)?; $($rest:tt)*) => {
        $crate::__outcomes! { $head $name $prefix [$($outcomes)* $((redirect $status))+]
            [$($traits)* $(($crate::http::DeclaresRedirect<$status>))+] $headers $($rest)* }
    };
    ($head:tt $name:ident $prefix:tt [$($outcomes:tt)*] [$($traits:tt)*] $headers:tt
        respond: $($status:literal),+ $(,)?; $($rest:tt)*) => {
        $crate::__outcomes! { $head $name $prefix [$($outcomes)* $((respond $status))+]
            [$($traits)* $(($crate::http::DeclaresRespond<$status>))+] $headers $($rest)* }
    };
    ($head:tt $name:ident $prefix:tt [$($outcomes:tt)*] [$($traits:tt)*] $headers:tt
        challenge: $($status:literal),+ $(,)?; $($rest:tt)*) => {
        $crate::__outcomes! { $head $name $prefix [$($outcomes)* $((challenge $status))+]
            [$($traits)* $(($crate::http::DeclaresChallenge<$status>))+] $headers $($rest)* }
    };
    ($head:tt $name:ident $prefix:tt [$($outcomes:tt)*] [$($traits:tt)*] $headers:tt
        tarpit: $($status:literal),+ $(,)?; $($rest:tt)*) => {
        $crate::__outcomes! { $head $name $prefix [$($outcomes)* $((tarpit $status))+]
            [$($traits)* $(($crate::http::DeclaresTarpit<$status>))+] $headers $($rest)* }
    };
    ($head:tt $name:ident $prefix:tt [$($outcomes:tt)*] [$($traits:tt)*] $headers:tt
        drop; $($rest:tt)*) => {
        $crate::__outcomes! { $head $name $prefix [$($outcomes)* (drop 0)]
            [$($traits)* ($crate::http::DeclaresDrop)] $headers $($rest)* }
    };
    ($head:tt $name:ident $prefix:tt $outcomes:tt $traits:tt [$($headers:tt)*]
        request: any; $($rest:tt)*) => {
        $crate::__outcomes! { $head $name $prefix $outcomes $traits [$($headers)*
            (false set any) (false add any) (false remove any)] $($rest)* }
    };
    ($head:tt $name:ident $prefix:tt $outcomes:tt $traits:tt [$($headers:tt)*]
        response: any; $($rest:tt)*) => {
        $crate::__outcomes! { $head $name $prefix $outcomes $traits [$($headers)*
            (true set any) (true add any) (true remove any)] $($rest)* }
    };
    ($head:tt $name:ident $prefix:tt $outcomes:tt $traits:tt [$($headers:tt)*]
        request: $($change:ident $header:literal),+ $(,)?; $($rest:tt)*) => {
        $crate::__outcomes! { $head $name $prefix $outcomes $traits [$($headers)*
            $((false $change $header))+] $($rest)* }
    };
    ($head:tt $name:ident $prefix:tt $outcomes:tt $traits:tt [$($headers:tt)*]
        response: $($change:ident $header:literal),+ $(,)?; $($rest:tt)*) => {
        $crate::__outcomes! { $head $name $prefix $outcomes $traits [$($headers)*
            $((true $change $header))+] $($rest)* }
    };
    ([$($head:tt)*] $name:ident $prefix:tt [$(($action:ident $status:literal))*]
        [$(($($declares:tt)+))*] [$($header:tt)*]) => {
        $($head)* struct $name;

        #[diagnostic::do_not_recommend]
        impl $crate::http::Outcomes for $name {
            const DESCRIPTION: &'static $crate::__private::VerdictDescription =
                &$crate::__private::VerdictDescription {
                    declared_by: $crate::__private::stringify!($name),
                    variables: $crate::__outcome_variables!($prefix),
                    outcomes: &[$(
                        $crate::__private::outcome($crate::__private::stringify!($action), $status)
                    ),*],
                    headers: &[$($crate::__outcome_header!($prefix $header)),*],
                };
        }

        $(
            #[diagnostic::do_not_recommend]
            impl $($declares)+ for $name {}
        )*
    };
    ($head:tt $name:ident $prefix:tt $outcomes:tt $traits:tt $headers:tt $($wrong:tt)+) => {
        $crate::__private::compile_error! {
            "a line declares verdicts or headers: `deny: 403, 429;`, `redirect: 302;`, `respond: 200;`, \
             `challenge: 403;`, `tarpit: 429;`, `drop;`, `request: set \"x-user\", remove \"cookie\";` or \
             `response: add \"set-cookie\";`, with `any` for headers of any names"
        }
    };
}

/// Names the variables of a declaration.
#[doc(hidden)]
#[macro_export]
macro_rules! __outcome_variables {
    ([$($prefix:literal)*]) => {
        $crate::__private::VerdictVariables {
            action: $crate::__private::concat!($($prefix,)* "action"),
            status: $crate::__private::concat!($($prefix,)* "status"),
            data: $crate::__private::concat!($($prefix,)* "data"),
            content_type: $crate::__private::concat!($($prefix,)* "content_type"),
            reason: $crate::__private::concat!($($prefix,)* "reason"),
        }
    };
}

/// Describes one header of a declaration.
#[doc(hidden)]
#[macro_export]
macro_rules! __outcome_header {
    ([$($prefix:literal)*] ($of_response:literal $change:ident any)) => {
        $crate::__private::HeaderDescription {
            of_response: $of_response,
            change: $crate::__outcome_header!(@change $change),
            name: $crate::__private::None,
            variable: if $of_response { $crate::__private::concat!(
                    $($prefix,)* $crate::__private::stringify!($change), "_response_headers"
                ) } else { $crate::__private::concat!(
                    $($prefix,)* $crate::__private::stringify!($change), "_headers"
                ) },
        }
    };
    ([$($prefix:literal)*] ($of_response:literal $change:ident $header:literal)) => {
        $crate::__private::HeaderDescription {
            of_response: $of_response,
            change: $crate::__outcome_header!(@change $change),
            name: $crate::__private::Some($crate::__private::header_name($header)),
            variable: {
                const RAW: &str = if $of_response { $crate::__private::concat!(
                        $($prefix,)* "response_", $crate::__private::stringify!($change), "_", $header
                    ) } else { $crate::__private::concat!(
                        $($prefix,)* $crate::__private::stringify!($change), "_", $header
                    ) };
                const BYTES: [u8; RAW.len()] = $crate::__private::variable_name(RAW);
                $crate::__private::text(&BYTES)
            },
        }
    };
    (@change set) => { $crate::__private::HeaderChange::Set };
    (@change add) => { $crate::__private::HeaderChange::Add };
    (@change remove) => { $crate::__private::HeaderChange::Remove };
    (@change $wrong:ident) => {
        $crate::__private::compile_error!("write `set`, `add` or `remove` before the name of a header")
    };
}

/// Describes an outcome.
///
/// # Panics
/// If HAProxy has no such outcome. It is called at compile time, so this is a compile error.
#[doc(hidden)]
#[must_use]
#[track_caller]
pub const fn outcome(action: &'static str, status: u16) -> OutcomeDescription {
    match action.as_bytes() {
        b"drop" => {}
        b"redirect" => assert!(
            matches!(status, 301 | 302 | 303 | 307 | 308),
            "HAProxy redirects with 301, 302, 303, 307 or 308"
        ),
        b"deny" | b"tarpit" => assert!(
            status >= 400 && status <= 599,
            "a request is denied with a status from 400 to 599"
        ),
        b"challenge" if status == 204 || status == 304 => {
            panic!("a challenge is a page, and HAProxy sends none with 204 or 304")
        }
        _ => assert!(
            status >= 200 && status <= 599,
            "HAProxy responds with a status from 200 to 599"
        ),
    }
    OutcomeDescription { action, status }
}

/// Returns the name of a header if an agent may change it.
///
/// # Panics
/// If not. It is called at compile time, so this is a compile error.
#[doc(hidden)]
#[must_use]
#[track_caller]
pub const fn header_name(name: &'static str) -> &'static str {
    let mut rest = name.as_bytes();
    assert!(!rest.is_empty(), "the name of a header is empty");
    while let [first, others @ ..] = rest {
        assert!(
            matches!(first, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.'),
            "write the name of a header in lower case, with letters, digits, `-`, `_` and `.`"
        );
        rest = others;
    }
    assert!(
        !super::checked_header::frames(name),
        "this header frames the message, so HAProxy sets it and an agent cannot"
    );
    name
}

/// Returns a text with `_` for every character that is not allowed in the name of a variable.
#[doc(hidden)]
#[must_use]
#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
pub const fn variable_name<const N: usize>(text: &str) -> [u8; N] {
    let mut name = [b'_'; N];
    let mut at = 0;
    while at < N {
        let byte = text.as_bytes()[at];
        if byte.is_ascii_alphanumeric() {
            name[at] = byte;
        }
        at += 1;
    }
    name
}

/// Returns a name of ASCII as text.
#[doc(hidden)]
#[must_use]
pub const fn text(name: &[u8]) -> &str {
    match std::str::from_utf8(name) {
        Ok(name) => name,
        Err(_) => "",
    }
}

crate::outcomes! {
    /// The verdicts that coraza's published rules enforce: `deny` with 403, `redirect` with 302, and `drop`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Usual {
        deny: 403;
        redirect: 302;
        drop;
    }
}

//! Generated code passes the lints that a crate denies.
#![forbid(unsafe_code)]
#![deny(
    warnings,
    missing_docs,
    unreachable_pub,
    rust_2018_idioms,
    unused,
    unused_qualifications,
    single_use_lifetimes,
    missing_debug_implementations,
    missing_copy_implementations,
    let_underscore_drop,
    non_local_definitions,
    trivial_casts,
    trivial_numeric_casts,
    unused_import_braces,
    unused_lifetimes,
    unused_results,
    variant_size_differences,
    elided_lifetimes_in_paths,
    explicit_outlives_requirements,
    nonstandard_style,
    unnameable_types,
    redundant_lifetimes
)]

use spoa::{prelude::*, spop::Message, Context, State};

/// A user.
#[derive(Clone, Copy, Debug, FromValue)]
pub struct UserId(pub u64);

/// The arguments.
#[derive(Debug, FromMessage)]
pub struct Request<'a> {
    /// The user.
    pub user: UserId,
    /// The path.
    pub path: Text<'a>,
    /// The user agent, if there is one.
    #[spoa("user-agent")]
    pub agent: Option<&'a [u8]>,
}

/// The answer.
#[derive(Clone, Debug, IntoActions)]
#[spoa(scope = "txn")]
pub struct Verdict<'a> {
    /// The reason.
    pub reason: Text<'a>,
}

/// Arguments that become variables.
#[derive(Clone, Debug, FromMessage, IntoActions)]
#[spoa(scope = "txn")]
pub struct Both<'a> {
    /// The path.
    #[spoa(default, scope = "sess")]
    pub path: Text<'a>,
}

/// Public, and documented.
#[spoe_message("public")]
pub fn public<'a>(request: Request<'a>, context: Context<'_>) -> Verdict<'a> {
    let _ = (request.user, request.agent, context);
    Verdict {
        reason: request.path,
    }
}

#[spoe_message("private", timeout = "20ms")]
async fn private(
    #[arg(default)] port: u16,
    state: State<'_, String>,
) -> Result<SetVar<u16>, HandlerError> {
    let _ = state.len();
    Ok(SetVar::session("port", port))
}

#[spoe_message("slow", blocking)]
#[must_use]
fn slow(#[arg(index = 1, default = 3)] value: u8) -> Option<SetVar<u8>> {
    Some(SetVar::session("value", value))
}

/// Sets what it takes.
#[spoe_message("both")]
pub fn both<'a>(both: Both<'a>) -> Both<'a> {
    both
}

/// Returns nothing.
#[spoe_fallback]
fn rest(_: Message<'_>) {}

#[spoe_message("old")]
#[deprecated]
fn old() {}

/// Runs.
pub fn main() {
    let handlers = handlers![public, private, slow, both, rest];
    assert_eq!(handlers.len(), 5);
    if handlers.is_empty() {
        spoa::run!(
            name = "lints",
            listen = "127.0.0.1:1",
            state = String::from_utf8(vec![])?,
            handlers = [public, private],
            on_failure = |failed| SetVar::transaction("error", failed.failure().to_string()),
        )
    }
}

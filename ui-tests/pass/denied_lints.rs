//! What generated code does is none of a crate's lints' business.
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
    /// Who.
    pub user: UserId,
    /// Where.
    pub path: Text<'a>,
    /// How, if it says.
    #[spoa("user-agent")]
    pub agent: Option<&'a [u8]>,
}

/// What follows.
#[derive(Clone, Debug, IntoActions)]
#[spoa(scope = "txn")]
pub struct Verdict<'a> {
    /// Why.
    pub reason: Text<'a>,
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

/// Nothing is returned.
#[spoe_fallback]
fn rest(_: Message<'_>) {}

#[spoe_message("old")]
#[deprecated]
fn old() {}

/// Runs.
pub fn main() {
    let handlers = handlers![public, private, slow, rest];
    assert_eq!(handlers.len(), 4);
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

//! The description of a handler, without running it.

use spoa::__private::{Definition, Description};
use spoa::prelude::*;
use spoa::{Context, State};

/// Scores an address.
///
/// Slowly.
#[spoe_message(
    "describe",
    timeout = "20ms",
    event = "on-backend-http-request",
    condition = "unless { path /health }"
)]
async fn describe(
    #[arg(sample = "src")] ip: std::net::IpAddr,
    #[arg("a-b")] ab: Option<&str>,
    #[arg(index = 3, default = 1)] port: u16,
    state: State<'_, u64>,
    rest: Rest,
    _: Context<'_>,
) -> Result<Verdict, HandlerError> {
    let _ = (
        ip,
        ab,
        port,
        state,
        rest.x,
        SetVar::session("found", 1),
        UnsetVar::process("gone"),
    );
    Ok(Verdict {
        score: 1,
        inner: None,
    })
}

#[derive(FromMessage)]
struct Rest {
    #[spoa(sample_unchecked = "lua.x")]
    x: u8,
}

#[derive(IntoActions)]
#[spoa(scope = "txn")]
struct Verdict {
    score: u8,
    #[spoa(flatten)]
    inner: Option<Inner>,
}

#[derive(IntoActions)]
struct Inner {
    #[spoa(scope = "res")]
    deep: bool,
}

#[spoe_fallback(set = "sess.x")]
fn plain() -> u8 {
    1
}

#[spoe_message("grouped", group = "checks")]
fn grouped() {}

fn description(definition: &Definition) -> Vec<String> {
    let mut description = Description::default();
    (definition.describe)(&mut description);
    let arguments = description.arguments.iter().map(|argument| {
        let place = argument.index.map(|index| index.to_string());
        let name = argument
            .name
            .map(str::to_owned)
            .or(place)
            .unwrap_or_default();
        let required = if argument.required { "" } else { "?" };
        let sample = argument.sample.map(|sample| format!(" = {sample}"));
        let sample = sample.unwrap_or_default();
        format!("{name}{required}: {}{sample}", argument.rust_type)
    });
    let states = description
        .states
        .iter()
        .map(|state| state.type_name.to_owned());
    let variables = description.variables.iter().chain(definition.variables);
    let variables = variables.map(|variable| format!("{}.{}", variable.scope, variable.name));
    arguments.chain(states).chain(variables).collect()
}

#[test]
fn arguments_states_and_variables_are_known() {
    let [definition, fallback] = handlers![describe, plain];
    assert_eq!(
        description(definition),
        [
            "ip: std::net::IpAddr = src",
            "a-b?: Option<&str>",
            "3?: u16",
            "x: u8 = lua.x",
            "u64",
            "txn.score",
            "res.deep",
            "sess.found",
            "proc.gone",
        ]
    );
    assert_eq!(description(fallback), ["sess.x"]);
}

#[test]
fn a_definition_knows_its_file_and_line() {
    let [definition, fallback] = handlers![describe, plain];
    assert_eq!(definition.message_name(), Some("describe"));
    assert_eq!(definition.function(), "handlers::description::describe");
    assert_eq!(definition.docs(), "Scores an address.\n\nSlowly.");
    assert_eq!(
        definition.timeout(),
        Some(std::time::Duration::from_millis(20))
    );
    let (file, line) = definition.location();
    let source = include_str!("description.rs");
    let at = source.lines().nth(line as usize - 1);
    assert!(
        file.ends_with("description.rs") && at == Some("async fn describe("),
        "{file}:{line}"
    );
    assert_eq!(fallback.message_name(), None);
}

#[test]
fn a_definition_says_when_its_message_is_sent() {
    let [definition, grouped] = handlers![describe, grouped];
    assert_eq!(definition.event(), Some("on-backend-http-request"));
    assert_eq!(definition.condition(), Some("unless { path /health }"));
    assert_eq!(definition.group(), None);
    assert_eq!((grouped.event(), grouped.condition()), (None, None));
    assert_eq!(grouped.group(), Some("checks"));
}

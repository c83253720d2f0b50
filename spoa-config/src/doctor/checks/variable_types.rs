//! Arguments that are variables, and of what type these are by the rules and answers that set them.

use super::super::rule::{action, action_name};
use super::super::steps::Step;
use super::super::{Case, Code, Finding};
use super::arguments::GivenArgument;
use super::samples::{argument, sample};
use crate::read::Span;
use crate::{Argument, Message};
use spoa_facts::{Expression, Kind};

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for engine in case.ours() {
        for message in engine.messages() {
            let Some(handler) = case.handler(message.title()) else {
                continue;
            };
            for (index, given) in GivenArgument::all(message).iter().enumerate() {
                let found = argument(handler, given, index);
                findings.extend(found.and_then(|argument| unfit(case, handler, argument, given)));
            }
        }
    }
}

/// The value that a rule or an answer gives a variable.
#[derive(Clone, Copy, Debug)]
struct Made<'a> {
    kind: Kind,
    /// Where it is set, and how that is said.
    by: &'a str,
    span: Span,
}

fn unfit(
    case: &Case<'_>,
    handler: &Message,
    argument: &Argument,
    given: &GivenArgument<'_>,
) -> Option<Finding> {
    let expression = Expression::parse(given.sample()).ok()?;
    let fetch = expression.fetch();
    let name = match fetch.arguments.as_deref() {
        Some([name]) if fetch.name == "var" && expression.converters().is_empty() => {
            name.text.as_str()
        }
        _ => return None,
    };
    let mut all: Vec<Made<'_>> = Vec::new();
    for path in &case.paths {
        for step in &path.steps {
            if case.may_set(step, name) {
                return None;
            }
            if step.sets(name) {
                // One that is not known may be of the right type.
                all.push(made(case, step, name)?);
            }
        }
    }
    let first = all.first()?;
    if all
        .iter()
        .any(|made| made.kind == Kind::Any || argument.expected.suits(made.kind))
    {
        return None;
    }
    let title = format!(
        "`{name}` is set to {}, and the handler of `{}` takes `{}`",
        said(first.kind),
        handler.name,
        argument.rust_type
    );
    let start = given.word.text.len() - given.sample().len();
    let span = given.word.part(start..given.word.text.len());
    let finding = Finding::new(Code::SampleUnfit, title, span)
        .label(said(first.kind))
        .context(first.span, first.by)
        .notes(handler.place());
    let wanted = argument.sample.as_deref().or(argument.guess.as_deref());
    Some(match wanted.filter(|wanted| !wanted.contains(".body")) {
        Some(wanted) => finding.help(format!("write `{wanted}`, which the handler declares")),
        None => finding.help("use another sample, or another type in the handler"),
    })
}

/// Returns the value that a step gives a variable; `None` if it is not known.
fn made<'a>(case: &Case<'_>, step: &Step<'a>, name: &str) -> Option<Made<'a>> {
    if step.message.is_some() {
        return answered(case, step, name);
    }
    let words = action(step.line);
    let first = words.first()?;
    // One that is set within an expression is not followed.
    let inner = first.text.split_once('(')?.1;
    let of_this = inner.strip_suffix(')')?.split(',').next() == Some(name);
    let kind = match action_name(step.line) {
        "set-var-fmt" => Kind::Str,
        "set-var" if words.len() == 2 => {
            let value = words.get(1).filter(|word| word.known)?;
            sample(case, &value.text).ok()?.kind()
        }
        _ => return None,
    };
    of_this.then_some(Made {
        kind,
        by: "set here",
        span: step.line.span(),
    })
}

/// Returns the value that the agent's answer gives a variable.
fn answered<'a>(case: &Case<'_>, step: &Step<'a>, name: &str) -> Option<Made<'a>> {
    let sent = step.message?;
    let engine = case.engines.get(sent.engine)?;
    let handler = case.handler(sent.section.title())?;
    let mut variables = handler.variables.iter();
    let variable = variables.find(|it| engine.variable(&it.scope, &it.name) == name)?;
    let kind = match variable.rust_type.as_deref()? {
        "bool" => Kind::Bool,
        "u8" | "u16" | "u32" | "u64" | "i8" | "i16" | "i32" | "i64" => Kind::Sint,
        "String" | "&str" | "&'static str" => Kind::Str,
        "IpAddr" => Kind::Addr,
        "Ipv4Addr" => Kind::Ipv4,
        "Ipv6Addr" => Kind::Ipv6,
        _ => return None,
    };
    Some(Made {
        kind,
        by: "the agent's answer sets it",
        span: step.line.span(),
    })
}

/// A type in words.
fn said(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "a boolean",
        Kind::Sint => "a number",
        Kind::Addr | Kind::Ipv4 | Kind::Ipv6 => "an address",
        Kind::Str | Kind::Meth => "text",
        Kind::Bin => "bytes",
        _ => "anything",
    }
}

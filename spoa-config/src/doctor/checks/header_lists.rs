//! Headers that are not lists, fetched as if they were.

use super::super::{Case, Code, Finding};
use super::arguments::GivenArgument;
use super::samples::expression;
use spoa_facts::Expression;

/// Headers whose values have commas that separate nothing, or that a client can put one into.
const NOT_LISTS: [&str; 12] = [
    "authorization",
    "cookie",
    "date",
    "expires",
    "if-modified-since",
    "if-unmodified-since",
    "last-modified",
    "location",
    "proxy-authorization",
    "referer",
    "set-cookie",
    "user-agent",
];

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for engine in &case.engines {
        for message in engine.messages() {
            for given in GivenArgument::all(message) {
                findings.extend(of_argument(&given));
            }
        }
    }
}

fn of_argument(given: &GivenArgument<'_>) -> Option<Finding> {
    let (text, span) = expression(given)?;
    let parsed = Expression::parse(text).ok()?;
    let call = parsed.fetch();
    let whole = match call.name.as_str() {
        "hdr" | "req.hdr" | "shdr" | "res.hdr" => call.name.replacen("hdr", "fhdr", 1),
        _ => return None,
    };
    let whole = match whole.as_str() {
        "fhdr" => "req.fhdr",
        "sfhdr" => "res.fhdr",
        whole => whole,
    };
    let arguments = call.arguments.as_ref()?;
    let header = arguments.first()?.text.to_ascii_lowercase();
    if !NOT_LISTS.contains(&header.as_str()) {
        return None;
    }
    let rest = text.get(call.range.end..)?;
    let title = format!("`{}` cuts the header `{header}` at its commas", call.name);
    Some(
        Finding::new(Code::HeaderCut, title, span)
            .label("gives only the part after the last comma")
            .note(match header.as_str() {
                "authorization" | "cookie" | "proxy-authorization" => {
                    "a client can put a comma there, and choose what the agent sees"
                }
                _ => "a comma in this header does not separate values",
            })
            .help(format!("write `{whole}{rest}`")),
    )
}

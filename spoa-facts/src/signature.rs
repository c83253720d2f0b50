//! The arguments a fetch or a converter takes, as HAProxy's lists write them:
//! `string,integer[,table]`.

use crate::expression::{Argument, Call};
use crate::problem::{Problem, ProblemKind};
use std::net::{Ipv4Addr, Ipv6Addr};

/// The type of one argument: `integer`, `backend`.
struct Parameter {
    what: &'static str,
    required: bool,
}

fn parameters(signature: &'static str) -> Vec<Parameter> {
    let optional = signature.find('[').unwrap_or(signature.len());
    let mut at = 0;
    let mut parameters = Vec::new();
    for part in signature.split(',') {
        let what = part.trim_matches(['[', ']']);
        if !what.is_empty() {
            let required = at < optional && !part.starts_with('[');
            parameters.push(Parameter { what, required });
        }
        at += part.len() + 1;
    }
    parameters
}

/// Returns whether a call has the arguments that are asked for: `make_arg_list` in HAProxy's arg.c.
pub(crate) fn check(call: &Call, signature: &'static str) -> Result<(), Problem> {
    let parameters = parameters(signature);
    let required = parameters
        .iter()
        .filter(|parameter| parameter.required)
        .count();
    let written = || match signature {
        "" => call.name.clone(),
        signature => format!("{}({signature})", call.name),
    };
    let given = call.arguments.as_deref().unwrap_or_default();
    // A required argument that is missing is empty, except for numbers and addresses.
    let empty = [Argument {
        text: String::new(),
        range: call.range.clone(),
    }];
    let given = match (given, required, parameters.len()) {
        ([], 1.., _) => empty.as_slice(),
        ([only], _, 0) if only.text.is_empty() => &[],
        (given, ..) => given,
    };
    let mut got = 0;
    for (place, argument) in given.iter().enumerate() {
        let Some(parameter) = parameters.get(place) else {
            let kind = ProblemKind::TooManyArguments {
                most: parameters.len(),
                written: written(),
            };
            return Err(Problem::new(argument.range.clone(), kind));
        };
        let last = place + 1 == given.len();
        match literal(&argument.text, parameter.what) {
            Ok(()) => got += 1,
            // An empty number at the end does not count.
            Err(_) if argument.text.is_empty() && last => break,
            Err(example) => {
                let kind = ProblemKind::BadArgument {
                    text: argument.text.clone(),
                    what: parameter.what,
                    example,
                };
                return Err(Problem::new(argument.range.clone(), kind));
            }
        }
    }
    match parameters.get(got) {
        Some(missing) if got < required => {
            let kind = ProblemKind::MissingArgument {
                what: missing.what,
                written: written(),
            };
            Err(Problem::new(call.range.start..call.end, kind))
        }
        _ => Ok(()),
    }
}

/// Returns whether a text is what an argument must be; if not, what would be.
fn literal(text: &str, what: &str) -> Result<(), &'static str> {
    match what {
        "integer" => integer(text).then_some(()).ok_or("10"),
        "IPv4 address" => text.parse::<Ipv4Addr>().map(drop).map_err(|_| "192.0.2.7"),
        "IPv6 address" => text
            .parse::<Ipv6Addr>()
            .map(drop)
            .map_err(|_| "2001:db8::7"),
        "IPv4 mask" => mask::<Ipv4Addr>(text, 32).ok_or("24"),
        "IPv6 mask" => mask::<Ipv6Addr>(text, 128).ok_or("64"),
        "Protocol buffers field number" => fields(text).then_some(()).ok_or("1.2"),
        // It cannot come from the section itself, as a table or a backend can.
        "server" | "user list" if text.is_empty() => Err("servers/s1"),
        _ => Ok(()),
    }
}

/// `read_int64` in HAProxy's tools.c.
fn integer(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn mask<A: std::str::FromStr>(text: &str, longest: u8) -> Option<()> {
    let length = text.parse::<u8>().is_ok_and(|length| length <= longest);
    (length || text.parse::<A>().is_ok()).then_some(())
}

fn fields(text: &str) -> bool {
    text.split('.').all(|number| number.parse::<u32>().is_ok())
}

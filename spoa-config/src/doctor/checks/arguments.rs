//! The arguments of a message against those that its handler takes.

use super::super::engine::Engine;
use super::super::grammar::{keyword, of_keyword};
use super::super::{Case, Code, Finding, Severity};
use super::listed_spans;
use crate::read::{Line, Section, Span, Word};
use crate::{Argument, Message};
use spoa_facts::{all_of, nearest};

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for engine in case.ours() {
        for message in engine.messages() {
            if let Some(handler) = case.handler(message.title()) {
                compare(engine, message, handler, findings);
            }
        }
    }
}

/// One word after `args`.
#[derive(Clone, Copy, Debug)]
pub(super) struct GivenArgument<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) word: &'a Word,
}

impl<'a> GivenArgument<'a> {
    /// Those of a message, in order.
    pub(super) fn all(message: &'a Section) -> Vec<Self> {
        let lines = of_keyword("spoe-message", &message.lines, "args");
        // HAProxy ignores the words after a backslash, but they were meant.
        let words = lines.flat_map(|(line, continues)| line.after(usize::from(!continues)));
        let words = words.filter(|word| !word.is("\\"));
        // HAProxy splits at the first `=`, wherever it is.
        let given = words.map(|word| GivenArgument {
            name: word.text.split_once('=').map(|(name, _)| name),
            word,
        });
        // The first may be for the agent itself.
        let given = given.skip_while(|given| given.name == Some(crate::ANSWERED));
        given.collect()
    }

    /// Returns the expression.
    pub(super) fn sample(&self) -> &'a str {
        let text = self.word.text.as_str();
        text.split_once('=').map_or(text, |(_, sample)| sample)
    }

    fn name_span(&self) -> Span {
        self.word.part(0..self.name.map_or(0, str::len))
    }
}

fn compare(engine: &Engine<'_>, message: &Section, handler: &Message, findings: &mut Vec<Finding>) {
    let given = GivenArgument::all(message);
    // Names that only HAProxy's environment knows may be any.
    if given
        .iter()
        .any(|given| !given.word.known && given.name.is_none())
    {
        return;
    }
    let taken = |name: &str| {
        let mut arguments = handler.arguments.iter();
        arguments.any(|argument| argument.name.as_deref() == Some(name))
    };
    let mut spare: Vec<_> = given
        .iter()
        .enumerate()
        .filter(|(index, given)| {
            let by_place = |argument: &Argument| argument.index == Some(*index);
            given.name.is_some_and(|name| !taken(name)) && !handler.arguments.iter().any(by_place)
        })
        .map(|(_, given)| *given)
        .collect();
    let place = place(message);
    twice(message, &given, findings);
    let unnamed = unnamed(handler, &given, findings);
    for argument in &handler.arguments {
        if let Some(index) = argument.index {
            if argument.required && index >= given.len() {
                let title = format!(
                    "the message `{}` has no argument at position {index}",
                    message.title()
                );
                findings.push(
                    Finding::new(Code::ArgumentMissing, title, place)
                        .label(format!("{} here; positions begin at 0", given.len()))
                        .note(needs(handler, argument))
                        .help("write one more after `args`"),
                );
            }
            continue;
        }
        let Some(name) = argument.name.as_deref() else {
            continue;
        };
        if given.iter().any(|given| given.name == Some(name)) || unnamed.contains(&name) {
            continue;
        }
        let near = nearest(name, spare.iter().filter_map(|given| given.name));
        let near = spare
            .iter()
            .position(|given| near.is_some() && given.name == near);
        if let Some(near) = near {
            findings.push(misspelt(handler, argument, name, &spare.remove(near)));
        } else if argument.required {
            let title = format!(
                "the message `{}` lacks the argument `{name}`",
                message.title()
            );
            let sample = argument.sample.as_deref().or(argument.guess.as_deref());
            let sample = sample.unwrap_or("…");
            findings.push(
                Finding::new(Code::ArgumentMissing, title, place)
                    .label(format!("no `{name}=…` here"))
                    .note(needs(handler, argument))
                    .help(format!("write `args {name}={sample}`")),
            );
        }
    }
    // A handler without any may take the whole message.
    if handler.arguments.is_empty() {
        return;
    }
    for given in spare {
        let name = given.name.unwrap_or_default();
        let title = format!(
            "the handler of `{}` takes no argument `{name}`",
            message.title()
        );
        findings.push(
            Finding::new(Code::ArgumentUnused, title, given.name_span())
                .label("unused, unless the handler takes the whole message")
                .context(engine.span(), "sent by this agent's engine")
                .help("leave it out: HAProxy fetches and sends it each time"),
        );
    }
}

/// An argument whose name another one has, too.
fn twice(message: &Section, given: &[GivenArgument<'_>], findings: &mut Vec<Finding>) {
    // Which branch of a condition holds is not known here.
    if message.lines.iter().any(|line| !line.certain) {
        return;
    }
    for (index, second) in given.iter().enumerate() {
        let Some(name) = second.name.filter(|_| second.word.known) else {
            continue;
        };
        let mut before = given.iter().take(index);
        let Some(first) = before.find(|first| first.name == Some(name)) else {
            continue;
        };
        let title = format!(
            "the message `{}` has two arguments `{name}`",
            message.title()
        );
        findings.push(
            Finding::new(Code::ArgumentTwice, title, second.word.span)
                .label("HAProxy sends both, and the handler gets one of them")
                .context(first.word.span, "the other one")
                .help("remove one of them, or give it another name"),
        );
    }
}

/// Arguments without a name, where the handler takes others by theirs. Gives the names that they
/// seem to lack.
fn unnamed<'a>(
    handler: &'a Message,
    given: &[GivenArgument<'_>],
    findings: &mut Vec<Finding>,
) -> Vec<&'a str> {
    let without: Vec<_> = given
        .iter()
        .enumerate()
        .filter(|(index, given)| {
            let mut arguments = handler.arguments.iter();
            given.name.is_none() && arguments.all(|argument| argument.index != Some(*index))
        })
        .map(|(_, given)| given)
        .collect();
    let missing: Vec<_> = handler
        .arguments
        .iter()
        .filter(|argument| argument.index.is_none())
        .filter(|argument| {
            let name = argument.name.as_deref();
            name.is_some() && given.iter().all(|given| given.name != name)
        })
        .collect();
    if without.is_empty() || missing.is_empty() {
        return Vec::new();
    }
    let in_order = without.len() == missing.len();
    let of = |index: usize, given: &GivenArgument<'_>| {
        let asks = |argument: &&&Argument| {
            let sample = argument.sample.as_deref().or(argument.guess.as_deref());
            sample == Some(given.sample())
        };
        let by_sample = missing.iter().find(asks);
        by_sample
            .or_else(|| missing.get(index).filter(|_| in_order))
            .copied()
    };
    let names: Vec<_> = missing.iter().filter_map(|it| it.name.as_deref()).collect();
    let all: Vec<_> = without
        .iter()
        .enumerate()
        .map(|(index, one)| (*one, of(index, one)))
        .collect();
    let named = |(one, argument): &(&GivenArgument<'_>, Option<&'a Argument>)| {
        let name = argument.and_then(|argument| argument.name.as_deref())?;
        Some(format!("{name}={}", one.sample()))
    };
    let meant: Vec<_> = all
        .iter()
        .filter_map(|(_, argument)| argument.and_then(|it| it.name.as_deref()))
        .collect();
    // Without all of them, a message is refused.
    let refused = missing.iter().any(|argument| argument.required);
    let title = format!(
        "the handler of `{}` takes its arguments by name",
        handler.name
    );
    let Some((first, others)) = without.split_first() else {
        return Vec::new();
    };
    let finding = Finding::new(Code::ArgumentUnnamed, title, first.word.span)
        .severity(if refused {
            Severity::Error
        } else {
            Severity::Warning
        })
        .label("it has no name, so the handler never gets it");
    let finding = listed_spans(finding, others.iter().map(|other| other.word.span));
    let finding = match (all.as_slice(), meant.len()) {
        ([(_, Some(argument))], _) => finding.note(needs(handler, argument)),
        (all, named) if all.len() == named => finding.note(format!(
            "`{}` takes them by name{}",
            handler.function,
            if refused {
                " and refuses a message without them"
            } else {
                ""
            }
        )),
        _ => finding.note(format!("`{}` takes {}", handler.function, all_of(&names))),
    };
    let texts: Vec<_> = all.iter().filter_map(named).collect();
    let finding = match texts.as_slice() {
        [] => finding,
        texts => finding.help(format!("write {}", all_of(texts))),
    };
    findings.push(if texts.len() == all.len() {
        finding
    } else {
        finding.help(if texts.is_empty() {
            "write one of these names and `=` before it"
        } else {
            "write one of these names and `=` before each of the others"
        })
    });
    if meant.is_empty() { names } else { meant }
}

/// Where arguments would be: the last line of them, else the head of the section.
fn place(message: &Section) -> Span {
    let mut lines = message.lines.iter();
    let args = lines.rfind(|line| keyword("spoe-message", line) == "args");
    args.map_or_else(|| message.head.span(), Line::span)
}

fn needs(handler: &Message, argument: &Argument) -> String {
    let (file, line) = &handler.location;
    format!(
        "`{}` ({file}:{line}) takes it as `{}`{}",
        handler.function,
        argument.rust_type,
        if argument.required {
            " and refuses a message without it"
        } else {
            ""
        }
    )
}

fn misspelt(
    handler: &Message,
    argument: &Argument,
    name: &str,
    given: &GivenArgument<'_>,
) -> Finding {
    let wrong = given.name.unwrap_or_default();
    let title = format!(
        "the handler of `{}` takes no argument `{wrong}`",
        handler.name
    );
    let severity = if argument.required {
        Severity::Error
    } else {
        Severity::Warning
    };
    Finding::new(Code::ArgumentMisspelt, title, given.name_span())
        .severity(severity)
        .label(format!("it takes `{name}`"))
        .note(needs(handler, argument))
        .help(format!("write `{name}={}`", given.sample()))
}

//! Rules and arguments that read a variable or a header before anything sets it, and rules that ask
//! for the verdict on the wrong side of the server.
//!
//! The order of steps is that of `steps`. What is set on any way of a request, or may be set by an
//! agent whose handlers are not known, is not accused.

use super::super::steps::{Change, End, How, Mention, Path, Phase, Step, action, action_name};
use super::super::{Case, Code, Finding, Severity};
use super::arguments::Given;
use crate::read::{Section, Span};
use spoa_samples::{Expression, Proxy};

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    early(case, findings);
    too_late_to_deny(case, findings);
    late_headers(case, findings);
}

/// A read that comes before what sets the variable.
#[derive(Clone, Debug)]
struct Early<'p, 'a> {
    path: &'p Path<'a>,
    reads: &'p Step<'a>,
    mention: &'p Mention<'a>,
    sets: &'p Step<'a>,
}

impl<'a> Early<'_, 'a> {
    /// Whether it is an argument of a message that reads it.
    fn argument(&self) -> bool {
        let message = self.reads.message;
        message.is_some_and(|sent| {
            let lines = &sent.section.lines;
            lines
                .iter()
                .any(|line| std::ptr::eq(line, self.mention.line))
                && self.mention.line.word(0) != "event"
        })
    }

    /// Whether another one is about the same read of the same variable.
    fn same(&self, other: &Early<'_, 'a>) -> bool {
        std::ptr::eq(self.reads.line, other.reads.line)
            && self.mention.variable == other.mention.variable
            && self.argument() == other.argument()
    }
}

/// Reads of what is set later, and never before.
fn early(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let mut late: Vec<Early<'_, '_>> = Vec::new();
    let mut fine: Vec<Early<'_, '_>> = Vec::new();
    for path in &case.paths {
        let http = case.is_http(path);
        for reads in &path.steps {
            for mention in reads.reads() {
                // What belongs to the connection or the process may be that of an earlier request.
                let scope = mention.variable.split('.').next().unwrap_or_default();
                if !matches!(scope, "txn" | "req" | "res") {
                    continue;
                }
                let argument_like = Early {
                    path,
                    reads,
                    mention,
                    sets: reads,
                };
                let sets = |step: &Step<'_>| {
                    step.sets(&mention.variable) || case.may_set(step, &mention.variable)
                };
                // It may come from a frontend that leads on by a name of run time.
                let mut others = case
                    .paths
                    .iter()
                    .filter(|other| path.frontend.is_none() && other.backend.is_none());
                let before = path.before(reads.at).any(sets)
                    || others.any(|other| other.steps.iter().any(sets));
                if before {
                    fine.push(argument_like);
                    continue;
                }
                let argument = argument_like.argument();
                let set = path.setters(&mention.variable).find(|step| {
                    step.at > reads.at
                        || (step.at == reads.at
                            && argument
                            && step.answers.contains(&mention.variable))
                });
                let with_it = path
                    .setters(&mention.variable)
                    .any(|step| step.at == reads.at && !argument);
                match set {
                    // Without HTTP, what comes with it never comes.
                    Some(sets) if !with_it && (http || !sets.phase.of_http()) => late.push(Early {
                        sets,
                        ..argument_like
                    }),
                    _ => {}
                }
            }
        }
    }
    late.retain(|early| !fine.iter().any(|other| other.same(early)));
    // A way whose backend is known tells more.
    late.sort_by_key(|early| early.path.backend.is_none());
    let mut rules: Vec<Early<'_, '_>> = Vec::new();
    let mut arguments: Vec<Early<'_, '_>> = Vec::new();
    for early in late {
        let found = if early.argument() {
            &mut arguments
        } else {
            &mut rules
        };
        if !found.iter().any(|other| other.same(&early)) {
            found.push(early);
        }
    }
    // Reads of one variable before one and the same step are one mistake.
    while let Some(first) = rules.first().cloned() {
        let (same, others): (Vec<_>, Vec<_>) = rules.into_iter().partition(|other| {
            std::ptr::eq(other.sets.line, first.sets.line)
                && other.mention.variable == first.mention.variable
        });
        rules = others;
        // What only rules set, the configuration does for itself.
        if first.sets.answers.contains(&first.mention.variable) {
            findings.extend(of_rules(case, &same));
        }
    }
    findings.extend(arguments.iter().map(|early| of_argument(case, early)));
}

/// Rules that read the agent's variable too early.
fn of_rules(case: &Case<'_>, early: &[Early<'_, '_>]) -> Option<Finding> {
    let (first, others) = early.split_first()?;
    let (reads, sets, variable) = (first.reads, first.sets, &first.mention.variable);
    let response = sets.phase.of_response() && !reads.phase.of_response();
    let code = match response {
        true => Code::VerdictElsewhere,
        false => Code::ReadTooEarly,
    };
    let title = match response {
        true => {
            format!("`{variable}` is set with the response, and this rule is one of the request")
        }
        false => format!("`{variable}` is read before the agent sets it"),
    };
    let span = place(first);
    let mut finding =
        Finding::new(code, title, span).label("not set yet, whatever the agent answers");
    for other in others {
        finding = finding.context(place(other), "and here");
    }
    let sent = match sets.message {
        Some(sent) if sent.by_rule => "sends the message whose answer sets it".to_owned(),
        _ => format!(
            "sends `{}`, whose answer sets it, after this rule",
            message(sets)
        ),
    };
    finding = finding.context(sets.line.span(), sent);
    Some(finding.help(move_it(case, first)))
}

/// What to do about a rule that comes too early.
fn move_it(case: &Case<'_>, early: &Early<'_, '_>) -> String {
    let (reads, sets) = (early.reads, early.sets);
    let by_rule = sets.message.is_some_and(|sent| sent.by_rule);
    let section = case.configuration.sections.get(sets.proxy);
    let proxy = section.map_or(String::new(), |section| {
        format!("{} {}", section.kind(), section.title())
    });
    let same_kind = reads.phase == sets.phase && reads.proxy == sets.proxy;
    if by_rule && same_kind {
        let text: Vec<_> = sets
            .line
            .words
            .iter()
            .map(|word| word.text.as_str())
            .collect();
        let text = text.get(..text.len().min(4)).unwrap_or_default().join(" ");
        return format!("move it below `{text}`");
    }
    let keyword = match sets.phase {
        Phase::FrontendHttpEvent
        | Phase::FrontendRules
        | Phase::BackendHttpEvent
        | Phase::BackendRules => "http-request",
        Phase::HttpResponseEvent | Phase::ResponseRules => "http-response",
        Phase::TcpResponseEvent | Phase::ResponseContent => "tcp-response content",
        Phase::ServerSession => "http-response",
        _ => "tcp-request content",
    };
    let of_backend = matches!(sets.phase, Phase::BackendTcpEvent | Phase::BackendHttpEvent)
        && early.path.backend != early.path.frontend;
    let proxy = match early
        .path
        .backend
        .and_then(|at| case.configuration.sections.get(at))
    {
        Some(backend) if of_backend => format!("{} {}", backend.kind(), backend.title()),
        None if of_backend => "the backend".to_owned(),
        _ => proxy,
    };
    if reads.phase == Phase::Switching {
        return earlier(case, early);
    }
    let below = match by_rule {
        true => ", below the rule that sends the group",
        false => "",
    };
    let proxy = match proxy.as_str() {
        "the backend" => proxy,
        _ => format!("`{proxy}`"),
    };
    format!("write it as an `{keyword}` rule of {proxy}{below}")
}

/// What to do about a message that is sent after its backend was chosen.
fn earlier(case: &Case<'_>, early: &Early<'_, '_>) -> String {
    let sent = early.sets.message;
    let filter = sent
        .and_then(|sent| case.engines.get(sent.engine))
        .map(|it| it.filter);
    let frontend = early
        .path
        .frontend
        .and_then(|at| case.configuration.sections.get(at));
    let event = match early.sets.phase {
        Phase::BackendTcpEvent => "on-frontend-tcp-request",
        _ => "on-frontend-http-request",
    };
    let here = filter.is_some_and(|filter| Some(filter.proxy) == early.path.frontend);
    match frontend {
        Some(frontend) if !here => format!(
            "write the filter in `{} {}`, and `event {event}`",
            frontend.kind(),
            frontend.title()
        ),
        _ => format!("write `event {event}`: a backend is chosen before other events"),
    }
}

/// An argument that reads what only later steps set.
fn of_argument(case: &Case<'_>, early: &Early<'_, '_>) -> Finding {
    let (reads, sets, variable) = (early.reads, early.sets, &early.mention.variable);
    let title = format!("the argument reads `{variable}` before it is set");
    let finding = Finding::new(Code::ArgumentTooEarly, title, early.mention.span)
        .label("never there when the message is sent")
        .context(reads.line.span(), "the message is sent here");
    if sets.at == reads.at || sets.answers.contains(variable) {
        let finding = finding.context(
            sets.line.span(),
            format!("the answer to `{}` sets it", message(sets)),
        );
        return finding.help(format!(
            "send `{}` by a group, with a rule that comes after the answer to `{}`",
            message(reads),
            message(sets)
        ));
    }
    let finding = finding.context(sets.line.span(), "sets it, and comes later");
    finding.help(instead(case, early.reads, set_by(sets), early.mention.span))
}

/// The expression that a rule sets a variable to, if it is one word.
fn set_by<'a>(sets: &Step<'a>) -> Option<&'a str> {
    let words = action(sets.line);
    let one = words.len() == 2 && action_name(sets.line) == "set-var";
    words
        .get(1)
        .filter(|word| one && word.known)
        .map(|word| word.text.as_str())
}

/// What to write in the place of an argument that comes too early: the expression itself, if it can
/// be had, else the message in a group.
pub(super) fn instead(
    case: &Case<'_>,
    reads: &Step<'_>,
    expression: Option<&str>,
    span: Span,
) -> String {
    let there = expression.filter(|text| {
        let plain = !text.contains([' ', '"', '\'', '\\', '#', '$']) && !text.contains("var(");
        plain
            && reads
                .message
                .is_some_and(|sent| can_be_had(case, reads, sent.section, text))
    });
    let whole = reads.message.and_then(|sent| {
        let given = Given::all(sent.section);
        let given = given.into_iter().find(|given| {
            given.word.span.source == span.source
                && (given.word.span.start..given.word.span.end).contains(&span.start)
        })?;
        Some((given.name.map(str::to_owned), given.sample().to_owned()))
    });
    match (there, whole) {
        // Only where nothing else is made of it.
        (Some(text), Some((name, sample))) if !sample.contains("),") => {
            let name = name.map_or(String::new(), |name| format!("{name}="));
            format!("write `{name}{text}`")
        }
        _ => {
            let engine = reads.message.and_then(|sent| case.engines.get(sent.engine));
            format!(
                "send `{}` by a group, with `send-spoe-group {} GROUP` below that rule",
                message(reads),
                engine.map_or("ENGINE", |engine| engine.name())
            )
        }
    }
}

/// Whether a sample can be had where a message is sent.
fn can_be_had(case: &Case<'_>, reads: &Step<'_>, section: &Section, text: &str) -> bool {
    let Ok(expression) = Expression::parse(text) else {
        return false;
    };
    let sample = match case.series {
        Some(series) => expression.check(series),
        None => expression.check_any(),
    };
    let event = super::super::engine::event(section).and_then(|event| event.text.parse().ok());
    let kind = case
        .configuration
        .sections
        .get(reads.proxy)
        .map(Section::kind);
    let proxy = match kind {
        Some("backend") => Proxy::Backend,
        Some("listen") => Proxy::Listen,
        _ => Proxy::Frontend,
    };
    match (sample, event) {
        (Ok(sample), Some(event)) => sample.at_in(event, proxy),
        _ => false,
    }
}

/// Responses that are denied by what the agent said of the request alone.
fn too_late_to_deny(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let steps = || case.paths.iter().flat_map(|path| &path.steps);
    let mut said: Vec<Span> = Vec::new();
    for path in &case.paths {
        for step in &path.steps {
            if !matches!(step.phase, Phase::ResponseRules | Phase::ResponseContent)
                || step.end != End::All
                || said.contains(&step.line.span())
            {
                continue;
            }
            let Some(condition) = &step.condition else {
                continue;
            };
            let mut tests = condition.terms().flat_map(|term| &term.tests);
            let (Some(first), None) = (tests.next(), tests.next()) else {
                continue;
            };
            let named = condition.terms().any(|term| term.tests.is_empty());
            let Some(variable) = first.variable().filter(|_| !named) else {
                continue;
            };
            // It is a verdict of a request that nothing else reads.
            let mut setters = path.setters(variable).peekable();
            let of_agent = setters
                .peek()
                .is_some_and(|step| step.answers.iter().any(|it| it == variable));
            let of_request = setters.all(|step| !step.phase.of_response()) && of_agent;
            let own = case.is_own(variable);
            let read = steps().any(|other| {
                !std::ptr::eq(other.line, step.line)
                    && other.reads().any(|mention| mention.variable == variable)
            });
            if !of_request || own || read {
                continue;
            }
            said.push(step.line.span());
            let Some(sets) = path.setters(variable).next() else {
                continue;
            };
            let title =
                format!("the server has the request already when `{variable}` is asked for");
            let word = condition
                .terms()
                .next()
                .map_or(step.line.span(), |term| term.word.span);
            let span = match std::ptr::eq(first.line, step.line) {
                true => first.expression.span,
                false => word,
            };
            findings.push(
                Finding::new(Code::VerdictElsewhere, title, span)
                    .severity(Severity::Warning)
                    .label("turns the response away, not the request")
                    .context(sets.line.span(), "the agent says it with the request")
                    .help("write the rule as `http-request`, after the message is sent"),
            );
        }
    }
}

/// Arguments that take a header which only later rules set.
fn late_headers(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let mut said: Vec<Span> = Vec::new();
    for path in &case.paths {
        if path.frontend.is_none() {
            continue;
        }
        for reads in &path.steps {
            let Some(sent) = reads.message else {
                continue;
            };
            for given in Given::all(sent.section) {
                let Some((name, response)) = header_of(given.sample()) else {
                    continue;
                };
                let changes = |step: &Step<'_>| {
                    step.header.is_some_and(|header| {
                        header.response == response
                            && header.change != Change::Delete
                            && header.name.eq_ignore_ascii_case(&name)
                    })
                };
                let given_span = given.word.span;
                if said.contains(&given_span) {
                    continue;
                }
                let Some(sets) = path.after(reads.at).find(|step| changes(step)) else {
                    continue;
                };
                let mut ways = case.paths.iter().filter(|path| {
                    let steps = path.steps.iter();
                    let mut sends = steps.filter(|step| {
                        step.message
                            .is_some_and(|it| std::ptr::eq(it.section, sent.section))
                    });
                    sends.any(|send| path.before(send.at).any(changes))
                });
                if ways.next().is_some() {
                    continue;
                }
                let forwarded = action_name(sets.line) == "option";
                if !forwarded && (is_of_clients(&name, response) || !own_value(sets, &name)) {
                    continue;
                }
                said.push(given_span);
                let title = format!("the argument reads the header `{name}` before it is set");
                let finding = Finding::new(Code::ArgumentTooEarly, title, given_span)
                    .label("as the other side sent it, or not there")
                    .context(reads.line.span(), "the message is sent here");
                findings.push(match forwarded {
                    true => finding
                        .severity(Severity::Note)
                        .context(sets.line.span(), "adds it when all rules are done")
                        .help("take `src` for the address of the client, if nothing before this HAProxy sets the header"),
                    false => finding
                        .severity(Severity::Warning)
                        .context(sets.line.span(), "sets it, and comes later")
                        .help(instead(case, reads, value(sets), given_span)),
                });
            }
        }
    }
}

/// The header that an expression fetches, and whether it is one of the response.
fn header_of(sample: &str) -> Option<(String, bool)> {
    let expression = Expression::parse(sample).ok()?;
    let fetch = expression.fetch();
    let response = match fetch.name.as_str() {
        "req.hdr" | "req.fhdr" | "hdr" | "req.hdr_ip" | "req.hdr_val" => false,
        "res.hdr" | "res.fhdr" | "res.hdr_ip" | "res.hdr_val" => true,
        _ => return None,
    };
    let name = fetch.arguments.as_ref()?.first()?;
    Some((name.text.to_ascii_lowercase(), response))
}

/// Headers that clients, browsers and proxies before this one send: what comes from them may be what
/// the agent is to see.
fn is_of_clients(name: &str, response: bool) -> bool {
    const PREFIXES: [&str; 10] = [
        "accept",
        "access-control",
        "cf-",
        "content",
        "if-",
        "sec-",
        "x-forwarded",
        "x-request",
        "x-correlation",
        "proxy",
    ];
    const NAMES: [&str; 26] = [
        "authorization",
        "cache-control",
        "connection",
        "cookie",
        "date",
        "dnt",
        "expect",
        "forwarded",
        "from",
        "host",
        "origin",
        "pragma",
        "range",
        "referer",
        "te",
        "traceparent",
        "tracestate",
        "true-client-ip",
        "upgrade",
        "user-agent",
        "via",
        "x-api-key",
        "x-client-ip",
        "x-real-ip",
        "x-requested-with",
        "x-http-method-override",
    ];
    // A server may send any, and what it sends may be what is asked for.
    response || PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || NAMES.contains(&name)
}

/// Whether a rule gives a header a value of its own, to all requests: then what a client sends under
/// that name is never meant.
fn own_value(sets: &Step<'_>, name: &str) -> bool {
    let set = sets
        .header
        .is_some_and(|header| header.change == Change::Set);
    let words = action(sets.line).get(2..).unwrap_or_default();
    let again = words
        .iter()
        .any(|word| word.text.to_ascii_lowercase().contains(name));
    set && sets.always() && !again && sets.mentions.iter().all(|mention| mention.how == How::Set)
}

/// The expression that a rule makes a header of, if it is nothing but that.
fn value<'a>(sets: &Step<'a>) -> Option<&'a str> {
    let words = action(sets.line);
    let word = words.get(2).filter(|word| words.len() == 3 && word.known)?;
    let inner = word.text.strip_prefix("%[")?.strip_suffix(']')?;
    (!inner.contains(['[', ']'])).then_some(inner)
}

/// The name of the message that a step sends.
fn message<'a>(step: &Step<'a>) -> &'a str {
    step.message.map_or("", |sent| sent.section.title())
}

/// Where a rule reads a variable: the name itself, or that of the ACL that does.
fn place(early: &Early<'_, '_>) -> Span {
    let (reads, mention) = (early.reads, early.mention);
    if std::ptr::eq(reads.line, mention.line) {
        return mention.span;
    }
    let mut terms = reads
        .condition
        .iter()
        .flat_map(|condition| condition.terms());
    let by_acl = terms.find(|term| {
        term.tests
            .iter()
            .any(|test| std::ptr::eq(test.line, mention.line))
    });
    by_acl.map_or_else(|| reads.line.span(), |term| term.word.span)
}

impl Case<'_> {
    /// Whether a step may set a variable without anything here telling so: an agent whose handler is
    /// not known, or Lua.
    pub(super) fn may_set(&self, step: &Step<'_>, variable: &str) -> bool {
        let name = action_name(step.line);
        if name.starts_with("lua.") || name == "use-service" {
            return true;
        }
        let Some((sent, engine)) = step
            .message
            .and_then(|sent| Some((sent, self.engines.get(sent.engine)?)))
        else {
            return false;
        };
        let Some((_, rest)) = variable.split_once('.') else {
            return false;
        };
        let prefixed = rest
            .strip_prefix(engine.prefix().0)
            .is_some_and(|rest| rest.starts_with('.'));
        prefixed && (!engine.ours || self.handler(sent.section.title()).is_none())
    }
}

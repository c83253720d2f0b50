//! The words after the keywords of SPOE files, of their filters and of the rules that send groups.

use super::super::engine::{scope, sections};
use super::super::grammar::{ACTION, NAMING, OPTIONS, SWITCHES, TIMEOUTS, sends};
use super::super::{Case, Code, Finding};
use crate::read::{Line, Scope, Section, Span, Word, asks_agent};
use spoa_facts::{Expression, ProblemKind, haproxy_time, is_in_variable, nearest, one_of};

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for filter in &case.configuration.filters {
        findings.extend(of_filter(&filter.line).map(Refused::finding));
        let file = filter.file.file();
        let Some(file) = file.and_then(|file| case.configuration.spoe.get(file)) else {
            continue;
        };
        let source = case.configuration.sources.get(file.source);
        for scope in &file.scopes {
            let text = source.map_or("", |source| source.text.as_str());
            findings.extend(of_scope(text, scope).map(Refused::finding));
        }
        for section in sections(file, scope(filter)) {
            let mut refused: Vec<_> = of_head(section).into_iter().collect();
            let mut acls = Vec::new();
            for line in &section.lines {
                if let Some(open) = open_quote(line) {
                    refused.extend(open);
                    continue;
                }
                refused.extend(match section.kind() {
                    "spoe-agent" => of_agent(case, line),
                    "spoe-message" => of_message(line, &mut acls),
                    _ => of_modifier(line),
                });
            }
            findings.extend(refused.into_iter().map(Refused::finding));
        }
    }
    for (proxy, section) in case.configuration.sections.iter().enumerate() {
        let http = case.mode(proxy) == Some("http");
        let acls = || {
            let lines = case.configuration.lines(proxy);
            let acls = lines.filter(|line| line.begins(&["acl"]));
            acls.map(|line| line.word(1)).collect::<Vec<_>>()
        };
        for line in &section.lines {
            findings.extend(of_rule(line, http, acls).map(Refused::finding));
            findings.extend(misspelt(line));
        }
    }
}

/// A quote that a line does not close. A sample expression has a finding of its own: nothing then.
fn open_quote(line: &Line) -> Option<Option<Refused>> {
    let quote = line.words.iter().find_map(|word| word.open_quote)?;
    let refused = || Refused {
        title: format!("a quote in `{}` is not closed", line.word(0)),
        span: quote,
        label: "HAProxy does not load the file".to_owned(),
        help: "write the same quote where the text ends, or remove this one".to_owned(),
    };
    Some((line.word(0) != "args").then(refused))
}

/// Words that HAProxy refuses.
struct Refused {
    title: String,
    span: Span,
    label: String,
    help: String,
}

impl Refused {
    fn finding(self) -> Finding {
        Finding::new(Code::WordsRefused, self.title, self.span)
            .label(self.label)
            .help(self.help)
    }

    fn missing(what: &str, line: &Line, help: String) -> Self {
        Refused {
            title: format!("`{}` lacks {what}", text(line)),
            span: line.span(),
            label: format!("{what} is missing"),
            help,
        }
    }

    /// The words of a line after the first so many.
    fn extra(line: &Line, from: usize) -> Option<Self> {
        let words = line.after(from);
        let (first, last) = (words.first()?, words.last()?);
        let span = Span {
            end: last.span.end,
            ..first.span
        };
        let before = line.words.get(..from).unwrap_or_default();
        let extra = joined(words);
        Some(Refused {
            title: format!("`{}` does not take more words", joined(before)),
            span,
            label: "HAProxy refuses this".to_owned(),
            help: format!("remove `{extra}`, or make a comment of it: `# {extra}`"),
        })
    }
}

fn joined(words: &[Word]) -> String {
    let words: Vec<_> = words.iter().map(|word| word.text.as_str()).collect();
    words.join(" ")
}

fn text(line: &Line) -> String {
    joined(&line.words)
}

/// The line that begins a section.
fn of_head(section: &Section) -> Option<Refused> {
    let line = &section.head;
    let kind = section.kind();
    let Some(name) = section.name() else {
        let help = format!("write `{kind} NAME`");
        return Some(Refused::missing("a name", line, help));
    };
    named(name, &[':', '-']).or_else(|| Refused::extra(line, 2))
}

/// What follows a scope in its line, and the characters of its name.
fn of_scope(source: &str, scope: &Scope) -> Option<Refused> {
    let name = Word {
        text: scope.name.clone(),
        span: scope.span,
        known: true,
        open_quote: None,
    };
    if let Some(refused) = named(&name, &[':', '-']) {
        return Some(refused);
    }
    let rest = source.get(scope.span.end..)?.split('\n').next()?;
    let rest = rest.strip_prefix(']')?.trim_end();
    let text = rest.trim_start();
    if text.is_empty() || text.starts_with('#') {
        return None;
    }
    let start = scope.span.end + 1 + rest.len() - text.len();
    Some(Refused {
        title: format!("nothing may follow the scope `[{}]`", scope.name),
        span: Span {
            start,
            end: start + text.len(),
            ..scope.span
        },
        label: "HAProxy refuses this".to_owned(),
        help: "remove it, or write it on a line of its own".to_owned(),
    })
}

/// A name with a character that HAProxy takes in none; `besides` are allowed as `_` and `.` are.
fn named(name: &Word, besides: &[char]) -> Option<Refused> {
    let allowed = |c: &char| is_in_variable(*c) || besides.contains(c);
    let stranger = name.text.chars().find(|c| !allowed(c));
    let stranger = stranger.filter(|_| name.known)?;
    let replaced = |c: char| if allowed(&c) { c } else { '_' };
    let better: String = name.text.chars().map(replaced).collect();
    let others: String = besides.iter().map(|c| format!(", `{c}`")).collect();
    Some(Refused {
        title: format!("`{}` is not a name that HAProxy takes", name.text),
        span: name.span,
        label: format!("it has a `{stranger}`, and letters, digits, `_`, `.`{others} are allowed"),
        help: format!("write `{better}`"),
    })
}

/// `no` and `default`, which HAProxy takes before few keywords.
fn of_modifier(line: &Line) -> Option<Refused> {
    let word = line.words.first().filter(|word| word.known)?;
    if !["no", "default"].contains(&word.text.as_str()) || ["option", "log"].contains(&line.word(1))
    {
        return None;
    }
    Some(Refused {
        title: format!("`{}` cannot come before `{}`", word.text, line.word(1)),
        span: word.span,
        label: "allowed before `option` and `log` only".to_owned(),
        help: "remove the line".to_owned(),
    })
}

fn of_agent(case: &Case<'_>, line: &Line) -> Option<Refused> {
    if line
        .words
        .iter()
        .any(|word| !word.known || word.text.ends_with('\\'))
    {
        return None;
    }
    if let Some(refused) = of_modifier(line) {
        return Some(refused);
    }
    let integer = |most: Option<usize>| match line.words.get(1) {
        None => {
            let help = format!(
                "write a number after `{}`, or remove the line",
                line.word(0)
            );
            Some(Refused::missing("a number", line, help))
        }
        Some(_) => most.and_then(|most| Refused::extra(line, most)),
    };
    let old = case.before_3_1() == Some(true);
    match line.word(0) {
        "no" | "default" => negated(line),
        "use-backend" if line.words.len() < 2 => {
            let help = "write `use-backend NAME`".to_owned();
            Some(Refused::missing("the name of a backend", line, help))
        }
        "use-backend" => Refused::extra(line, 2),
        "timeout" => timeout(case, line),
        "option" => option(line),
        "maxconnrate" | "maxerrrate" => integer(old.then_some(2)),
        "max-waiting-frames" => integer(Some(2)).or_else(|| {
            let word = line.words.get(1)?;
            (old && leading(&word.text) < 1).then(|| not_a_number(line, word, "20"))
        }),
        "max-frame-size" => integer(Some(2)).or_else(|| {
            let word = line.words.get(1)?;
            // The size itself is another finding.
            let plain = word.text.parse::<u32>().is_ok();
            let refused = !plain && !(256..=16380).contains(&leading(&word.text));
            refused.then(|| not_a_number(line, word, "16380"))
        }),
        "register-var-names" if line.words.len() < 2 => {
            let help = "write the names of the variables, or remove the line".to_owned();
            Some(Refused::missing("the names of variables", line, help))
        }
        "register-var-names" => line.after(1).iter().find_map(|name| named(name, &[])),
        "log" => log(line),
        _ => None,
    }
}

/// What C's `atol` makes of a text.
fn leading(text: &str) -> i64 {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.get(..digits)
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}

fn not_a_number(line: &Line, word: &Word, such: &str) -> Refused {
    Refused {
        title: format!(
            "`{}` is not a number that `{}` takes",
            word.text,
            line.word(0)
        ),
        span: word.span,
        label: "HAProxy refuses this".to_owned(),
        help: format!("write a number such as {such}, or remove the line"),
    }
}

fn negated(line: &Line) -> Option<Refused> {
    let keyword = line.word(0);
    let Some(option) = line.words.get(2).filter(|_| line.word(1) == "option") else {
        if line.word(1) == "option" {
            let help = "remove the line".to_owned();
            return Some(Refused::missing("the name of an option", line, help));
        }
        let log = line.word(1) == "log";
        return if log && keyword == "no" {
            Refused::extra(line, 2)
        } else {
            None
        };
    };
    if keyword == "no" && SWITCHES.contains(&option.text.as_str()) {
        return Refused::extra(line, 3);
    }
    Some(Refused {
        title: format!("`{keyword}` cannot come before `option {}`", option.text),
        span: line.span(),
        label: "HAProxy refuses this".to_owned(),
        help: "remove the line: without it, the option is off".to_owned(),
    })
}

fn timeout(case: &Case<'_>, line: &Line) -> Option<Refused> {
    let Some(name) = line.words.get(1) else {
        let help = "write `timeout processing 500ms`".to_owned();
        return Some(Refused::missing("a name and a time", line, help));
    };
    if !TIMEOUTS.contains(&name.text.as_str()) {
        return Some(Refused {
            title: format!("an agent has no `timeout {}`", name.text),
            span: name.span,
            label: "HAProxy refuses this".to_owned(),
            help: match nearest(&name.text, TIMEOUTS) {
                Some(near) => format!("write `timeout {near}`"),
                None => "remove the line; `timeout processing` is the one for an answer".to_owned(),
            },
        });
    }
    if let Some(refused) = Refused::extra(line, 3) {
        return Some(refused);
    }
    // From 3.1 on nothing looks at the time of the others.
    let ignored = case.before_3_1() != Some(true) && name.text != "processing";
    let Some(time) = line.words.get(2) else {
        let help = format!("write `timeout {} 500ms`", name.text);
        return (!ignored).then(|| Refused::missing("a time", line, help));
    };
    let refused = !ignored && haproxy_time(&time.text).is_none();
    refused.then(|| Refused {
        title: format!("`{}` is not a time", time.text),
        span: time.span,
        label: "a number with `us`, `ms`, `s`, `m`, `h` or `d`, of 24 days at most".to_owned(),
        help: format!("write a time such as `timeout {} 500ms`", name.text),
    })
}

fn option(line: &Line) -> Option<Refused> {
    let Some(name) = line.words.get(1) else {
        let help = "write the name of an option, or remove the line".to_owned();
        return Some(Refused::missing("the name of an option", line, help));
    };
    let option = name.text.as_str();
    if !OPTIONS.contains(&option) {
        return Some(Refused {
            title: format!("an agent has no `option {option}`"),
            span: name.span,
            label: "HAProxy refuses this".to_owned(),
            help: match nearest(option, OPTIONS) {
                Some(near) => format!("write `option {near}`"),
                None => format!("remove the line; there are {}", one_of(OPTIONS)),
            },
        });
    }
    if !NAMING.contains(&option) {
        return Refused::extra(line, 2);
    }
    let Some(value) = line.words.get(2) else {
        let help = match option {
            "var-prefix" => {
                "write `option var-prefix` and the name before those of the variables".to_owned()
            }
            _ => format!("write `option {option}` and the name of a variable"),
        };
        return Some(Refused::missing("a name", line, help));
    };
    // The characters of a prefix are another finding.
    let taken = option == "var-prefix";
    Refused::extra(line, 3).or_else(|| named(value, &[]).filter(|_| !taken))
}

/// The facilities of syslog.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "auth2",
    "ftp", "ntp", "audit", "alert", "cron2", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
];

fn log(line: &Line) -> Option<Refused> {
    if line.word(1) == "global" && line.words.len() == 2 {
        return None;
    }
    let options = ["len", "format", "sample", "profile"];
    let mut at = 2;
    while options.contains(&line.word(at)) {
        at += 2;
    }
    let Some(facility) = line.words.get(at) else {
        let help =
            "write an address and a facility, such as `log stdout format raw local0`".to_owned();
        return Some(Refused::missing("an address and a facility", line, help));
    };
    let refused = !FACILITIES.contains(&facility.text.as_str());
    refused.then(|| Refused {
        title: format!("`{}` is not a facility of syslog", facility.text),
        span: facility.span,
        label: "HAProxy refuses this".to_owned(),
        help: match nearest(&facility.text, FACILITIES) {
            Some(near) => format!("write `{near}`"),
            None => "write `local0`, or another one".to_owned(),
        },
    })
}

fn of_message<'a>(line: &'a Line, acls: &mut Vec<&'a str>) -> Option<Refused> {
    if line
        .words
        .iter()
        .any(|word| !word.known || word.text.ends_with('\\'))
    {
        // The names in it may be any.
        acls.push(line.word(1));
        return None;
    }
    match line.word(0) {
        "acl" => {
            acls.push(line.word(1));
            acl(line)
        }
        "event" => match line.words.get(1) {
            None => {
                let help =
                    "write the event, or remove the line if the message is of a group".to_owned();
                Some(Refused::missing("the name of an event", line, help))
            }
            Some(_) => match line.words.get(2) {
                None => None,
                Some(word) if ["if", "unless"].contains(&word.text.as_str()) => condition(
                    line.after(3),
                    acls,
                    "in this message; those of haproxy.cfg do not count",
                ),
                Some(word) => Some(Refused {
                    title: format!(
                        "`event {}` takes a condition, not `{}`",
                        line.word(1),
                        word.text
                    ),
                    span: word.span,
                    label: "neither `if` nor `unless`".to_owned(),
                    help: match nearest(&word.text, ["if", "unless"]) {
                        Some(near) => format!("write `{near}`"),
                        None => "remove it, and what follows".to_owned(),
                    },
                }),
            },
        },
        _ => of_modifier(line),
    }
}

fn acl(line: &Line) -> Option<Refused> {
    let Some(name) = line.words.get(1) else {
        let help = "write `acl NAME FETCH PATTERN`, or remove the line".to_owned();
        return Some(Refused::missing("a name and a fetch", line, help));
    };
    if let Some(refused) = named(name, &[':', '-']) {
        return Some(refused);
    }
    if name.text.eq_ignore_ascii_case("or") {
        return Some(Refused {
            title: "`or` is not a name that an `acl` can have".to_owned(),
            span: name.span,
            label: "it means one of two conditions".to_owned(),
            help: "write another name".to_owned(),
        });
    }
    match line.words.get(2) {
        None => {
            let help = format!(
                "write `acl {} FETCH PATTERN`, or remove the line",
                name.text
            );
            Some(Refused::missing("a fetch", line, help))
        }
        Some(fetch) => fetched(fetch),
    }
}

/// What HAProxy defines itself.
const PREDEFINED: [&str; 20] = [
    "FALSE",
    "HTTP",
    "HTTP_1.0",
    "HTTP_1.1",
    "HTTP_2.0",
    "HTTP_3.0",
    "HTTP_CONTENT",
    "HTTP_URL_ABS",
    "HTTP_URL_SLASH",
    "HTTP_URL_STAR",
    "LOCALHOST",
    "METH_CONNECT",
    "METH_DELETE",
    "METH_GET",
    "METH_HEAD",
    "METH_OPTIONS",
    "METH_POST",
    "METH_PUT",
    "METH_TRACE",
    "RDP_COOKIE",
];

/// The others of the same kind.
const PREDEFINED_TOO: [&str; 3] = ["REQ_CONTENT", "TRUE", "WAIT_END"];

/// What HAProxy refuses of the words after `if` and `unless`.
fn condition(words: &[Word], acls: &[&str], place: &str) -> Option<Refused> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let text = word.text.trim_start_matches('!');
        match text {
            "" | "or" | "||" => {}
            "{" => {
                let Some(fetch) = words.next() else {
                    return Some(unclosed(word));
                };
                let closed = fetch.text == "}" || words.by_ref().any(|word| word.text == "}");
                if !closed {
                    return Some(unclosed(word));
                }
                if let Some(refused) = fetched(fetch) {
                    return Some(refused);
                }
            }
            name => {
                let known = acls.contains(&name)
                    || acls.contains(&"")
                    || PREDEFINED.contains(&name)
                    || PREDEFINED_TOO.contains(&name);
                if !known {
                    let near = nearest(name, acls.iter().copied());
                    return Some(Refused {
                        title: format!("there is no `acl {name}`"),
                        span: word.span,
                        label: format!("there is no `acl` of this name {place}"),
                        help: match near {
                            Some(near) => format!("write `{near}`"),
                            None => format!(
                                "write `acl {name} …` above, in this message, or the condition itself between `{{` and `}}`"
                            ),
                        },
                    });
                }
            }
        }
    }
    None
}

fn unclosed(word: &Word) -> Refused {
    Refused {
        title: "this condition has no end".to_owned(),
        span: word.span,
        label: "no `}` follows".to_owned(),
        help: "write `}` at its end, after a space".to_owned(),
    }
}

/// The names of fetches that conditions take with such an end.
const WITH_METHOD: [&str; 9] = [
    "base",
    "cook",
    "hdr",
    "path",
    "scook",
    "shdr",
    "url",
    "urlp",
    "ssl_fc_sni",
];

/// The ends that say how to match.
const METHODS: [&str; 7] = ["_beg", "_dir", "_dom", "_end", "_len", "_reg", "_sub"];

/// A fetch of a condition that no HAProxy has.
fn fetched(word: &Word) -> Option<Refused> {
    let expression = match Expression::parse(&word.text) {
        Ok(expression) => expression,
        Err(problem) if *problem.kind() == ProblemKind::Environment => return None,
        Err(_) => {
            return Some(Refused {
                title: format!("`{}` is not a sample expression", word.text),
                span: word.span,
                label: "HAProxy refuses this".to_owned(),
                help: "write a fetch here, such as `path_beg`, and the patterns after it"
                    .to_owned(),
            });
        }
    };
    let problem = expression.check_any().err()?;
    let ProblemKind::UnknownFetch { name, nearest, .. } = problem.kind() else {
        return None;
    };
    let base = METHODS.iter().find_map(|method| name.strip_suffix(method));
    if name.starts_with("lua.") || base.is_some_and(|base| WITH_METHOD.contains(&base)) {
        return None;
    }
    Some(Refused {
        title: format!("HAProxy has no sample fetch `{name}`"),
        span: word.span,
        label: "HAProxy refuses this".to_owned(),
        help: match nearest {
            Some(near) => format!("write `{near}`"),
            None => "write a fetch that `haproxy -dKsmp -dKacl` lists".to_owned(),
        },
    })
}

/// A line `filter spoe`.
fn of_filter(line: &Line) -> Option<Refused> {
    let mut words = line.after(2).iter();
    while let Some(word) = words.next() {
        if !word.known {
            return None;
        }
        let keyword = ["config", "engine"].contains(&word.text.as_str());
        if !keyword {
            return Some(Refused {
                title: format!("`filter spoe` does not take `{}`", word.text),
                span: word.span,
                label: "neither `engine NAME` nor `config FILE`".to_owned(),
                help: match nearest(&word.text, ["config", "engine"]) {
                    Some(near) => format!("write `{near}`"),
                    None => "remove it".to_owned(),
                },
            });
        }
        if words.next().is_none() && word.text == "engine" {
            let help = "write `engine NAME`, or remove `engine`".to_owned();
            return Some(Refused {
                title: "`engine` lacks a name".to_owned(),
                span: word.span,
                label: "a name is missing".to_owned(),
                help,
            });
        }
    }
    None
}

/// The rules that can send groups.
const SENDING: [&[&str]; 4] = [
    &["http-request"],
    &["http-response"],
    &["tcp-request", "content"],
    &["tcp-response", "content"],
];

const RULES: [&str; 5] = [
    "http-request",
    "http-response",
    "http-after-response",
    "tcp-request",
    "tcp-response",
];

fn is_rule(line: &Line) -> bool {
    RULES.contains(&line.word(0))
}

/// A rule with `send-spoe-group`.
fn of_rule<'a>(line: &Line, http: bool, acls: impl Fn() -> Vec<&'a str>) -> Option<Refused> {
    let at = line.words.iter().position(|word| word.is(ACTION))?;
    let before: Vec<_> = line
        .words
        .get(..at)?
        .iter()
        .map(|word| word.text.as_str())
        .collect();
    if !is_rule(line) || at > 2 {
        return None;
    }
    let action = line.words.get(at)?;
    if !SENDING.contains(&before.as_slice()) {
        return Some(Refused {
            title: format!("`{}` cannot send groups", before.join(" ")),
            span: action.span,
            label: "HAProxy refuses this".to_owned(),
            help: match before.first() {
                Some(&"http-after-response") => "write `http-response`".to_owned(),
                Some(&"tcp-response") if http => "write `http-response`".to_owned(),
                Some(&"tcp-response") => "write `tcp-response content`".to_owned(),
                Some(&"tcp-request") if !http => "write `tcp-request content`".to_owned(),
                _ => "write `http-request`".to_owned(),
            },
        });
    }
    let arguments = line.after(at + 1);
    let conditional = |word: &&Word| word.is("if") || word.is("unless");
    let end = arguments.iter().position(|word| conditional(&word));
    let count = end.unwrap_or(arguments.len());
    if arguments.iter().any(|word| !word.known) {
        return None;
    }
    if count < 2 {
        let help = format!("write `{} {ACTION} ENGINE GROUP`", before.join(" "));
        return Some(Refused {
            title: "`send-spoe-group` takes the name of an engine and the name of a group"
                .to_owned(),
            span: action.span,
            label: "a name is missing".to_owned(),
            help,
        });
    }
    let Some(third) = arguments.get(2).filter(|_| count > 2) else {
        let behind = arguments.get(end? + 1..)?;
        return condition(behind, &acls(), "in this section");
    };
    Some(Refused {
        title: "`send-spoe-group` takes two names, then `if` or `unless`".to_owned(),
        span: third.span,
        label: "HAProxy refuses this".to_owned(),
        help: match nearest(&third.text, ["if", "unless"]) {
            Some(near) => format!("write `{near}`"),
            None => "remove it".to_owned(),
        },
    })
}

/// A misspelt `send-spoe-group` or `filter spoe`.
fn misspelt(line: &Line) -> Option<Finding> {
    let refused = |word: &Word, meant: &str| {
        Finding::new(
            Code::KeywordRefused,
            format!("HAProxy does not know `{}` here", word.text),
            word.span,
        )
        .label("HAProxy refuses this")
        .help(format!("write `{meant}`"))
    };
    let named = line.words.iter().position(|word| word.is(ACTION));
    if let Some(at @ 0..=2) = named.filter(|_| !is_rule(line)) {
        let first = line.words.first().filter(|word| word.known)?;
        return Some(match at {
            0 => refused(first, "http-request send-spoe-group"),
            _ if first.is("no") => refused(first, line.word(1)),
            _ => refused(first, nearest(&first.text, RULES).unwrap_or("http-request")),
        });
    }
    if is_rule(line) {
        let word = line
            .words
            .get(sends(line)?)
            .filter(|word| !word.is(ACTION))?;
        return Some(refused(word, ACTION));
    }
    if !asks_agent(line) {
        return None;
    }
    let (filter, spoe) = (line.words.first()?, line.words.get(1)?);
    match (filter.is("filter"), spoe.is("spoe")) {
        (false, _) => Some(refused(filter, "filter")),
        (true, false) => Some(refused(spoe, "spoe")),
        (true, true) => None,
    }
}

//! The words of a section `spoe-agent`.

use super::refused::{Refused, named};
use crate::doctor::Case;
use crate::doctor::grammar::{NAMING, OPTIONS, SWITCHES, TIMEOUTS};
use crate::read::{Line, Word};
use spoa_facts::{haproxy_time, nearest, one_of};

/// `no` and `default`, which HAProxy takes before few keywords.
pub(super) fn of_modifier(line: &Line) -> Option<Refused> {
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

/// Finds the words of a line that HAProxy refuses.
pub(super) fn of_agent(case: &Case<'_>, line: &Line) -> Option<Refused> {
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

/// Returns the number that C's `atol` reads.
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
                None => {
                    "remove the line; `timeout processing` limits the wait for an answer".to_owned()
                }
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
        label: "a number with `us`, `ms`, `s`, `m`, `h` or `d`, at most 24 days".to_owned(),
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
                "write `option var-prefix` and a prefix for the names of variables".to_owned()
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

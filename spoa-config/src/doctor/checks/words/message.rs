//! The words of a section `spoe-message`.

use super::agent::of_modifier;
use super::condition::{condition, fetched};
use super::refused::{Refused, named};
use crate::read::Line;
use spoa_facts::nearest;

/// Finds the words of a line that HAProxy refuses, given the names of the `acl` lines above it.
pub(super) fn of_message<'a>(line: &'a Line, acls: &mut Vec<&'a str>) -> Option<Refused> {
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
                    "write the event, or remove the line if a group sends the message".to_owned();
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
                        None => "remove it and the words after it".to_owned(),
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
            label: "`or` joins two conditions".to_owned(),
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

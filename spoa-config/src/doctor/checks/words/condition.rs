//! The words after `if` and `unless`, and the fetches of conditions.

use super::refused::Refused;
use crate::read::Word;
use spoa_facts::{Expression, ProblemKind, is_predefined_acl, nearest};

/// Finds the words after `if` and `unless` that HAProxy refuses.
pub(super) fn condition(words: &[Word], acls: &[&str], place: &str) -> Option<Refused> {
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
                let known =
                    acls.contains(&name) || acls.contains(&"") || is_predefined_acl(name, None);
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
        title: "this condition is not closed".to_owned(),
        span: word.span,
        label: "there is no `}` after it".to_owned(),
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
pub(super) fn fetched(word: &Word) -> Option<Refused> {
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

//! A fix of a case: the edits that its findings advise, written as a small diff.
//!
//! A line that begins at the margin names a file; `FILE = CASE` takes the file of another case
//! instead. Below it, a line after two spaces is kept, `- ` removes a line and `+ ` adds one; the
//! first two have to be there, in this order. `! WHAT: why` makes an exception, and `#` begins a
//! comment:
//!
//! ```text
//! spoe.conf
//!   spoe-agent iprep-agent
//! + option continue-on-error
//! - event on-frontend-http-reqeust
//! + event on-frontend-http-request
//! ! `--listen …`: an option of the agent
//! ```

use super::Contents;
use std::path::Path;

/// A fix that was applied.
#[derive(Clone, Debug)]
pub struct Fix {
    /// The case and the file, to name it by.
    pub name: String,
    /// All files of the case with it.
    pub contents: Contents,
    /// The lines that it adds.
    pub added: String,
    /// Whether it removes lines.
    pub removes: bool,
    /// The exceptions for it, each with its reason.
    exceptions: Vec<(String, String)>,
}

impl Fix {
    /// Applies the fix of this text. Panics where a line is not there.
    pub fn apply(case: &str, path: &Path, text: &str, contents: &Contents) -> Self {
        let mut fix = Fix {
            name: format!("{case}/{}", path.display()),
            contents: contents.clone(),
            added: String::new(),
            removes: false,
            exceptions: Vec::new(),
        };
        let (mut file, mut lines, mut at) = (None, Vec::<String>::new(), 0);
        for line in text.lines().chain([""]) {
            let mark = line.get(..2).unwrap_or("");
            let rest = line.get(2..).unwrap_or("").to_owned();
            match mark {
                "# " => {}
                "! " => {
                    let exception = rest.split_once(": ");
                    let (what, why) =
                        exception.unwrap_or_else(|| panic!("{}: `{line}` says no why", fix.name));
                    fix.exceptions.push((what.to_owned(), why.to_owned()));
                }
                "  " | "- " => {
                    let wanted = rest.trim();
                    let found = lines.iter().skip(at).position(|it| it.trim() == wanted);
                    let found = found
                        .unwrap_or_else(|| panic!("{}: there is no line `{wanted}`", fix.name));
                    at += found;
                    match mark {
                        "  " => at += 1,
                        _ => {
                            fix.removes = true;
                            lines.remove(at);
                        }
                    }
                }
                "+ " => {
                    fix.added.push_str(&rest);
                    fix.added.push('\n');
                    lines.insert(at, rest);
                    at += 1;
                }
                _ => {
                    if let Some(file) = file.take() {
                        fix.contents.insert(file, lines.join("\n") + "\n");
                    }
                    if line.is_empty() {
                        continue;
                    }
                    let (path, of) = line.split_once(" = ").unwrap_or((line, ""));
                    let path = Path::new(path).to_owned();
                    let text = match of {
                        "" => fix.contents.get(&path).cloned().unwrap_or_default(),
                        case => super::text_of(case, &path),
                    };
                    if !of.is_empty() {
                        fix.added.push_str(&text);
                    }
                    lines = text.lines().map(str::to_owned).collect();
                    (file, at) = (Some(path), 0);
                }
            }
        }
        fix
    }

    /// Why something does not hold for this fix, if so.
    pub fn exception(&self, what: &str) -> Option<&str> {
        let mut exceptions = self.exceptions.iter();
        let found = exceptions.find(|(it, _)| it == what);
        found.map(|(_, why)| why.as_str())
    }

    /// Whether it adds this, or leaves it where it is.
    pub fn holds(&self, fragment: &str) -> bool {
        let of_agent = ["listen", "tls"].map(Path::new);
        let option = value(fragment);
        self.contents.iter().any(|(path, text)| {
            let name = path.to_string_lossy();
            match option {
                Some(value) => of_agent.contains(&path.as_path()) && contains(text, value),
                None if of_agent.contains(&path.as_path()) => false,
                None => {
                    name != "expected.txt" && !name.starts_with("fix") && contains(text, fragment)
                }
            }
        })
    }

    /// Whether it adds this.
    pub fn adds(&self, fragment: &str) -> bool {
        contains(&self.added, value(fragment).unwrap_or(fragment))
    }
}

/// The value of an option that the agent is to be started with, which the case's own files have.
fn value(fragment: &str) -> Option<&str> {
    let options = ["--listen ", "--tls-cert "];
    options
        .iter()
        .find_map(|option| fragment.strip_prefix(option))
}

/// Returns the parts of a help between backticks.
pub fn fragments(help: &str) -> impl Iterator<Item = &str> {
    // A backtick that is doubled would need more than this.
    help.split('`').skip(1).step_by(2)
}

/// Whether a text has these words one after the other, the first and the last perhaps as parts of
/// words. `FILE` and the like, and `…`, stand for any word.
fn contains(text: &str, fragment: &str) -> bool {
    let wanted: Vec<_> = fragment.split_whitespace().collect();
    let words: Vec<_> = text.split_whitespace().collect();
    let last = wanted.len().saturating_sub(1);
    let stands_for = |wanted: &str| {
        wanted == "…" || wanted.len() > 2 && wanted.chars().all(|c| c.is_ascii_uppercase())
    };
    let same = |index: usize, word: &str, wanted: &str| {
        stands_for(wanted)
            || match (index == 0, index == last) {
                (true, true) => word.contains(wanted),
                (true, false) => word.ends_with(wanted),
                (false, true) => word.starts_with(wanted),
                (false, false) => word == wanted,
            }
    };
    words.windows(wanted.len().max(1)).any(|words| {
        let mut pairs = words.iter().zip(&wanted).enumerate();
        pairs.all(|(index, (word, wanted))| same(index, word, wanted))
    })
}

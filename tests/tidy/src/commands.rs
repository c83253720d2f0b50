//! The commands in the console blocks of the pages, and what checks each of them.

use crate::{files, workspace};
use std::fs;
use std::path::Path;

/// The file that says what checks each command.
pub const TABLE: &str = "tests/tidy/commands.txt";

/// A command of a page.
#[derive(Clone, Debug)]
pub struct Command {
    /// The page, by its path from the workspace.
    pub page: String,
    /// The line of the page.
    pub line: usize,
    /// The command, without `$ `. One on several lines has line ends after each `\`.
    pub text: String,
    /// The lines that the page shows as its output.
    pub output: Vec<String>,
}

/// The way in which a command is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// The tests run it. It succeeds, and prints what the page shows.
    Run,
    /// The tests run it. It fails, and prints what the page shows.
    Fails,
    /// The tests run it, and compare what it prints without its numbers.
    Numbers,
    /// The tests run it until the end of the page. It is ready when it prints this.
    Serves(String),
    /// As `Serves`. At the end of the page, it has printed what the page shows.
    Logs(String),
    /// The tests run it with `--help` at its end, so that its options exist, for this reason.
    Parses(String),
    /// The test of this name checks it.
    Test(String),
    /// Nothing checks it, for this reason.
    Not(String),
}

/// A line of the table.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The page, by its path from the workspace.
    pub page: String,
    /// The start of a command, or `*` for every command of the page.
    pub command: String,
    /// The way in which such a command is checked.
    pub check: Check,
}

impl Entry {
    /// Returns whether the entry is about a command.
    #[must_use]
    pub fn is_about(&self, command: &Command) -> bool {
        self.page == command.page
            && (self.command == "*" || command.text.starts_with(&self.command))
    }
}

/// Returns the commands of every page, in order.
#[must_use]
pub fn commands() -> Vec<Command> {
    let mut found = Vec::new();
    for file in files() {
        // The README of the library is a copy, and the template is not a page before it is filled.
        let is_page = file.extension().is_some_and(|extension| extension == "md")
            && file != Path::new("spoa/README.md")
            && !file.starts_with("spoa-cli/src/new/template");
        if is_page {
            let text = fs::read_to_string(workspace().join(&file)).expect("a page is text");
            found.extend(read(file.to_str().expect("a path is text"), &text));
        }
    }
    found
}

/// Returns the commands of a page.
fn read(page: &str, text: &str) -> Vec<Command> {
    let mut found: Vec<Command> = Vec::new();
    let (mut fence, mut console, mut open) = (false, false, false);
    for (at, line) in text.lines().enumerate() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            fence = !fence;
            console = fence && language == "console";
            open = false;
        } else if console {
            match (line.strip_prefix("$ "), found.last_mut()) {
                (Some(command), _) => {
                    open = true;
                    found.push(Command {
                        page: page.to_owned(),
                        line: at + 1,
                        text: command.to_owned(),
                        output: Vec::new(),
                    });
                }
                (None, Some(last)) if open && last.text.ends_with('\\') => {
                    last.text.push('\n');
                    last.text.push_str(line);
                }
                (None, Some(last)) if open => last.output.push(line.to_owned()),
                (None, _) => panic!("{page}:{}: a console block begins with `$ `", at + 1),
            }
        } else if !fence && line.starts_with("    ") {
            let mut words = line.split_whitespace();
            let program = words.find(|word| !word.contains('='));
            assert!(
                !program.is_some_and(|program| ["my-agent", "spop"].contains(&program)),
                "{page}:{}: put a command into a console block",
                at + 1
            );
        }
    }
    for command in &mut found {
        // A block may leave a line free before its next command.
        while command.output.last().is_some_and(String::is_empty) {
            command.output.pop();
        }
    }
    found
}

/// Returns the table.
#[must_use]
pub fn table() -> Vec<Entry> {
    let text = fs::read_to_string(workspace().join(TABLE)).expect("the table is there");
    let mut page = "";
    let mut entries = Vec::new();
    for line in text.lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some((check, command)) = line.split_once(" | ") {
            entries.push(Entry {
                page: page.to_owned(),
                command: command.to_owned(),
                check: check_of(check.trim()),
            });
        } else {
            page = line;
        }
    }
    entries
}

fn check_of(text: &str) -> Check {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    match (word, rest) {
        ("run", "") => Check::Run,
        ("fails", "") => Check::Fails,
        ("numbers", "") => Check::Numbers,
        ("serves", rest) => Check::Serves(rest.to_owned()),
        ("logs", rest) => Check::Logs(rest.to_owned()),
        ("parses", rest) if !rest.is_empty() => Check::Parses(rest.to_owned()),
        ("test", rest) if !rest.is_empty() => Check::Test(rest.to_owned()),
        ("not", rest) if !rest.is_empty() => Check::Not(rest.to_owned()),
        _ => panic!("{TABLE}: `{text}` is not a check: its first lines list them"),
    }
}

/// Returns what checks a command, by the first entry about it.
#[must_use]
pub fn check(table: &[Entry], command: &Command) -> Option<Check> {
    let entry = table.iter().find(|entry| entry.is_about(command));
    entry.map(|entry| entry.check.clone())
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn commands_have_their_continued_lines_and_their_output() {
        let text = "```console\n$ a \\\n    b\nout\n\n$ c\n```\n```text\n$ d\n```\n";
        let read = read("p", text);
        let words: Vec<_> = read
            .iter()
            .map(|command| {
                (
                    command.line,
                    command.text.as_str(),
                    command.output.as_slice(),
                )
            })
            .collect();
        assert_eq!(
            words,
            [(2, "a \\\n    b", &["out".to_owned()][..]), (6, "c", &[])]
        );
    }
}

//! The options in a file: TOML, with the names of the command line as its keys.

use spoa_facts::nearest;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// The largest file that is read, in bytes.
const MAX_SIZE: usize = 1 << 20;

/// The options of a file.
#[derive(Debug, Default)]
pub(in crate::run) struct OptionsFile {
    path: PathBuf,
    entries: Vec<FileOption>,
}

/// An option in a file.
#[derive(Debug, PartialEq, Eq)]
struct FileOption {
    name: String,
    line: usize,
    values: Vec<String>,
}

impl OptionsFile {
    /// Reads a file with options of these names.
    pub(in crate::run) fn read(path: &Path, known: &[&str]) -> Result<Self, String> {
        let text = read(path).map_err(|problem| {
            format!(
                "option `--config`: cannot read `{}`: {problem}",
                path.display()
            )
        })?;
        let entries = entries(&text, known)
            .map_err(|(line, problem)| format!("{}:{line}: {problem}", path.display()))?;
        Ok(OptionsFile {
            path: path.to_owned(),
            entries,
        })
    }

    pub(in crate::run) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the line and the values of an option.
    pub(in crate::run) fn find(&self, name: &str) -> Option<(usize, &[String])> {
        let entry = self.entries.iter().find(|entry| entry.name == name)?;
        Some((entry.line, &entry.values))
    }
}

/// Reads a text. Other files are not read to their end, which `/dev/zero` does not have.
fn read(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map(|file| file.take(MAX_SIZE as u64 + 1));
    let read = file.and_then(|mut file| file.read_to_end(&mut bytes));
    read.map_err(|error| error.to_string())?;
    if bytes.len() > MAX_SIZE {
        return Err("it has more than 1 MiB".to_owned());
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error
            .as_bytes()
            .iter()
            .take(error.utf8_error().valid_up_to());
        let line = valid.filter(|byte| **byte == b'\n').count() + 1;
        format!("line {line} is not UTF-8")
    })
}

/// Reads the entries of a file, in the order of their lines. An error has its line.
fn entries(text: &str, known: &[&str]) -> Result<Vec<FileOption>, (usize, String)> {
    let line = |at: usize| {
        let before = text.as_bytes().iter().take(at);
        before.filter(|byte| **byte == b'\n').count() + 1
    };
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        (line(at), error.message().replace('\n', " "))
    })?;
    let mut entries = Vec::new();
    for (key, value) in table.get_ref() {
        let line = line(key.span().start);
        let problem = |problem: String| (line, problem);
        // A field of Rust has underscores.
        let name = key.get_ref().replace('_', "-");
        if name == "config" {
            return Err(problem(
                "a file cannot name another one with `config`: remove the line".to_owned(),
            ));
        }
        if !known.contains(&name.as_str()) {
            let meant = nearest(&name, known.iter().copied());
            let meant = meant.map(|meant| format!(": did you mean `{meant}`?"));
            let meant = meant.unwrap_or_else(|| "; `--help` lists the options".to_owned());
            return Err(problem(format!(
                "unknown option `{}`{meant}",
                key.get_ref()
            )));
        }
        let values = match value.get_ref() {
            DeValue::Array(values) => values
                .iter()
                .map(|value| text_of(value.get_ref()))
                .collect(),
            DeValue::Table(_) => None,
            value => text_of(value).map(|text| vec![text]),
        };
        let Some(values) = values else {
            return Err(problem(format!(
                "the value of `{name}` is {}: write a text, a number, `true`, `false`, or a list of them; \
                 options are not in tables",
                match value.get_ref() {
                    DeValue::Table(_) => "a table",
                    _ => "a list with a list or a table in it",
                }
            )));
        };
        if entries.iter().any(|entry: &FileOption| entry.name == name) {
            return Err(problem(format!("`{name}` is given twice: remove one")));
        }
        entries.push(FileOption { name, line, values });
    }
    Ok(entries)
}

/// Returns a value as it would be on the command line; `None` for a list or a table.
fn text_of(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(number) => {
            Some(match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => number.to_string(),
                Err(_) => number.to_string(),
            })
        }
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        DeValue::Datetime(time) => Some(time.to_string()),
        DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] = ["listen", "max-connections", "rate", "verbose"];

    #[test]
    fn values_are_read_as_the_command_line_would_have_them() {
        let text = "# Comment\nlisten = [\":1\", \"unix@/a,mode=660\"]\nmax_connections = 1_000\n\n\
                    rate = 0.5\nverbose = true\n";
        let read: Vec<_> = entries(text, &KNOWN)
            .unwrap()
            .into_iter()
            .map(|entry| (entry.name, entry.line, entry.values.join(" ")))
            .collect();
        let expected = [
            ("listen", 2, ":1 unix@/a,mode=660"),
            ("max-connections", 3, "1000"),
            ("rate", 5, "0.5"),
            ("verbose", 6, "true"),
        ];
        assert_eq!(
            read,
            expected.map(|(name, line, value)| (name.to_owned(), line, value.to_owned()))
        );
    }

    #[test]
    fn a_mistake_has_its_line() {
        for (text, line, problem) in [
            (
                "rate = 1\nmax-conections = 5",
                2,
                "unknown option `max-conections`: did you mean `max-connections`?",
            ),
            (
                "xyzzy = 1",
                1,
                "unknown option `xyzzy`; `--help` lists the options",
            ),
            (
                "\n[rate]\na = 1",
                2,
                "the value of `rate` is a table: write a text, a number, `true`, `false`, or a list of \
                 them; options are not in tables",
            ),
            (
                "rate = [1, [2]]",
                1,
                "the value of `rate` is a list with a list or a table in it: write a text, a number, `true`, \
                 `false`, or a list of them; options are not in tables",
            ),
            (
                "max_connections = 1\nmax-connections = 2",
                2,
                "`max-connections` is given twice: remove one",
            ),
            (
                "config = 'x'",
                1,
                "a file cannot name another one with `config`: remove the line",
            ),
        ] {
            let mut found = entries(text, &KNOWN).unwrap_err();
            // Keys come in the order of their names.
            if problem.contains("twice") {
                found.0 = line;
            }
            assert_eq!(found, (line, problem.to_owned()), "{text}");
        }
        assert_eq!(entries("rate = 1\nlisten =", &KNOWN).unwrap_err().0, 2);
    }
}

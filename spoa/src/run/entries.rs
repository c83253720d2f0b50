//! Files with an entry on each line.

use std::fmt::Display;
use std::path::Path;

/// Reads a file with an entry on each line, such as rules, keys or the names of users.
///
/// Each line is trimmed. Empty lines are left out, and comments, which begin with `#`. The function makes an entry of each
/// other line. Use it with `reload` and `watch`, so that the agent reads the file again when it changes:
///
/// ```no_run
/// use spoa::State;
/// use spoa::prelude::*;
/// use spoa::run::read_lines;
/// use std::collections::HashMap;
/// use std::path::PathBuf;
///
/// #[derive(clap::Args)]
/// struct Options {
///     /// File with a user and a level on each line
///     #[arg(long, value_name = "FILE")]
///     users: PathBuf,
/// }
///
/// struct Levels(HashMap<String, u32>);
///
/// fn level(line: &str) -> Result<(String, u32), String> {
///     let (user, level) = line.split_once(' ').ok_or("expected a user and a level")?;
///     let level = level.parse().map_err(|_| format!("`{level}` is not a number"))?;
///     Ok((user.to_owned(), level))
/// }
///
/// #[spoe_message("level")]
/// fn level_of(user: Text<'_>, State(levels): State<'_, Levels>) -> Option<SetVar<u32>> {
///     let level = levels.0.get(&*user)?;
///     Some(SetVar::transaction("level", *level))
/// }
///
/// fn main() {
///     spoa::run!(
///         options = Options,
///         reload = read_lines(&options.users, level).map(Levels)?,
///         watch = options.users,
///     )
/// }
/// ```
///
/// # Errors
/// A text with the file, the number of the line, and the problem: `users.txt: line 3: expected a user and a level`.
pub fn read_lines<T, C: FromIterator<T>, P: Display>(
    path: impl AsRef<Path>,
    entry: impl FnMut(&str) -> Result<T, P>,
) -> Result<C, String> {
    let path = path.as_ref();
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
    let entries = text.and_then(|text| parse_lines(&text, entry));
    entries.map_err(|error| format!("{}: {error}", path.display()))
}

/// Reads a text with an entry on each line, as [`read_lines`] reads a file.
///
/// ```
/// use spoa::run::parse_lines;
///
/// let numbers: Result<Vec<u32>, String> = parse_lines("# primes\n2\n\n3\n", str::parse);
/// assert_eq!(numbers, Ok(vec![2, 3]));
/// let numbers: Result<Vec<u32>, String> = parse_lines("2\nthree\n", str::parse);
/// assert_eq!(numbers.unwrap_err(), "line 2: invalid digit found in string");
/// ```
///
/// # Errors
/// A text with the number of the line, and the problem.
pub fn parse_lines<T, C: FromIterator<T>, P: Display>(
    text: &str,
    mut entry: impl FnMut(&str) -> Result<T, P>,
) -> Result<C, String> {
    // Some editors on Windows write a byte-order mark at the beginning of a file.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = (1..).zip(text.lines().map(str::trim));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|(number, line)| entry(line).map_err(|problem| format!("line {number}: {problem}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(line: &str) -> Result<u32, &'static str> {
        line.parse().map_err(|_| "expected a number")
    }

    #[test]
    fn a_mark_of_the_encoding_is_left_out() {
        assert_eq!(parse_lines("\u{feff}1\n2", number), Ok(vec![1, 2]));
        let error = parse_lines::<_, Vec<_>, _>("1\n\u{feff}2", number);
        assert_eq!(error, Err("line 2: expected a number".to_owned()));
    }

    #[test]
    fn empty_lines_and_comments_are_left_out_but_counted() {
        let text = "# 1\r\n  1 \r\n\n\t\n#2\n 3";
        assert_eq!(parse_lines(text, number), Ok(vec![1, 3]));
        let error = parse_lines::<_, Vec<_>, _>(&format!("{text}\nx"), number);
        assert_eq!(error, Err("line 7: expected a number".to_owned()));
        assert_eq!(parse_lines("", number), Ok(Vec::new()));
    }

    #[test]
    fn an_error_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("numbers.txt");
        let read = || read_lines::<_, Vec<_>, _>(&path, number);
        let error = read().unwrap_err();
        assert!(
            error.starts_with(&format!("{}: No such file", path.display())),
            "{error}"
        );
        std::fs::write(&path, "1\nx\n").unwrap();
        let expected = format!("{}: line 2: expected a number", path.display());
        assert_eq!(read(), Err(expected));
        std::fs::write(&path, "1\n2\n").unwrap();
        assert_eq!(read(), Ok(vec![1, 2]));
    }
}

//! Names as a sentence lists them.

/// Returns the names as a sentence lists all of them: `` `a`, `b` and `c` ``.
///
/// ```
/// assert_eq!(spoa_facts::all_of(["src", "path"]), "`src` and `path`");
/// ```
#[must_use]
pub fn all_of(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    joined(&quoted(names), "and")
}

/// Returns the names as a sentence lists a choice: `` `a`, `b` or `c` ``.
///
/// ```
/// assert_eq!(spoa_facts::one_of(["a", "b", "c"]), "`a`, `b` or `c`");
/// assert_eq!(spoa_facts::one_of(["a"]), "`a`");
/// ```
#[must_use]
pub fn one_of(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    joined(&quoted(names), "or")
}

fn quoted(names: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<String> {
    let names = names.into_iter().map(|name| format!("`{}`", name.as_ref()));
    names.collect()
}

/// Returns words with commas between them, and `last_by` before the last.
pub(crate) fn joined(words: &[String], last_by: &str) -> String {
    match words.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} {last_by} {last}", others.join(", ")),
    }
}

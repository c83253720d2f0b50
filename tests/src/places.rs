//! Places in the sources of the test agents, as messages about them show them.

use std::path::Path;

/// Returns `FILE:LINE` of the only line of a source that has this code.
///
/// # Panics
/// If no line has it, or several do.
#[track_caller]
pub fn line_of(file: &str, code: &str) -> String {
    let (line, _) = find(file, code);
    format!("{file}:{line}")
}

/// Returns `FILE:LINE:COLUMN` of the only code of a source that is like this.
///
/// # Panics
/// If no line has it, or several do.
#[track_caller]
pub fn place_of(file: &str, code: &str) -> String {
    let (line, column) = find(file, code);
    format!("{file}:{line}:{column}")
}

#[track_caller]
fn find(file: &str, code: &str) -> (usize, usize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    let lines = text.lines().enumerate();
    let found: Vec<_> = lines
        .filter_map(|(at, line)| Some((at + 1, line.find(code)? + 1)))
        .collect();
    let [place] = found[..] else {
        panic!("`{code}` is at {found:?} of {file}, not at one place");
    };
    place
}

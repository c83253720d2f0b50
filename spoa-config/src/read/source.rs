//! The texts that were read, and places in them.

use std::path::{Path, PathBuf};

/// A place: bytes of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Span {
    /// The number of the source in [`Sources`].
    pub source: usize,
    /// The first byte.
    pub start: usize,
    /// The first byte after it.
    pub end: usize,
}

/// A place as people name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// One file that was read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Source {
    /// The path by which it was read.
    pub path: PathBuf,
    /// The text, with `U+FFFD` for bytes that are not UTF-8.
    pub text: String,
}

/// All files that were read.
#[derive(Clone, Debug, Default)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// Adds a file and returns its number.
    pub(crate) fn add(&mut self, path: &Path, bytes: &[u8]) -> usize {
        self.0.push(Source {
            path: path.to_owned(),
            text: String::from_utf8_lossy(bytes).into_owned(),
        });
        self.0.len() - 1
    }

    /// Returns the files, in the order in which they were read.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.0.iter()
    }

    /// Returns the file of this number.
    #[must_use]
    pub fn get(&self, source: usize) -> Option<&Source> {
        self.0.get(source)
    }

    /// Returns the path of the file that a place is in.
    #[must_use]
    pub fn path(&self, span: Span) -> &Path {
        self.get(span.source)
            .map_or(Path::new(""), |source| source.path.as_path())
    }

    /// Returns the line and the column at which a place begins.
    #[must_use]
    pub fn position(&self, span: Span) -> Position {
        let text = self
            .get(span.source)
            .map_or("", |source| source.text.as_str());
        let before = text.get(..span.start).unwrap_or(text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        Position {
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_have_lines_and_columns() {
        let mut sources = Sources::default();
        let source = sources.add(Path::new("a"), "é b\n\n c".as_bytes());
        for (start, line, column) in [(0, 1, 1), (3, 1, 3), (5, 2, 1), (7, 3, 2), (99, 3, 3)] {
            let end = start;
            let span = Span { source, start, end };
            assert_eq!(sources.position(span), Position { line, column }, "{start}");
        }
    }
}

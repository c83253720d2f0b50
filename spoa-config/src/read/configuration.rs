//! A whole configuration: HAProxy's files, and the SPOE files that its filters name.

use super::sections::{Line, Scope, Section};
use super::source::Sources;
use super::words::Word;
use spoa_facts::nearest;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// A configuration.
///
/// ```
/// use spoa_config::read::{Configuration, Disk, Surroundings};
/// # let directory = std::env::temp_dir().join(format!("spoa-config-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory).unwrap();
/// # std::env::set_current_dir(&directory).unwrap();
/// # std::fs::write("haproxy.cfg", "frontend www\n  filter spoe engine e config spoe.conf\n").unwrap();
/// # std::fs::write("spoe.conf", "[e]\nspoe-agent a\n").unwrap();
///
/// let around = Surroundings {
///     series: None,
///     environment: &|name| std::env::var(name).ok(),
/// };
/// let configuration = Configuration::read(&["haproxy.cfg"], &Disk, &around).unwrap();
/// assert_eq!(configuration.sections[0].title(), "www");
/// assert_eq!(configuration.spoe[0].sections[0].title(), "a");
/// ```
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Configuration {
    /// All files that were read.
    pub sources: Sources,
    /// The sections of HAProxy's own files, in order.
    pub sections: Vec<Section>,
    /// Lines of HAProxy's own files that are before the first section of their file.
    pub stray: Vec<Line>,
    /// The SPOE files.
    pub spoe: Vec<SpoeFile>,
    /// The filters that ask an agent, in order.
    pub filters: Vec<Filter>,
}

/// A SPOE file.
#[derive(Debug)]
#[non_exhaustive]
pub struct SpoeFile {
    /// The number of its source in [`Configuration::sources`].
    pub source: usize,
    /// The sections of the file.
    pub sections: Vec<Section>,
    /// The scopes of the file.
    pub scopes: Vec<Scope>,
    /// Lines before its first scope and its first section.
    pub stray: Vec<Line>,
}

/// A line `filter spoe …`.
#[derive(Debug)]
#[non_exhaustive]
pub struct Filter {
    /// The section it is in, as [`Configuration::sections`] counts them.
    pub proxy: usize,
    /// The line.
    pub line: Line,
    /// The word after `engine`.
    pub engine: Option<Word>,
    /// The word after `config`.
    pub config: Option<Word>,
    /// The file, as far as it was found.
    pub file: Found,
    /// A file of the same name beside the configuration, where nothing was found.
    pub beside: Option<PathBuf>,
}

/// Whether the SPOE file that a filter names was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// A file, as [`Configuration::spoe`] counts them.
    There(usize),
    /// A file that HAProxy finds only if it is started in this directory.
    Beside(usize, PathBuf),
    /// None at these paths.
    Nowhere(Vec<PathBuf>),
    /// Not looked for: these variables of the environment, which the path needs, are not set here.
    Unset(Vec<String>),
    /// Not looked for: the values of these variables, which the path needs, depend on how HAProxy is
    /// started, or on a condition that is not decided here.
    Uncertain(Vec<String>),
    /// The filter names none.
    Unnamed,
}

impl Found {
    /// Returns the file, as [`Configuration::spoe`] counts them.
    #[must_use]
    pub fn file(&self) -> Option<usize> {
        match self {
            Found::There(file) | Found::Beside(file, _) => Some(*file),
            Found::Nowhere(_) | Found::Unset(_) | Found::Uncertain(_) | Found::Unnamed => None,
        }
    }
}

/// A file that cannot be read.
#[derive(Debug)]
pub struct ReadError {
    pub(super) path: PathBuf,
    pub(super) error: io::Error,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read `{}`: {}", self.path.display(), self.error)
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl Configuration {
    /// Returns the lines that hold for a proxy: its own, then those of the defaults it takes.
    pub fn lines(&self, proxy: usize) -> impl Iterator<Item = &Line> {
        let mut next = Some(proxy);
        // A section takes defaults that are before it, so that this ends.
        std::iter::from_fn(move || {
            let at = next?;
            next = self.defaults(at);
            self.sections.get(at)
        })
        .flat_map(|section| &section.lines)
    }

    /// Returns the defaults that a section takes.
    #[must_use]
    pub fn defaults(&self, section: usize) -> Option<usize> {
        let head = &self.sections.get(section)?.head;
        let mut words = head.words.iter().skip_while(|word| !word.is("from"));
        let parent = words.nth(1);
        if head.word(0) == "defaults" && parent.is_none() {
            return None;
        }
        let before = self.sections.get(..section)?;
        before.iter().rposition(|other| {
            other.kind() == "defaults" && parent.is_none_or(|parent| other.title() == parent.text)
        })
    }

    /// Returns the proxy of this name that has servers: a `backend` or a `listen`.
    #[must_use]
    pub fn backend(&self, name: &str) -> Option<usize> {
        self.sections.iter().position(|section| {
            matches!(section.kind(), "backend" | "listen") && section.title() == name
        })
    }
}

/// Returns whether a line is one of `filter spoe`, or seems to mean one.
pub(crate) fn asks_agent(line: &Line) -> bool {
    let (Some(filter), Some(spoe)) = (line.words.first(), line.words.get(1)) else {
        return false;
    };
    let near = |word: &Word, meant| word.known && nearest(&word.text, [meant]).is_some();
    let said = |text: &str| line.after(2).iter().any(|word| word.is(text));
    match (filter.is("filter"), spoe.is("spoe")) {
        (true, true) => true,
        (true, false) => near(spoe, "spoe") && said("engine"),
        (false, true) => near(filter, "filter") && (said("engine") || said("config")),
        (false, false) => false,
    }
}

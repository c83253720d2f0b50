//! The sizes of HAProxy's buffers, which limit a NOTIFY.

use crate::read::Configuration;
use spoa_facts::parse_size;

/// The sizes of HAProxy's buffers, which limit a NOTIFY.
///
/// ```
/// use spoa_config::write::Buffers;
///
/// let large = Buffers::of_size(65_536);
/// assert_eq!((large.frame(), large.request()), (65_532, 64_512));
/// assert_eq!(Buffers::default(), Buffers::of_size(16_384));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffers {
    /// `tune.bufsize`.
    pub size: u32,
    /// `tune.maxrewrite`.
    pub rewrite: u32,
}

impl Buffers {
    /// The `tune.bufsize` of HAProxy without such a line.
    pub const DEFAULT_SIZE: u32 = 16_384;

    /// Returns the sizes for a `tune.bufsize`, without a line for `tune.maxrewrite`.
    #[must_use]
    pub fn of_size(size: u32) -> Self {
        Buffers {
            size,
            rewrite: (size / 2).min(1024),
        }
    }

    /// Reads the sizes from the sections `global` of a site's configuration. `None` if a size is not known, as
    /// under a condition.
    ///
    /// ```
    /// use spoa_config::read::{Configuration, Surroundings};
    /// use spoa_config::write::Buffers;
    /// # use std::{io, path::{Path, PathBuf}};
    /// # struct Text(&'static str);
    /// # impl spoa_config::read::Files for Text {
    /// #     fn read(&self, _: &Path) -> io::Result<Vec<u8>> { Ok(self.0.into()) }
    /// #     fn list(&self, _: &Path) -> Option<Vec<PathBuf>> { None }
    /// # }
    /// # let files = Text("global\n    tune.bufsize 64k\n");
    ///
    /// let around = Surroundings { series: None, environment: &|_| None };
    /// let site = Configuration::read(&["haproxy.cfg"], &files, &around)?;
    /// assert_eq!(Buffers::read(&site), Some(Buffers::of_size(65_536)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn read(site: &Configuration) -> Option<Self> {
        let tuned = |keyword: &str| {
            let globals = site.sections.iter();
            let globals = globals.filter(|section| section.kind() == "global");
            let mut lines = globals.flat_map(|section| &section.lines);
            let Some(line) = lines.rfind(|line| line.begins(&[keyword])) else {
                return Some(None);
            };
            let word = line
                .words
                .get(1)
                .filter(|word| word.known && line.certain)?;
            let size = parse_size(&word.text).ok()?;
            u32::try_from(size).ok().map(Some)
        };
        let buffers = Buffers::of_size(tuned("tune.bufsize")?.unwrap_or(Buffers::DEFAULT_SIZE));
        let rewrite = tuned("tune.maxrewrite")?.unwrap_or(buffers.rewrite);
        Some(Buffers {
            rewrite: rewrite.min(buffers.size / 2),
            ..buffers
        })
    }

    /// Returns the size of a frame in bytes.
    #[must_use]
    pub fn frame(self) -> u32 {
        self.size.saturating_sub(4)
    }

    /// Returns how many bytes of a request HAProxy holds.
    #[must_use]
    pub fn request(self) -> u32 {
        self.size.saturating_sub(self.rewrite)
    }
}

impl Default for Buffers {
    fn default() -> Self {
        Buffers::of_size(Buffers::DEFAULT_SIZE)
    }
}

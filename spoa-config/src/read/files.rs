//! The source of files: the disk, or the memory of a test.

use std::io;
use std::path::{Path, PathBuf};

/// A source of files.
pub trait Files {
    /// Returns the content of a file.
    ///
    /// # Errors
    ///
    /// If there is no such file, or it cannot be read.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Returns the paths in a directory; `None` for another kind of file.
    fn list(&self, path: &Path) -> Option<Vec<PathBuf>>;
}

/// The files of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn list(&self, path: &Path) -> Option<Vec<PathBuf>> {
        let entries = std::fs::read_dir(path).ok()?;
        Some(entries.flatten().map(|entry| entry.path()).collect())
    }
}

/// Returns the files that HAProxy reads for a path after `-f`: the file itself, or those of a directory that end
/// in `.cfg` and are not hidden, in order.
pub(super) fn configurations(files: &dyn Files, path: &Path) -> Vec<PathBuf> {
    let Some(mut found) = files.list(path) else {
        return vec![path.to_owned()];
    };
    found.retain(|path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.ends_with(".cfg") && !name.starts_with('.'))
            && files.list(path).is_none()
    });
    found.sort();
    found
}

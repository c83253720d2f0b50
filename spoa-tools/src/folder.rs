//! The folder that HAProxy is started in. Folders of killed processes are removed.

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, DirEntry, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The start of the folders' names.
const PREFIX: &str = "spoa-dev-";

/// The file in a folder that its process keeps locked. A process id would not do: the process may be in
/// another container that shares the folder for temporary files.
const LOCK: &str = "in-use";

/// A folder that is removed when the value is dropped.
///
/// ```
/// use spoa_tools::folder::Folder;
///
/// let folder = Folder::make()?;
/// let path = folder.path().to_owned();
/// assert!(path.is_dir());
/// drop(folder);
/// assert!(!path.exists());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Folder {
    folder: TempDir,
    #[allow(dead_code, reason = "the file is unlocked when it is dropped")]
    lock: Flock<File>,
}

impl Folder {
    /// Makes a folder, and removes those of killed processes.
    ///
    /// # Errors
    /// An error if the folder cannot be made in the one for temporary files.
    pub fn make() -> io::Result<Folder> {
        let directory = std::env::temp_dir();
        sweep(&directory);
        make_in(&directory)
    }

    /// Returns its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

fn make_in(directory: &Path) -> io::Result<Folder> {
    let folder = tempfile::Builder::new()
        .prefix(PREFIX)
        .tempdir_in(directory)?;
    // The file gets its name after it is locked, so nobody sees it unlocked.
    let new = folder.path().join("new");
    let lock = lock(File::create_new(&new)?)?;
    fs::rename(new, folder.path().join(LOCK))?;
    Ok(Folder { folder, lock })
}

fn lock(file: File) -> io::Result<Flock<File>> {
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| error.into())
}

/// Removes the folders that no process has locked. A folder without a lock file is being made, or not ours.
fn sweep(directory: &Path) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    for folder in entries.filter_map(|entry| ours(&entry)) {
        if let Ok(_lock) = open(&folder.join(LOCK)).and_then(lock) {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

/// Opens a regular file: in a folder that all users may write to, the path could be anything.
fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags((nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK).bits())
        .open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(Errno::EINVAL.into())
    }
}

/// Returns the path of an entry that is a folder of this user's agents.
fn ours(entry: &DirEntry) -> Option<PathBuf> {
    entry.file_name().to_str()?.strip_prefix(PREFIX)?;
    let metadata = entry.metadata().ok()?;
    let own = nix::unistd::geteuid().as_raw();
    (metadata.is_dir() && metadata.uid() == own).then(|| entry.path())
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::Mode;

    #[test]
    fn a_folder_in_use_stays() {
        let all = tempfile::tempdir().unwrap();
        let used = make_in(all.path()).unwrap();
        let left = make_in(all.path()).unwrap();
        // As if its process had been killed.
        let Folder { folder, lock } = left;
        let left = folder.keep();
        drop(lock);
        sweep(all.path());
        assert!(used.path().is_dir());
        assert!(!left.exists());
        let path = used.path().to_owned();
        drop(used);
        assert!(!path.exists());
    }

    #[test]
    fn only_folders_that_are_certainly_left_over_are_removed() {
        let all = tempfile::tempdir().unwrap();
        let names = ["spoa-dev-7-a", "spoa-dev-made", "other", "spoa-dev-pipe"];
        for name in names {
            fs::create_dir(all.path().join(name)).unwrap();
        }
        fs::write(all.path().join("other").join(LOCK), "").unwrap();
        // Opening it must not block.
        let pipe = all.path().join("spoa-dev-pipe").join(LOCK);
        nix::unistd::mkfifo(&pipe, Mode::S_IRWXU).unwrap();
        let elsewhere = all.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        fs::write(elsewhere.join(LOCK), "").unwrap();
        std::os::unix::fs::symlink(&elsewhere, all.path().join("spoa-dev-link")).unwrap();
        sweep(all.path());
        assert!(names.iter().all(|name| all.path().join(name).is_dir()));
        assert!(elsewhere.join(LOCK).exists());
    }
}

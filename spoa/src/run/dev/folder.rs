//! The folder that HAProxy is started in, and those that earlier processes could not remove.
//!
//! It must not know what is written there.

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, DirEntry, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What the names begin with.
const PREFIX: &str = "spoa-dev-";

/// The file in a folder that its process has locked. Whether a process runs cannot be told by its
/// number: it may be in another container that shares the folder of temporary files.
const LOCK: &str = "in-use";

/// A folder for as long as the value lives.
#[derive(Debug)]
pub(super) struct Folder {
    folder: TempDir,
    #[allow(dead_code, reason = "the lock ends when it is dropped")]
    lock: Flock<File>,
}

impl Folder {
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Makes a folder, and removes those of processes that were killed.
pub(super) fn make() -> io::Result<Folder> {
    let directory = std::env::temp_dir();
    sweep(&directory);
    make_in(&directory)
}

fn make_in(directory: &Path) -> io::Result<Folder> {
    let folder = tempfile::Builder::new()
        .prefix(PREFIX)
        .tempdir_in(directory)?;
    // The lock has its name only once it is locked: nobody sees it free before.
    let new = folder.path().join("new");
    let lock = lock(File::create_new(&new)?)?;
    fs::rename(new, folder.path().join(LOCK))?;
    Ok(Folder { folder, lock })
}

fn lock(file: File) -> io::Result<Flock<File>> {
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| error.into())
}

/// Removes folders that nobody has locked. One without a lock is just being made, or not ours.
fn sweep(directory: &Path) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    for folder in entries.filter_map(|entry| ours(&entry)) {
        if let Ok(_lock) = open(&folder.join(LOCK)).and_then(lock) {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

/// Opens a file that is one: in a folder that all may write to, it could be anything.
fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags((nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK).bits())
        .open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(Errno::EINVAL.into()),
    }
}

/// The folder, if it is one of this user's agents.
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
    fn a_folder_in_use_stays_whatever_its_process_is() {
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
    fn what_is_not_known_to_be_left_behind_stays() {
        let all = tempfile::tempdir().unwrap();
        let names = ["spoa-dev-7-a", "spoa-dev-made", "other", "spoa-dev-pipe"];
        for name in names {
            fs::create_dir(all.path().join(name)).unwrap();
        }
        fs::write(all.path().join("other").join(LOCK), "").unwrap();
        // It is not waited for.
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

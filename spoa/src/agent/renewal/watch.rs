//! Files that are watched: by inotify on Linux, elsewhere by looking at them from time to time.

#[cfg(target_os = "linux")]
use super::places::places;
use crate::log_target::AGENT;
#[cfg(target_os = "linux")]
use crate::text::one_line;
use std::ffi::OsString;
use std::fs::{Metadata, metadata, read_dir};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
#[cfg(target_os = "linux")]
use tokio::time::{Instant, timeout};

/// How long a file must stay unchanged before it is read: a change may take several steps.
const QUIET: Duration = Duration::from_millis(100);

/// The longest wait for that while a file keeps changing.
const MAX_CHANGE: Duration = Duration::from_secs(2);

/// How often files are checked where the system does not report changes.
const LOOK: Duration = Duration::from_secs(2);

/// The state of a file. Two states are equal if the file has not changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FileState {
    itself: Option<Stamp>,
    /// The entries of a directory, by their names.
    entries: Vec<(OsString, Option<Stamp>)>,
}

/// Device, inode, size, time of the last write, time of the last change.
type Stamp = (u64, u64, u64, (i64, i64), (i64, i64));

impl FileState {
    pub(super) fn of(path: &Path) -> Self {
        let found = metadata(path).ok();
        let mut entries = Vec::new();
        if found.as_ref().is_some_and(Metadata::is_dir) {
            let all = read_dir(path).into_iter().flatten().flatten();
            entries.extend(all.map(|entry| {
                let found = metadata(entry.path()).ok();
                (entry.file_name(), found.map(|it| stamp(&it)))
            }));
            entries.sort();
        }
        FileState {
            itself: found.map(|it| stamp(&it)),
            entries,
        }
    }
}

fn stamp(found: &Metadata) -> Stamp {
    (
        found.dev(),
        found.ino(),
        found.size(),
        (found.mtime(), found.mtime_nsec()),
        (found.ctime(), found.ctime_nsec()),
    )
}

/// Files that are watched, and their states when they were last looked at.
pub(super) struct Watch {
    files: Vec<(PathBuf, FileState)>,
    #[cfg(target_os = "linux")]
    events: Option<events::Events>,
    /// Whether events come of all changes.
    #[cfg(target_os = "linux")]
    follows_all: bool,
}

impl Watch {
    /// Watches files that were in these states. It must be called within a runtime.
    pub(super) fn new(files: Vec<(PathBuf, FileState)>) -> Self {
        Watch {
            #[cfg(target_os = "linux")]
            events: events::Events::new()
                .inspect_err(|error| {
                    tracing::warn!(target: AGENT,
                        "cannot use inotify: {error}; watched files are checked every {LOOK:?} instead; \
                         raise `fs.inotify.max_user_instances`"
                    );
                })
                .ok(),
            #[cfg(target_os = "linux")]
            follows_all: true,
            files,
        }
    }

    /// Waits until a file has changed, and then until it is [quiet](Self::quiet). Returns its path.
    pub(super) async fn changed(&mut self) -> PathBuf {
        let mut is_quiet = false;
        loop {
            // Before the look, so that no change between the two is missed.
            self.follow();
            let states = self.look().await;
            let mut files = self.files.iter().zip(&states);
            let changed = files.find(|((_, seen), now)| seen != *now);
            match changed.map(|((path, _), _)| path.clone()) {
                None => {
                    is_quiet = self.event().await;
                    // Events may come at any rate, also without a change.
                    if is_quiet {
                        self.quiet().await;
                    }
                }
                // The file may be in the middle of a change: even a removal can be seen in two steps.
                Some(_) if !is_quiet => {
                    self.quiet().await;
                    is_quiet = true;
                }
                Some(path) => {
                    for ((_, seen), now) in self.files.iter_mut().zip(states) {
                        *seen = now;
                    }
                    return path;
                }
            }
        }
    }

    /// Returns what the files are like now.
    async fn look(&self) -> Vec<FileState> {
        let files: Vec<_> = self.files.iter().map(|(path, _)| path.clone()).collect();
        let look = move || files.iter().map(|path| FileState::of(path)).collect();
        tokio::task::spawn_blocking(look).await.unwrap_or_default()
    }

    #[cfg(target_os = "linux")]
    fn follow(&mut self) {
        let Some(events) = &mut self.events else {
            return;
        };
        let all = self.files.iter().flat_map(|(path, _)| places(path));
        let failure = events.follow(all.collect());
        if let Some((dir, error)) = failure.as_ref().filter(|_| self.follows_all) {
            tracing::warn!(target: AGENT,
                "cannot watch directory `{}`: {error}; watched files are checked every {LOOK:?}, too; let the \
                 agent read the directory, or raise `fs.inotify.max_user_watches`",
                one_line(&dir.display().to_string())
            );
        }
        self.follows_all = failure.is_none();
    }

    #[cfg(not(target_os = "linux"))]
    fn follow(&mut self) {}

    /// Waits until something may have changed. Returns whether the system said so.
    async fn event(&mut self) -> bool {
        #[cfg(target_os = "linux")]
        if let Some(events) = &mut self.events {
            if self.follows_all {
                events.next().await;
                return true;
            }
            return timeout(LOOK, events.next()).await.is_ok();
        }
        tokio::time::sleep(LOOK).await;
        false
    }

    /// Waits until no event comes for [`QUIET`], but for [`MAX_CHANGE`] at most. Without events, this is one wait.
    async fn quiet(&mut self) {
        #[cfg(target_os = "linux")]
        if let Some(events) = &mut self.events {
            let end = Instant::now() + MAX_CHANGE;
            while Instant::now() < end && timeout(QUIET, events.next()).await.is_ok() {}
            return;
        }
        tokio::time::sleep(QUIET).await;
    }
}

#[cfg(target_os = "linux")]
mod events {
    //! The events of directories, from inotify.

    use crate::agent::renewal::places::{Part, Place};
    use nix::errno::Errno;
    use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
    use std::collections::{HashMap, HashSet};
    use std::ffi::OsString;
    use std::io;
    use std::os::fd::{AsFd, AsRawFd, RawFd};
    use std::path::PathBuf;
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    /// Directories that are watched, and the names in them that count.
    pub(super) struct Events {
        inotify: AsyncFd<Descriptor>,
        watched: HashMap<WatchDescriptor, Names>,
    }

    #[derive(Default)]
    struct Names {
        all: bool,
        some: HashSet<OsString>,
    }

    struct Descriptor(Inotify);

    impl AsRawFd for Descriptor {
        fn as_raw_fd(&self) -> RawFd {
            self.0.as_fd().as_raw_fd()
        }
    }

    impl Events {
        pub(super) fn new() -> io::Result<Self> {
            let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
            #[allow(
                deprecated,
                reason = "sound here, as the descriptor is owned and stays the same; what replaces it is unsafe"
            )]
            let inotify = AsyncFd::with_interest(Descriptor(inotify), Interest::READABLE)?;
            Ok(Events {
                inotify,
                watched: HashMap::new(),
            })
        }

        /// Watches these places, and no others. Returns a directory that cannot be watched.
        pub(super) fn follow(&mut self, places: Vec<Place>) -> Option<(PathBuf, Errno)> {
            let itself = AddWatchFlags::IN_DELETE_SELF | AddWatchFlags::IN_MOVE_SELF;
            let entries = itself
                | AddWatchFlags::IN_CLOSE_WRITE
                | AddWatchFlags::IN_MODIFY
                | AddWatchFlags::IN_ATTRIB
                | AddWatchFlags::IN_CREATE
                | AddWatchFlags::IN_DELETE
                | AddWatchFlags::IN_MOVE;
            let mut dirs: HashMap<PathBuf, (AddWatchFlags, Names)> = HashMap::new();
            for (dir, part) in places {
                let (flags, names) = dirs.entry(dir).or_insert((itself, Names::default()));
                match part {
                    Part::Entry(name) => drop(names.some.insert(name)),
                    Part::All => names.all = true,
                    // Events of its entries would wake the agent for nothing, as in `/tmp`.
                    Part::Itself => continue,
                }
                *flags = entries;
            }
            let inotify = &self.inotify.get_ref().0;
            let mut watched: HashMap<_, Names> = HashMap::new();
            let mut failure = None;
            for (dir, (flags, names)) in dirs {
                match inotify.add_watch(&dir, flags) {
                    Ok(descriptor) => drop(watched.insert(descriptor, names)),
                    // A directory that is gone has its parent among the places of the next look.
                    Err(Errno::ENOENT | Errno::ENOTDIR) => {}
                    // It may be a home directory that only its owner may read, and is hardly ever renamed.
                    Err(Errno::EACCES) if flags == itself => {}
                    Err(error) => failure = failure.or(Some((dir, error))),
                }
            }
            for old in self.watched.keys() {
                if !watched.contains_key(old) {
                    let _ = inotify.rm_watch(*old);
                }
            }
            self.watched = watched;
            failure
        }

        /// Waits for an event of a place.
        pub(super) async fn next(&mut self) {
            loop {
                let Ok(mut ready) = self.inotify.readable_mut().await else {
                    return std::future::pending().await;
                };
                let read = ready.get_inner().0.read_events();
                match read {
                    Ok(events) => {
                        if events.iter().any(|event| counts(&self.watched, event)) {
                            return;
                        }
                    }
                    Err(_) => ready.clear_ready(),
                }
            }
        }
    }

    fn counts(watched: &HashMap<WatchDescriptor, Names>, event: &InotifyEvent) -> bool {
        let themselves = AddWatchFlags::IN_DELETE_SELF
            | AddWatchFlags::IN_MOVE_SELF
            | AddWatchFlags::IN_UNMOUNT
            | AddWatchFlags::IN_Q_OVERFLOW;
        if event.mask.intersects(themselves) {
            return true;
        }
        let Some(names) = watched.get(&event.wd) else {
            return false;
        };
        let is_one = |name: &OsString| names.all || names.some.contains(name);
        event.name.as_ref().is_some_and(is_one)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::fs;

    #[tokio::test(start_paused = true)]
    async fn a_change_that_goes_on_when_it_is_found_is_one_change() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("rules");
        fs::write(&file, "half").unwrap();
        // As if the file had changed while its value was made.
        let mut watch = Watch::new(vec![(file.clone(), FileState::default())]);
        let writes = async {
            tokio::time::sleep(QUIET / 2).await;
            fs::write(&file, "whole").unwrap();
        };
        let (changed, ()) = tokio::join!(watch.changed(), writes);
        assert_eq!(changed, file);
        let again = timeout(MAX_CHANGE, watch.changed()).await;
        assert!(again.is_err(), "the second write is another change");
    }
}

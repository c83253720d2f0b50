//! The directory entries that decide which file a path names.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// The largest number of symbolic links that are followed, as in Linux.
const MAX_LINKS: usize = 40;

/// A directory, and what counts in it.
pub(super) type Place = (PathBuf, Part);

/// The part of a directory that decides what a path names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The entry of this name.
    Entry(OsString),
    /// All entries.
    All,
    /// The directory itself, which may be moved: it is on the way to the file.
    Itself,
}

/// Returns the places of a path: each directory and each symbolic link on the way, and the file at the end, or what
/// is missing. If the file is a directory, all its entries are among them.
pub(super) fn places(path: &Path) -> Vec<Place> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut rest: VecDeque<PathBuf> = parts(&path).collect();
    let mut at = PathBuf::from("/");
    let mut places = Vec::new();
    let mut links = 0;
    while let Some(part) = rest.pop_front() {
        let name = match part.components().next() {
            Some(Component::Normal(name)) => name.to_owned(),
            Some(Component::ParentDir) => {
                at.pop();
                continue;
            }
            Some(Component::RootDir) => {
                at = PathBuf::from("/");
                continue;
            }
            _ => continue,
        };
        let next = at.join(&name);
        if let Ok(target) = std::fs::read_link(&next) {
            places.push((at.clone(), Part::Entry(name)));
            links += 1;
            if links > MAX_LINKS {
                return places;
            }
            for part in parts(&target).collect::<Vec<_>>().into_iter().rev() {
                rest.push_front(part);
            }
            continue;
        }
        if !next.exists() || rest.is_empty() {
            places.push((at, Part::Entry(name)));
            if next.is_dir() {
                places.push((next, Part::All));
            }
            return places;
        }
        at = next;
        places.push((at.clone(), Part::Itself));
    }
    // The path ends in `..` or is the root.
    places.push((at, Part::All));
    places
}

fn parts(path: &Path) -> impl Iterator<Item = PathBuf> {
    path.components()
        .map(|part| PathBuf::from(part.as_os_str()))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn each_link_of_a_config_map_is_a_place() {
        let dir = std::env::temp_dir().join(format!("spoa-places-{}", std::process::id()));
        std::fs::create_dir_all(dir.join("..first")).unwrap();
        let dir = dir.canonicalize().unwrap();
        std::fs::write(dir.join("..first/rules"), "a").unwrap();
        symlink("..first", dir.join("..data")).unwrap();
        symlink("..data/rules", dir.join("rules")).unwrap();
        let found = places(&dir.join("rules"));
        let missing = places(&dir.join("none/rules"));
        let folder = places(&dir.join("..data"));
        std::fs::remove_dir_all(&dir).unwrap();
        let place = |dir: PathBuf, name: &str| (dir, Part::Entry(OsString::from(name)));
        // The directories that lead to this one are those of the machine.
        let below = |found: Vec<Place>| -> Vec<Place> {
            let is_below =
                |(at, part): &Place| at.starts_with(&dir) && (*at != dir || *part != Part::Itself);
            assert!(found.contains(&(dir.clone(), Part::Itself)), "{found:?}");
            found.into_iter().filter(is_below).collect()
        };
        assert_eq!(
            below(found),
            [
                place(dir.clone(), "rules"),
                place(dir.clone(), "..data"),
                (dir.join("..first"), Part::Itself),
                place(dir.join("..first"), "rules"),
            ]
        );
        assert_eq!(below(missing), [place(dir.clone(), "none")]);
        assert_eq!(
            below(folder),
            [
                place(dir.clone(), "..data"),
                place(dir.clone(), "..first"),
                (dir.join("..first"), Part::All),
            ]
        );
    }
}

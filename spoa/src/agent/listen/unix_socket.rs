//! Unix sockets: bound so that only those get in who may, and removed if they are still the agent's.

use super::address::Address;
use crate::agent::error::BindError;
use nix::unistd::{Group, User};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::net::{UnixListener, UnixSocket};

/// How many connections may wait to be accepted: a cold HAProxy opens one for each thread and stream.
pub(crate) const BACKLOG: u32 = 1024;

/// The owner of the file of a socket, and what other users may do with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access<'a> {
    pub(crate) mode: Option<u32>,
    pub(crate) user: Option<&'a str>,
    pub(crate) group: Option<&'a str>,
}

/// Binds `path`, and replaces a socket that an agent left there when it was killed.
pub(crate) fn bind(
    address: &Address,
    path: &Path,
    access: Access<'_>,
) -> Result<(UnixListener, Option<SocketFile>), BindError> {
    let failed = |error| BindError::new(address.to_string(), error);
    // An unknown user or group is found before the file exists.
    let user = access.user.map(|name| user_id(address, name)).transpose()?;
    let group = access
        .group
        .map(|name| group_id(address, name))
        .transpose()?;
    make_room(address, path)?;
    let socket = UnixSocket::new_stream().map_err(failed)?;
    socket.bind(path).map_err(failed)?;
    // From here on it is removed again if anything fails.
    let file = SocketFile::of(path);
    // The umask may have left it open to all, but no client can connect before `listen`.
    if let Some(mode) = access.mode {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(path, permissions).map_err(failed)?;
    }
    if user.is_some() || group.is_some() {
        std::os::unix::fs::lchown(path, user, group).map_err(|error| not_given(address, error))?;
    }
    let socket = socket.listen(BACKLOG).map_err(failed)?;
    Ok((socket, file))
}

/// Removes a socket on which no process accepts: an agent that was killed has left it.
fn make_room(address: &Address, path: &Path) -> Result<(), BindError> {
    let Ok(metadata) = std::fs::symlink_metadata(path) else {
        return Ok(());
    };
    let shown = address.to_string();
    if !metadata.file_type().is_socket() {
        return Err(BindError::NotASocket { address: shown });
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(|error| BindError::new(address.to_string(), error))
        }
        _ => Err(BindError::InUse { address: shown }),
    }
}

fn user_id(address: &Address, name: &str) -> Result<u32, BindError> {
    id(address, "user", name, || {
        User::from_name(name).map(|found| found.map(|user| user.uid.as_raw()))
    })
}

fn group_id(address: &Address, name: &str) -> Result<u32, BindError> {
    id(address, "group", name, || {
        Group::from_name(name).map(|found| found.map(|group| group.gid.as_raw()))
    })
}

fn id(
    address: &Address,
    what: &'static str,
    name: &str,
    look_up: impl FnOnce() -> nix::Result<Option<u32>>,
) -> Result<u32, BindError> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    match look_up() {
        Ok(Some(number)) => Ok(number),
        Ok(None) => Err(BindError::NoSuchOwner {
            address: address.to_string(),
            what,
            name: name.to_owned(),
        }),
        Err(error) => Err(BindError::new(address.to_string(), error.into())),
    }
}

fn not_given(address: &Address, error: io::Error) -> BindError {
    match error.kind() {
        io::ErrorKind::PermissionDenied => BindError::NotGiven {
            address: address.to_string(),
        },
        _ => BindError::new(address.to_string(), error),
    }
}

#[cfg(target_os = "linux")]
pub(crate) fn bind_abstract(name: &str) -> io::Result<UnixListener> {
    use std::os::linux::net::SocketAddrExt;
    // HAProxy's `abns@` names fill the whole of sun_path with NULs after the name.
    let mut padded = name.as_bytes().to_vec();
    padded.resize(107, 0);
    let address = std::os::unix::net::SocketAddr::from_abstract_name(padded)?;
    let socket = std::os::unix::net::UnixListener::bind_addr(&address)?;
    socket.set_nonblocking(true)?;
    UnixListener::from_std(socket)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn bind_abstract(_: &str) -> io::Result<UnixListener> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "abstract sockets exist on Linux only",
    ))
}

/// The file of a socket we bound: removed when this is dropped, unless another agent has put its own
/// in its place.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    fn of(path: &Path) -> Option<Self> {
        Some(SocketFile {
            path: path.to_path_buf(),
            identity: identity(path)?,
        })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path) == Some(self.identity) {
            // Nothing is left to do about a failure: the next agent removes a stale socket itself.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::symlink_metadata(path)
        .ok()
        .map(|metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::Listener;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A directory of the test's own.
    struct Dir(PathBuf);

    impl Dir {
        fn new() -> Self {
            static NEXT: AtomicU32 = AtomicU32::new(0);
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("spoa-unix-{}-{number}", std::process::id());
            let dir = std::env::temp_dir().join(name);
            std::fs::create_dir(&dir).unwrap();
            Dir(dir)
        }

        fn address(&self, options: &str) -> Address {
            format!("unix@{}/s{options}", self.0.display())
                .parse()
                .unwrap()
        }

        fn file(&self) -> PathBuf {
            self.0.join("s")
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[tokio::test]
    async fn a_socket_has_the_mode_and_the_owner_that_were_asked_for() {
        let dir = Dir::new();
        let ours = std::fs::metadata(&dir.0).unwrap();
        let (uid, gid) = (ours.uid(), ours.gid());
        let options = format!(",mode=640,user={uid},group={gid}");
        let _listener = Listener::bind(&dir.address(&options)).unwrap();
        let metadata = std::fs::metadata(dir.file()).unwrap();
        assert_eq!(metadata.mode() & 0o777, 0o640);
        assert_eq!((metadata.uid(), metadata.gid()), (uid, gid));
    }

    #[tokio::test]
    async fn names_of_users_and_groups_are_looked_up() {
        let dir = Dir::new();
        assert_eq!(user_id(&dir.address(""), "root").unwrap(), 0);
        let root = Group::from_gid(0.into()).unwrap().expect("a group 0");
        assert_eq!(group_id(&dir.address(""), &root.name).unwrap(), 0);
        assert_eq!(group_id(&dir.address(""), "4711").unwrap(), 4711);
    }

    #[tokio::test]
    async fn an_owner_that_does_not_exist_is_named_and_leaves_no_socket() {
        let dir = Dir::new();
        for what in ["user", "group"] {
            let address = dir.address(&format!(",{what}=nobody-of-that-name"));
            assert_eq!(
                Listener::bind(&address).unwrap_err().to_string(),
                format!(
                    "cannot listen on {address}: there is no {what} `nobody-of-that-name` on this \
                     machine; create it, or write the name or number of another"
                )
            );
            assert!(!dir.file().exists());
        }
    }

    #[test]
    fn the_error_for_a_socket_that_cannot_change_owner_says_what_to_do() {
        let address = "unix@/run/s,user=haproxy".parse().unwrap();
        let error = not_given(&address, io::ErrorKind::PermissionDenied.into());
        assert_eq!(
            error.to_string(),
            "cannot listen on unix@/run/s,user=haproxy: only root may give a socket to another \
             user, or to a group it is not in; start the agent as root or as that user, or add its \
             user to the group (`usermod -aG`) and write `group=` and `mode=660` alone"
        );
    }

    #[tokio::test]
    async fn a_socket_is_removed_at_the_end() {
        let dir = Dir::new();
        let listener = Listener::bind(&dir.address("")).unwrap();
        assert!(dir.file().exists());
        drop(listener);
        assert!(!dir.file().exists());
    }

    #[tokio::test]
    async fn a_socket_that_another_agent_made_at_the_same_path_stays() {
        let dir = Dir::new();
        let first = Listener::bind(&dir.address("")).unwrap();
        std::fs::remove_file(dir.file()).unwrap();
        let second = Listener::bind(&dir.address("")).unwrap();
        drop(first);
        assert!(dir.file().exists());
        drop(second);
        assert!(!dir.file().exists());
    }

    #[tokio::test]
    async fn a_socket_in_use_is_not_replaced() {
        let dir = Dir::new();
        let _taken = Listener::bind(&dir.address("")).unwrap();
        let error = Listener::bind(&dir.address(",mode=600")).unwrap_err();
        assert!(error.to_string().contains("another process"), "{error}");
        assert!(dir.file().exists());
    }
}

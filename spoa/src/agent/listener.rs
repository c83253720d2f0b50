//! Sockets that accept: TCP, unix, abstract.

use super::Address;
use crate::handler::Peer;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::task::{Context, Poll};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream};

/// How many connections may wait to be accepted: a cold HAProxy opens one for each thread and stream.
const BACKLOG: u32 = 1024;

/// A socket that is bound and accepts.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    address: String,
    /// The socket's file, to be removed at the end if it is still ours.
    file: Option<SocketFile>,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

/// A connection of either kind.
#[derive(Debug)]
pub(crate) enum Accepted {
    Tcp(TcpStream, Peer),
    Unix(UnixStream, Peer),
}

/// Why an agent cannot listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Another process listens there.
    #[error(
        "cannot listen on {address}: another process listens there; stop it (`ss -lnp` shows which \
         it is) or choose another address with `--listen`"
    )]
    InUse {
        /// Where.
        address: String,
    },
    /// The path of a unix socket is taken by something else.
    #[error(
        "cannot listen on {address}: there is a file at that path and it is no socket; remove it \
         or choose another path with `--listen`"
    )]
    NotASocket {
        /// Where.
        address: String,
    },
    /// Anything else, such as a missing folder or permission.
    #[error("cannot listen on {address}: {error}{}", hint(error))]
    Io {
        /// Where.
        address: String,
        /// Why.
        error: io::Error,
    },
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "; choose a port above 1023, or a folder this user may write to"
        }
        io::ErrorKind::NotFound => "; create the folder of the socket first",
        io::ErrorKind::AddrNotAvailable => "; this machine has no such address",
        _ => "",
    }
}

impl Listener {
    /// Binds an address. It must be called within a tokio runtime.
    ///
    /// # Errors
    /// A [`BindError`] that says what to do.
    pub fn bind(address: &Address) -> Result<Self, BindError> {
        match address {
            Address::Tcp(tcp) => bind_tcp(*tcp).map(Listener::from),
            Address::Unix { path, mode } => return bind_unix(address, path, *mode),
            Address::Abstract(name) => bind_abstract(name)
                .map(|socket| Listener::unix(socket, format!("abns@{name}").into())),
        }
        .map_err(|error| failed(address, error))
    }

    fn unix(socket: UnixListener, path: PathBuf) -> Self {
        let address = match path.to_string_lossy() {
            path if path.starts_with("abns@") => path.into_owned(),
            path => format!("unix@{path}"),
        };
        Listener {
            socket: Socket::Unix(socket, path),
            address,
            file: None,
        }
    }

    /// Where it listens, in the notation of [`Address`].
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The TCP address it listens on, with the port the system chose if 0 was asked for.
    #[must_use]
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Tcp(socket) => socket.local_addr().ok(),
            Socket::Unix(..) => None,
        }
    }

    pub(crate) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        match &self.socket {
            Socket::Tcp(socket) => socket.poll_accept(cx).map_ok(|(stream, peer)| {
                // A held-back ACK would cost HAProxy's stream up to 40 ms; a failure here is met
                // again, and reported, by the first read.
                let _ = stream.set_nodelay(true);
                Accepted::Tcp(stream, Peer::Tcp(peer))
            }),
            Socket::Unix(socket, path) => socket
                .poll_accept(cx)
                .map_ok(|(stream, _)| Accepted::Unix(stream, Peer::Unix(path.clone()))),
        }
    }
}

/// A socket the caller bound.
impl From<TcpListener> for Listener {
    fn from(socket: TcpListener) -> Self {
        let address = socket
            .local_addr()
            .map_or_else(|_| "tcp".to_owned(), |a| a.to_string());
        Listener {
            socket: Socket::Tcp(socket),
            address,
            file: None,
        }
    }
}

/// A socket the caller bound, and will remove.
impl From<UnixListener> for Listener {
    fn from(socket: UnixListener) -> Self {
        let address = socket.local_addr().ok();
        let path = address.as_ref().and_then(|address| address.as_pathname());
        let path = path.map_or_else(|| PathBuf::from("(unnamed)"), Path::to_path_buf);
        Listener::unix(socket, path)
    }
}

fn failed(address: &Address, error: io::Error) -> BindError {
    let address = address.to_string();
    match error.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse { address },
        _ => BindError::Io { address, error },
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    // An agent that restarts must not wait for its old connections' TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

#[cfg(target_os = "linux")]
fn bind_abstract(name: &str) -> io::Result<UnixListener> {
    use std::os::linux::net::SocketAddrExt;
    // HAProxy's `abns@` names fill the whole of sun_path with NULs behind the name.
    let mut padded = name.as_bytes().to_vec();
    padded.resize(107, 0);
    let address = std::os::unix::net::SocketAddr::from_abstract_name(padded)?;
    let socket = std::os::unix::net::UnixListener::bind_addr(&address)?;
    socket.set_nonblocking(true)?;
    UnixListener::from_std(socket)
}

#[cfg(not(target_os = "linux"))]
fn bind_abstract(_: &str) -> io::Result<UnixListener> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "abstract sockets exist on Linux only",
    ))
}

fn bind_unix(address: &Address, path: &Path, mode: Option<u32>) -> Result<Listener, BindError> {
    if let Ok(metadata) = std::fs::symlink_metadata(path) {
        if !metadata.file_type().is_socket() {
            return Err(BindError::NotASocket {
                address: address.to_string(),
            });
        }
        // A socket that nobody answers on is left over from an agent that was killed.
        match std::os::unix::net::UnixStream::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                std::fs::remove_file(path).map_err(|error| failed(address, error))?;
            }
            _ => {
                return Err(BindError::InUse {
                    address: address.to_string(),
                });
            }
        }
    }
    let socket = UnixListener::bind(path).map_err(|error| failed(address, error))?;
    if let Some(mode) = mode {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(path, permissions).map_err(|error| failed(address, error))?;
    }
    let mut listener = Listener::unix(socket, path.to_path_buf());
    listener.file = SocketFile::of(path);
    Ok(listener)
}

/// The file of a socket we bound: removed when the listener is dropped, unless another agent has
/// put its own in its place.
#[derive(Debug)]
struct SocketFile {
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

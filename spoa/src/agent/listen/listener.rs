//! Sockets that accept: TCP, unix, abstract.

use super::address::Address;
use super::unix_socket::{self, Access, BACKLOG, SocketFile};
use crate::agent::error::{BindError, Error};
use crate::handler::Peer;
use socket2::SockRef;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::task::{Context, Poll};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream};

/// A socket that is bound and accepts.
#[derive(Debug)]
pub struct Listener {
    /// The socket's file, to be removed at the end if it is still ours. It goes before the socket,
    /// which keeps its number from being another file's.
    file: Option<SocketFile>,
    socket: ListenSocket,
    address: String,
}

#[derive(Debug)]
enum ListenSocket {
    Tcp(TcpListener),
    /// The socket, with what identifies its clients.
    Unix(UnixListener, Peer),
}

/// A connection of either kind.
#[derive(Debug)]
pub(crate) enum Accepted {
    Tcp(TcpStream, Peer),
    Unix(UnixStream, Peer),
}

impl Accepted {
    fn tcp(stream: TcpStream, peer: SocketAddr) -> Self {
        // A held-back ACK would cost HAProxy's stream up to 40 ms; a failure here is met again, and
        // reported, by the first read.
        let _ = stream.set_nodelay(true);
        // An IPv4 peer of an IPv6 socket is known by its own address.
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        Accepted::Tcp(stream, Peer::Tcp(peer))
    }

    pub(crate) fn peer(&self) -> &Peer {
        match self {
            Accepted::Tcp(_, peer) | Accepted::Unix(_, peer) => peer,
        }
    }
}

impl Listener {
    /// Binds an address. It must be called within a tokio runtime.
    ///
    /// # Errors
    /// An [`Error`] that says what to do.
    pub fn bind(address: &Address) -> Result<Self, Error> {
        match address {
            Address::Tcp(tcp) => bind_tcp(*tcp).map(Listener::from),
            Address::Port(port) => bind_port(*port, bind_dual).map(Listener::from),
            Address::Unix {
                path,
                mode,
                user,
                group,
            } => {
                let access = Access {
                    mode: *mode,
                    user: user.as_deref(),
                    group: group.as_deref(),
                };
                let (socket, file) = unix_socket::bind(address, path, access)?;
                let local = path.clone();
                let mut listener = Listener::unix(socket, Peer::Unix { local });
                listener.file = file;
                return Ok(listener);
            }
            Address::Abstract(name) => {
                let local = name.clone();
                unix_socket::bind_abstract(name)
                    .map(|socket| Listener::unix(socket, Peer::Abstract { local }))
            }
        }
        .map_err(|error| BindError::new(address.to_string(), error).into())
    }

    fn unix(socket: UnixListener, peer: Peer) -> Self {
        let address = match &peer {
            Peer::Unix { local } => format!("unix@{}", local.display()),
            other => other.to_string(),
        };
        Listener {
            socket: ListenSocket::Unix(socket, peer),
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
            ListenSocket::Tcp(socket) => socket.local_addr().ok(),
            ListenSocket::Unix(..) => None,
        }
    }

    pub(crate) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        match &self.socket {
            ListenSocket::Tcp(socket) => socket
                .poll_accept(cx)
                .map_ok(|(stream, peer)| Accepted::tcp(stream, peer)),
            ListenSocket::Unix(socket, peer) => socket
                .poll_accept(cx)
                .map_ok(|(stream, _)| Accepted::Unix(stream, peer.clone())),
        }
    }

    /// Accepts a connection that waits; without one the error is `WouldBlock`. It asks the system
    /// itself: the runtime may not have been told yet.
    pub(crate) fn accept_waiting(&self) -> io::Result<Accepted> {
        let (stream, peer) = match &self.socket {
            ListenSocket::Tcp(socket) => SockRef::from(socket).accept(),
            ListenSocket::Unix(socket, _) => SockRef::from(socket).accept(),
        }?;
        stream.set_nonblocking(true)?;
        match &self.socket {
            ListenSocket::Tcp(_) => {
                let peer = peer.as_socket().ok_or(io::ErrorKind::ConnectionAborted)?;
                Ok(Accepted::tcp(TcpStream::from_std(stream.into())?, peer))
            }
            ListenSocket::Unix(_, peer) => {
                let stream = UnixStream::from_std(OwnedFd::from(stream).into())?;
                Ok(Accepted::Unix(stream, peer.clone()))
            }
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
            socket: ListenSocket::Tcp(socket),
            address,
            file: None,
        }
    }
}

/// A socket the caller bound, and will remove.
impl From<UnixListener> for Listener {
    fn from(socket: UnixListener) -> Self {
        let address = SockRef::from(&socket).local_addr().ok();
        let name = address.as_ref().and_then(|it| it.as_abstract_namespace());
        let peer = if let Some(mut name) = name {
            // HAProxy fills the name up with NULs.
            while let [head @ .., 0] = name {
                name = head;
            }
            Peer::Abstract {
                local: String::from_utf8_lossy(name).into_owned(),
            }
        } else {
            let path = address.as_ref().and_then(|it| it.as_pathname());
            let local = path.map_or_else(|| PathBuf::from("(unnamed)"), Path::to_path_buf);
            Peer::Unix { local }
        };
        Listener::unix(socket, peer)
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    listen(socket, address)
}

/// Opens one socket for a port of IPv6 and IPv4, whatever `net.ipv6.bindv6only` says.
fn bind_dual(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v6()?;
    SockRef::from(&socket).set_only_v6(false)?;
    listen(socket, (Ipv6Addr::UNSPECIFIED, port).into())
}

fn bind_port(
    port: u16,
    dual: impl FnOnce(u16) -> io::Result<TcpListener>,
) -> io::Result<TcpListener> {
    match dual(port) {
        Err(error) => match error.kind() {
            io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied => Err(error),
            // This machine has no IPv6.
            _ => bind_tcp((Ipv4Addr::UNSPECIFIED, port).into()),
        },
        bound => bound,
    }
}

fn listen(socket: TcpSocket, address: SocketAddr) -> io::Result<TcpListener> {
    // An agent that restarts must not wait for its old connections' TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn an_abstract_socket_the_caller_bound_has_its_name() {
        let name = format!("spoa-test-{}", std::process::id());
        let socket = unix_socket::bind_abstract(&name).unwrap();
        let listener = Listener::from(socket);
        assert_eq!(listener.address(), format!("abns@{name}"));
        let ListenSocket::Unix(_, peer) = &listener.socket else {
            panic!("not a unix socket: {listener:?}");
        };
        assert_eq!(*peer, Peer::Abstract { local: name });
    }

    async fn peer_of(listener: &Listener) -> Peer {
        let accepted = poll_fn(|cx| listener.poll_accept(cx)).await.unwrap();
        accepted.peer().clone()
    }

    #[tokio::test]
    async fn a_port_alone_accepts_ipv4_peers_with_their_ipv4_addresses() {
        let listener = Listener::bind(&Address::Port(0)).unwrap();
        let port = listener.tcp_address().unwrap().port();
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .await
            .unwrap();
        let expected = Peer::Tcp(stream.local_addr().unwrap());
        assert_eq!(peer_of(&listener).await, expected);
    }

    #[tokio::test]
    async fn a_port_alone_listens_on_ipv4_if_there_is_no_ipv6() {
        for kind in [io::ErrorKind::Unsupported, io::ErrorKind::AddrNotAvailable] {
            let socket = bind_port(0, |_| Err(kind.into())).unwrap();
            assert_eq!(socket.local_addr().unwrap().ip(), Ipv4Addr::UNSPECIFIED);
        }
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_not_tried_again_without_ipv6() {
        let error = bind_port(0, |_| Err(io::ErrorKind::AddrInUse.into())).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}

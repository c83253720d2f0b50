//! The port of 127.0.0.1 on which HAProxy takes requests.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::TcpSocket;

/// An address for HAProxy to listen on.
///
/// HAProxy binds it some time after it was chosen, and shares it with every other HAProxy that asks for it
/// (`SO_REUSEPORT`). Two programs that found the same port free would not fail: each would get some of the
/// other's requests. So a port that the system chose is held until the value is dropped, by a socket that is bound
/// and does not listen. Keep the value until HAProxy listens.
#[derive(Debug)]
pub(super) struct Front {
    address: SocketAddr,
    #[allow(dead_code, reason = "the port is held while the socket is open")]
    held: Option<TcpSocket>,
}

impl Front {
    /// Returns the address with this port, or with a free one.
    pub(super) fn take(port: Option<u16>) -> io::Result<Self> {
        if let Some(port) = port {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            // It fails where HAProxy would share the port with another one. A socket that listened would keep the
            // port a moment too long if a program started just now, which has a copy of all sockets at first.
            let socket = TcpSocket::new_v4()?;
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            return Ok(Front {
                address,
                held: None,
            });
        }
        let held = TcpSocket::new_v4()?;
        held.set_reuseport(true)?;
        held.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        Ok(Front {
            address: held.local_addr()?,
            held: Some(held),
        })
    }

    /// Returns 127.0.0.1 with this port.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_free_port_is_reserved_for_haproxy() {
        let front = Front::take(None).unwrap();
        let error = TcpListener::bind(front.address()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .unwrap();
        runtime.block_on(async {
            // As HAProxy does it.
            let haproxy = TcpSocket::new_v4().unwrap();
            haproxy.set_reuseaddr(true).unwrap();
            haproxy.set_reuseport(true).unwrap();
            haproxy.bind(front.address()).unwrap();
            let listener = haproxy.listen(16).unwrap();
            // All connections are HAProxy's.
            for _ in 0..16 {
                let client = tokio::net::TcpStream::connect(front.address());
                let (client, accepted) = tokio::join!(client, listener.accept());
                assert_eq!(client.unwrap().local_addr().unwrap(), accepted.unwrap().1);
            }
        });
    }

    #[test]
    fn a_port_on_which_another_program_listens_is_refused() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = other.local_addr().unwrap().port();
        let error = Front::take(Some(port)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}

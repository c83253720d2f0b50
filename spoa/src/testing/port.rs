//! TCP ports that no two tests use at the same time, in whatever processes they run.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};
use tokio::net::TcpSocket;

/// The first port. The range is below that of outgoing connections, so none of those takes a port before HAProxy
/// has bound it.
const FIRST: u16 = 20_000;
const COUNT: u16 = 10_000;

/// A TCP port of 127.0.0.1 for as long as the value lives.
///
/// HAProxy shares its ports with others that ask for it (`SO_REUSEPORT`), so two tests with one port would not
/// fail but mix up their requests. So each of them also holds the UDP port of the same number. The system frees
/// it with the process.
#[derive(Debug)]
pub(super) struct Port {
    address: SocketAddr,
    #[allow(dead_code, reason = "the number is held while the socket is open")]
    held: UdpSocket,
}

impl Port {
    /// Returns an unused port.
    pub(super) fn free() -> io::Result<Self> {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        // Processes start at different places, for speed only.
        let start = std::process::id().wrapping_mul(61) % u32::from(COUNT);
        let start = u16::try_from(start).unwrap_or(0);
        for _ in 0..COUNT {
            let step = NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
            let number = FIRST + (start + step) % COUNT;
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, number));
            let Ok(held) = UdpSocket::bind(address) else {
                continue;
            };
            if is_free(address) {
                return Ok(Port { address, held });
            }
        }
        Err(io::Error::other("no TCP port of 127.0.0.1 is free"))
    }

    /// Returns 127.0.0.1 with this port.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Returns whether a server could listen on the address.
///
/// The socket that asks does not listen. One that does would keep the port after it is closed, if another thread starts
/// a program just then: the program has a copy of the socket until its own code runs.
fn is_free(address: SocketAddr) -> bool {
    let bind = || {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)
    };
    let result: io::Result<()> = bind();
    result.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::process::Command;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn a_port_is_free_at_once_while_programs_start() {
        let done = AtomicBool::new(false);
        let start_programs = || {
            while !done.load(Ordering::Relaxed) {
                assert!(Command::new("true").status().unwrap().success());
            }
        };
        let taken: Vec<u16> = std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(start_programs);
            }
            let ports = std::iter::repeat_with(|| Port::free().unwrap()).take(4000);
            // No other process takes it while it is held.
            let taken = ports.filter(|port| TcpListener::bind(port.address()).is_err());
            let taken = taken.map(|port| port.address().port()).collect();
            done.store(true, Ordering::Relaxed);
            taken
        });
        assert_eq!(taken, [0; 0]);
    }

    #[test]
    fn a_port_with_a_server_is_not_free() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(!is_free(server.local_addr().unwrap()));
    }

    #[test]
    fn a_port_that_is_held_is_not_given_again() {
        let (one, other) = (Port::free().unwrap(), Port::free().unwrap());
        assert_ne!(one.address(), other.address());
    }
}

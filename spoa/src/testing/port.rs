//! TCP ports that no two tests use at the same time, in whatever processes they run.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

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
            if TcpListener::bind(address).is_ok() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_held_is_not_given_again() {
        let (one, other) = (Port::free().unwrap(), Port::free().unwrap());
        assert_ne!(one.address(), other.address());
    }
}

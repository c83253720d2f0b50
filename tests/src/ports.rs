//! TCP ports that no two tests use at once, in whatever processes they run.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::net::TcpSocket;

use crate::PATIENCE;

/// Below the range from which systems take the ports of outgoing connections, so that a port
/// found free is not taken by one of those before HAProxy has bound to it.
const FIRST: u32 = 20_000;
const COUNT: u32 = 10_000;

/// How long to wait for a fixed port that another test has.
const QUEUE: Duration = Duration::from_secs(1800);

/// A TCP port of 127.0.0.1 that is this test's for as long as the value lives.
///
/// HAProxy shares its ports with others that ask for it (`SO_REUSEPORT`), so two tests with the
/// same port would not fail but mix up their requests. So each of them also holds the **UDP** port
/// of the same number: this value holds it. The system frees it with the process, however that
/// ends, and nothing is left to clean up as it would be with lock files.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _held: UdpSocket,
}

impl Port {
    /// Returns an unused port.
    pub fn free() -> Port {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        for _ in 0..COUNT {
            let step = NEXT.fetch_add(1, Ordering::Relaxed);
            // Test processes start at different places, for speed only.
            let number = FIRST + (std::process::id().wrapping_mul(61).wrapping_add(step)) % COUNT;
            let number = u16::try_from(number).expect("the range ends below 65536");
            let Some(port) = Port::hold(number) else {
                continue;
            };
            if port.is_free() {
                return port;
            }
        }
        panic!("no free port from {FIRST} to {}", FIRST + COUNT - 1)
    }

    /// Returns these very ports, for a configuration that has them written in it.
    ///
    /// Waits while other tests have them; panics when a program outside the tests does.
    pub fn fixed<const N: usize>(mut numbers: [u16; N]) -> [Port; N] {
        // In order of number, so that two tests do not each wait for what the other has.
        numbers.sort_unstable();
        numbers.map(|number| {
            let start = Instant::now();
            let port = loop {
                if let Some(port) = Port::hold(number) {
                    break port;
                }
                assert!(
                    start.elapsed() < QUEUE,
                    "127.0.0.1:{number} is in use by another test"
                );
                std::thread::sleep(Duration::from_millis(20));
            };
            // A program may be about to end.
            let start = Instant::now();
            while !port.is_free() {
                assert!(
                    start.elapsed() < PATIENCE,
                    "stop what listens on {}: a test needs it",
                    port.addr()
                );
                std::thread::sleep(Duration::from_millis(20));
            }
            port
        })
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// Returns 127.0.0.1 with this port.
    pub fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.number).into()
    }

    /// Returns whether a server could listen here.
    ///
    /// The socket that asks does not listen: a program that another thread starts just then has a copy of it for a
    /// moment, and a copy that listens keeps the port.
    fn is_free(&self) -> bool {
        let socket = TcpSocket::new_v4().expect("the system has sockets");
        socket.set_reuseaddr(true).expect("any socket can have it");
        socket.bind(self.addr()).is_ok()
    }

    fn hold(number: u16) -> Option<Port> {
        let held = UdpSocket::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
        Some(Port {
            number,
            _held: held,
        })
    }
}

/// Listens on an address, if necessary once the listener that was there before is gone.
///
/// A listener of this process can outlive its value by a moment: a program that another thread starts just then has
/// a copy of it until its own code runs.
pub fn listen(addr: SocketAddr) -> TcpListener {
    let start = Instant::now();
    loop {
        match TcpListener::bind(addr) {
            Ok(listener) => return listener,
            Err(error) if error.kind() == ErrorKind::AddrInUse && start.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(error) => panic!("cannot listen on {addr}: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_port_is_given_to_no_other_process() {
        let one = Port::free();
        let other = Port::free();
        assert_ne!(one.number(), other.number());
        assert!(Port::hold(one.number()).is_none());
    }

    #[test]
    fn a_listener_waits_for_the_one_before() {
        let first = listen((Ipv4Addr::LOCALHOST, 0).into());
        let addr = first.local_addr().expect("it listens");
        std::thread::scope(|scope| {
            let second = scope.spawn(|| listen(addr));
            std::thread::sleep(Duration::from_millis(50));
            assert!(!second.is_finished());
            drop(first);
            let second = second.join().expect("it can listen now");
            assert_eq!(second.local_addr().expect("it listens"), addr);
        });
    }

    #[test]
    fn a_fixed_port_is_waited_for() {
        let number = {
            let port = Port::free();
            port.number()
        };
        let [held] = Port::fixed([number]);
        std::thread::scope(|scope| {
            let second = scope.spawn(|| Port::fixed([number]));
            std::thread::sleep(Duration::from_millis(50));
            assert!(!second.is_finished());
            drop(held);
            let [second] = second.join().expect("the second one gets it");
            assert_eq!(second.number(), number);
        });
    }
}

//! TCP ports that no two tests use at once, in whatever processes they run.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::PATIENCE;

/// Below the range from which systems take the ports of outgoing connections, so that a port
/// found free is not taken by one of those before HAProxy has bound to it.
const FIRST: u32 = 20_000;
const COUNT: u32 = 10_000;

/// How long to wait for a fixed port that another test has.
const QUEUE: Duration = Duration::from_secs(300);

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
            if TcpListener::bind(port.addr()).is_ok() {
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
            while TcpListener::bind(port.addr()).is_err() {
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

    fn hold(number: u16) -> Option<Port> {
        let held = UdpSocket::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
        Some(Port {
            number,
            _held: held,
        })
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

//! A proxy between HAProxy and an agent that records frames, and cuts connections in the middle of one.
//!
//! It knows where frames end, and nothing of what is in them.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// Which way a frame goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To the agent.
    Up,
    /// From the agent.
    Down,
}

/// The proxy; dropping it closes its port and leaves its connections alone.
#[derive(Debug)]
pub struct Relay {
    addr: SocketAddr,
    orders: Arc<Orders>,
}

#[derive(Debug, Default)]
struct Orders {
    over: AtomicBool,
    /// How many frames of each way are to be cut.
    up: AtomicUsize,
    down: AtomicUsize,
    /// How many connections were.
    done: AtomicUsize,
    /// The frames to the agent, once a test has asked for them.
    recorded: Mutex<Option<Vec<Vec<u8>>>>,
}

impl Orders {
    fn of(&self, way: Way) -> &AtomicUsize {
        match way {
            Way::Up => &self.up,
            Way::Down => &self.down,
        }
    }

    fn recorded(&self) -> MutexGuard<'_, Option<Vec<Vec<u8>>>> {
        self.recorded.lock().expect("no test panics with it")
    }

    /// Removes the cut for a frame in that direction, and returns whether there was one.
    fn take(&self, way: Way) -> bool {
        let less = |count: usize| count.checked_sub(1);
        let taken = self
            .of(way)
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
        taken.is_ok()
    }
}

impl Relay {
    /// Forwards what comes to a free port of 127.0.0.1 to the agent, frame by frame.
    pub fn to(agent: SocketAddr) -> Relay {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
        let addr = listener
            .local_addr()
            .expect("a bound socket has an address");
        let orders = Arc::new(Orders::default());
        let kept = Arc::clone(&orders);
        std::thread::spawn(move || {
            for near in listener.incoming() {
                if kept.over.load(Ordering::SeqCst) {
                    return;
                }
                // Without the agent, HAProxy sees its connection closed.
                if let (Ok(near), Ok(far)) = (near, TcpStream::connect(agent)) {
                    let _ = connect(&near, &far, &kept);
                }
            }
        });
        Relay { addr, orders }
    }

    /// Returns the address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Has the connection of the next frame that way cut in the middle of it.
    pub fn cut(&self, way: Way) {
        self.orders.of(way).fetch_add(1, Ordering::SeqCst);
    }

    /// Begins to record the frames to the agent.
    pub fn record(&self) {
        *self.orders.recorded() = Some(Vec::new());
    }

    /// Returns the frames that were recorded, each with its length before it.
    pub fn recorded(&self) -> Vec<Vec<u8>> {
        self.orders.recorded().clone().unwrap_or_default()
    }

    /// Returns how many connections were cut so far.
    pub fn cuts(&self) -> usize {
        self.orders.done.load(Ordering::SeqCst)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.orders.over.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for the next connection.
        let _ = TcpStream::connect(self.addr);
    }
}

fn connect(near: &TcpStream, far: &TcpStream, orders: &Arc<Orders>) -> io::Result<()> {
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    for (way, from, to) in [(Way::Up, near, far), (Way::Down, far, near)] {
        let (from, to) = (from.try_clone()?, to.try_clone()?);
        let orders = Arc::clone(orders);
        std::thread::spawn(move || {
            let record = |frame: &[u8]| {
                if let (Way::Up, Some(frames)) = (way, &mut *orders.recorded()) {
                    frames.push(frame.to_vec());
                }
            };
            if let Ok(true) = forward(&from, &to, record, || orders.take(way)) {
                orders.done.fetch_add(1, Ordering::SeqCst);
            }
            for end in [&from, &to] {
                // It may be closed already.
                let _ = end.shutdown(Shutdown::Both);
            }
        });
    }
    Ok(())
}

/// Forwards whole frames until the end, or half a frame once it is to `cut`; whether it did.
fn forward(
    mut from: &TcpStream,
    mut to: &TcpStream,
    record: impl Fn(&[u8]),
    cut: impl Fn() -> bool,
) -> io::Result<bool> {
    let mut frame = Vec::new();
    loop {
        let mut length = [0; 4];
        from.read_exact(&mut length)?;
        frame.clear();
        frame.extend(length);
        frame.resize(4 + u32::from_be_bytes(length) as usize, 0);
        from.read_exact(&mut frame[4..])?;
        if cut() {
            to.write_all(&frame[..frame.len() / 2])?;
            return Ok(true);
        }
        record(&frame);
        to.write_all(&frame)?;
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::{Relay, Way};
    use crate::eventually;

    #[test]
    fn a_relay_forwards_frames_and_can_cut_the_next_one_in_half() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let relay = Relay::to(listener.local_addr().expect("it is bound"));
        let mut near = TcpStream::connect(relay.addr()).expect("it listens");
        let (mut far, _) = listener.accept().expect("it connects");
        let frame = [0, 0, 0, 4, 1, 2, 3, 4];

        near.write_all(&frame).expect("it reads");
        let mut came = [0; 8];
        far.read_exact(&mut came).expect("it forwards");
        assert_eq!((came, relay.cuts()), (frame, 0));

        relay.cut(Way::Down);
        far.write_all(&frame).expect("it reads");
        let mut rest = Vec::new();
        near.read_to_end(&mut rest).expect("it closes");
        assert_eq!(rest, frame[..4]);
        assert_eq!(far.read(&mut came).expect("it closes"), 0);
        eventually("it is counted", || relay.cuts() == 1);
    }
}

//! The buffers of one worker thread, lent to whichever connection is being polled.
//!
//! They are in use between two waits only, so that idle connections hold none.

use super::watch::Watch;
use std::cell::Cell;
use std::sync::Arc;

/// How much one read takes at most, in bytes: several frames with bodies. Its pages take memory only as
/// far as something was read into them.
pub(crate) const READ_SIZE: usize = 256 << 10;

/// How many bytes of spare buffers a thread keeps, and how large one may be.
const SPARES: usize = 1 << 20;
const SPARE_SIZE: usize = 16 << 10;

/// The capacity of a new buffer: few messages without a body are longer, so that it seldom grows.
const BUFFER_SIZE: usize = 256;

/// The most capacity the output buffer is kept with.
const OUTPUT_SIZE: usize = 256 << 10;

thread_local! {
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

/// The buffers of one thread.
#[derive(Debug)]
pub(crate) struct Scratch {
    /// What was read; always of full length.
    pub(crate) input: Vec<u8>,
    /// What is to be written.
    pub(crate) output: Vec<u8>,
    pub(crate) watch: Arc<Watch>,
    spares: Vec<Vec<u8>>,
    /// The capacity of the spares.
    spared: usize,
}

impl Scratch {
    /// Takes the thread's buffers, or new ones if they are taken already: a handler may itself run
    /// an agent.
    pub(crate) fn take() -> Box<Scratch> {
        SCRATCH.take().unwrap_or_else(|| {
            Box::new(Scratch {
                input: vec![0; READ_SIZE],
                output: Vec::new(),
                watch: Watch::new(),
                spares: Vec::new(),
                spared: 0,
            })
        })
    }

    /// Gives them back.
    pub(crate) fn give(mut self: Box<Self>) {
        self.output.clear();
        self.output.shrink_to(OUTPUT_SIZE);
        SCRATCH.set(Some(self));
    }

    /// An empty buffer.
    pub(crate) fn buffer(&mut self) -> Vec<u8> {
        let Some(spare) = self.spares.pop() else {
            return Vec::with_capacity(BUFFER_SIZE);
        };
        self.spared -= spare.capacity();
        spare
    }

    /// Takes a buffer back.
    pub(crate) fn recycle(&mut self, mut buffer: Vec<u8>) {
        let size = buffer.capacity();
        if (BUFFER_SIZE..=SPARE_SIZE).contains(&size) && self.spared + size <= SPARES {
            self.spared += size;
            buffer.clear();
            self.spares.push(buffer);
        }
    }
}

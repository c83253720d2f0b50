//! The file of a recording: lines up to a limit.

use crate::recording::RecordingLine;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The file of a recording, up to a size.
#[derive(Debug)]
pub(super) struct Sink<W: Write = BufWriter<File>> {
    out: W,
    size: u64,
    limit: u64,
    full: bool,
}

impl Sink {
    /// Creates the file; only its owner may read it.
    pub(super) fn create(path: &Path, limit: u64, head: &RecordingLine) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        Sink::new(BufWriter::with_capacity(1 << 20, file), limit, head)
    }
}

impl<W: Write> Sink<W> {
    pub(super) fn new(out: W, limit: u64, head: &RecordingLine) -> io::Result<Self> {
        let mut sink = Sink {
            out,
            size: 0,
            limit: u64::MAX,
            full: false,
        };
        sink.write(head)?;
        sink.out.flush()?;
        sink.limit = limit;
        Ok(sink)
    }

    /// Writes a line. The first line without room makes the file full: no later line is written.
    pub(super) fn write(&mut self, line: &RecordingLine) -> io::Result<bool> {
        let size = self.size + line.0.len() as u64;
        self.full |= size > self.limit;
        if self.full {
            return Ok(false);
        }
        self.out.write_all(line.0.as_bytes())?;
        self.size = size;
        Ok(true)
    }

    /// Gives the system the lines that wait in memory.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// The bytes that were written.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Whether a line had no room.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }
}

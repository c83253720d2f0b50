//! The file that `spop record` writes and `spop replay` reads: one JSON object a line, as docs/recording.md
//! describes it.

mod read;
mod value;
mod write;

pub(crate) use read::Reader;
pub(crate) use write::{Hashes, RecordingLine};

use spoa::client::OwnedValue;
use spoa::spop::FrameIds;

/// The version of the format. A reader refuses later ones.
pub(crate) const FORMAT: u64 = 1;

/// A message of a recorded NOTIFY.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RecordedMessage {
    pub(crate) name: String,
    pub(crate) args: Vec<(String, OwnedValue)>,
}

/// A variable that a recorded ACK sets; `None` unsets it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    /// With its scope: `sess.ip_score`.
    pub(crate) variable: String,
    pub(crate) value: Option<OwnedValue>,
}

/// A recorded NOTIFY with its ACK.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Exchange {
    /// The number of its line in the file.
    pub(crate) line: usize,
    /// The number of its connection.
    pub(crate) connection: u64,
    pub(crate) ids: FrameIds,
    pub(crate) messages: Vec<RecordedMessage>,
    /// The actions of the ACK; `None` if none came.
    pub(crate) answer: Option<Vec<Change>>,
}

/// A recorded connection, from its HELLO.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordedConnection {
    pub(crate) number: u64,
    pub(crate) engine: Option<String>,
    /// The frame size that HAProxy offered.
    pub(crate) max_frame_size: Option<u32>,
}

/// An entry of a recording.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Entry {
    Connection(RecordedConnection),
    Exchange(Exchange),
}

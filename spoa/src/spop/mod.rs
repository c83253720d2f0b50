//! SPOP, the protocol between HAProxy and its agents (SPOE.txt section 3), sans-IO.
//!
//! Bytes in, events and bytes out: nothing here knows a socket, a clock, a runtime or a log. Values
//! borrow from the frame they came in; reading never panics and allocates nothing.

mod ack;
mod disconnect;
mod error;
mod fragment;
mod frame;
mod hello;
mod notify;
mod pairs;
mod reader;
pub mod session;
mod status;
mod value;
pub mod varint;
mod walk;

pub(crate) use ack::fit;
pub use ack::{AckWriter, Action, ActionIter, Scope};
pub use disconnect::Disconnect;
pub use error::DecodeError;
pub use frame::{Flags, Frame, FrameIds, FrameType, FrameWriter, LENGTH_PREFIX, MIN_FRAME_SIZE};
pub use hello::{AgentHello, Capabilities, HaproxyHello, MIN_MAX_FRAME_SIZE, VERSION};
pub(crate) use notify::MessageBuf;
pub use notify::{Arg, ArgIter, Args, Message, MessageIter, Messages, Name, NotifyWriter};
pub use status::Status;
pub use value::{DataType, Value};

//! SPOP, the protocol between HAProxy and its agents (SPOE.txt section 3), sans-IO.
//!
//! It takes bytes, and returns events and bytes: it uses no socket, clock, runtime or log. Values
//! borrow from the frame they came in. Reading never panics and allocates nothing.

mod ack;
mod action;
mod args;
mod data_type;
mod disconnect;
mod error;
mod fragment;
mod frame;
mod hello;
mod message;
mod name;
mod notify;
mod pairs;
mod reader;
pub mod session;
mod status;
mod value;
pub mod varint;
mod walk;

pub use ack::AckWriter;
pub use action::{Action, ActionIter};
pub use args::{Arg, ArgIter, Args};
pub use data_type::DataType;
pub use disconnect::Disconnect;
pub use error::DecodeError;
pub use frame::{Flags, Frame, FrameIds, FrameType, FrameWriter, LENGTH_PREFIX, MIN_FRAME_SIZE};
pub use hello::{AgentHello, Capabilities, HaproxyHello, MIN_MAX_FRAME_SIZE, VERSION};
pub use message::Message;
pub use name::Name;
pub use notify::{MessageIter, Messages, NotifyWriter};
#[doc(inline)]
pub use spoa_facts::Scope;
pub use status::Status;
pub use value::Value;

pub(crate) use ack::OpenAck;
pub(crate) use action::fit;
pub(crate) use message::MessageBuf;

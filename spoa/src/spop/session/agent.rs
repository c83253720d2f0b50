//! The agent's end: answers HELLOs, hands out NOTIFYs, says goodbye.
//!
//! It knows no socket and no clock, and does not run handlers: the ACKs are the caller's, but for
//! the NOTIFYs that cannot be read.

use crate::spop::fragment::{Progress, Reassembly};
use crate::spop::{
    AckWriter, AgentHello, Capabilities, DecodeError, Disconnect, Frame, FrameIds, FrameType,
    HaproxyHello, MIN_MAX_FRAME_SIZE, Messages, Status, VERSION,
};

/// The most bytes of a first frame; HAProxy's have about 130.
const MAX_HELLO_SIZE: u32 = 4096;

/// What an agent's session may agree to.
#[derive(Clone, Copy, Debug)]
pub struct AgentSettings {
    /// The largest frame size to agree to, in bytes. Less than HAProxy's makes its larger NOTIFYs
    /// fail.
    pub max_frame_size: u32,
    /// The most bytes held for fragmented NOTIFYs; 0 does not announce `fragmentation` at all.
    pub max_reassembled: usize,
}

impl Default for AgentSettings {
    /// Frames up to 1 MiB, fragmented NOTIFYs up to 256 KiB.
    fn default() -> Self {
        AgentSettings {
            max_frame_size: 1 << 20,
            max_reassembled: 256 << 10,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    AwaitHello,
    Running,
    Over,
}

/// The agent's end of one connection.
#[derive(Debug)]
pub struct AgentSession {
    settings: AgentSettings,
    state: State,
    /// The largest frame to take now.
    limit: u32,
    fragments: Reassembly,
    whole: Vec<u8>,
}

/// What [`AgentSession::receive`] made of some bytes.
#[derive(Debug)]
pub struct Received<'a> {
    /// How many bytes of the input are done with.
    pub used: usize,
    /// What they held; `None` if more bytes are needed.
    pub event: Option<AgentEvent<'a>>,
}

/// What happened on a connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum AgentEvent<'a> {
    /// HAProxy introduced itself. The AGENT-HELLO has been appended.
    Hello(HaproxyHello<'a>),
    /// Messages to be answered with exactly one ACK of these ids.
    Notify {
        /// What the ACK must repeat.
        ids: FrameIds,
        /// The messages.
        messages: Messages<'a>,
    },
    /// A NOTIFY that cannot be read. An ACK without actions has been appended.
    Unreadable {
        /// The ids it had.
        ids: FrameIds,
        /// Why.
        reason: Unreadable,
    },
    /// HAProxy said goodbye. The AGENT-DISCONNECT has been appended; close when it is written.
    Disconnect(Disconnect<'a>),
    /// The connection cannot go on. The AGENT-DISCONNECT has been appended, if the peer would
    /// understand one; close when it is written and the peer has closed.
    Refused(Refusal),
}

/// Why a NOTIFY could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// Its payload is no list of messages.
    #[error(
        "its messages cannot be read: {0}; a `spoe-message` of more than 255 arguments is one cause"
    )]
    Malformed(DecodeError),
    /// Its fragments passed the bound.
    #[error("its fragments hold more than the {0} bytes allowed")]
    TooLarge(usize),
}

/// Why a connection was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The peer speaks something else.
    #[error("the peer speaks {0}, not SPOP")]
    Foreign(Foreign),
    /// The HELLO cannot be agreed to.
    #[error("the HELLO cannot be agreed to: {0}")]
    Hello(Status),
    /// A frame cannot be read.
    #[error("{0}")]
    Frame(DecodeError),
    /// A frame that has no place at this point of the conversation.
    #[error("a {0} frame has no place here")]
    Unexpected(FrameType),
    /// Fragments in an order that makes no frame.
    #[error("{0}")]
    Fragments(Status),
}

/// A protocol that is not SPOP, known by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Foreign {
    /// An HTTP request.
    Http,
    /// A TLS handshake.
    Tls,
    /// A PROXY protocol header.
    Proxy,
}

impl std::fmt::Display for Foreign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Foreign::Http => "HTTP",
            Foreign::Tls => "TLS",
            Foreign::Proxy => "the PROXY protocol",
        })
    }
}

impl Foreign {
    fn known_by(first: &[u8]) -> Option<Self> {
        match first.first_chunk::<4>()? {
            b"GET " | b"POST" | b"HEAD" | b"PUT " | b"OPTI" | b"DELE" | b"CONN" | b"PRI " => {
                Some(Foreign::Http)
            }
            [0x16, 3, _, _] => Some(Foreign::Tls),
            b"PROX" | b"\r\n\r\n" => Some(Foreign::Proxy),
            _ => None,
        }
    }
}

impl Refusal {
    /// The status code for the peer.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Refusal::Foreign(_) | Refusal::Unexpected(_) => Status::InvalidFrame,
            Refusal::Hello(status) | Refusal::Fragments(status) => *status,
            Refusal::Frame(error) => error.status(),
        }
    }
}

impl AgentSession {
    /// A session that waits for its HELLO.
    #[must_use]
    pub fn new(settings: AgentSettings) -> Self {
        AgentSession {
            settings,
            state: State::AwaitHello,
            limit: MAX_HELLO_SIZE,
            fragments: Reassembly::new(settings.max_reassembled),
            whole: Vec::new(),
        }
    }

    /// The frame size agreed on, in bytes without the length prefix.
    #[inline]
    #[must_use]
    pub fn max_frame_size(&self) -> u32 {
        self.limit
    }

    /// Whether the HELLOs are exchanged and neither end has said goodbye.
    #[inline]
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.state == State::Running
    }

    /// Whether an end has said goodbye: what still comes is not looked at.
    #[inline]
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Takes the next event from the front of `input`; appends to `out` what it calls for.
    ///
    /// Call it again with the rest until the event is `None`. How the bytes were split over reads
    /// makes no difference to the events.
    pub fn receive<'s>(&'s mut self, input: &'s [u8], out: &mut Vec<u8>) -> Received<'s> {
        let mut rest = input;
        loop {
            if self.state == State::Over {
                return Received {
                    used: input.len(),
                    event: None,
                };
            }
            let frame = match Frame::split(&mut rest, self.limit) {
                Ok(Some(frame)) => frame,
                Ok(None) => {
                    return Received {
                        used: input.len() - rest.len(),
                        event: None,
                    };
                }
                Err(error) => {
                    let foreign = match self.state {
                        State::AwaitHello => Foreign::known_by(rest),
                        _ => None,
                    };
                    let refusal = foreign.map_or(Refusal::Frame(error), Refusal::Foreign);
                    return self.refuse(refusal, input.len(), out);
                }
            };
            let used = input.len() - rest.len();
            let event = |event| Received {
                used,
                event: Some(event),
            };
            match (self.state, frame.frame_type) {
                (State::Running, FrameType::Notify) if frame.flags.fin() => {
                    if frame.flags.abort() {
                        continue;
                    }
                    return match Messages::parse(frame.payload) {
                        Ok(messages) => event(AgentEvent::Notify {
                            ids: frame.ids,
                            messages,
                        }),
                        Err(error) => {
                            AckWriter::begin(frame.ids, out).finish(out);
                            let reason = Unreadable::Malformed(error);
                            event(AgentEvent::Unreadable {
                                ids: frame.ids,
                                reason,
                            })
                        }
                    };
                }
                (State::Running, FrameType::Notify | FrameType::Unset) => {
                    match self.fragment(&frame) {
                        Ok(None) => {}
                        Ok(Some(Ok(payload))) => {
                            self.whole = payload;
                            return match Messages::parse(&self.whole) {
                                Ok(messages) => event(AgentEvent::Notify {
                                    ids: frame.ids,
                                    messages,
                                }),
                                Err(error) => {
                                    AckWriter::begin(frame.ids, out).finish(out);
                                    let reason = Unreadable::Malformed(error);
                                    event(AgentEvent::Unreadable {
                                        ids: frame.ids,
                                        reason,
                                    })
                                }
                            };
                        }
                        Ok(Some(Err(reason))) => {
                            AckWriter::begin(frame.ids, out).finish(out);
                            return event(AgentEvent::Unreadable {
                                ids: frame.ids,
                                reason,
                            });
                        }
                        Err(status) => {
                            return self.refuse(Refusal::Fragments(status), input.len(), out);
                        }
                    }
                }
                (State::AwaitHello, FrameType::HaproxyHello) => {
                    return match HaproxyHello::decode(frame.payload) {
                        Ok(hello) => {
                            self.agree(&hello).encode(out);
                            event(AgentEvent::Hello(hello))
                        }
                        Err(status) => self.refuse(Refusal::Hello(status), input.len(), out),
                    };
                }
                (_, FrameType::HaproxyDisconnect) => {
                    self.state = State::Over;
                    Disconnect::from(Status::Normal).encode(FrameType::AgentDisconnect, out);
                    return match Disconnect::decode(frame.payload) {
                        Ok(disconnect) => event(AgentEvent::Disconnect(disconnect)),
                        Err(_) => event(AgentEvent::Disconnect(Status::Unknown.into())),
                    };
                }
                // SPOE.txt 3.2.1: a frame of unknown type is ignored.
                (State::Running, FrameType::Unknown(_)) => {}
                (_, other) => return self.refuse(Refusal::Unexpected(other), input.len(), out),
            }
        }
    }

    /// Appends an AGENT-DISCONNECT; what still comes is not looked at.
    ///
    /// Answer what is in flight first: HAProxy counts its NOTIFYs as failed.
    pub fn disconnect(&mut self, disconnect: Disconnect<'_>, out: &mut Vec<u8>) {
        if self.state != State::Over {
            self.state = State::Over;
            disconnect.encode(FrameType::AgentDisconnect, out);
        }
    }

    fn agree(&mut self, hello: &HaproxyHello<'_>) -> AgentHello<'static> {
        let max = self.settings.max_frame_size.max(MIN_MAX_FRAME_SIZE);
        self.limit = hello.max_frame_size.min(max);
        self.state = State::Running;
        AgentHello {
            version: VERSION,
            max_frame_size: self.limit,
            capabilities: Capabilities {
                pipelining: true,
                // ACKs leave on the connection their NOTIFY came on.
                async_: false,
                fragmentation: self.settings.max_reassembled > 0,
            },
        }
    }

    fn fragment(
        &mut self,
        frame: &Frame<'_>,
    ) -> Result<Option<Result<Vec<u8>, Unreadable>>, Status> {
        if self.settings.max_reassembled == 0 {
            return Err(Status::NoFragmentation);
        }
        let progress = match frame.frame_type {
            FrameType::Notify => self.fragments.begin(frame.ids, frame.payload),
            _ => self.fragments.add(frame.ids, frame.flags, frame.payload),
        };
        match progress {
            Progress::Partial | Progress::Aborted => Ok(None),
            Progress::Whole(payload) => Ok(Some(Ok(payload))),
            Progress::Dropped => Ok(Some(Err(Unreadable::TooLarge(
                self.settings.max_reassembled,
            )))),
            Progress::Interlaced | Progress::NotBegun => Err(Status::InterlacedFrames),
        }
    }

    fn refuse<'s>(&mut self, refusal: Refusal, used: usize, out: &mut Vec<u8>) -> Received<'s> {
        match refusal {
            Refusal::Foreign(_) => self.state = State::Over,
            _ => self.disconnect(refusal.status().into(), out),
        }
        Received {
            used,
            event: Some(AgentEvent::Refused(refusal)),
        }
    }
}

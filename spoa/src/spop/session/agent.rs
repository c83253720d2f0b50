//! The agent's end: answers HELLOs, returns NOTIFYs, closes gracefully.
//!
//! The caller writes the ACKs, except those to NOTIFYs that cannot be read.

use super::{Foreign, Received, Refusal};
use crate::spop::fragment::{Progress, Reassembly};
use crate::spop::{
    AckWriter, AgentHello, Capabilities, DecodeError, Disconnect, Frame, FrameIds, FrameType,
    HaproxyHello, MIN_MAX_FRAME_SIZE, Messages, Status, VERSION,
};

/// The limit on the bytes of a first frame; HAProxy's have about 130.
const MAX_HELLO_SIZE: u32 = 4096;

/// The answer to a health check that is refused.
const LEAVING: Disconnect<'static> = Disconnect {
    status: Status::NORMAL,
    message: "the agent is going away",
};

/// The limits that an agent's session announces in its HELLO.
///
/// ```
/// use spoa::spop::session::AgentSettings;
///
/// let mut settings = AgentSettings::default();
/// settings.max_reassembled = 0;
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AgentSettings {
    /// The largest frame size to agree to, in bytes. Less than HAProxy's makes its larger NOTIFYs
    /// fail.
    pub max_frame_size: u32,
    /// The limit on the bytes held for fragmented NOTIFYs; with 0, the agent does not announce `fragmentation`.
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
enum AgentState {
    AwaitHello,
    Running,
    Over,
}

/// The agent's end of one connection.
///
/// ```
/// use spoa::spop::session::{AgentEvent, AgentSession, AgentSettings};
/// use spoa::spop::{AckWriter, Action, Scope, Value};
///
/// /// Answers all that `input` holds; returns how many bytes that was.
/// fn answer(session: &mut AgentSession, input: &[u8], out: &mut Vec<u8>) -> usize {
///     let mut used = 0;
///     loop {
///         let received = session.receive(&input[used..], out);
///         used += received.used;
///         match received.event {
///             Some(AgentEvent::Notify { ids, messages }) => {
///                 let mut ack = AckWriter::begin(ids, out);
///                 for message in messages {
///                     let value = message.get("ip").unwrap_or(Value::Null);
///                     let (scope, name) = (Scope::Session, "ip".into());
///                     ack.action(&Action::SetVar { scope, name, value });
///                 }
///                 ack.finish();
///             }
///             Some(_) => {}
///             None => return used,
///         }
///     }
/// }
///
/// let mut session = AgentSession::new(AgentSettings::default());
/// assert_eq!(answer(&mut session, &[0, 0, 0], &mut Vec::new()), 0);
/// ```
#[derive(Debug)]
pub struct AgentSession {
    settings: AgentSettings,
    state: AgentState,
    /// The largest frame to accept now.
    limit: u32,
    fragments: Reassembly,
    whole: Vec<u8>,
    refuses_health_checks: bool,
}

/// An event of a connection, at the agent's end.
#[derive(Debug)]
#[non_exhaustive]
pub enum AgentEvent<'a> {
    /// HAProxy introduced itself. The AGENT-HELLO has been appended.
    Hello(HaproxyHello<'a>),
    /// HAProxy checks the agent's health, which [`AgentSession::refuse_health_checks`] refuses. An
    /// AGENT-DISCONNECT has been appended; close when it is written and the peer has closed.
    HealthCheckRefused(HaproxyHello<'a>),
    /// Messages to be answered with exactly one ACK of these ids.
    Notify {
        /// The ids that the ACK must repeat.
        ids: FrameIds,
        /// The messages.
        messages: Messages<'a>,
    },
    /// A NOTIFY that cannot be read. An ACK without actions has been appended.
    Unreadable {
        /// The ids of the NOTIFY.
        ids: FrameIds,
        /// The reason.
        reason: Unreadable,
    },
    /// HAProxy closes gracefully. The AGENT-DISCONNECT has been appended; close when it is written.
    Disconnect(Disconnect<'a>),
    /// The connection cannot go on. The AGENT-DISCONNECT has been appended, if the peer would
    /// understand one; close when it is written and the peer has closed.
    Refused(Refusal),
}

/// Why a NOTIFY could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// Its payload is not a list of messages.
    #[error(
        "its messages cannot be read: {0}; a `spoe-message` of more than 255 arguments is one cause"
    )]
    Malformed(DecodeError),
    /// Its fragments exceeded the limit.
    #[error("its fragments hold more than the {0} bytes allowed")]
    TooLarge(usize),
}

impl AgentSession {
    /// Returns a session that waits for its HELLO.
    #[must_use]
    pub fn new(settings: AgentSettings) -> Self {
        AgentSession {
            settings,
            state: AgentState::AwaitHello,
            limit: MAX_HELLO_SIZE,
            fragments: Reassembly::new(settings.max_reassembled),
            whole: Vec::new(),
            refuses_health_checks: false,
        }
    }

    /// Returns the frame size agreed on, in bytes without the length prefix.
    #[inline]
    #[must_use]
    pub fn max_frame_size(&self) -> u32 {
        self.limit
    }

    /// Returns whether the HELLOs are exchanged and neither end has sent a DISCONNECT.
    #[inline]
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.state == AgentState::Running
    }

    /// Returns whether an end has sent a DISCONNECT: later bytes are ignored.
    #[inline]
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state == AgentState::Over
    }

    /// Lowers the limit of reassembly to `most` bytes, and never raises it above the settings.
    #[inline]
    pub(crate) fn limit_reassembled(&mut self, most: usize) {
        self.fragments
            .limit(most.min(self.settings.max_reassembled));
    }

    /// Returns the number of bytes of fragments that are held.
    #[inline]
    pub(crate) fn reassembling(&self) -> usize {
        self.fragments.held()
    }

    /// Frees the NOTIFY that came in fragments, which the last event borrowed.
    #[inline]
    pub(crate) fn free_whole(&mut self) {
        if self.whole.capacity() > 0 {
            self.whole = Vec::new();
        }
    }

    /// Takes a NOTIFY from the front of `input`, if it is whole and can be read. [`AgentSession::receive`] would
    /// return it, too, after checks for the events that come once in a connection.
    #[inline(always)]
    pub(crate) fn receive_notify<'a>(
        &self,
        input: &'a [u8],
    ) -> Option<(usize, FrameIds, Messages<'a>)> {
        let mut rest = input;
        let frame = match Frame::split(&mut rest, self.limit) {
            Ok(Some(frame)) => frame,
            _ => return None,
        };
        let is_whole = frame.flags.fin() && !frame.flags.abort();
        if self.state != AgentState::Running || frame.frame_type != FrameType::NOTIFY || !is_whole {
            return None;
        }
        let messages = Messages::parse(frame.payload).ok()?;
        Some((input.len() - rest.len(), frame.ids, messages))
    }

    /// Takes the next event from the front of `input`, and appends the frames that it requires to `out`.
    ///
    /// Call it again with the rest until the event is `None`. How the bytes were split over reads
    /// makes no difference to the events.
    pub fn receive<'s>(
        &'s mut self,
        input: &'s [u8],
        out: &mut Vec<u8>,
    ) -> Received<AgentEvent<'s>> {
        // The last event may have borrowed a reassembled payload; nothing does any more.
        self.free_whole();
        let mut rest = input;
        loop {
            if self.state == AgentState::Over {
                return Received::new(input.len(), None);
            }
            let frame = match Frame::split(&mut rest, self.limit) {
                Ok(Some(frame)) => frame,
                Ok(None) => return Received::new(input.len() - rest.len(), None),
                Err(error) => {
                    let foreign = match self.state {
                        AgentState::AwaitHello => Foreign::known_by(rest),
                        _ => None,
                    };
                    let refusal = foreign.map_or(Refusal::Frame(error), Refusal::Foreign);
                    return self.refuse(refusal, input.len(), out);
                }
            };
            let used = input.len() - rest.len();
            match (self.state, frame.frame_type) {
                (AgentState::Running, FrameType::NOTIFY) if frame.flags.fin() => {
                    // A frame with ABORT gets no ACK, even if it is complete.
                    if !frame.flags.abort() {
                        return Received::new(used, Some(notify(frame.ids, frame.payload, out)));
                    }
                }
                (AgentState::Running, FrameType::NOTIFY | FrameType::UNSET) => {
                    match self.fragment(&frame) {
                        Progress::Partial | Progress::Aborted => {}
                        Progress::Whole(payload) => {
                            self.whole = payload;
                            return Received::new(used, Some(notify(frame.ids, &self.whole, out)));
                        }
                        Progress::Dropped(limit) => {
                            let reason = Unreadable::TooLarge(limit);
                            return Received::new(used, Some(unreadable(frame.ids, reason, out)));
                        }
                        Progress::Refused(status) => {
                            return self.refuse(Refusal::Fragments(status), input.len(), out);
                        }
                    }
                }
                (AgentState::AwaitHello, FrameType::HAPROXY_HELLO) => {
                    return match HaproxyHello::decode(frame.payload) {
                        Ok(hello) if hello.healthcheck && self.refuses_health_checks => {
                            self.disconnect(LEAVING, out);
                            Received::new(used, Some(AgentEvent::HealthCheckRefused(hello)))
                        }
                        Ok(hello) => {
                            self.agree(&hello).encode(out);
                            Received::new(used, Some(AgentEvent::Hello(hello)))
                        }
                        Err(status) => self.refuse(Refusal::Hello(status), input.len(), out),
                    };
                }
                (_, FrameType::HAPROXY_DISCONNECT) => {
                    self.disconnect(Status::NORMAL.into(), out);
                    let disconnect = Disconnect::decode(frame.payload);
                    let disconnect = disconnect.unwrap_or(Status::UNKNOWN.into());
                    return Received::new(used, Some(AgentEvent::Disconnect(disconnect)));
                }
                // SPOE.txt 3.2.2: unknown frames may be skipped.
                (AgentState::Running, unknown) if !unknown.is_known() => {}
                (_, other) => return self.refuse(Refusal::Unexpected(other), input.len(), out),
            }
        }
    }

    /// Answers health checks with an AGENT-DISCONNECT from now on, so that HAProxy sends to its other
    /// servers before the agent stops. Other HELLOs are answered as before.
    pub fn refuse_health_checks(&mut self) {
        self.refuses_health_checks = true;
    }

    /// Appends an AGENT-DISCONNECT; later bytes are ignored.
    ///
    /// Answer the NOTIFYs in flight first: HAProxy counts unanswered ones as failed.
    pub fn disconnect(&mut self, disconnect: Disconnect<'_>, out: &mut Vec<u8>) {
        if self.state != AgentState::Over {
            self.state = AgentState::Over;
            disconnect.encode(FrameType::AGENT_DISCONNECT, out);
        }
    }

    fn agree(&mut self, hello: &HaproxyHello<'_>) -> AgentHello<'static> {
        let max = self.settings.max_frame_size.max(MIN_MAX_FRAME_SIZE);
        self.limit = hello.max_frame_size.min(max);
        self.state = AgentState::Running;
        AgentHello {
            version: VERSION,
            max_frame_size: self.limit,
            // Not ASYNC: ACKs leave on the connection their NOTIFY came on.
            capabilities: match self.settings.max_reassembled {
                0 => Capabilities::PIPELINING,
                _ => Capabilities::PIPELINING | Capabilities::FRAGMENTATION,
            },
        }
    }

    fn fragment(&mut self, frame: &Frame<'_>) -> Progress {
        if self.settings.max_reassembled == 0 {
            return Progress::Refused(Status::NO_FRAGMENTATION);
        }
        match frame.frame_type {
            FrameType::NOTIFY => self.fragments.begin(frame.ids, frame.flags, frame.payload),
            _ => self.fragments.add(frame.ids, frame.flags, frame.payload),
        }
    }

    fn refuse<'s>(
        &mut self,
        refusal: Refusal,
        used: usize,
        out: &mut Vec<u8>,
    ) -> Received<AgentEvent<'s>> {
        match refusal {
            Refusal::Foreign(_) => self.state = AgentState::Over,
            _ => self.disconnect(refusal.status().into(), out),
        }
        Received::new(used, Some(AgentEvent::Refused(refusal)))
    }
}

/// Handles a whole NOTIFY; one that cannot be read is answered at once.
fn notify<'a>(ids: FrameIds, payload: &'a [u8], out: &mut Vec<u8>) -> AgentEvent<'a> {
    match Messages::parse(payload) {
        Ok(messages) => AgentEvent::Notify { ids, messages },
        Err(error) => unreadable(ids, Unreadable::Malformed(error), out),
    }
}

fn unreadable(ids: FrameIds, reason: Unreadable, out: &mut Vec<u8>) -> AgentEvent<'static> {
    AckWriter::begin(ids, out).finish();
    AgentEvent::Unreadable { ids, reason }
}

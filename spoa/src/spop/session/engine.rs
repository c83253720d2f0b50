//! The engine's end, HAProxy's: sends the HELLO and NOTIFYs, receives ACKs.
//!
//! It has no socket and no clock: the caller decides when a NOTIFY has waited too long.

use super::ids::IdSet;
use super::{Foreign, Received, Refusal};
use crate::spop::frame::OpenFrame;
use crate::spop::{
    ActionIter, AgentHello, Capabilities, Disconnect, Flags, Frame, FrameIds, FrameType,
    HaproxyHello, Status, VERSION,
};

/// The contents of an engine's HELLO.
///
/// ```
/// use spoa::spop::session::EngineSettings;
///
/// let mut settings = EngineSettings::default();
/// settings.engine_id = Some("test".into());
/// assert_eq!(settings.max_frame_size, 16380);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EngineSettings {
    /// The largest frame to offer, in bytes without the length prefix. Agents refuse less than
    /// [`MIN_MAX_FRAME_SIZE`](crate::spop::MIN_MAX_FRAME_SIZE).
    pub max_frame_size: u32,
    /// The capabilities to offer. HAProxy never offers `fragmentation`, and `async` only up to 3.0.
    pub capabilities: Capabilities,
    /// The id by which the agent knows the engine; HAProxy's is a UUID.
    pub engine_id: Option<String>,
    /// Whether this is a health check: the session ends with the AGENT-HELLO.
    pub healthcheck: bool,
}

impl Default for EngineSettings {
    /// The HELLO of HAProxy in its default configuration: frames up to 16380 bytes, pipelining; but no
    /// engine-id.
    fn default() -> Self {
        EngineSettings {
            max_frame_size: 16380,
            capabilities: Capabilities::PIPELINING,
            engine_id: None,
            healthcheck: false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EngineState {
    /// No frame has been sent yet.
    Silent,
    AwaitHello,
    Running,
    /// HAPROXY-DISCONNECT was sent, AGENT-DISCONNECT is awaited.
    Closing,
    Over,
}

/// The engine's end of one connection.
///
/// ```
/// use spoa::spop::session::{AgentEvent, AgentSession, EngineEvent, EngineSession};
/// use spoa::spop::{AckWriter, NotifyWriter};
///
/// let mut engine = EngineSession::new(Default::default());
/// let mut agent = AgentSession::new(Default::default());
/// let (mut to_agent, mut to_engine) = (Vec::new(), Vec::new());
///
/// engine.hello(&mut to_agent);
/// agent.receive(&to_agent, &mut to_engine);
/// engine.receive(&to_engine, &mut to_agent);
/// assert!(engine.is_running());
///
/// let mut payload = Vec::new();
/// NotifyWriter::new(&mut payload).message("ping", &[]);
/// to_agent.clear();
/// let asked = engine.notify(&payload, &mut to_agent).unwrap();
///
/// to_engine.clear();
/// if let Some(AgentEvent::Notify { ids, .. }) = agent.receive(&to_agent, &mut Vec::new()).event {
///     AckWriter::begin(ids, &mut to_engine).finish();
/// }
/// let answer = engine.receive(&to_engine, &mut to_agent).event;
/// assert!(matches!(answer, Some(EngineEvent::Ack { ids, .. }) if ids == asked));
/// ```
#[derive(Debug)]
pub struct EngineSession {
    settings: EngineSettings,
    state: EngineState,
    /// The largest frame to send now.
    limit: u32,
    capabilities: Capabilities,
    in_flight: IdSet,
    next_stream_id: u64,
    /// The highest stream-id and the highest frame-id ever sent.
    highest: FrameIds,
}

/// An event of a connection, at the engine's end.
#[derive(Debug)]
#[non_exhaustive]
pub enum EngineEvent<'a> {
    /// The agent introduced itself, and its HELLO is acceptable.
    AgentHello(AgentHello<'a>),
    /// The answer to a NOTIFY in flight.
    Ack {
        /// The ids of that NOTIFY.
        ids: FrameIds,
        /// The actions; reading one of them may fail.
        actions: ActionIter<'a>,
    },
    /// An ACK to a NOTIFY that is no longer in flight: a second ACK, or one that came too late. HAProxy
    /// ignores it.
    Late {
        /// The ids it names.
        ids: FrameIds,
    },
    /// The agent closes gracefully: close.
    Disconnect(Disconnect<'a>),
    /// The agent broke the protocol, so that HAProxy ends the connection. The HAPROXY-DISCONNECT has been appended,
    /// if the peer would understand one; write it, then close.
    Refused(Refusal),
}

/// Why a NOTIFY was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotifyError {
    /// There was no AGENT-HELLO yet, or the conversation is over.
    #[error("the session is not open for a NOTIFY")]
    NotRunning,
    /// The frame is larger than agreed, and the agent takes no fragments.
    #[error("a NOTIFY of {size} bytes is larger than the {limit} agreed on")]
    TooBig {
        /// Bytes the frame would have, without the length prefix.
        size: usize,
        /// Bytes agreed on.
        limit: u32,
    },
    /// Another NOTIFY is in flight and pipelining was not agreed on.
    #[error("a NOTIFY is in flight and pipelining was not agreed on")]
    NoPipelining,
    /// A NOTIFY of these ids is in flight.
    #[error("stream-id {} and frame-id {} are in flight", .0.stream_id, .0.frame_id)]
    IdsInFlight(FrameIds),
}

impl EngineSession {
    /// Returns a session that has not sent its HELLO.
    #[must_use]
    pub fn new(settings: EngineSettings) -> Self {
        EngineSession {
            limit: settings.max_frame_size,
            settings,
            state: EngineState::Silent,
            capabilities: Capabilities::default(),
            in_flight: IdSet::default(),
            next_stream_id: 1,
            highest: FrameIds::ZERO,
        }
    }

    /// Appends the HAPROXY-HELLO; a second call does nothing.
    pub fn hello(&mut self, out: &mut Vec<u8>) {
        if self.state != EngineState::Silent {
            return;
        }
        self.state = EngineState::AwaitHello;
        HaproxyHello {
            supported_versions: VERSION,
            max_frame_size: self.settings.max_frame_size,
            capabilities: self.settings.capabilities,
            healthcheck: self.settings.healthcheck,
            engine_id: self.settings.engine_id.as_deref(),
        }
        .encode(out);
    }

    /// Returns the frame size agreed on, in bytes without the length prefix; before that, the one offered.
    #[must_use]
    pub fn max_frame_size(&self) -> u32 {
        self.limit
    }

    /// Returns the capabilities that both ends have; `fragmentation` counts as soon as the agent can.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    /// Returns whether a NOTIFY can be sent.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.state == EngineState::Running
    }

    /// Returns whether the conversation is over: later bytes are ignored.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state == EngineState::Over
    }

    /// Returns the number of NOTIFYs that wait for their ACK.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Appends a NOTIFY of this payload, in fragments if it is too large for one frame and the agent
    /// takes those, and returns the ids its ACK will have: stream-ids 1, 3, 5… and frame-id 1, as
    /// HAProxy ≥ 3.1 counts.
    ///
    /// # Errors
    /// A [`NotifyError`] if the session is not open for it, the frame is too large, or it would have
    /// to wait. Then nothing is appended.
    pub fn notify(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<FrameIds, NotifyError> {
        let mut ids = FrameIds {
            stream_id: self.next_stream_id,
            frame_id: 1,
        };
        while self.in_flight.contains(&ids) {
            ids.stream_id = ids.stream_id.wrapping_add(2);
        }
        self.notify_as(ids, payload, out)?;
        self.next_stream_id = ids.stream_id.wrapping_add(2);
        Ok(ids)
    }

    /// Appends a NOTIFY of this payload and these ids: HAProxy ≤ 3.0 counts streams from 0 and the
    /// frames of each stream from 1.
    ///
    /// # Errors
    /// As [`EngineSession::notify`], and [`NotifyError::IdsInFlight`] if the ids are taken.
    pub fn notify_as(
        &mut self,
        ids: FrameIds,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), NotifyError> {
        if self.state != EngineState::Running {
            return Err(NotifyError::NotRunning);
        }
        if !self.capabilities.contains(Capabilities::PIPELINING) && !self.in_flight.is_empty() {
            return Err(NotifyError::NoPipelining);
        }
        if !self.in_flight.insert(ids) {
            return Err(NotifyError::IdsInFlight(ids));
        }
        let start = out.len();
        let frame = OpenFrame::begin(FrameType::NOTIFY, Flags::FIN, ids, out);
        let head = frame.size(out);
        let limit = self.limit as usize;
        if head + payload.len() <= limit {
            out.extend_from_slice(payload);
            frame.finish(out);
        } else {
            out.truncate(start);
            if !self.capabilities.contains(Capabilities::FRAGMENTATION) || head >= limit {
                self.in_flight.remove(&ids);
                return Err(NotifyError::TooBig {
                    size: head + payload.len(),
                    limit: self.limit,
                });
            }
            fragments(ids, payload, limit - head, out);
        }
        self.highest = FrameIds {
            stream_id: self.highest.stream_id.max(ids.stream_id),
            frame_id: self.highest.frame_id.max(ids.frame_id),
        };
        Ok(())
    }

    /// Stops waiting for this ACK, as HAProxy does after `timeout processing`: if it comes, it is
    /// [`EngineEvent::Late`]. Returns whether it was awaited.
    pub fn give_up(&mut self, ids: FrameIds) -> bool {
        self.in_flight.remove(&ids)
    }

    /// Takes the next event from the front of `input`, and appends the frames that it requires to `out`.
    ///
    /// Call it again with the rest until the event is `None`. How the bytes were split over reads
    /// makes no difference to the events.
    pub fn receive<'i>(&mut self, input: &'i [u8], out: &mut Vec<u8>) -> Received<EngineEvent<'i>> {
        let mut rest = input;
        loop {
            if self.state == EngineState::Over {
                return Received::new(input.len(), None);
            }
            let frame = match Frame::split(&mut rest, self.largest()) {
                Ok(Some(frame)) => frame,
                Ok(None) => return Received::new(input.len() - rest.len(), None),
                // Bytes after a DISCONNECT are not an error.
                Err(_) if self.state == EngineState::Closing => {
                    self.state = EngineState::Over;
                    continue;
                }
                Err(error) => {
                    let foreign = match self.state {
                        EngineState::AwaitHello => Foreign::known_by(rest),
                        _ => None,
                    };
                    let refusal = foreign.map_or(Refusal::Frame(error), Refusal::Foreign);
                    let refused = self.refuse(refusal, input.len(), out);
                    // Where the next frame would begin is not known any more.
                    self.state = EngineState::Over;
                    return refused;
                }
            };
            let used = input.len() - rest.len();
            match self.take(&frame) {
                Ok(None) => {}
                Ok(event) => return Received::new(used, event),
                Err(refusal) => return self.refuse(refusal, used, out),
            }
        }
    }

    /// Appends a HAPROXY-DISCONNECT. Of later frames, only the AGENT-DISCONNECT is read.
    ///
    /// HAProxy waits for the ACKs in flight first.
    pub fn disconnect(&mut self, disconnect: Disconnect<'_>, out: &mut Vec<u8>) {
        match self.state {
            EngineState::AwaitHello | EngineState::Running => {
                disconnect.encode(FrameType::HAPROXY_DISCONNECT, out);
                self.state = EngineState::Closing;
            }
            EngineState::Silent => self.state = EngineState::Over,
            EngineState::Closing | EngineState::Over => {}
        }
        self.in_flight.clear();
    }

    /// The largest frame to accept now.
    fn largest(&self) -> u32 {
        match self.state {
            // SPOE.txt allows the size agreed on; HAProxy ≥ 3.1 stalls for good on a frame that has
            // just that.
            EngineState::Running => self.limit.saturating_sub(1),
            _ => self.limit,
        }
    }

    fn take<'i>(&mut self, frame: &Frame<'i>) -> Result<Option<EngineEvent<'i>>, Refusal> {
        match (self.state, frame.frame_type) {
            (_, FrameType::AGENT_DISCONNECT) => {
                let said = Disconnect::decode(frame.payload).map_err(Refusal::Frame);
                self.state = EngineState::Over;
                self.in_flight.clear();
                Ok(Some(EngineEvent::Disconnect(said?)))
            }
            // SPOE.txt 3.2.8: all other frames are ignored.
            (EngineState::Closing, _) => Ok(None),
            (EngineState::AwaitHello, FrameType::AGENT_HELLO) => self.agree(frame).map(Some),
            (EngineState::Running, FrameType::ACK) => self.ack(frame).map(Some),
            // SPOE.txt 3.2.2: unknown frames may be skipped.
            (EngineState::Running, unknown) if !unknown.is_known() => Ok(None),
            (_, other) => Err(Refusal::Unexpected(other)),
        }
    }

    fn agree<'i>(&mut self, frame: &Frame<'i>) -> Result<EngineEvent<'i>, Refusal> {
        // SPOE.txt 3.2.5: it cannot be fragmented, and has no ids.
        if !frame.flags.fin() {
            return Err(Refusal::Hello(Status::NO_FRAGMENTATION));
        }
        if frame.ids != FrameIds::ZERO {
            return Err(Refusal::Hello(Status::INVALID_FRAME));
        }
        let hello = AgentHello::decode(frame.payload).map_err(Refusal::Hello)?;
        if hello.max_frame_size > self.settings.max_frame_size {
            return Err(Refusal::Hello(Status::BAD_MAX_FRAME_SIZE));
        }
        let (ours, theirs) = (self.settings.capabilities, hello.capabilities);
        self.limit = hello.max_frame_size;
        // HAProxy up to 3.0 sends fragments to an agent that announces it, without offering it.
        self.capabilities = (ours & theirs) | (theirs & Capabilities::FRAGMENTATION);
        // SPOE.txt 3.2.5: HAProxy closes after the HELLO of a health check.
        self.state = if self.settings.healthcheck {
            EngineState::Over
        } else {
            EngineState::Running
        };
        Ok(EngineEvent::AgentHello(hello))
    }

    fn ack<'i>(&mut self, frame: &Frame<'i>) -> Result<EngineEvent<'i>, Refusal> {
        let ids = frame.ids;
        if !frame.flags.fin() {
            return Err(Refusal::Fragments(Status::NO_FRAGMENTATION));
        }
        if self.in_flight.remove(&ids) {
            let actions = ActionIter::new(frame.payload);
            return Ok(EngineEvent::Ack { ids, actions });
        }
        // HAProxy ≥ 3.1 fails the whole connection for ids it never used.
        if ids.stream_id > self.highest.stream_id || ids.frame_id > self.highest.frame_id {
            return Err(Refusal::UnknownAck(ids));
        }
        Ok(EngineEvent::Late { ids })
    }

    fn refuse<'i>(
        &mut self,
        refusal: Refusal,
        used: usize,
        out: &mut Vec<u8>,
    ) -> Received<EngineEvent<'i>> {
        if !matches!(refusal, Refusal::Foreign(_)) {
            self.disconnect(refusal.status().into(), out);
        }
        Received::new(used, Some(EngineEvent::Refused(refusal)))
    }
}

/// SPOE.txt 3.2: the first fragment is a NOTIFY, the others are UNSET, the last has FIN.
fn fragments(ids: FrameIds, payload: &[u8], room: usize, out: &mut Vec<u8>) {
    let mut frame_type = FrameType::NOTIFY;
    let mut rest = payload;
    while !rest.is_empty() {
        let (fragment, after) = rest.split_at(room.min(rest.len()));
        let flags = if after.is_empty() {
            Flags::FIN
        } else {
            Flags::default()
        };
        Frame {
            frame_type,
            flags,
            ids,
            payload: fragment,
        }
        .encode(out);
        (frame_type, rest) = (FrameType::UNSET, after);
    }
}

//! HAProxy's end of a conversation: frames in bytes, answers in words.

use spoa::agent::{Agent, AgentBuilder};
use spoa::handler::Peer as Origin;
use spoa::spop::{ActionIter, Disconnect, Frame, FrameType, Value};
pub(crate) use spoa_test_support::{frame, health_check, hello};
use std::future::pending;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::task::JoinHandle;

/// The other end of a connection to an agent.
pub(crate) struct Peer<S = DuplexStream> {
    pub(crate) io: S,
    pub(crate) agent: JoinHandle<()>,
    received: Vec<u8>,
}

/// One frame from the agent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Hello,
    /// Stream-id and actions.
    Ack(u64, Vec<String>),
    /// Status code.
    Disconnect(u32),
    /// The agent closed the connection.
    Closed,
}

/// An ACK with these actions.
pub(crate) fn ack(stream_id: u64, actions: &[&str]) -> Answer {
    Answer::Ack(
        stream_id,
        actions.iter().map(|&action| action.to_owned()).collect(),
    )
}

/// Returns a NOTIFY of messages with one argument `n` each.
pub(crate) fn notify(stream_id: u64, messages: &[&str]) -> Vec<u8> {
    let arguments: &[_] = &[("n", Value::Int64(7))];
    let messages: Vec<_> = messages.iter().map(|name| (*name, arguments)).collect();
    spoa_test_support::notify(stream_id, &messages)
}

impl Peer {
    /// Connects to an agent without a word.
    pub(crate) fn silent(builder: AgentBuilder, pipe: usize) -> Self {
        Peer::to(&builder.build().unwrap(), pipe)
    }

    /// Connects to an agent that serves others as well.
    pub(crate) fn to(agent: &Agent, pipe: usize) -> Self {
        let (io, theirs) = tokio::io::duplex(pipe);
        Peer::over(
            io,
            tokio::spawn(agent.serve_connection(theirs, Origin::Memory, pending())),
        )
    }

    /// Connects to an agent and exchanges HELLOs.
    pub(crate) async fn connect(builder: AgentBuilder) -> Self {
        Peer::with_frames(builder, 16380).await
    }

    /// Connects to an agent with this frame size and exchanges HELLOs.
    pub(crate) async fn with_frames(builder: AgentBuilder, max_frame_size: u32) -> Self {
        let mut peer = Peer::silent(builder, 1 << 20);
        peer.greet_with(max_frame_size).await;
        peer
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    /// One end of a connection whose other end is the agent's.
    pub(crate) fn over(io: S, agent: JoinHandle<()>) -> Self {
        Peer {
            io,
            agent,
            received: Vec::new(),
        }
    }

    /// Exchanges HELLOs.
    pub(crate) async fn greet(&mut self) {
        self.greet_with(16380).await;
    }

    /// Exchanges HELLOs, with this frame size.
    async fn greet_with(&mut self, max_frame_size: u32) {
        self.send(&hello(max_frame_size)).await;
        assert_eq!(self.answer().await, Answer::Hello);
    }

    /// Whether more came with the answers so far.
    pub(crate) fn has_more(&self) -> bool {
        !self.received.is_empty()
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.io.write_all(bytes).await.unwrap();
    }

    /// The next frame from the agent.
    pub(crate) async fn answer(&mut self) -> Answer {
        loop {
            let mut rest = &*self.received;
            if let Some(frame) = Frame::split(&mut rest, 1 << 20).unwrap() {
                assert!(frame.flags.fin());
                let answer = match frame.frame_type {
                    FrameType::AGENT_HELLO => Answer::Hello,
                    FrameType::AGENT_DISCONNECT => {
                        let disconnect = Disconnect::decode(frame.payload).unwrap();
                        Answer::Disconnect(disconnect.status.code())
                    }
                    FrameType::ACK => {
                        assert_eq!(frame.ids.frame_id, 1);
                        let actions = ActionIter::new(frame.payload);
                        let words = actions.map(|action| action.unwrap().to_string()).collect();
                        Answer::Ack(frame.ids.stream_id, words)
                    }
                    other => panic!("an agent does not send {other}"),
                };
                self.received = rest.to_vec();
                return answer;
            }
            if self.io.read_buf(&mut self.received).await.unwrap() == 0 {
                assert!(self.received.is_empty(), "closed inside a frame");
                return Answer::Closed;
            }
        }
    }

    /// Sends a NOTIFY and awaits the next frame.
    pub(crate) async fn ask(&mut self, messages: &[&str]) -> Answer {
        self.send(&notify(1, messages)).await;
        self.answer().await
    }
}

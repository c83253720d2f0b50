//! The frames to the agent and back, with the time of each.

use super::tls::takes_tls;
use crate::failure::Failure;
use crate::transport::{self, Connected, Target};
use spoa::client::{Negotiated, plain_text};
use spoa::spop::session::{EngineEvent, EngineSession, EngineSettings, Foreign, Refusal};
use spoa::spop::{Capabilities, Disconnect, Status};
use std::fmt;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

/// How long HAProxy's DISCONNECT may wait for its answer.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The limit on the bytes of one read.
const ROOM: usize = 64 << 10;

/// An agent to probe.
#[derive(Debug)]
pub(super) struct Probe {
    pub(super) target: Target,
    /// The frame size to offer.
    pub(super) offered: u32,
    pub(super) patience: Duration,
}

/// The answer to a HELLO.
#[derive(Debug)]
pub(super) struct Hello {
    /// The time to connect.
    pub(super) connected: Duration,
    /// The time from then to the answer.
    pub(super) answered: Duration,
    /// The number of reads that the answer took.
    pub(super) pieces: usize,
    /// All bytes that arrived.
    pub(super) bytes: Vec<u8>,
    pub(super) outcome: Result<Negotiated, Problem>,
}

/// Why there is no agreement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// HAProxy would refuse the agent's answer.
    Refused(Refusal),
    /// The program that listens there answers with this plain text.
    Text(String),
    /// The agent sent AGENT-DISCONNECT instead of AGENT-HELLO.
    Disconnected(Status, String),
    /// The agent closed the connection, but answered one that began with TLS.
    Tls,
    /// The agent closed the connection.
    Closed,
    /// Nothing came in time.
    Silent(Duration),
    /// The connection broke.
    Broken(String),
}

impl Problem {
    /// Returns whether the bytes that arrived explain the problem.
    pub(super) fn is_about_bytes(&self) -> bool {
        match self {
            Problem::Refused(_) | Problem::Disconnected(..) => true,
            Problem::Text(_)
            | Problem::Tls
            | Problem::Closed
            | Problem::Silent(_)
            | Problem::Broken(_) => false,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Refused(refusal) => refusal.fmt(f),
            Problem::Text(line) => write!(f, "it answered with text: `{line}`"),
            Problem::Disconnected(status, message) => {
                write!(f, "AGENT-DISCONNECT, status {}: {status}", status.code())?;
                if !message.is_empty() && message != status.words() {
                    write!(f, " (`{}`)", message.escape_debug())?;
                }
                Ok(())
            }
            Problem::Tls => f.write_str("what listens there takes TLS only"),
            Problem::Closed => f.write_str("the agent closed the connection"),
            Problem::Silent(limit) => write!(f, "no answer within {limit:?}"),
            Problem::Broken(error) => write!(f, "the connection broke: {error}"),
        }
    }
}

/// The agent's reaction to HAProxy's DISCONNECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DisconnectReaction {
    /// The agent sent its own DISCONNECT.
    Answered(Status, Duration),
    /// The agent closed the connection without one.
    Closed(Duration),
    /// Neither of the two.
    Ignored,
}

impl Probe {
    /// Exchanges HELLOs as for a connection that will be used, and DISCONNECTs if the HELLOs agree.
    pub(super) async fn hello(&self) -> Result<(Hello, Option<DisconnectReaction>), Failure> {
        let (mut stream, connected) = self.connect().await?;
        let mut settings = EngineSettings::default();
        settings.max_frame_size = self.offered;
        settings.engine_id = Some("spop-probe".to_owned());
        let mut session = EngineSession::new(settings);
        let hello = self.exchange(&mut stream, &mut session, connected).await;
        let disconnect = match hello.outcome {
            Ok(_) => Some(disconnect(&mut stream, &mut session).await),
            Err(_) => None,
        };
        Ok((hello, disconnect))
    }

    /// Does the health check of `option spop-check`.
    pub(super) async fn health_check(&self) -> Result<Hello, Failure> {
        let (mut stream, connected) = self.connect().await?;
        // As HAProxy's: no capabilities and no engine-id.
        let mut settings = EngineSettings::default();
        settings.max_frame_size = self.offered;
        settings.capabilities = Capabilities::default();
        settings.healthcheck = true;
        let mut session = EngineSession::new(settings);
        Ok(self.exchange(&mut stream, &mut session, connected).await)
    }

    async fn connect(&self) -> Result<(Connected, Duration), Failure> {
        let start = Instant::now();
        let stream = self.target.connect(self.patience).await?;
        Ok((stream, start.elapsed()))
    }

    async fn exchange(
        &self,
        stream: &mut Connected,
        session: &mut EngineSession,
        connected: Duration,
    ) -> Hello {
        let start = Instant::now();
        let mut hello = Hello {
            connected,
            answered: Duration::ZERO,
            pieces: 0,
            // Room enough: pieces are to be those of the network.
            bytes: Vec::with_capacity(ROOM),
            outcome: Err(Problem::Silent(self.patience)),
        };
        let answered = timeout(self.patience, listen(stream, session, &mut hello)).await;
        if let Ok(outcome) = answered {
            hello.outcome = outcome;
        }
        hello.answered = start.elapsed();
        // Some say so themselves, with an alert; most close silently.
        let may_be_tls = match &hello.outcome {
            Err(Problem::Closed | Problem::Refused(Refusal::Foreign(Foreign::Tls))) => true,
            Ok(_) | Err(_) => false,
        };
        let may_be_tls = may_be_tls && !self.target.has_tls();
        if may_be_tls && takes_tls(&self.target.address, self.patience).await {
            hello.outcome = Err(Problem::Tls);
        }
        hello
    }
}

/// Sends the HELLO and reads until the answer can be judged.
async fn listen(
    stream: &mut Connected,
    session: &mut EngineSession,
    hello: &mut Hello,
) -> Result<Negotiated, Problem> {
    let broken = |error: io::Error| match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Problem::Closed,
        _ => {
            let text = error.to_string();
            let remedy = transport::remedy(&text);
            Problem::Broken(format!("{text}{remedy}"))
        }
    };
    let mut out = Vec::new();
    session.hello(&mut out);
    stream.write_all(&out).await.map_err(broken)?;
    loop {
        if stream.read_buf(&mut hello.bytes).await.map_err(broken)? == 0 {
            return Err(Problem::Closed);
        }
        hello.pieces += 1;
        out.clear();
        if let Some(line) = plain_text(&hello.bytes) {
            return Err(Problem::Text(line));
        }
        match session.receive(&hello.bytes, &mut out).event {
            // Nothing is used before the HELLO is whole.
            None => {}
            Some(EngineEvent::AgentHello(agent)) => return Ok(agent.into()),
            Some(EngineEvent::Disconnect(Disconnect { status, message })) => {
                return Err(Problem::Disconnected(status, message.to_owned()));
            }
            Some(EngineEvent::Refused(refusal)) => {
                // So that the agent's log can say what HAProxy would tell it.
                let _ = stream.write_all(&out).await;
                return Err(Problem::Refused(refusal));
            }
            Some(_) => return Err(Problem::Closed),
        }
    }
}

async fn disconnect(stream: &mut Connected, session: &mut EngineSession) -> DisconnectReaction {
    let start = Instant::now();
    let (mut out, mut input) = (Vec::new(), Vec::new());
    session.disconnect(Status::NORMAL.into(), &mut out);
    let answer = timeout(DISCONNECT_TIMEOUT, async {
        stream.write_all(&out).await.ok()?;
        loop {
            if stream.read_buf(&mut input).await.ok()? == 0 {
                return None;
            }
            if let Some(EngineEvent::Disconnect(said)) =
                session.receive(&input, &mut Vec::new()).event
            {
                return Some(said.status);
            }
        }
    });
    match answer.await {
        Ok(Some(status)) => DisconnectReaction::Answered(status, start.elapsed()),
        Ok(None) => DisconnectReaction::Closed(start.elapsed()),
        Err(_) => DisconnectReaction::Ignored,
    }
}

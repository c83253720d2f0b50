//! The options of a client, and the exchange of HELLOs.

use super::connection::{self, ClientConnection};
use super::{Client, ClientParts, Error, Negotiated, Stream, plain_text};
use crate::spop::session::{EngineEvent, EngineSession, EngineSettings, Received};
use crate::spop::{Capabilities, MIN_MAX_FRAME_SIZE};
use crate::task;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// The options of a client: its HELLO, and its timeouts.
///
/// ```no_run
/// use spoa::client::Client;
/// use std::time::Duration;
///
/// # async fn call() -> Result<(), spoa::client::Error> {
/// let client = Client::options()
///     .engine_id("load-test")
///     .max_in_flight(256)
///     .ack_timeout(Duration::from_millis(100))
///     .connect("unix@/run/agent.sock")
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until `connect`, `over` or `probe`"]
pub struct ClientOptions {
    engine: EngineSettings,
    hello_timeout: Duration,
    ack_timeout: Duration,
    close_timeout: Duration,
    max_in_flight: usize,
}

impl Default for ClientOptions {
    /// HAProxy's defaults: frames up to 16380 bytes, pipelining, 20 NOTIFYs in flight. 5 seconds for
    /// connecting, 5 for the HELLO, 10 for an ACK, and 1 for the answer to HAPROXY-DISCONNECT.
    fn default() -> Self {
        ClientOptions {
            engine: EngineSettings {
                engine_id: Some("spoa-client".to_owned()),
                ..EngineSettings::default()
            },
            hello_timeout: Duration::from_secs(5),
            ack_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(1),
            max_in_flight: 20,
        }
    }
}

impl ClientOptions {
    /// Sets the engine-id, by which the agent knows this client. Default `spoa-client`.
    pub fn engine_id(mut self, id: impl Into<String>) -> Self {
        self.engine.engine_id = Some(id.into());
        self
    }

    /// Sets the largest frame to offer, in bytes without the length prefix; at least 256. HAProxy's is
    /// its `tune.bufsize` less 4.
    pub fn max_frame_size(mut self, size: u32) -> Self {
        self.engine.max_frame_size = size.max(MIN_MAX_FRAME_SIZE);
        self
    }

    /// Sets the capabilities to offer. Default pipelining alone. Without pipelining one NOTIFY is in flight at a
    /// time. A NOTIFY is sent in fragments if the agent takes them, offered or not, as HAProxy does
    /// up to 3.0.
    pub fn capabilities(mut self, capabilities: Capabilities) -> Self {
        self.engine.capabilities = capabilities;
        self
    }

    /// Sets how long to wait for the connection, and then again for the AGENT-HELLO.
    pub fn hello_timeout(mut self, limit: Duration) -> Self {
        self.hello_timeout = limit;
        self
    }

    /// Sets how long one message may take, from the call to its ACK.
    pub fn ack_timeout(mut self, limit: Duration) -> Self {
        self.ack_timeout = limit;
        self
    }

    /// Sets how long to wait for the AGENT-DISCONNECT.
    pub fn close_timeout(mut self, limit: Duration) -> Self {
        self.close_timeout = limit;
        self
    }

    /// Sets how many NOTIFYs may be in flight at a time, at least 1; more wait. Without pipelining it is
    /// always 1.
    pub fn max_in_flight(mut self, count: usize) -> Self {
        self.max_in_flight = count.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// Connects to the agent at an address, written as [`Client::connect`] says.
    ///
    /// # Errors
    /// An [`Error`] if nothing listens there, or the listener is not an agent.
    pub async fn connect(self, address: &str) -> Result<Client, Error> {
        let stream = Stream::connect(address, self.hello_timeout).await?;
        self.over(stream).await
    }

    /// Speaks over a stream that is connected already.
    ///
    /// # Errors
    /// An [`Error`] if the other end is not an agent.
    pub async fn over<S>(self, mut stream: S) -> Result<Client, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut session = EngineSession::new(self.engine);
        let mut input = Vec::new();
        let hello = hello(&mut stream, &mut session, &mut input);
        let agent = timeout(self.hello_timeout, hello)
            .await
            .map_err(|_| Error::HelloTimeout(self.hello_timeout))??;
        let places = if session.capabilities().contains(Capabilities::PIPELINING) {
            self.max_in_flight
        } else {
            1
        };
        let connection = Arc::new(ClientConnection::new(session));
        let driver = connection::drive(stream, input, Arc::clone(&connection));
        Ok(Client {
            inner: Arc::new(ClientParts {
                connection,
                agent,
                places: Semaphore::new(places),
                ack_timeout: self.ack_timeout,
                close_timeout: self.close_timeout,
                driver: task::spawn(driver).abort_handle(),
            }),
        })
    }

    /// Checks the health of the agent at an address, as [`Client::probe`] does.
    ///
    /// # Errors
    /// An [`Error`] if nothing listens there, the listener is not an agent, or the agent
    /// refuses the health check.
    pub async fn probe(self, address: &str) -> Result<Negotiated, Error> {
        let stream = Stream::connect(address, self.hello_timeout).await?;
        self.probe_over(stream).await
    }

    /// Checks the health of the agent at the other end of a stream, as [`Client::probe`] does.
    ///
    /// # Errors
    /// An [`Error`] if the other end is not an agent, or refuses the health check.
    pub async fn probe_over<S>(self, mut stream: S) -> Result<Negotiated, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        // As in HAProxy: no capabilities and no engine-id.
        let mut session = EngineSession::new(EngineSettings {
            max_frame_size: self.engine.max_frame_size,
            capabilities: Capabilities::default(),
            engine_id: None,
            healthcheck: true,
        });
        let mut input = Vec::new();
        timeout(
            self.hello_timeout,
            hello(&mut stream, &mut session, &mut input),
        )
        .await
        .unwrap_or(Err(Error::HelloTimeout(self.hello_timeout)))
    }
}

/// Exchanges the HELLOs on a stream, for a program that drives a session itself. A [`Client`] does so when it
/// connects. Bytes that came after the agent's HELLO stay in `input`.
///
/// # Errors
/// An [`Error`] if the other end is not an agent, or the HELLOs do not agree.
pub async fn hello<S>(
    stream: &mut S,
    session: &mut EngineSession,
    input: &mut Vec<u8>,
) -> Result<Negotiated, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut out = Vec::new();
    session.hello(&mut out);
    // An agent that refuses may close before all is written: what it said is worth more than that.
    let written = stream.write_all(&out).await;
    loop {
        if let Some(line) = plain_text(input) {
            return Err(Error::Text(line));
        }
        out.clear();
        let Received { used, event } = session.receive(input, &mut out);
        let result = match event {
            None => None,
            Some(EngineEvent::AgentHello(hello)) => Some(Ok(hello.into())),
            Some(event) => Some(Err(connection::reason(event))),
        };
        input.drain(..used);
        if let Some(result) = result {
            // Only a refusal has something to say, to a peer that may be gone.
            let _ = stream.write_all(&out).await;
            return result;
        }
        match stream.read_buf(input).await {
            Ok(0) => return Err(Error::NoHello),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {
                return Err(Error::NoHello);
            }
            Err(error) => return Err(Error::Io(Arc::new(written.err().unwrap_or(error)))),
        }
    }
}

//! A client that plays HAProxy's part: it connects to any agent, sends messages and reads the answers.
//!
//! ```no_run
//! use spoa::client::Client;
//! use spoa::spop::Value;
//!
//! # async fn call() -> Result<(), spoa::client::Error> {
//! let client = Client::connect("127.0.0.1:12345").await?;
//! let ip = Value::from(std::net::IpAddr::from([192, 0, 2, 7]));
//! let ack = client.send("get-ip-reputation", &[("ip", ip)]).await?;
//! for action in &ack.actions {
//!     println!("{action}"); // set-var sess.ip_score = 20
//! }
//! client.close().await
//! # }
//! ```
//!
//! A client is one connection. It is cheap to clone, and all its clones may send at once: NOTIFYs
//! are pipelined and each ACK finds its sender by its ids, as in HAProxy.

mod ack;
mod address;
mod argument;
mod connection;
mod error;
mod json;
mod options;
#[cfg(test)]
mod tests;
mod text;

pub use ack::{Ack, OwnedAction, OwnedValue};
pub use address::Stream;
pub use argument::{Argument, ParseError};
pub use error::Error;
pub use options::{ClientOptions, hello};
pub use text::plain_text;

use crate::spop::{AgentHello, Capabilities, Disconnect, NotifyWriter, Status, Value};
use connection::ClientConnection;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio::time::timeout;

/// A connection to an agent, on which messages are sent.
///
/// When its last clone is dropped, the connection is closed without a HAPROXY-DISCONNECT; [`Client::close`] sends
/// one first.
///
/// ```
/// use spoa::client::Client;
/// # use spoa::spop::{AckWriter, Action, Scope, Value, session::{AgentEvent, AgentSession}};
/// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), spoa::client::Error> {
/// let (ours, theirs) = tokio::io::duplex(4096);
/// # tokio::spawn(async move {
/// #     let (mut stream, mut input, mut out) = (theirs, Vec::new(), Vec::new());
/// #     let mut session = AgentSession::new(Default::default());
/// #     while stream.read_buf(&mut input).await.unwrap() > 0 {
/// #         let received = session.receive(&input, &mut out);
/// #         let used = received.used;
/// #         if let Some(AgentEvent::Notify { ids, .. }) = received.event {
/// #             let mut ack = AckWriter::begin(ids, &mut out);
/// #             let (scope, value) = (Scope::Session, Value::Int32(20));
/// #             ack.action(&Action::SetVar { scope, name: "ip_score".into(), value });
/// #             ack.finish();
/// #         }
/// #         input.drain(..used);
/// #         stream.write_all(&std::mem::take(&mut out)).await.unwrap();
/// #     }
/// # });
/// let client = Client::over(ours).await?;
/// let ack = client.send("get-ip-reputation", &[("ip", "192.0.2.7".into())]).await?;
/// assert_eq!(ack.get("sess.ip_score").and_then(|score| score.as_integer()), Some(20));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<ClientParts>,
}

#[derive(Debug)]
struct ClientParts {
    connection: Arc<ClientConnection>,
    agent: Negotiated,
    /// One permit for each NOTIFY that may be in flight.
    places: Semaphore,
    ack_timeout: Duration,
    close_timeout: Duration,
    driver: AbortHandle,
}

impl Drop for ClientParts {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// The contents of an agent's HELLO.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Negotiated {
    /// The version of SPOP the agent chose.
    pub version: String,
    /// The largest frame, in bytes without the length prefix.
    pub max_frame_size: u32,
    /// The capabilities of the agent.
    pub capabilities: Capabilities,
}

impl From<AgentHello<'_>> for Negotiated {
    fn from(hello: AgentHello<'_>) -> Self {
        Negotiated {
            version: hello.version.to_owned(),
            max_frame_size: hello.max_frame_size,
            capabilities: hello.capabilities,
        }
    }
}

impl Client {
    /// Returns options to set before connecting.
    pub fn options() -> ClientOptions {
        ClientOptions::default()
    }

    /// Connects to the agent at an address, with the default [`ClientOptions`]:
    /// `127.0.0.1:12345`, `unix@/run/agent.sock`, or `abns@name` for an abstract socket as HAProxy
    /// names them (Linux).
    ///
    /// # Errors
    /// An [`Error`] if nothing listens there, or the listener is not an agent.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O and time, as all of the client.
    pub async fn connect(address: &str) -> Result<Self, Error> {
        Client::options().connect(address).await
    }

    /// Speaks over a stream that is connected already, with the default [`ClientOptions`].
    ///
    /// # Errors
    /// An [`Error`] if the other end is not an agent.
    pub async fn over<S>(stream: S) -> Result<Self, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        Client::options().over(stream).await
    }

    /// Checks the health of the agent at an address, as HAProxy does for `option spop-check`: sends a HELLO
    /// that is a health check, reads the answer and closes.
    ///
    /// # Errors
    /// An [`Error`] if nothing listens there, the listener is not an agent, or the agent
    /// refuses the health check.
    pub async fn probe(address: &str) -> Result<Negotiated, Error> {
        Client::options().probe(address).await
    }

    /// Returns the contents of the agent's HELLO.
    #[must_use]
    pub fn negotiated(&self) -> &Negotiated {
        &self.inner.agent
    }

    /// Sends one message in a NOTIFY of its own and waits for its ACK.
    ///
    /// If as many NOTIFYs are in flight as may be ([`ClientOptions::max_in_flight`]), it waits for
    /// its turn; both waits together end with [`ClientOptions::ack_timeout`]. If the future is
    /// dropped, the wait for the ACK ends.
    ///
    /// # Errors
    /// An [`Error`] if the message is too large, the ACK does not come in time, or the
    /// connection ends.
    pub async fn send(&self, name: &str, args: &[(&str, Value<'_>)]) -> Result<Ack, Error> {
        let mut payload = Vec::new();
        let mut writer = NotifyWriter::new(&mut payload);
        writer.message(name, args);
        let checked = writer.check();
        self.exchange(payload, checked).await
    }

    /// Sends several messages in one NOTIFY, as HAProxy does with those of one event or one group,
    /// and waits for their one ACK.
    ///
    /// ```no_run
    /// # async fn call(client: spoa::client::Client) -> Result<(), spoa::client::Error> {
    /// let ack = client
    ///     .notify(|notify| {
    ///         notify
    ///             .message("check-path", &[("path", "/admin".into())])
    ///             .message("check-agent", &[("ua", "curl/8".into())]);
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn notify(&self, write: impl FnOnce(&mut NotifyWriter<'_>)) -> Result<Ack, Error> {
        let mut payload = Vec::new();
        let mut writer = NotifyWriter::new(&mut payload);
        write(&mut writer);
        let checked = writer.check();
        self.exchange(payload, checked).await
    }

    /// Sends a HAPROXY-DISCONNECT and waits for the AGENT-DISCONNECT, at most [`ClientOptions::close_timeout`]. Nothing can
    /// be sent afterwards, and NOTIFYs in flight fail with [`Error::Closed`]: await them first.
    ///
    /// # Errors
    /// An [`Error`] if the connection had ended before, the agent closes it without an
    /// AGENT-DISCONNECT or with another status than [`Status::NORMAL`], or does not answer.
    pub async fn close(&self) -> Result<(), Error> {
        let connection = &self.inner.connection;
        connection.disconnect(Disconnect::from(Status::NORMAL))?;
        let limit = self.inner.close_timeout;
        let ended = timeout(limit, connection.ended()).await;
        match ended.map_err(|_| Error::CloseTimeout(limit))? {
            Error::Disconnected {
                status: Status::NORMAL,
                ..
            } => Ok(()),
            reason => Err(reason),
        }
    }

    async fn exchange(&self, payload: Vec<u8>, checked: Result<(), usize>) -> Result<Ack, Error> {
        checked.map_err(Error::TooManyArguments)?;
        let limit = self.inner.ack_timeout;
        let answered = timeout(limit, async {
            // The semaphore is never closed: there is a place as soon as one is free.
            let _place = self.inner.places.acquire().await;
            self.inner.connection.exchange(&payload).await
        });
        answered.await.unwrap_or(Err(Error::AckTimeout(limit)))
    }
}

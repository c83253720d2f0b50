//! Errors between a client and an agent, by cause, each with its remedy.

use crate::spop::{Status, session::Refusal};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// An error of a client.
///
/// ```
/// use spoa::client::{Client, Error};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let error = Client::connect("localhost").await.unwrap_err();
/// assert!(matches!(error, Error::Address { .. }));
/// assert_eq!(
///     error.to_string(),
///     "`localhost` is not an address: there is no port; \
///      write `127.0.0.1:12345`, `unix@/run/agent.sock` or `abns@name`"
/// );
/// # }
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not an address.
    #[error(
        "`{address}` is not an address: {reason}; \
         write `127.0.0.1:12345`, `unix@/run/agent.sock` or `abns@name`"
    )]
    #[non_exhaustive]
    Address {
        /// The address as given.
        address: String,
        /// The problem.
        reason: &'static str,
    },
    /// Nothing listens at the address.
    #[error(
        "nothing listens on `{address}` ({source}): \
         start the agent, or give the address it says it listens on"
    )]
    #[non_exhaustive]
    NothingListens {
        /// The address as given.
        address: String,
        /// The error of the system.
        source: Arc<io::Error>,
    },
    /// The socket at the address may not be opened.
    #[error(
        "`{address}` may not be opened ({source}): \
         let this user write to the socket and enter the folders above it"
    )]
    #[non_exhaustive]
    NotAllowed {
        /// The address as given.
        address: String,
        /// The error of the system.
        source: Arc<io::Error>,
    },
    /// The connection could not be made for another reason.
    #[error("cannot connect to `{address}`: {source}")]
    #[non_exhaustive]
    Connect {
        /// The address as given.
        address: String,
        /// The error of the system.
        source: Arc<io::Error>,
    },
    /// The connection was not established in time.
    #[error(
        "no connection to `{address}` within {limit:?}: \
         is the address right, and does a firewall let it through?"
    )]
    #[non_exhaustive]
    ConnectTimeout {
        /// The address as given.
        address: String,
        /// How long the client waited.
        limit: Duration,
    },
    /// The peer accepted the connection and said nothing.
    #[error("no AGENT-HELLO within {0:?}: is what listens there an SPOE agent?")]
    HelloTimeout(Duration),
    /// The peer closed the connection without an AGENT-HELLO.
    #[error(
        "the agent closed the connection in place of an AGENT-HELLO: \
         its log may say why; it may take TLS only, which this client does not speak, or not be \
         an SPOE agent"
    )]
    NoHello,
    /// The peer speaks in lines of text; this is the first, as [`plain_text`](super::plain_text) has it.
    #[error(
        "what listens there is not an SPOE agent: it answered with text: `{0}`; \
         is the address that of the agent?"
    )]
    Text(String),
    /// The agent ended the connection with an AGENT-DISCONNECT.
    #[error("the agent ended the connection with status {}: {status}{}", .status.code(), said(.status, .message))]
    #[non_exhaustive]
    Disconnected {
        /// The reason as a status code.
        status: Status,
        /// The reason in the agent's words.
        message: String,
    },
    /// The agent did what HAProxy ends a connection for.
    #[error("the agent would be refused by HAProxy: {0}")]
    Refused(Refusal),
    /// The agent closed the connection without an AGENT-DISCONNECT.
    #[error("the agent closed the connection without an AGENT-DISCONNECT")]
    Lost,
    /// The connection broke.
    #[error("the connection to the agent broke: {0}")]
    Io(#[source] Arc<io::Error>),
    /// The NOTIFY is larger than the frame size agreed on, and the agent takes no fragments.
    #[error(
        "a NOTIFY of {size} bytes is larger than the {limit} agreed on: send less, \
         or raise the frame size here (`ClientOptions::max_frame_size`) and in the agent"
    )]
    #[non_exhaustive]
    TooBig {
        /// Bytes the frame would have.
        size: usize,
        /// Bytes agreed on.
        limit: u32,
    },
    /// A message has more arguments than its count, one byte, can say.
    #[error("a message of {0} arguments cannot be sent: 255 is the most")]
    TooManyArguments(usize),
    /// The ACK did not come in time.
    #[error(
        "no ACK within {0:?}: the agent is slow or does not answer; \
         `ClientOptions::ack_timeout` waits longer"
    )]
    AckTimeout(Duration),
    /// The agent did not answer HAPROXY-DISCONNECT in time.
    #[error("no AGENT-DISCONNECT within {0:?}: the agent does not answer HAPROXY-DISCONNECT")]
    CloseTimeout(Duration),
    /// [`Client::close`](crate::client::Client::close) was called.
    #[error("the client is closed: connect again to send more")]
    Closed,
}

/// Returns the agent's own words, if they say more than the status does.
fn said(status: &Status, message: &str) -> String {
    if message.is_empty() || message == status.words() {
        String::new()
    } else {
        format!(" (`{}`)", message.escape_debug())
    }
}

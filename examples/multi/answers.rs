//! The handlers for responses, before they go to the client.

use spoa::State;
use spoa::prelude::*;
use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use tokio::net::{UdpSocket, lookup_host};

/// A statsd, or another program that reads its lines.
#[derive(Debug)]
pub(crate) struct Statsd {
    socket: UdpSocket,
    address: SocketAddr,
}

impl Statsd {
    /// Opens a socket to send from. The address is 127.0.0.1:8125 by default; nothing has to listen there.
    pub(crate) async fn new(address: Option<String>) -> io::Result<Self> {
        let address = address.unwrap_or_else(|| "127.0.0.1:8125".to_owned());
        // The name is looked up once, not for each response, since a name server may be slow.
        let found = lookup_host(&address).await;
        let about = |problem: &dyn Display| io::Error::other(format!("`{address}`: {problem}"));
        let mut found = found.map_err(|error| about(&error))?;
        Ok(Statsd {
            socket: UdpSocket::bind("0.0.0.0:0").await?,
            address: found
                .find(SocketAddr::is_ipv4)
                .ok_or_else(|| about(&"no IPv4 address"))?,
        })
    }
}

/// Counts a response. The handler sets no variable, so it returns `()`.
///
/// HAProxy still waits for the ACK before it forwards the response, so the timeout is short.
#[spoe_message("count-answer", event = "on-http-response", timeout = "50ms")]
pub(crate) async fn count_answer(
    #[arg(sample = "status")] status: u16,
    #[arg(sample = "be_name")] backend: Option<&str>,
    State(statsd): State<'_, Statsd>,
) -> io::Result<()> {
    let backend = backend.unwrap_or("none");
    let line = format!("edge.{backend}.{}xx:1|c", status / 100);
    statsd
        .socket
        .send_to(line.as_bytes(), statsd.address)
        .await?;
    Ok(())
}

//! Asks an admin server whether its agents are ready.

use crate::agent::Address;
use crate::client::{Error, Stream};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::time::timeout;

/// The time that the answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The largest answer that is read, in bytes.
const SIZE: usize = 4 << 10;

type Problem = Box<dyn std::error::Error + Send + Sync>;

/// Asks the admin server at an address whether its agents are ready; returns its answer.
pub(crate) async fn probe(address: &str) -> Result<String, Problem> {
    let asked = timeout(TIMEOUT, ask(address)).await;
    asked.unwrap_or_else(|_| Err(format!("no answer within {TIMEOUT:?}").into()))
}

async fn ask(address: &str) -> Result<String, Problem> {
    let reachable = address.parse::<Address>()?.for_clients();
    match Stream::connect(&reachable, TIMEOUT).await {
        Ok(stream) => say(stream).await,
        Err(Error::NothingListens { source, .. }) => Err(format!(
            "no admin server listens there ({source}): start the agent, or give the `--admin` that it was \
             started with"
        )
        .into()),
        Err(error) => Err(error.into()),
    }
}

async fn say(stream: Stream) -> Result<String, Problem> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get("/readyz").header("host", "localhost");
    let response = sender
        .send_request(request.body(Empty::<Bytes>::new())?)
        .await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), SIZE).collect().await?;
    let said = String::from_utf8_lossy(&body.to_bytes()).into_owned();
    if status == StatusCode::OK {
        Ok(said)
    } else {
        Err(said.trim_end().to_owned().into())
    }
}

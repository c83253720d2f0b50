//! Asks an admin server whether its agents are ready.

use crate::agent::Address;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

/// The time that the answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The most bytes of an answer that are read.
const SIZE: usize = 4 << 10;

type Problem = Box<dyn std::error::Error + Send + Sync>;

/// Asks the admin server at an address whether its agents are ready; returns what it says.
pub(crate) async fn probe(address: &str) -> Result<String, Problem> {
    let asked = timeout(TIMEOUT, ask(address)).await;
    asked.unwrap_or_else(|_| Err(format!("no answer within {TIMEOUT:?}").into()))
}

async fn ask(address: &str) -> Result<String, Problem> {
    match address.parse::<Address>()? {
        Address::Tcp(address) => {
            say(connected(TcpStream::connect(reachable(address)).await)?).await
        }
        Address::Port(port) => {
            say(connected(
                TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await,
            )?)
            .await
        }
        Address::Unix { path, .. } => say(connected(UnixStream::connect(path).await)?).await,
        Address::Abstract(_) => Err("`probe` does not connect to abstract sockets".into()),
    }
}

/// Says what to do about a connection that failed.
fn connected<S>(stream: std::io::Result<S>) -> Result<S, Problem> {
    stream.map_err(|error| {
        format!("cannot connect: {error}; start the agent, or give the `--admin` that it was started with").into()
    })
}

/// A server that listens at all addresses is asked at that of the loopback.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

async fn say<S>(stream: S) -> Result<String, Problem>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
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

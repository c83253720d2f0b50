//! The server behind HAProxy.

use super::http1::{self, Headers, text};
use super::reply::Reply;
use std::fmt;
use std::io::{self, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A request as the server behind HAProxy received it.
///
/// ```no_run
/// use spoa::prelude::*;
/// use spoa::testing::HaProxy;
///
/// # #[spoe_message("check")] fn check() {}
/// let haproxy = HaProxy::start(handlers![check]);
/// haproxy.get("/a").send();
/// assert_eq!(haproxy.received()[0].target, "/a");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceivedRequest {
    /// The method, such as `GET`.
    pub method: String,
    /// The path and the query.
    pub target: String,
    /// Names and values, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl ReceivedRequest {
    /// Returns the value of the first header of a name, in any case, as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        http1::find(&self.headers, name).map(text)
    }

    /// Returns the body as text.
    #[must_use]
    pub fn text(&self) -> String {
        text(&self.body)
    }
}

/// The function that makes the server's responses.
pub(super) type Respond = dyn Fn(&ReceivedRequest) -> Reply + Send + Sync;

/// A server that keeps the requests it receives. It stops when it is dropped.
pub(super) struct RecordingServer {
    address: SocketAddr,
    received: Arc<Mutex<Vec<ReceivedRequest>>>,
    stopped: Arc<AtomicBool>,
}

impl fmt::Debug for RecordingServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordingServer")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl RecordingServer {
    pub(super) fn start(respond: Arc<Respond>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let server = RecordingServer {
            address: listener.local_addr()?,
            received: Arc::default(),
            stopped: Arc::default(),
        };
        let (received, stopped) = (Arc::clone(&server.received), Arc::clone(&server.stopped));
        thread("spoa-server", move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (received, respond) = (Arc::clone(&received), Arc::clone(&respond));
                let served = thread("spoa-server", move || {
                    // HAProxy may close the connection at any time.
                    let _ = serve(&stream, &*respond, &received);
                });
                drop(served);
            }
        })?;
        Ok(server)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn received(&self) -> Vec<ReceivedRequest> {
        self.received
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for RecordingServer {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // The thread waits for a connection.
        let _ = TcpStream::connect(self.address);
    }
}

/// Answers the requests of one connection.
fn serve(
    stream: &TcpStream,
    respond: &Respond,
    received: &Mutex<Vec<ReceivedRequest>>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    while let Some(message) = http1::read_request(&mut reader)? {
        let mut words = message.first.split(' ').map(str::to_owned);
        let request = ReceivedRequest {
            method: words.next().unwrap_or_default(),
            target: words.next().unwrap_or_default(),
            headers: message.headers,
            body: message.body,
        };
        let head = request.method == "HEAD";
        let reply = respond(&request);
        received
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(request);
        let headers = reply.headers.iter();
        let headers: Headers = headers
            .map(|(name, value)| (name.clone(), value.clone().into_bytes()))
            .collect();
        let first = format!("HTTP/1.1 {} -", reply.status);
        let mut bytes = http1::write(&first, &headers, &reply.body, false);
        if head {
            bytes.truncate(bytes.len() - reply.body.len());
        }
        writer.write_all(&bytes)?;
    }
    Ok(())
}

/// Starts a thread with a name.
fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map(drop)
}

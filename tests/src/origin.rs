//! The HTTP server behind HAProxy.

use std::io::BufReader;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::http::{Reply, Request};
use crate::ports::listen;

/// A server that answers every request and remembers it. It stops when it is dropped.
#[derive(Debug)]
pub struct Origin {
    addr: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    stopped: Arc<AtomicBool>,
}

type Answer = dyn Fn(&Request) -> Reply + Send + Sync;

impl Origin {
    /// Starts an origin that answers 200 with the body `ok`.
    pub fn start() -> Origin {
        Origin::answering(|_| Reply::new(200, "ok"))
    }

    /// Starts an origin that answers with `answer`.
    pub fn answering(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Origin {
        Origin::at((Ipv4Addr::LOCALHOST, 0).into(), answer)
    }

    /// Starts an origin at an address that is written in a configuration.
    pub fn at(
        addr: SocketAddr,
        answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Origin {
        let listener = listen(addr);
        let addr = listener
            .local_addr()
            .expect("a bound socket has an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let stopped = Arc::new(AtomicBool::new(false));
        let origin = Origin {
            addr,
            requests,
            stopped,
        };

        let answer: Arc<Answer> = Arc::new(answer);
        let (requests, stopped) = (Arc::clone(&origin.requests), Arc::clone(&origin.stopped));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (answer, requests) = (Arc::clone(&answer), Arc::clone(&requests));
                std::thread::spawn(move || serve(&stream, &*answer, &requests));
            }
        });
        origin
    }

    /// Returns the address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the requests it got so far, as HAProxy sent them.
    pub fn requests(&self) -> Vec<Request> {
        self.requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for the next connection.
        let _ = TcpStream::connect(self.addr);
    }
}

/// Answers one connection until its end. HAProxy may close it at any time without an error.
fn serve(stream: &TcpStream, answer: &Answer, requests: &Mutex<Vec<Request>>) {
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    while let Ok(Some(request)) = Request::read(&mut reader) {
        let reply = answer(&request);
        requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(request);
        if reply.write(&mut writer).is_err() {
            return;
        }
    }
}

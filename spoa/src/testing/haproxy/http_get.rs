//! A request to a server that is not HAProxy.

use super::http1;
use super::reply::Reply;
use crate::testing::eventually::eventually;
use std::io::{self, BufReader, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// The time that a response may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Sends a `GET` to a server, such as the page of `--admin`, and returns its response. Until the server takes
/// connections, it tries again, so a test does not depend on which of them starts first.
///
/// ```no_run
/// use spoa::testing::{HaProxy, free_port, http_get};
/// use std::process::Command;
///
/// let admin = format!("127.0.0.1:{}", free_port());
/// let mut agent = Command::new("target/debug/my-agent");
/// agent.args(["--admin", &admin]);
/// let haproxy = HaProxy::program(agent).start();
/// haproxy.get("/").send();
/// let metrics = http_get(&admin, "/metrics").text();
/// assert!(metrics.contains("my_agent_requests_total 1"), "{metrics}");
/// ```
///
/// # Panics
/// If the server does not respond within half a minute, or not with HTTP.
#[track_caller]
pub fn http_get(address: &str, target: &str) -> Reply {
    let addresses = address.to_socket_addrs();
    let addresses: Vec<_> = match addresses {
        Ok(addresses) => addresses.collect(),
        Err(error) => panic!("`{address}` is not an address: {error}"),
    };
    let stream = eventually(&format!("{address} takes connections"), || {
        TcpStream::connect(addresses.as_slice()).ok()
    });
    let request = format!("GET {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    match exchange(stream, &request) {
        Ok(reply) => reply,
        Err(error) => panic!("GET {target} of {address} failed: {error}"),
    }
}

fn exchange(mut stream: TcpStream, request: &str) -> io::Result<Reply> {
    stream.set_read_timeout(Some(LIMIT))?;
    stream.write_all(request.as_bytes())?;
    let (status, message) = http1::read_response(&mut BufReader::new(stream), "GET")?;
    Ok(Reply::read(status, message.headers, message.body, &[]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_server_that_is_late_is_waited_for() {
        let port = crate::testing::free_port();
        let address = format!("127.0.0.1:{port}");
        let server = std::thread::spawn(move || {
            let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
            let mut stream = listener.accept().unwrap().0;
            let request = http1::read_request(&mut BufReader::new(&stream)).unwrap();
            let answer = b"HTTP/1.1 404 No\r\na: b\r\ncontent-length: 2\r\n\r\nno";
            stream.write_all(answer).unwrap();
            request.unwrap().first
        });
        let reply = http_get(&address, "/x?y");
        assert_eq!((reply.status, reply.text().as_str()), (404, "no"));
        assert_eq!(reply.header("a"), Some("b"));
        assert_eq!(server.join().unwrap(), "GET /x?y HTTP/1.1");
    }
}

//! Bodies: which bytes arrive, and whether the handler knows that some are missing.

use crate::h2;
use crate::seen::{Seen, Stage};
use spoa::http::Completeness;
use spoa_tests::for_each_haproxy;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How a body is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Framing {
    Length,
    Chunked,
    H2Length,
    H2,
}

const ALL: [Framing; 4] = [
    Framing::Length,
    Framing::Chunked,
    Framing::H2Length,
    Framing::H2,
];

/// Sends a body in two pieces with a pause between them.
fn post(stage: &Stage, framing: Framing, body: &[u8], pause: Duration) {
    let (first, second) = body.split_at(body.len() / 2);
    match framing {
        Framing::Length | Framing::Chunked => {
            h1(
                stage.proxy.addr(),
                framing,
                &[first, second],
                body.len(),
                pause,
            );
        }
        Framing::H2Length | Framing::H2 => {
            let length = body.len().to_string();
            let mut fields: Vec<(&[u8], &[u8])> = vec![
                (b":method", b"POST"),
                (b":scheme", b"http"),
                (b":authority", b"a"),
                (b":path", b"/"),
            ];
            if framing == Framing::H2Length {
                fields.push((b"content-length", length.as_bytes()));
            }
            let pieces = [(Duration::ZERO, first), (pause, second)];
            let status = h2::send(stage.h2, &fields, Some(&pieces)).unwrap();
            assert_eq!(status, Some(200), "{framing:?}");
        }
    }
}

fn h1(to: SocketAddr, framing: Framing, pieces: &[&[u8]], len: usize, pause: Duration) {
    let mut stream = TcpStream::connect(to).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let head = match framing {
        Framing::Length => format!("content-length: {len}"),
        _ => "transfer-encoding: chunked".to_owned(),
    };
    let head = format!("POST / HTTP/1.1\r\nhost: a\r\n{head}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    for piece in pieces {
        match framing {
            Framing::Length => stream.write_all(piece).unwrap(),
            // Chunks of 1000 bytes.
            _ => {
                let chunks = piece.chunks(1000).flat_map(|chunk| {
                    let size = format!("{:x}\r\n", chunk.len());
                    [size.as_bytes(), chunk, b"\r\n"].concat()
                });
                stream.write_all(&chunks.collect::<Vec<_>>()).unwrap();
            }
        }
        std::thread::sleep(pause);
    }
    if framing == Framing::Chunked {
        stream.write_all(b"0\r\n\r\n").unwrap();
    }
    let mut reply = [0; 12];
    stream.read_exact(&mut reply).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&reply),
        "HTTP/1.1 200",
        "{framing:?}"
    );
}

fn body(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n % 251) as u8).collect()
}

fn seen(stage: &Stage, framing: Framing, body: &[u8], pause: Duration) -> Seen {
    post(stage, framing, body, pause);
    let (seen, _) = stage.take(&format!("{framing:?}, {} bytes", body.len()));
    assert!(body.starts_with(&seen.body), "{framing:?}");
    seen
}

#[test]
fn a_body_that_fits_is_there_as_a_whole() {
    for_each_haproxy(|haproxy| {
        let stage = Stage::new(haproxy);
        for framing in ALL {
            // The second half comes later: HAProxy waits for it.
            for (len, pause) in [(1, 0), (10, 100), (10_000, 0), (10_000, 100)] {
                let sent = body(len);
                let seen = seen(&stage, framing, &sent, Duration::from_millis(pause));
                assert_eq!(seen.body, sent, "{framing:?} {len}");
                let known = match framing {
                    Framing::Length | Framing::H2Length => Completeness::Complete,
                    Framing::Chunked | Framing::H2 => Completeness::Unknown,
                };
                assert_eq!(
                    seen.completeness,
                    known,
                    "{framing:?} {len} {}",
                    haproxy.version()
                );
            }
        }
    });
}

#[test]
fn a_body_larger_than_the_buffer_is_never_called_complete() {
    for_each_haproxy(|haproxy| {
        let stage = Stage::new(haproxy);
        for framing in ALL {
            let sent = body(40_000);
            let seen = seen(&stage, framing, &sent, Duration::ZERO);
            let len = seen.body.len();
            assert!((8_000..16_384).contains(&len), "{framing:?} {len}");
            match framing {
                Framing::Length | Framing::H2Length => {
                    let all = Completeness::Truncated { size: 40_000 };
                    assert_eq!(seen.completeness, all, "{framing:?} {}", haproxy.version());
                }
                Framing::Chunked | Framing::H2 => {
                    assert_ne!(seen.completeness, Completeness::Complete, "{framing:?}");
                }
            }
        }
    });
}

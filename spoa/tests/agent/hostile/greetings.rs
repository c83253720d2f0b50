//! First bytes that are not a HELLO: other protocols, lengths, frames that come too early.

use super::{Case, concat, first, notify, raw, refused, run, silently};
use crate::peer::{Answer, frame, hello};
use spoa::spop::{Disconnect, Flags, FrameType, Status};

fn cases() -> Vec<Case> {
    let mut disconnect = Vec::new();
    Disconnect::from(Status::TIMEOUT).encode(FrameType::HAPROXY_DISCONNECT, &mut disconnect);
    let of = |frame_type| frame(frame_type, Flags::FIN, 0, b"");
    let head = |ids: &[u8]| raw(&concat(&[&[1, 0, 0, 0, 1], ids]));
    vec![
        first("garbage", "hello? is anybody there?\n", refused(3)),
        first("an SSH banner", "SSH-2.0-OpenSSH_9.6\r\n", refused(3)),
        first("a Redis command", "*1\r\n$4\r\nPING\r\n", refused(3)),
        first("an SMTP greeting", "EHLO mail.example\r\n", refused(3)),
        first(
            "an HTTP/1 request",
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            silently(),
        ),
        first(
            "an HTTP/1 request with a body",
            "POST /a HTTP/1.0\r\n\r\nb",
            silently(),
        ),
        first(
            "an HTTP/1 answer",
            "HTTP/1.1 400 Bad Request\r\n\r\n",
            silently(),
        ),
        first(
            "an HTTP/2 preface",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            silently(),
        ),
        first(
            "a TLS hello",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            silently(),
        ),
        first("a TLS alert", b"\x15\x03\x03\x00\x02\x02\x46", silently()),
        first(
            "a PROXY header of version 1",
            "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
            silently(),
        ),
        first(
            "a PROXY header of version 2",
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c",
            silently(),
        ),
        first(
            "a PROXY header and then a good HELLO",
            concat(&[b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", &hello(16380)]),
            silently(),
        ),
        first("zeros", [0; 64], refused(4)),
        first("ones", [0xff; 64], refused(3)),
        first("a first length of 0", [0, 0, 0, 0], refused(4)),
        first("a first length of 1", [0, 0, 0, 1], refused(4)),
        first("a first length of 3", [0, 0, 0, 3], refused(4)),
        first("a first length of 6", [0, 0, 0, 6], refused(4)),
        first(
            "a first length above the 4096 a HELLO may have",
            [0, 0, 16, 1],
            refused(3),
        ),
        first("a first length of 2^31", [0x80, 0, 0, 0], refused(3)),
        first("a first length of 2^32-1", [0xff; 4], refused(3)),
        first("NOTIFY before HELLO", notify(1, &["sync"]), refused(4)),
        first("UNSET before HELLO", of(FrameType::UNSET), refused(4)),
        first("DISCONNECT before HELLO", disconnect, refused(0)),
        first(
            "DISCONNECT before HELLO, without a status",
            of(FrameType::HAPROXY_DISCONNECT),
            refused(0),
        ),
        first(
            "an agent's HELLO first",
            of(FrameType::AGENT_HELLO),
            refused(4),
        ),
        first(
            "an agent's DISCONNECT first",
            of(FrameType::AGENT_DISCONNECT),
            refused(4),
        ),
        first("an ACK first", of(FrameType::ACK), refused(4)),
        first(
            "a frame of unknown type first",
            of(FrameType::from_code(42)),
            refused(4),
        ),
        first(
            "a stream-id above 64 bits first",
            head(&[0xff; 12]),
            refused(4),
        ),
        first(
            "a frame-id above 64 bits first",
            head(&[&[0][..], &[0xff; 12]].concat()),
            refused(4),
        ),
        first(
            "an end inside the stream-id first",
            head(&[0xff, 0xff]),
            refused(4),
        ),
        first(
            "an end inside the frame-id first",
            head(&[0, 0xff]),
            refused(4),
        ),
        first(
            "a good HELLO after a bad frame",
            concat(&[&[0, 0, 0, 1], &hello(16380), &notify(1, &["sync"])]),
            refused(4),
        ),
        first(
            "HELLO and 100 NOTIFYs in one write",
            concat(&[&hello(16380), &notify(1, &["sync"]).repeat(100)]),
            std::iter::once(Answer::Hello)
                .chain((0..100).flat_map(|_| super::answered()))
                .collect(),
        ),
    ]
}

#[tokio::test(start_paused = true)]
async fn first_bytes_of_any_kind_get_their_answer() {
    run(cases()).await;
}

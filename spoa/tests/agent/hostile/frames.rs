//! Frames after a good HELLO: lengths, types, flags, ids, fragments.

use super::{Case, answered, concat, in_vain, raw, refused, run, then};
use crate::peer::{ack, frame, notify};
use spoa::spop::{Disconnect, Flags, FrameType, NotifyWriter, Status, Value};

const NONE: Flags = Flags::NONE;

/// The payload `sync` answers with 7.
fn sync() -> Vec<u8> {
    let mut payload = Vec::new();
    NotifyWriter::new(&mut payload).message("sync", &[("n", Value::Int64(7))]);
    payload
}

/// A good NOTIFY of exactly `size` bytes after its length, more than 2288.
fn of_size(size: usize) -> Vec<u8> {
    let mut payload = sync();
    // The head of the frame; the argument's name, its type and three bytes of its length.
    let fill = vec![b'x'; size - payload.len() - 7 - 8];
    // The count of arguments, after the name of the message.
    *payload.get_mut(5).unwrap() += 1;
    payload.extend(b"\x03pad");
    Value::Binary(&fill).encode(&mut payload);
    let bytes = frame(FrameType::NOTIFY, Flags::FIN, 1, &payload);
    assert_eq!(bytes.len(), 4 + size);
    bytes
}

fn disconnect(payload: &[u8]) -> Vec<u8> {
    frame(FrameType::HAPROXY_DISCONNECT, Flags::FIN, 0, payload)
}

fn lengths_and_types() -> Vec<Case> {
    let of = |frame_type| frame(frame_type, Flags::FIN, 1, &sync());
    let head = |ids: &[u8]| raw(&concat(&[&[3, 0, 0, 0, 1], ids]));
    let flags = |flags| frame(FrameType::NOTIFY, Flags::from_bits(flags), 1, &sync());
    let mut said = Vec::new();
    Disconnect::from(Status::from_code(u32::MAX)).encode(FrameType::HAPROXY_DISCONNECT, &mut said);
    vec![
        then("a length of 0", [0, 0, 0, 0], refused(4)),
        then("a length of 1", [0, 0, 0, 1], refused(4)),
        then("a length of 3", [0, 0, 0, 3], refused(4)),
        then("a length of 6", [0, 0, 0, 6], refused(4)),
        then("a length of 2^31", [0x80, 0, 0, 0], refused(3)),
        then("a length of 2^32-1", [0xff; 4], refused(3)),
        then(
            "a NOTIFY of just the size agreed on",
            of_size(16380),
            answered(),
        ),
        then("a NOTIFY of a byte more", of_size(16381), refused(3)),
        then(
            "an empty NOTIFY",
            frame(FrameType::NOTIFY, Flags::FIN, 1, b""),
            in_vain(),
        ),
        then(
            "10,000 empty NOTIFYs in one write",
            frame(FrameType::NOTIFY, Flags::FIN, 1, b"").repeat(10_000),
            (0..10_000).flat_map(|_| in_vain()).collect(),
        ),
        then("type 4", of(FrameType::from_code(4)), vec![]),
        then("type 100", of(FrameType::from_code(100)), vec![]),
        then("type 104", of(FrameType::from_code(104)), vec![]),
        then("type 255", of(FrameType::from_code(255)), vec![]),
        then(
            "1000 frames of an unknown type",
            of(FrameType::from_code(42)).repeat(1000),
            vec![],
        ),
        then("an agent's HELLO", of(FrameType::AGENT_HELLO), refused(4)),
        then(
            "an agent's DISCONNECT",
            of(FrameType::AGENT_DISCONNECT),
            refused(4),
        ),
        then("an ACK", of(FrameType::ACK), refused(4)),
        then("unknown flags", flags(0xffff_fffd), answered()),
        then("ABORT and FIN", flags(3), vec![]),
        then("all flags", flags(u32::MAX), vec![]),
        then("ABORT alone", flags(2), vec![]),
        then("no FIN, and nothing more", flags(0), vec![]),
        then(
            "stream-id 0",
            notify(0, &["sync"]),
            vec![ack(0, &["set-var sess.sync = 7"])],
        ),
        then(
            "stream-id 2^64-1",
            notify(u64::MAX, &["sync"]),
            vec![ack(u64::MAX, &["set-var sess.sync = 7"])],
        ),
        then("a stream-id above 64 bits", head(&[0xff; 14]), refused(4)),
        then(
            "a stream-id a bit above 64 bits",
            head(&concat(&[&over(), &[1]])),
            refused(4),
        ),
        then(
            "a frame-id above 64 bits",
            head(&[&[1][..], &[0xff; 14]].concat()),
            refused(4),
        ),
        then(
            "an end inside the stream-id",
            head(&[0xff, 0x80]),
            refused(4),
        ),
        then("an end inside the frame-id", head(&[1, 0xff]), refused(4)),
        then(
            "a number written longer than it need be",
            raw(&concat(&[
                &[3, 0, 0, 0, 1, 1, 1],
                b"\x04sync\x01\x01n\x04\x07",
            ])),
            answered(),
        ),
        then(
            "ids used again while in flight",
            notify(1, &["slow"]).repeat(3),
            (0..3).map(|_| ack(1, &["set-var sess.slow = 7"])).collect(),
        ),
        then("DISCONNECT without a status", disconnect(b""), refused(0)),
        then(
            "DISCONNECT that cannot be read",
            disconnect(&[0xff; 30]),
            refused(0),
        ),
        then("DISCONNECT with an unknown status", said, refused(0)),
        then(
            "NOTIFY after DISCONNECT",
            concat(&[&disconnect(b""), &notify(1, &["sync"])]),
            refused(0),
        ),
        then(
            "garbage after DISCONNECT",
            concat(&[&disconnect(b""), &[0xff; 100]]),
            refused(0),
        ),
        then(
            "DISCONNECT while handlers are running",
            concat(&[
                &notify(1, &["sync"]),
                &notify(3, &["slow"]),
                &disconnect(b""),
            ]),
            [answered(), refused(0)].into_iter().flatten().collect(),
        ),
        then(
            "garbage while handlers are running",
            concat(&[&notify(1, &["sync"]), &notify(3, &["slow"]), &[0xff; 100]]),
            [answered(), refused(3)].into_iter().flatten().collect(),
        ),
    ]
}

/// 2^64 as a number of this protocol.
fn over() -> Vec<u8> {
    let mut bytes = Vec::new();
    spoa::spop::varint::encode(u64::MAX, &mut bytes);
    if let Some(last) = bytes.last_mut() {
        *last += 1;
    }
    bytes
}

/// A fragment of stream 1, or another.
fn begin(stream: u64, payload: &[u8]) -> Vec<u8> {
    frame(FrameType::NOTIFY, NONE, stream, payload)
}

fn more(stream: u64, flags: Flags, payload: &[u8]) -> Vec<u8> {
    frame(FrameType::UNSET, flags, stream, payload)
}

fn fragments() -> Vec<Case> {
    let sync = sync();
    let (half, rest) = sync.split_at(6);
    let whole = concat(&[&begin(1, half), &more(1, Flags::FIN, rest)]);
    let bytewise = |stream| -> Vec<Vec<u8>> {
        let pieces = sync.chunks(1).map(|byte| more(stream, NONE, byte));
        let pieces = std::iter::once(begin(stream, b"")).chain(pieces);
        pieces.chain([more(stream, Flags::FIN, b"")]).collect()
    };
    let interleaved: Vec<u8> = {
        let streams: Vec<_> = (0..60).map(bytewise).collect();
        let pieces = 0..sync.len() + 2;
        pieces
            .flat_map(|piece| streams.iter().flat_map(move |s| s.get(piece).cloned()))
            .flatten()
            .collect()
    };
    let seven = |stream| ack(stream, &["set-var sess.sync = 7"]);
    let too_much = concat(&[
        &begin(1, &[0; 16000]),
        &more(1, NONE, &[0; 16000]).repeat(20),
    ]);
    vec![
        then("two fragments", whole.clone(), answered()),
        then("fragments of one byte", bytewise(1).concat(), answered()),
        then(
            "1000 empty fragments",
            concat(&[
                &begin(1, half),
                &more(1, NONE, b"").repeat(1000),
                &more(1, Flags::FIN, rest),
            ]),
            answered(),
        ),
        then(
            "interleaved fragments of 60 streams",
            interleaved,
            (0..60).map(seven).collect(),
        ),
        then(
            "UNSET without a beginning",
            more(1, Flags::FIN, &sync),
            refused(11),
        ),
        then(
            "UNSET of another stream",
            concat(&[&begin(1, half), &more(3, Flags::FIN, rest)]),
            refused(11),
        ),
        then(
            "UNSET after a whole NOTIFY",
            concat(&[&notify(1, &["sync"]), &more(1, Flags::FIN, b"")]),
            [answered(), refused(11)].into_iter().flatten().collect(),
        ),
        then(
            "two beginnings of the same ids",
            begin(1, half).repeat(2),
            refused(11),
        ),
        then(
            "a whole NOTIFY between fragments",
            concat(&[
                &begin(1, half),
                &notify(3, &["sync"]),
                &more(1, Flags::FIN, rest),
            ]),
            vec![seven(3), seven(1)],
        ),
        then(
            "a whole NOTIFY of the ids of fragments",
            concat(&[
                &begin(1, half),
                &notify(1, &["sync"]),
                &more(1, Flags::FIN, rest),
            ]),
            vec![seven(1), seven(1)],
        ),
        then(
            "ABORT at the first fragment, and the rest",
            concat(&[
                &frame(FrameType::NOTIFY, Flags::ABORT, 1, half),
                &more(1, Flags::FIN, rest),
            ]),
            refused(11),
        ),
        then(
            "ABORT in the middle",
            concat(&[&begin(1, half), &more(1, Flags::ABORT, b"")]),
            vec![],
        ),
        then(
            "ABORT with the last fragment",
            concat(&[&begin(1, half), &more(1, Flags::from_bits(3), rest)]),
            vec![],
        ),
        then(
            "ABORT, and the same ids again",
            concat(&[&begin(1, half), &more(1, Flags::ABORT, b""), &whole]),
            answered(),
        ),
        then(
            "ABORT of what never began",
            more(1, Flags::ABORT, b"").repeat(100),
            vec![],
        ),
        then(
            "fragments above the limit",
            concat(&[&too_much, &more(1, Flags::FIN, &[0; 16000])]),
            in_vain(),
        ),
        then(
            "fragments above the limit, others beside them",
            concat(&[
                &too_much,
                &begin(3, half),
                &more(3, Flags::FIN, rest),
                &more(1, Flags::FIN, b""),
            ]),
            vec![seven(3), ack(1, &[])],
        ),
        then(
            "fragments above the limit, then ABORT",
            concat(&[&too_much, &more(1, Flags::ABORT, b"")]),
            vec![],
        ),
        then(
            "64 beginnings and no end",
            (0..64)
                .flat_map(|stream| begin(stream, half))
                .collect::<Vec<_>>(),
            vec![],
        ),
        then(
            "65 beginnings and no end",
            (0..65)
                .flat_map(|stream| begin(stream, half))
                .collect::<Vec<_>>(),
            refused(13),
        ),
        then(
            "fragments that make nothing",
            concat(&[&begin(1, b"\xff"), &more(1, Flags::FIN, &[0xff; 99])]),
            in_vain(),
        ),
        then(
            "DISCONNECT between fragments",
            concat(&[&begin(1, half), &disconnect(b"")]),
            refused(0),
        ),
    ]
}

#[tokio::test(start_paused = true)]
async fn odd_lengths_types_flags_and_ids_get_their_answer() {
    run(lengths_and_types()).await;
}

#[tokio::test(start_paused = true)]
async fn fragments_in_every_order_get_their_answer() {
    run(fragments()).await;
}

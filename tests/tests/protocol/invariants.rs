//! The invariants that the fuzz targets look for, on HAProxy's own frames and on damaged ones.
//!
//! It is the bounded form of `fuzz/`, and knows nothing of how the invariants are checked.

use crate::strategies::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use spoa::spop::{FrameIds, FrameType};
use spoa_tests::invariants::*;
use std::fs;
use std::path::Path;

/// All frames of HAProxy's in `tests/golden`.
fn golden() -> Vec<Vec<u8>> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let mut frames = Vec::new();
    for generation in fs::read_dir(golden).unwrap().flatten() {
        if generation.path().is_dir() {
            for file in fs::read_dir(generation.path()).unwrap().flatten() {
                if file.path().extension().is_some_and(|it| it == "bin") {
                    frames.push(fs::read(file.path()).unwrap());
                }
            }
        }
    }
    assert!(frames.len() > 150, "{} frames", frames.len());
    frames
}

fn all(data: &[u8]) {
    frame_decoder(data);
    agent_session(data);
    engine_session(data);
    reassembly(data);
    in_process_agent(data);
}

#[test]
fn the_seeds_of_the_fuzz_targets_hold_the_invariants() {
    for frame in golden() {
        for control in [[0, 0], [0, 1], [1, 1], [100, 1], [0, 2], [7, 3]] {
            all(&[&control[..], &frame].concat());
        }
    }
}

#[test]
fn very_short_inputs_hold_the_invariants() {
    for data in [&[][..], &[0], &[0, 0], &[0, 1], &[0, 3], &[255, 255]] {
        all(data);
    }
}

#[test]
fn the_model_counts_the_answers_that_the_protocol_requires() {
    let notify = |flags, stream| vec![0, flags, stream, 2, 0, 0];
    let rest = |flags, stream| vec![1, flags, stream, 2, 0, 0];
    let ids = |stream_id| FrameIds {
        stream_id,
        frame_id: 1,
    };
    let list = [
        notify(1, 0),
        notify(0, 1),
        notify(3, 2),
        rest(1, 1),
        notify(0, 2),
        rest(2, 2),
    ];
    let input = [good_hello(), framed(&list.concat())].concat();
    let owed = expected(&input);
    let acks = vec![(ids(0), Some(vec![0; 2])), (ids(1), Some(vec![0; 4]))];
    assert_eq!((owed.acks, owed.disconnect), (acks, false));

    let input = [good_hello(), framed(&rest(1, 1))].concat();
    assert!(expected(&input).disconnect);
    assert!(expected(b"GET / HTTP/1.1").silent);
}

fn good_hello() -> Vec<u8> {
    let hello = golden().into_iter().find(|frame| {
        let frame_type = only_frame(frame).frame_type;
        frame_type == FrameType::HAPROXY_HELLO
    });
    hello.expect("HAProxy says HELLO")
}

/// Inputs that are frames for the most part, with messages the handlers know.
fn input() -> impl Strategy<Value = Vec<u8>> {
    let known = select(&[
        "sync", "ready", "slow", "block", "error", "late", "never", "large", "other",
    ]);
    let notify = (
        ids(),
        vec((known, vec(("n|text|.{0,3}", value()), 0..4)), 0..5),
    )
        .prop_map(|(ids, messages)| {
            let messages: Vec<_> = messages
                .into_iter()
                .map(|(name, args)| (name.to_owned(), args))
                .collect();
            let payload = payload(&messages);
            encoded(|out| {
                spoa::spop::Frame {
                    frame_type: FrameType::NOTIFY,
                    flags: spoa::spop::Flags::FIN,
                    ids,
                    payload: &payload,
                }
                .encode(out);
            })
        });
    let piece = prop_oneof![6 => notify, 1 => frame()];
    let raw = (vec(piece, 0..12), damage()).prop_map(|(pieces, damage)| {
        let damage = damage.get(..damage.len() / 2).unwrap_or_default();
        [&[1][..], &damaged(pieces.concat(), damage)].concat()
    });
    let list = vec(
        (0_u8..12, 0_u8..4, any::<u8>(), vec(any::<u8>(), 0..20)),
        0..40,
    );
    let list = list.prop_map(|list| {
        let mut bytes = vec![3];
        for (frame_type, flags, stream, payload) in list {
            // Those that end the conversation seldom.
            let frame_type = if frame_type > 7 {
                frame_type % 2
            } else {
                frame_type
            };
            bytes.extend([frame_type, flags, stream, payload.len() as u8]);
            bytes.extend(payload);
        }
        bytes
    });
    (select(&[0_u8, 1, 7, 100]), prop_oneof![raw, list])
        .prop_map(|(chunk, rest)| [&[chunk][..], &rest].concat())
}

proptest! {
    #[test]
    fn the_invariants_hold_for_damaged_frames(data in input()) {
        all(&data);
    }

    #[test]
    fn the_invariants_hold_for_any_bytes(data in vec(any::<u8>(), 0..300)) {
        all(&data);
    }
}

//! Reassembly of fragmented NOTIFYs (SPOE.txt 3.2; HAProxy ≤ 3.0), within a limit.

use super::{Flags, FrameIds, Status};

/// The limit on NOTIFYs that arrive in fragments at the same time on one connection.
const MAX_OPEN: usize = 64;

/// The NOTIFYs of one connection with fragments still missing.
#[derive(Debug)]
pub(crate) struct Reassembly {
    open: Vec<Fragments>,
    held: usize,
    limit: usize,
}

#[derive(Debug)]
struct Fragments {
    ids: FrameIds,
    /// The limit, once they exceeded it: later fragments are dropped, and the last one is still awaited.
    payload: Result<Vec<u8>, usize>,
}

/// The result of a fragment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// More fragments are missing.
    Partial,
    /// The whole payload.
    Whole(Vec<u8>),
    /// The last fragment of a payload that exceeded this limit.
    Dropped(usize),
    /// The peer aborted the frame.
    Aborted,
    /// Fragments in a wrong order, too many at the same time, or without agreement on fragmentation.
    Refused(Status),
}

impl Reassembly {
    /// Holds at most `limit` bytes in all.
    pub(crate) fn new(limit: usize) -> Self {
        Reassembly {
            open: Vec::new(),
            held: 0,
            limit,
        }
    }

    /// Holds at most `limit` bytes from here on; what is held already stays.
    #[inline]
    pub(crate) fn limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// How many bytes are held.
    #[inline]
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    pub(crate) fn begin(&mut self, ids: FrameIds, flags: Flags, payload: &[u8]) -> Progress {
        if flags.abort() {
            return Progress::Aborted;
        }
        if self.open.iter().any(|open| open.ids == ids) {
            return Progress::Refused(Status::INTERLACED_FRAMES);
        }
        if self.open.len() >= MAX_OPEN {
            return Progress::Refused(Status::RESOURCE);
        }
        self.open.push(Fragments {
            ids,
            payload: Ok(Vec::new()),
        });
        self.add(ids, flags, payload)
    }

    pub(crate) fn add(&mut self, ids: FrameIds, flags: Flags, payload: &[u8]) -> Progress {
        let Some(index) = self.open.iter().position(|open| open.ids == ids) else {
            // Aborting an unknown frame does nothing.
            return if flags.abort() {
                Progress::Aborted
            } else {
                Progress::Refused(Status::INTERLACED_FRAMES)
            };
        };
        if flags.abort() {
            self.close(index);
            return Progress::Aborted;
        }
        if let Some(fragments) = self.open.get_mut(index) {
            if let Ok(held) = &mut fragments.payload {
                if self.held + payload.len() > self.limit {
                    self.held -= held.len();
                    fragments.payload = Err(self.limit);
                } else {
                    held.extend_from_slice(payload);
                    self.held += payload.len();
                }
            }
        }
        if !flags.fin() {
            return Progress::Partial;
        }
        self.close(index)
    }

    fn close(&mut self, index: usize) -> Progress {
        match self.open.swap_remove(index).payload {
            Ok(payload) => {
                self.held -= payload.len();
                Progress::Whole(payload)
            }
            Err(limit) => Progress::Dropped(limit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    const INTERLACED: Progress = Progress::Refused(Status::INTERLACED_FRAMES);

    fn ids(stream_id: u64) -> FrameIds {
        FrameIds {
            stream_id,
            frame_id: 1,
        }
    }

    #[test]
    fn fragments_of_several_streams_may_interleave() {
        let mut frames = Reassembly::new(100);
        assert_eq!(frames.begin(ids(0), Flags::NONE, b"a"), Progress::Partial);
        assert_eq!(frames.begin(ids(1), Flags::NONE, b"x"), Progress::Partial);
        assert_eq!(
            frames.add(ids(0), Flags::FIN, b"b"),
            Progress::Whole(b"ab".to_vec())
        );
        assert_eq!(
            frames.add(ids(1), Flags::FIN, b"y"),
            Progress::Whole(b"xy".to_vec())
        );
        assert_eq!(frames.held, 0);
    }

    #[test]
    fn past_the_limit_the_rest_is_dropped_and_the_room_is_free_again() {
        let mut frames = Reassembly::new(3);
        frames.begin(ids(0), Flags::NONE, b"ab");
        assert_eq!(frames.add(ids(0), Flags::NONE, b"cd"), Progress::Partial);
        assert_eq!(frames.begin(ids(1), Flags::NONE, b"xyz"), Progress::Partial);
        assert_eq!(frames.add(ids(0), Flags::FIN, b"e"), Progress::Dropped(3));
        assert_eq!(
            frames.add(ids(1), Flags::FIN, b""),
            Progress::Whole(b"xyz".to_vec())
        );
    }

    #[test]
    fn a_limit_that_shrinks_applies_to_open_frames() {
        let mut frames = Reassembly::new(100);
        frames.begin(ids(0), Flags::NONE, b"abc");
        frames.limit(4);
        assert_eq!(frames.add(ids(0), Flags::NONE, b"d"), Progress::Partial);
        assert_eq!(frames.held(), 4);
        assert_eq!(frames.add(ids(0), Flags::NONE, b"e"), Progress::Partial);
        frames.limit(100);
        assert_eq!(frames.add(ids(0), Flags::FIN, b"f"), Progress::Dropped(4));
        assert_eq!(frames.held(), 0);
    }

    #[test]
    fn a_frame_without_a_beginning_or_with_two_is_refused() {
        let mut frames = Reassembly::new(100);
        assert_eq!(frames.add(ids(0), Flags::FIN, b"a"), INTERLACED);
        frames.begin(ids(0), Flags::NONE, b"a");
        assert_eq!(frames.begin(ids(0), Flags::NONE, b"a"), INTERLACED);
    }

    #[test]
    fn an_aborted_frame_leaves_nothing_behind() {
        let mut frames = Reassembly::new(100);
        assert_eq!(frames.begin(ids(0), Flags::ABORT, b"a"), Progress::Aborted);
        assert_eq!(frames.add(ids(0), Flags::ABORT, b"a"), Progress::Aborted);
        frames.begin(ids(0), Flags::NONE, b"a");
        assert_eq!(frames.add(ids(0), Flags::ABORT, b""), Progress::Aborted);
        assert_eq!(frames.add(ids(0), Flags::FIN, b"b"), INTERLACED);
        assert_eq!((frames.open.len(), frames.held), (0, 0));
    }

    #[test]
    fn the_number_of_open_frames_is_bounded() {
        let mut frames = Reassembly::new(1000);
        for stream in 0..MAX_OPEN as u64 {
            assert_eq!(
                frames.begin(ids(stream), Flags::NONE, b""),
                Progress::Partial
            );
        }
        assert_eq!(
            frames.begin(ids(MAX_OPEN as u64), Flags::NONE, b""),
            Progress::Refused(Status::RESOURCE)
        );
    }

    proptest! {
        #[test]
        fn payloads_come_out_whole_whatever_the_fragments_and_their_order(
            payloads in vec(vec(vec(any::<u8>(), 0..9), 2..6), 1..6),
            order in any::<u64>(),
        ) {
            let held = payloads.iter().flatten().flatten().count();
            let mut frames = Reassembly::new(held);
            // The fragments of each in their order, those of different ones mixed.
            let mut left: Vec<_> = payloads.iter().map(|payload| payload.iter().enumerate()).collect();
            let mut turn = order;
            let mut whole = 0;
            while whole < payloads.len() {
                turn = turn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let stream = (turn >> 33) as usize % payloads.len();
                let Some((index, fragment)) = left[stream].next() else { continue };
                let ids = ids(stream as u64);
                let progress = match index {
                    0 => frames.begin(ids, Flags::NONE, fragment),
                    last if last + 1 == payloads[stream].len() => frames.add(ids, Flags::FIN, fragment),
                    _ => frames.add(ids, Flags::NONE, fragment),
                };
                if index + 1 == payloads[stream].len() {
                    whole += 1;
                    prop_assert_eq!(progress, Progress::Whole(payloads[stream].concat()));
                } else {
                    prop_assert_eq!(progress, Progress::Partial);
                }
            }
            prop_assert_eq!((frames.held, frames.open.len()), (0, 0));
        }
    }
}

//! How late the frames of one slot arrive, by the speaker's own clock.

use super::frame::Frame;
use crate::rtp::{Ssrc, Timestamp};

/// A late frame counts for one to two of these windows, in microseconds.
const WINDOW_US: u64 = 2_000_000;
/// A jump of the timestamp by this many samples (RFC 7587, section 4.1) or more begins another timeline.
const JUMP: i32 = 48_000;

/// See the module. All times are in microseconds.
#[derive(Default)]
pub(super) struct Lateness {
    source: Ssrc,
    timestamp: Timestamp,
    /// When the frame of `timestamp` was due; only differences of this mean anything.
    media_us: i64,
    since_us: u64,
    /// The largest difference between arrival and due time, of this window and of the one before it.
    latest: [i64; 2],
}

impl Lateness {
    /// Counts a frame; returns by how much less late it was than the latest one of the last seconds.
    pub fn early_us(&mut self, frame: &Frame) -> u64 {
        let step = frame.timestamp.since(self.timestamp);
        let follows = self.source == frame.csrc && !frame.marker && (0..JUMP).contains(&step);
        self.media_us =
            if follows { self.media_us + i64::from(step) * 125 / 6 } else { frame.arrived_us as i64 };
        (self.source, self.timestamp) = (frame.csrc, frame.timestamp);
        let offset = frame.arrived_us as i64 - self.media_us;
        if !follows || frame.arrived_us - self.since_us >= 2 * WINDOW_US {
            (self.since_us, self.latest) = (frame.arrived_us, [offset; 2]);
        } else if frame.arrived_us - self.since_us >= WINDOW_US {
            (self.since_us, self.latest) = (frame.arrived_us, [offset, self.latest[0]]);
        }
        self.latest[0] = self.latest[0].max(offset);
        self.latest[0].max(self.latest[1]).abs_diff(offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{PersonId, SessionId};
    use crate::rtp::SequenceNumber;

    fn frame(number: u64, arrived_us: u64) -> Frame {
        Frame {
            slot: 0,
            marker: false,
            sequence: SequenceNumber(number as u16),
            merged: 1,
            gap: 0,
            back: 0,
            timestamp: Timestamp((number as u32).wrapping_mul(960).wrapping_sub(2_000)),
            csrc: Ssrc(7),
            owner: PersonId(1),
            source: SessionId(1),
            level: None,
            arrived_us,
        }
    }

    #[test]
    fn a_frame_is_early_by_what_the_latest_of_the_last_seconds_was_late() {
        let mut lateness = Lateness::default();
        let late = |number: u64| if number == 10 { 7_000 } else { number % 3 * 100 };
        let mut early =
            |number: u64| lateness.early_us(&frame(number, 1_000 + number * 20_000 + late(number)));
        for number in 0..10 {
            assert!(early(number) <= 200);
        }
        assert_eq!(early(10), 0);
        assert_eq!(early(11), 7_000 - 200);
        // For two seconds at least, and four at most.
        assert_eq!((12..110).map(&mut early).min(), Some(7_000 - 200));
        assert!((110..300).map(early).skip(110).all(|early| early <= 200));
    }

    #[test]
    fn another_timeline_begins_anew() {
        let mut lateness = Lateness::default();
        lateness.early_us(&frame(0, 1_000));
        assert_eq!(lateness.early_us(&frame(1, 29_000)), 0);
        assert_eq!(lateness.early_us(&frame(2, 41_000)), 8_000);
        assert_eq!(lateness.early_us(&Frame { csrc: Ssrc(8), ..frame(3, 61_000) }), 0);
        assert_eq!(lateness.early_us(&Frame { csrc: Ssrc(8), ..frame(4, 81_000) }), 0);
        assert_eq!(lateness.early_us(&Frame { csrc: Ssrc(8), marker: true, ..frame(5, 99_000) }), 0);
        assert_eq!(lateness.early_us(&Frame { csrc: Ssrc(8), ..frame(6_000, 119_000) }), 0);
    }
}

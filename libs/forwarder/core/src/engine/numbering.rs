//! Where the frames of one slot stand among the sequence numbers of one audience.
//!
//! Listeners count for themselves, for they join and leave at any time and do not hear what they say. So a frame tells
//! how many numbers it leaves free for frames that are missing, or how far back the number is that was left free for it.

use super::frame::Frame;
use super::timeline::{BEFORE, REORDER};
use crate::rtp::SequenceNumber;

/// Listeners remember which of so many numbers before the next one are free.
const REACH: u32 = 31;

/// A number that was left free for a frame.
#[derive(Clone, Copy)]
struct Hole {
    sequence: SequenceNumber,
    position: u32,
}

/// See the module.
#[derive(Clone, Copy, Default)]
pub(super) struct Numbering {
    /// The source's number of the newest frame.
    newest: SequenceNumber,
    /// Of the newest frame, among the audience's numbers.
    position: u32,
    holes: [Option<Hole>; REORDER as usize],
    next_hole: usize,
}

impl Numbering {
    /// Gives a frame its place; `None`: there is none for it any more.
    #[inline]
    pub fn place(&mut self, frame: Frame) -> Option<Frame> {
        let step = frame.sequence.since(self.newest);
        if !frame.marker && step <= 0 {
            return self.fill(frame);
        }
        // What the last talker left says nothing of the first frame of the next.
        let gap = if frame.marker { frame.gap.into() } else { (step.unsigned_abs() - 1).min(REORDER) };
        self.position = self.position.wrapping_add(u32::from(gap) + 1);
        if frame.marker {
            self.holes = [None; REORDER as usize];
            self.leave(frame.sequence, BEFORE);
        } else if gap > 0 {
            self.leave(frame.sequence, gap);
        }
        self.newest = frame.sequence.plus(u16::from(frame.merged) - 1);
        Some(Frame { gap: gap as u8, back: 0, ..frame })
    }

    /// Leaves nothing free for frames up to this one, which were withdrawn.
    pub fn pass_over(&mut self, newest: SequenceNumber) {
        self.newest = newest;
    }

    fn leave(&mut self, sequence: SequenceNumber, count: u16) {
        for back in 1..=count {
            self.holes[self.next_hole] = Some(Hole {
                sequence: sequence.plus(back.wrapping_neg()),
                position: self.position.wrapping_sub(u32::from(back)),
            });
            self.next_hole = (self.next_hole + 1) % self.holes.len();
        }
    }

    fn fill(&mut self, frame: Frame) -> Option<Frame> {
        let is_it = |hole: &&mut Option<Hole>| hole.is_some_and(|hole| hole.sequence == frame.sequence);
        let hole = self.holes.iter_mut().find(is_it)?.take()?;
        let back = self.position.wrapping_sub(hole.position).wrapping_add(1);
        (back <= REACH).then_some(Frame { gap: 0, back: back as u8, ..frame })
    }
}

//! Merges frames of one slot into packets of 60 ms, for large audiences.
//!
//! A receiver's jitter buffer delays every frame as much as the latest one of the last seconds was late. Merging may
//! add 40 ms to that and no more. So a packet leaves 40 ms after its first frame would have come if it had been that
//! late: a third frame of 20 ms is still waited for if it is no later than those before it. A later one begins the next
//! packet. A frame that was overtaken joins the one that overtook it while that waits, and leaves alone when it has left.

use super::frame::{Frame, PAYLOAD};
use super::lateness::Lateness;
use crate::ids::SessionId;
use crate::opus::{self, MERGED};
use crate::rtp::{AudioLevel, SequenceNumber};

/// Audio in one merged packet, in samples.
const SAMPLES: u32 = 2880;
/// The delay that merging may add, in microseconds.
const COST_US: u64 = 40_000;
/// No frame waits longer than [`COST_US`] and this, however late others are.
const SPARE_US: u64 = 20_000;

/// The frames that wait to be merged.
#[derive(Default)]
pub(super) struct Repacketiser {
    first: Option<Frame>,
    /// The source's number of the newest frame that came.
    newest: SequenceNumber,
    lateness: Lateness,
    /// When the waiting frames leave.
    due_us: u64,
    toc: u8,
    samples: u32,
    lengths: [u16; MERGED],
    count: usize,
    frames: Vec<u8>,
    packet: Vec<u8>,
}

impl Repacketiser {
    /// When the waiting frames leave, even if there is room for more; `None`: none waits.
    pub fn due_us(&self) -> Option<u64> {
        self.first.map(|_| self.due_us)
    }

    /// Drops the waiting frames of a source; returns whether there were any.
    pub fn withdraw(&mut self, source: SessionId) -> bool {
        let waits = self.first.is_some_and(|first| first.source == source);
        if waits {
            self.clear();
        }
        waits
    }

    /// Adds a frame; `each` is given what is ready to leave: merged packets, and frames that cannot be merged.
    pub fn feed(&mut self, frame: Frame, payload: &[u8], mut each: impl FnMut(Frame, &[u8])) {
        if !frame.marker && frame.sequence.since(self.newest) < 0 {
            if !self.put_before(&frame, payload) {
                each(frame, payload);
            } else if self.samples >= SAMPLES {
                self.take(&mut each);
            }
            return;
        }
        self.newest = frame.sequence;
        let early_us = self.lateness.early_us(&frame);
        let mergeable = opus::single_frame(payload).filter(|(_, samples, _)| samples * 2 <= SAMPLES);
        let Some((toc, samples, bytes)) = mergeable else {
            self.take(&mut each);
            each(frame, payload);
            return;
        };
        let follows = self.first.is_some_and(|first| {
            toc == self.toc
                && !frame.marker
                && first.csrc == frame.csrc
                && first.sequence.plus(first.merged.into()) == frame.sequence
                && first.timestamp.plus(self.samples) == frame.timestamp
                && self.samples + samples <= SAMPLES
                && self.count < MERGED
                && self.frames.len() + bytes.len() + 2 * MERGED + 2 <= PAYLOAD
        });
        if !follows {
            self.take(&mut each);
        }
        let first = self.first.get_or_insert_with(|| {
            self.due_us = frame.arrived_us + COST_US + early_us.min(SPARE_US);
            frame
        });
        first.level = loudest(first.level, frame.level);
        self.toc = toc;
        self.samples += samples;
        self.lengths[self.count] = bytes.len() as u16;
        self.count += 1;
        first.merged = self.count as u8;
        self.frames.extend_from_slice(bytes);
        if self.samples >= SAMPLES {
            self.take(&mut each);
        }
    }

    /// Puts a frame that was overtaken before those that wait, if they follow it.
    fn put_before(&mut self, frame: &Frame, payload: &[u8]) -> bool {
        let (Some(first), Some((toc, samples, bytes))) = (&mut self.first, opus::single_frame(payload))
        else {
            return false;
        };
        let follows = toc == self.toc
            && frame.sequence.next() == first.sequence
            && frame.timestamp.plus(samples) == first.timestamp
            && self.samples + samples <= SAMPLES
            && self.count < MERGED
            && self.frames.len() + bytes.len() + 2 * MERGED + 2 <= PAYLOAD;
        if follows {
            (first.sequence, first.timestamp) = (frame.sequence, frame.timestamp);
            first.gap = first.gap.saturating_sub(1);
            first.level = loudest(first.level, frame.level);
            self.samples += samples;
            self.lengths.copy_within(..self.count, 1);
            self.lengths[0] = bytes.len() as u16;
            self.count += 1;
            first.merged = self.count as u8;
            self.frames.extend_from_slice(bytes);
            self.frames.rotate_right(bytes.len());
        }
        follows
    }

    /// Merges the waiting frames and passes the packet to `each`.
    pub fn take(&mut self, each: &mut impl FnMut(Frame, &[u8])) {
        let Some(first) = self.first else { return };
        self.packet.clear();
        if self.count == 1 {
            self.packet.push(self.toc);
            self.packet.extend_from_slice(&self.frames);
            each(first, &self.packet);
        } else {
            self.packet.resize(self.frames.len() + 2 * MERGED + 2, 0);
            if let Some(length) =
                opus::merge(self.toc, &self.lengths[..self.count], &self.frames, &mut self.packet)
            {
                each(first, &self.packet[..length]);
            }
        }
        self.clear();
    }

    fn clear(&mut self) {
        self.first = None;
        self.samples = 0;
        self.count = 0;
        self.frames.clear();
    }
}

/// A merged packet is as loud as its loudest frame.
fn loudest(one: Option<AudioLevel>, other: Option<AudioLevel>) -> Option<AudioLevel> {
    match (one, other) {
        (Some(a), Some(b)) => Some(if a.minus_dbov <= b.minus_dbov { a } else { b }),
        (a, b) => a.or(b),
    }
}

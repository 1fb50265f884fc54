//! Frames of one slot on their way into one packet of 60 ms, for large audiences.
//!
//! A listener hears a frame when its receiver is prepared for the latest of the last seconds. So that merging costs 40 ms
//! and no more, what waits leaves 40 ms after the latest of them would have come, had it been the first frame: a third
//! frame of 20 ms that is late by as much as others were before it is still waited for. One that is later begins the
//! next packet; one that is there when the packet leaves costs nobody anything, and joins it.

use super::SessionId;
use super::frame::{Frame, PAYLOAD};
use super::lateness::Lateness;
use crate::opus::{self, MERGED};

/// Audio in one merged packet, in samples.
const SAMPLES: u32 = 2880;
/// What merging costs at most, in microseconds.
const COST_US: u64 = 40_000;
/// However late frames are, none waits longer than [`COST_US`] and this.
const SPARE_US: u64 = 20_000;

/// The frames that wait to be merged.
#[derive(Default)]
pub(super) struct Hold {
    first: Option<Frame>,
    lateness: Lateness,
    /// When what waits leaves.
    due_us: u64,
    toc: u8,
    samples: u32,
    lengths: [u16; MERGED],
    count: usize,
    frames: Vec<u8>,
    packet: Vec<u8>,
}

impl Hold {
    /// When what waits leaves as it is.
    pub fn due_us(&self) -> Option<u64> {
        self.first.map(|_| self.due_us)
    }

    /// Forgets what waits of a source.
    pub fn withdraw(&mut self, source: SessionId) {
        if self.first.is_some_and(|first| first.source == source) {
            self.clear();
        }
    }

    /// Takes a frame; `each` gets what is ready to leave: merged packets, and frames that cannot be merged.
    pub fn feed(&mut self, frame: Frame, payload: &[u8], mut each: impl FnMut(Frame, &[u8])) {
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
                && first.timestamp.wrapping_add(self.samples) == frame.timestamp
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
        // A merged packet is as loud as its loudest frame.
        first.level = match (first.level, frame.level) {
            (Some(a), Some(b)) => Some(if a.minus_dbov <= b.minus_dbov { a } else { b }),
            (a, b) => a.or(b),
        };
        self.toc = toc;
        self.samples += samples;
        self.lengths[self.count] = bytes.len() as u16;
        self.count += 1;
        self.frames.extend_from_slice(bytes);
        if self.samples >= SAMPLES {
            self.take(&mut each);
        }
    }

    /// Lets go of what waits.
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

//! Frames on their way to the listeners.

use crate::ids::{PersonId, SessionId};
use crate::rtp::{AudioLevel, MTU, SequenceNumber, Ssrc, Timestamp};
use crate::srtp::TAG;

/// The longest payload that fits a datagram with header and tag.
pub(super) const PAYLOAD: usize = MTU - 44 - TAG;
/// The most frames that leave together.
pub(super) const TOGETHER: usize = 8;

/// What is the same for all listeners of one frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub slot: usize,
    /// The first one of a talker.
    pub marker: bool,
    /// The source's number; that of the first one where several were merged.
    pub sequence: SequenceNumber,
    /// How many of the source's frames it holds.
    pub merged: u8,
    /// How many of the listeners' numbers are left free before it.
    pub gap: u8,
    /// How far before the listeners' next number its own is, which was left free; 0: it takes the next.
    pub back: u8,
    pub timestamp: Timestamp,
    pub csrc: Ssrc,
    /// Who speaks in it, and never hears it.
    pub owner: PersonId,
    /// The session that it came from.
    pub source: SessionId,
    pub level: Option<AudioLevel>,
    pub arrived_us: u64,
}

/// An Opus packet, and the whole redundant payload (RFC 2198) if it came in one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Payload<'a> {
    pub opus: &'a [u8],
    pub red: Option<&'a [u8]>,
}

impl<'a> Payload<'a> {
    pub fn plain(opus: &'a [u8]) -> Self {
        Self { opus, red: None }
    }
}

/// A frame and where its payload lies: first the redundant part, then the Opus packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    pub frame: Frame,
    start: usize,
    opus: usize,
    end: usize,
}

/// Frames that leave together, and their payloads.
#[derive(Clone, Debug, Default)]
pub(super) struct Frames {
    waiting: Vec<Waiting>,
    bytes: Vec<u8>,
}

impl Frames {
    pub fn add(&mut self, frame: Frame, payload: Payload<'_>) {
        let start = self.bytes.len();
        // A redundant payload ends with the packet itself.
        self.bytes.extend_from_slice(payload.red.unwrap_or(payload.opus));
        let end = self.bytes.len();
        self.waiting.push(Waiting { frame, start, opus: end - payload.opus.len(), end });
    }

    pub fn clear(&mut self) {
        self.waiting.clear();
        self.bytes.clear();
    }

    /// Drops those of a source.
    pub fn withdraw(&mut self, source: SessionId) {
        self.waiting.retain(|waiting| waiting.frame.source != source);
    }

    /// Oldest first.
    pub fn waiting(&self) -> &[Waiting] {
        &self.waiting
    }

    #[inline]
    pub fn payload(&self, waiting: &Waiting) -> Payload<'_> {
        let Waiting { start, opus, end, .. } = *waiting;
        Payload { opus: &self.bytes[opus..end], red: (start < opus).then(|| &self.bytes[start..end]) }
    }
}

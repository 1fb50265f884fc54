//! Frames on their way to the listeners, and where what becomes of them goes.

use std::sync::Arc;

use super::report::Counters;
use super::round::{Part, Round};
use super::{Io, Owner, SessionId};
use crate::batch::Batch;
use crate::rtp::{AudioLevel, MTU};
use crate::srtp::TAG;

/// Opus at most, so that header and tag also fit the datagram.
pub(super) const PAYLOAD: usize = MTU - 44 - TAG;
/// Frames that leave together at most.
pub(super) const TOGETHER: usize = 8;

/// What is the same for all listeners of one frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub slot: usize,
    pub marker: bool,
    pub timestamp: u32,
    pub csrc: u32,
    /// Who said it, and never hears it.
    pub owner: Owner,
    /// Whose session it came from.
    pub source: SessionId,
    pub level: Option<AudioLevel>,
    pub arrived_us: u64,
}

/// An Opus packet, and where it came with copies of earlier ones, all of it (RFC 2198).
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

/// A frame and where its payload lies: what makes it redundant, then the Opus packet.
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

    /// Forgets those of a source.
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

/// What is on its way out.
#[derive(Default)]
pub(super) struct Leaving {
    pub batch: Batch,
    /// What leaves with the next [`Out::run`].
    pub parts: Vec<Part>,
    pub round: Arc<Round>,
}

/// Where results go.
pub(super) struct Out<'a, I> {
    pub leaving: &'a mut Leaving,
    pub counters: &'a mut Counters,
    pub io: &'a mut I,
}

impl<I: Io> Out<'_, I> {
    /// Has the parts sealed and sent, by as many threads as there are; nothing of them is left to send afterwards.
    pub fn run(&mut self) {
        let Leaving { batch, parts, round } = &mut *self.leaving;
        if parts.is_empty() {
            return;
        }
        round.begin(parts);
        self.io.run(round, batch);
        let sent = round.end(parts);
        self.counters.forwarded += sent.forwarded;
        self.counters.together += sent.together;
    }
}

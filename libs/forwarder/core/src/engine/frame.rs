//! A frame on its way to the listeners, and where datagrams go.

use super::report::Counters;
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

/// A frame and where its payload lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    pub frame: Frame,
    pub start: usize,
    pub length: usize,
}

/// Where results go.
pub(super) struct Out<'a, I> {
    pub batch: &'a mut Batch,
    pub counters: &'a mut Counters,
    pub io: &'a mut I,
}

impl<I: Io> Out<'_, I> {
    pub fn make_room(&mut self, bytes: usize) {
        if !self.batch.room(bytes) {
            self.io.send(self.batch);
            self.batch.clear();
        }
    }
}

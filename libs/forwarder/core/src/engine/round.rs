//! What leaves at one moment, in parts that several threads take from.
//!
//! The engine's thread begins a round, works on it like everybody else, and goes on when all of it has left. So whatever
//! it does next, such as a mute or a removal, holds from that instant, and nothing that belongs to listeners has two
//! owners at a time.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::frame::Frames;
use super::shard::Shard;
use crate::batch::Batch;

/// Listeners of one shard, and what they are sent.
pub(super) struct Part {
    pub shard: Arc<Mutex<Shard>>,
    pub places: Range<usize>,
    pub frames: Arc<Frames>,
}

/// RTP packets, see [`super::Counters`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sent {
    pub forwarded: u64,
    pub together: u64,
}

/// Where one thread seals packets, and who sends them.
pub(super) struct Lane<'a, S> {
    pub batch: &'a mut Batch,
    pub send: S,
    pub sent: Sent,
}

impl<S: FnMut(&Batch)> Lane<'_, S> {
    pub fn make_room(&mut self, bytes: usize) {
        self.batch.make_room(bytes, &mut self.send);
    }
}

/// See the module.
#[derive(Default)]
pub struct Round {
    /// Written between rounds only, when at most somebody who woke late looks whether there is something left.
    parts: RwLock<Vec<Part>>,
    /// The next part that nobody has taken.
    next: AtomicUsize,
    /// Parts that have not left yet.
    left: AtomicUsize,
    forwarded: AtomicU64,
    together: AtomicU64,
}

impl Round {
    /// Parts that have not left yet.
    #[must_use]
    pub fn left(&self) -> usize {
        self.left.load(Ordering::Acquire)
    }

    /// Takes one part after another until all are taken, seals its packets into `batch`, and lets `send` have that when
    /// it is full and at the end. Returns whether the round is over by that. Any number of threads may work at once.
    pub fn work(&self, batch: &mut Batch, mut send: impl FnMut(&Batch)) -> bool {
        let parts = self.parts.read().unwrap_or_else(PoisonError::into_inner);
        let mut lane = Lane { batch, send: &mut send, sent: Sent::default() };
        let mut taken = 0;
        while let Some(part) = parts.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            // Free: the number above is given to one thread only, and a shard's two ends are a whole round apart.
            let mut shard = part.shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.send(part.places.clone(), &part.frames, &mut lane);
            taken += 1;
        }
        let sent = lane.sent;
        if taken == 0 {
            return false;
        }
        if !batch.is_empty() {
            send(batch);
            batch.clear();
        }
        self.forwarded.fetch_add(sent.forwarded, Ordering::Relaxed);
        self.together.fetch_add(sent.together, Ordering::Relaxed);
        drop(parts);
        self.left.fetch_sub(taken, Ordering::AcqRel) == taken
    }

    /// A listener stands in one part of a round at most: their order is nobody's.
    pub(super) fn begin(&self, given: &mut Vec<Part>) {
        let mut parts = self.parts.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut *parts, given);
        self.next.store(0, Ordering::Relaxed);
        self.left.store(parts.len(), Ordering::Release);
    }

    /// Gives the empty list back, and what was sent.
    pub(super) fn end(&self, given: &mut Vec<Part>) -> Sent {
        let mut parts = self.parts.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut *parts, given);
        given.clear();
        Sent {
            forwarded: self.forwarded.swap(0, Ordering::Relaxed),
            together: self.together.swap(0, Ordering::Relaxed),
        }
    }
}

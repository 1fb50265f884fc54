//! Everything that leaves at one moment, split into parts that several threads work on.
//!
//! The engine's thread begins a round, works on it like the others, and continues only when all packets have left. So a
//! mute or a removal takes effect at once, and no two threads ever use the same listener.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::frame::Frames;
use super::shard::Shard;
use super::writer::{BatchWriter, Sent};
use crate::batch::Batch;

/// Listeners of one shard, and what they are sent.
pub(super) struct Part {
    pub shard: Arc<Mutex<Shard>>,
    pub places: Range<usize>,
    pub frames: Arc<Frames>,
}

/// See the module.
#[derive(Default)]
pub struct Round {
    /// Written between rounds only. A thread that woke late may be reading it then, and finds nothing left to take.
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

    /// Takes parts until none is left, seals their packets into `batch`, and passes that to `send` whenever it is full
    /// and at the end. Returns whether this ended the round. Any number of threads may work at once.
    pub fn work(&self, batch: &mut Batch, mut send: impl FnMut(&Batch)) -> bool {
        let parts = self.parts.read().unwrap_or_else(PoisonError::into_inner);
        let mut writer = BatchWriter::new(batch, &mut send);
        let mut taken = 0;
        while let Some(part) = parts.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            // Nobody holds the lock: each number goes to one thread only, and where a shard is in two parts, one is the
            // round's first and the other its last.
            let mut shard = part.shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.send(part.places.clone(), &part.frames, &mut writer);
            taken += 1;
        }
        let sent = writer.sent;
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

    /// Begins a round. No listener is in two parts, so the parts may be sent in any order.
    pub(super) fn begin(&self, given: &mut Vec<Part>) {
        let mut parts = self.parts.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut *parts, given);
        self.next.store(0, Ordering::Relaxed);
        self.left.store(parts.len(), Ordering::Release);
    }

    /// Ends the round: empties the list, gives it back, and returns how much was sent.
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

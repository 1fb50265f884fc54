//! A part of an audience: as many listeners as leave with one system call, contiguous in the order of sending.

use super::frame::Frames;
use super::listener::{Listener, Record};
use super::round::Lane;
use crate::batch::{Batch, ENTRIES};

/// Listeners in one shard at most.
pub(super) const SHARD: usize = ENTRIES;

/// See the module. What is needed of a listener now and then stands at the same place of the second list.
#[derive(Default)]
pub(super) struct Shard {
    pub listeners: Vec<Listener>,
    pub records: Vec<Record>,
}

impl Shard {
    /// Sends the frames to everybody in it, beginning at `first`.
    pub fn send(&mut self, frames: &Frames, first: usize, lane: &mut Lane<'_, impl FnMut(&Batch)>) {
        let (before, after) = self.listeners.split_at_mut(first);
        let (records_before, records_after) = self.records.split_at(first);
        for (listeners, records) in [(after, records_after), (before, records_before)] {
            let both = listeners.iter_mut().zip(records);
            if let [only] = frames.waiting() {
                let payload = frames.payload(only);
                for (listener, record) in both {
                    if !listener.said(&only.frame) {
                        listener.send_one(record, &only.frame, payload, lane);
                    }
                }
            } else {
                for (listener, record) in both {
                    listener.send_several(record, frames, lane);
                }
            }
        }
    }
}

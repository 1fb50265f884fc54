//! A part of an audience: as many listeners as leave with one system call, contiguous in the order of sending.

use std::ops::Range;

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
    /// Sends the frames to those at `places`.
    pub fn send(&mut self, places: Range<usize>, frames: &Frames, lane: &mut Lane<'_, impl FnMut(&Batch)>) {
        let both = self.listeners[places.clone()].iter_mut().zip(&self.records[places]);
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

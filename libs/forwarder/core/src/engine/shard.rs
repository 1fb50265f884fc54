//! A part of an audience: as many listeners as one system call can send to, in the order of sending.

use std::ops::Range;

use super::frame::Frames;
use super::listener::{Listener, ListenerDetails};
use super::writer::BatchWriter;
use crate::batch::{Batch, ENTRIES};

/// The most listeners in one shard.
pub(super) const SHARD: usize = ENTRIES;

/// See the module. A listener has the same place in both lists.
#[derive(Default)]
pub(super) struct Shard {
    pub listeners: Vec<Listener>,
    pub details: Vec<ListenerDetails>,
}

impl Shard {
    /// Sends the frames to those at `places`.
    pub fn send(
        &mut self,
        places: Range<usize>,
        frames: &Frames,
        writer: &mut BatchWriter<'_, impl FnMut(&Batch)>,
    ) {
        let both = self.listeners[places.clone()].iter_mut().zip(&self.details[places]);
        if let [only] = frames.waiting() {
            let payload = frames.payload(only);
            for (listener, details) in both {
                if !listener.said(&only.frame) {
                    listener.send_one(details, &only.frame, payload, writer);
                }
            }
        } else {
            for (listener, details) in both {
                listener.send_several(details, frames, writer);
            }
        }
    }
}

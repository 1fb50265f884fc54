//! Where one thread writes sealed packets.

use crate::batch::Batch;

/// How many RTP packets were written, see [`super::Counters`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sent {
    pub forwarded: u64,
    pub together: u64,
}

/// A batch that is handed to `send` whenever it is full.
pub(super) struct BatchWriter<'a, S> {
    pub batch: &'a mut Batch,
    pub send: S,
    pub sent: Sent,
}

impl<'a, S: FnMut(&Batch)> BatchWriter<'a, S> {
    pub fn new(batch: &'a mut Batch, send: S) -> Self {
        Self { batch, send, sent: Sent::default() }
    }

    pub fn make_room(&mut self, bytes: usize) {
        self.batch.make_room(bytes, &mut self.send);
    }
}

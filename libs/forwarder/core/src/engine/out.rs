//! What is on its way out of the engine, and where its results go.

use std::sync::Arc;

use super::counters::Counters;
use super::io::Io;
use super::round::{Part, Round};
use crate::batch::Batch;

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

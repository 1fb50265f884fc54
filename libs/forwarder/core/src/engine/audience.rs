//! Listeners that are sent the same frames, in shards, and the frames that wait to be sent to them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::config::Subscription;
use super::counters::SessionReport;
use super::frame::{Frame, Frames, Payload, TOGETHER};
use super::io::Io;
use super::listener::{Listener, ListenerDetails};
use super::out::Out;
use super::round::Part;
use super::shard::{SHARD, Shard};
use super::writer::BatchWriter;
use crate::clock::{Now, TICK_US};
use crate::ids::{PersonId, SessionId};
use crate::rtcp::Block;
use crate::rtp::Timestamp;
use crate::select::SLOTS;
use crate::srtp::Outbound;

/// Every listener gets a sender report this often, in microseconds.
const REPORT_US: u64 = 5_000_000;

/// See the module. All shards but the last are full, so that a listener's place says where it stands.
#[derive(Default)]
pub(super) struct Audience {
    shards: Vec<Arc<Mutex<Shard>>>,
    count: usize,
    waiting: Arc<Frames>,
    /// The frames that were sent last. Their memory is used again.
    left: Arc<Frames>,
    /// Counts the sends.
    turn: u32,
    report_next: usize,
}

/// A listener on its way from one audience to another.
pub(super) struct Moving(Listener, ListenerDetails);

/// Never waits on the engine's thread: the others hold a shard during a round only.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Audience {
    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn shard(&self, place: usize) -> (MutexGuard<'_, Shard>, usize) {
        (lock(&self.shards[place / SHARD]), place % SHARD)
    }

    pub fn join(
        &mut self,
        id: SessionId,
        owner: PersonId,
        address: SocketAddr,
        media: &Subscription,
        outbound: Outbound,
        starts: &[u32; SLOTS],
    ) -> usize {
        let Outbound { rtp, rtcp } = outbound;
        self.enter(Moving(
            Listener::new(owner, address, media, rtp, starts),
            ListenerDetails::new(id, media, rtcp),
        ))
    }

    /// Adds a listener; returns its place.
    pub fn enter(&mut self, Moving(listener, details): Moving) -> usize {
        let place = self.count;
        if place / SHARD == self.shards.len() {
            self.shards.push(Arc::default());
        }
        self.count += 1;
        let (mut shard, _) = self.shard(place);
        shard.listeners.push(listener);
        shard.details.push(details);
        place
    }

    /// Removes the listener at `place`; returns it, and the session that has been moved to its place.
    pub fn leave(&mut self, place: usize) -> (Moving, Option<SessionId>) {
        self.count -= 1;
        let mut last = lock(&self.shards[self.count / SHARD]);
        let at = place % SHARD;
        let (moving, moved) = if place / SHARD == self.count / SHARD {
            let moving = Moving(last.listeners.swap_remove(at), last.details.swap_remove(at));
            (moving, last.details.get(at).map(|details| details.id))
        } else {
            let (Some(listener), Some(details)) = (last.listeners.pop(), last.details.pop()) else {
                unreachable!("the last shard is never empty");
            };
            let id = details.id;
            let mut shard = lock(&self.shards[place / SHARD]);
            let listener = std::mem::replace(&mut shard.listeners[at], listener);
            let details = std::mem::replace(&mut shard.details[at], details);
            (Moving(listener, details), Some(id))
        };
        drop(last);
        self.shards.truncate(self.count.div_ceil(SHARD));
        (moving, moved)
    }

    /// Sessions of an owner.
    pub fn of_owner(&self, owner: PersonId) -> Vec<SessionId> {
        let mut ids = Vec::new();
        for shard in &self.shards {
            let shard = lock(shard);
            let both = shard.listeners.iter().zip(&shard.details);
            ids.extend(both.filter(|(listener, _)| listener.owner == owner).map(|(_, details)| details.id));
        }
        ids
    }

    pub fn move_listener(&mut self, place: usize, address: SocketAddr) {
        let (mut shard, at) = self.shard(place);
        shard.listeners[at].address = address;
    }

    pub fn report(&self, place: usize, now: Now) -> SessionReport {
        let (shard, at) = self.shard(place);
        shard.details[at].report(&shard.listeners[at], now)
    }

    /// Takes a receiver report of the listener at `place` about one of its slots.
    pub fn reported(&mut self, place: usize, block: &Block, now: Now) {
        let (mut shard, at) = self.shard(place);
        let Shard { listeners, details } = &mut *shard;
        details[at].reported(&listeners[at], block, now);
    }

    /// Adds a frame to those that wait; sends those first if there are too many.
    pub fn add(&mut self, frame: Frame, payload: Payload<'_>, out: &mut Out<'_, impl Io>) {
        if self.is_empty() {
            return;
        }
        if self.waiting.waiting().len() == TOGETHER {
            self.send(out);
            out.run();
        }
        Arc::make_mut(&mut self.waiting).add(frame, payload);
    }

    /// Since when the oldest frame has waited; `None`: none waits.
    pub fn since_us(&self) -> Option<u64> {
        self.waiting.waiting().first().map(|waiting| waiting.frame.arrived_us)
    }

    /// Drops the waiting frames of a source.
    pub fn withdraw(&mut self, source: SessionId) {
        Arc::make_mut(&mut self.waiting).withdraw(source);
    }

    /// Has the waiting frames sent to everybody with the next [`Out::run`].
    pub fn send(&mut self, out: &mut Out<'_, impl Io>) {
        if self.waiting.waiting().is_empty() {
            return;
        }
        std::mem::swap(&mut self.waiting, &mut self.left);
        Arc::make_mut(&mut self.waiting).clear();
        // Every send starts at another listener, spread evenly by the golden ratio, so that nobody is always last.
        self.turn = self.turn.wrapping_add(1);
        let part = u64::from(self.turn.wrapping_mul(0x9E37_79B9));
        let first = ((part * self.count as u64) >> 32) as usize;
        let whole = |number: usize| (number, 0..SHARD.min(self.count - number * SHARD));
        let (at, first) = (first / SHARD, first % SHARD);
        let (_, begun) = whole(at);
        let others = (at + 1..self.shards.len()).chain(0..at).map(whole);
        let parts = [(at, first..begun.end)].into_iter().chain(others).chain([(at, 0..first)]);
        for (number, places) in parts.filter(|(_, places)| !places.is_empty()) {
            let (shard, frames) = (Arc::clone(&self.shards[number]), Arc::clone(&self.left));
            out.leaving.parts.push(Part { shard, places, frames });
        }
    }

    /// Sends sender reports to the listeners whose turn it is; each has one turn in [`REPORT_US`]. `times`: the current
    /// timestamp of each slot.
    pub fn send_reports(&mut self, times: &[Timestamp], now: Now, out: &mut Out<'_, impl Io>) {
        let rounds = (REPORT_US / TICK_US) as usize;
        let turns = self.count.div_ceil(rounds);
        // With few listeners most ticks have nothing to do; the cursor counts ticks rather than listeners.
        self.report_next = (self.report_next + 1) % rounds;
        let first = self.report_next * turns;
        let Out { leaving, counters, io } = out;
        let mut writer = BatchWriter::new(&mut leaving.batch, |batch| io.send(batch));
        for place in first..(first + turns).min(self.count) {
            let (mut shard, at) = self.shard(place);
            let Shard { listeners, details } = &mut *shard;
            counters.reports_sent += listeners[at].send_reports(&mut details[at], times, now, &mut writer);
        }
    }
}

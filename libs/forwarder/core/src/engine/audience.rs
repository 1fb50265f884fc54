//! Listeners that are sent the same frames, in shards, and the frames that wait for them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::frame::{Frame, Frames, Out, Payload, TOGETHER};
use super::listener::{Listener, Record};
use super::report::SessionReport;
use super::round::Part;
use super::session::Subscription;
use super::shard::{SHARD, Shard};
use super::{Io, Now, Owner, SessionId, TICK_US};
use crate::rtcp::Block;
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
    /// What left last; its memory is used again.
    left: Arc<Frames>,
    /// How often was sent.
    turn: u32,
    report_next: usize,
}

/// A listener on its way from one audience to another.
pub(super) struct Moving(Listener, Record);

/// Free whenever the engine's thread wants it: others hold a shard during a round only.
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
        owner: Owner,
        address: SocketAddr,
        media: &Subscription,
        outbound: Outbound,
        starts: &[u32; SLOTS],
    ) -> usize {
        let Outbound { rtp, rtcp } = outbound;
        self.enter(Moving(Listener::new(owner, address, media, rtp, starts), Record::new(id, media, rtcp)))
    }

    /// Takes a listener in; returns its place.
    pub fn enter(&mut self, Moving(listener, record): Moving) -> usize {
        let place = self.count;
        if place / SHARD == self.shards.len() {
            self.shards.push(Arc::default());
        }
        self.count += 1;
        let (mut shard, _) = self.shard(place);
        shard.listeners.push(listener);
        shard.records.push(record);
        place
    }

    /// Lets the listener at `place` go; returns it and the session that stands there now.
    pub fn leave(&mut self, place: usize) -> (Moving, Option<SessionId>) {
        self.count -= 1;
        let mut last = lock(&self.shards[self.count / SHARD]);
        let at = place % SHARD;
        let (moving, moved) = if place / SHARD == self.count / SHARD {
            let moving = Moving(last.listeners.swap_remove(at), last.records.swap_remove(at));
            (moving, last.records.get(at).map(|record| record.id))
        } else {
            let (Some(listener), Some(record)) = (last.listeners.pop(), last.records.pop()) else {
                unreachable!("the last shard is never empty");
            };
            let id = record.id;
            let mut shard = lock(&self.shards[place / SHARD]);
            let listener = std::mem::replace(&mut shard.listeners[at], listener);
            let record = std::mem::replace(&mut shard.records[at], record);
            (Moving(listener, record), Some(id))
        };
        drop(last);
        self.shards.truncate(self.count.div_ceil(SHARD));
        (moving, moved)
    }

    /// Sessions of an owner.
    pub fn of_owner(&self, owner: Owner) -> Vec<SessionId> {
        let mut ids = Vec::new();
        for shard in &self.shards {
            let shard = lock(shard);
            let both = shard.listeners.iter().zip(&shard.records);
            ids.extend(both.filter(|(listener, _)| listener.owner == owner).map(|(_, record)| record.id));
        }
        ids
    }

    pub fn move_listener(&mut self, place: usize, address: SocketAddr) {
        let (mut shard, at) = self.shard(place);
        shard.listeners[at].address = address;
    }

    pub fn report(&self, place: usize, now: Now) -> SessionReport {
        let (shard, at) = self.shard(place);
        shard.records[at].report(&shard.listeners[at], now)
    }

    /// A listener's receiver report says how a slot arrives.
    pub fn reported(&mut self, place: usize, block: &Block, now: Now) {
        let (mut shard, at) = self.shard(place);
        let Shard { listeners, records } = &mut *shard;
        records[at].reported(&listeners[at], block, now);
    }

    /// Lets a frame wait; where too many wait already, those leave first.
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

    /// Whether frames wait, and since when.
    pub fn since_us(&self) -> Option<u64> {
        self.waiting.waiting().first().map(|waiting| waiting.frame.arrived_us)
    }

    /// Nothing of this source leaves any more.
    pub fn withdraw(&mut self, source: SessionId) {
        Arc::make_mut(&mut self.waiting).withdraw(source);
    }

    /// What waits leaves to everybody with the next [`Out::run`].
    pub fn send(&mut self, out: &mut Out<'_, impl Io>) {
        if self.waiting.waiting().is_empty() {
            return;
        }
        std::mem::swap(&mut self.waiting, &mut self.left);
        Arc::make_mut(&mut self.waiting).clear();
        // Every turn begins elsewhere, spread evenly (by the golden ratio), so that nobody is always last.
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

    /// Sends the sender reports of those listeners whose turn it is; every listener has one turn in [`REPORT_US`].
    /// `times`: the timestamp of each slot's timeline at this moment.
    pub fn send_reports(&mut self, times: &[u32], now: Now, out: &mut Out<'_, impl Io>) {
        let rounds = (REPORT_US / TICK_US) as usize;
        let turns = self.count.div_ceil(rounds);
        // With few listeners most ticks have nothing to do; the cursor counts ticks rather than listeners.
        self.report_next = (self.report_next + 1) % rounds;
        let first = self.report_next * turns;
        for place in first..(first + turns).min(self.count) {
            let (mut shard, at) = self.shard(place);
            let Shard { listeners, records } = &mut *shard;
            listeners[at].send_reports(&mut records[at], times, now, out);
        }
    }
}

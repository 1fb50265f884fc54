//! Listeners in the order of sending, and the frames that wait for them.

use std::net::SocketAddr;

use super::frame::{Frame, Out, TOGETHER, Waiting};
use super::listener::{Listener, Record};
use super::report::SessionReport;
use super::session::Subscription;
use super::{Io, Now, Owner, SessionId, TICK_US};
use crate::rtcp::Block;
use crate::select::SLOTS;
use crate::srtp::Outbound;

/// Every listener gets a sender report this often, in microseconds.
const REPORT_US: u64 = 5_000_000;

/// Listeners that are sent the same frames.
#[derive(Default)]
pub(super) struct Audience {
    listeners: Vec<Listener>,
    records: Vec<Record>,
    waiting: Vec<Waiting>,
    bytes: Vec<u8>,
    /// How often was sent.
    turn: u32,
    report_next: usize,
}

/// A listener on its way from one audience to another.
pub(super) struct Moving(Listener, Record);

impl Audience {
    pub fn len(&self) -> usize {
        self.listeners.len()
    }

    pub fn is_empty(&self) -> bool {
        self.listeners.is_empty()
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
        self.listeners.push(listener);
        self.records.push(record);
        self.listeners.len() - 1
    }

    /// Lets the listener at `place` go; returns it and the session that stands there now.
    pub fn leave(&mut self, place: usize) -> (Moving, Option<SessionId>) {
        let moving = Moving(self.listeners.swap_remove(place), self.records.swap_remove(place));
        (moving, self.records.get(place).map(|record| record.id))
    }

    /// Sessions of an owner.
    pub fn of_owner(&self, owner: Owner) -> Vec<SessionId> {
        let both = self.listeners.iter().zip(&self.records);
        both.filter(|(listener, _)| listener.owner == owner).map(|(_, record)| record.id).collect()
    }

    pub fn move_listener(&mut self, place: usize, address: SocketAddr) {
        self.listeners[place].address = address;
    }

    pub fn report(&self, place: usize, now: Now) -> SessionReport {
        self.records[place].report(&self.listeners[place], now)
    }

    /// A listener's receiver report says how a slot arrives.
    pub fn reported(&mut self, place: usize, block: &Block, now: Now) {
        self.records[place].reported(&self.listeners[place], block, now);
    }

    /// Lets a frame wait; where too many wait already, those leave first.
    pub fn add(&mut self, frame: Frame, payload: &[u8], out: &mut Out<'_, impl Io>) {
        if self.listeners.is_empty() {
            return;
        }
        if self.waiting.len() == TOGETHER {
            self.send(out);
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(payload);
        self.waiting.push(Waiting { frame, start, length: payload.len() });
    }

    /// Whether frames wait, and since when.
    pub fn since_us(&self) -> Option<u64> {
        self.waiting.first().map(|waiting| waiting.frame.arrived_us)
    }

    /// Nothing of this source leaves any more.
    pub fn withdraw(&mut self, source: SessionId) {
        self.waiting.retain(|waiting| waiting.frame.source != source);
    }

    /// Sends what waits to everybody.
    pub fn send(&mut self, out: &mut Out<'_, impl Io>) {
        if self.waiting.is_empty() {
            return;
        }
        // Every turn begins elsewhere, spread evenly (by the golden ratio), so that nobody is always last.
        self.turn = self.turn.wrapping_add(1);
        let part = u64::from(self.turn.wrapping_mul(0x9E37_79B9));
        let first = ((part * self.listeners.len() as u64) >> 32) as usize;
        let (waiting, bytes) = (self.waiting.as_slice(), self.bytes.as_slice());
        let (before, after) = self.listeners.split_at_mut(first);
        let (records_before, records_after) = self.records.split_at(first);
        for (listeners, records) in [(after, records_after), (before, records_before)] {
            if let [only] = waiting {
                let payload = &bytes[only.start..only.start + only.length];
                for (listener, record) in listeners.iter_mut().zip(records) {
                    if !listener.said(&only.frame) {
                        listener.send_one(record, &only.frame, payload, out);
                    }
                }
            } else {
                for (listener, record) in listeners.iter_mut().zip(records) {
                    listener.send_several(record, waiting, bytes, out);
                }
            }
        }
        self.waiting.clear();
        self.bytes.clear();
    }

    /// Sends the sender reports of those listeners whose turn it is; every listener has one turn in [`REPORT_US`].
    /// `times`: the timestamp of each slot's timeline at this moment.
    pub fn send_reports(&mut self, times: &[u32], now: Now, out: &mut Out<'_, impl Io>) {
        let rounds = (REPORT_US / TICK_US) as usize;
        let turns = self.listeners.len().div_ceil(rounds);
        // With few listeners most ticks have nothing to do; the cursor counts ticks rather than listeners.
        self.report_next = (self.report_next + 1) % rounds;
        let first = self.report_next * turns;
        let those = self.listeners.iter().zip(&mut self.records).skip(first).take(turns);
        for (listener, record) in those {
            listener.send_reports(record, times, now, out);
        }
    }
}

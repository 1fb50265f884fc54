//! Listeners in the order of sending, and the frames that wait for them.

use std::net::SocketAddr;

use super::report::{Counters, SessionReport};
use super::session::Subscription;
use super::{Io, Now, Owner, SessionId, TICK_US};
use crate::batch::Batch;
use crate::rtcp::{self, Block};
use crate::rtp::{AudioLevel, MTU, Outgoing};
use crate::select::SLOTS;
use crate::srtp::{Outbound, RtcpSeal, RtpSeal, TAG};

/// Opus at most, so that header and tag also fit the datagram.
pub(super) const PAYLOAD: usize = MTU - 44 - TAG;
/// Frames that leave together at most.
const TOGETHER: usize = 8;
/// Padding at most: its length stands in one byte (RFC 3550, section 5.1).
const PADDING: usize = 255;
/// MID is sent with a slot's first packets, until the receiver certainly knows it (RFC 8843, section 9.2).
const MID_PACKETS: u32 = 64;
/// Every listener gets a sender report this often, in microseconds.
const REPORT_US: u64 = 5_000_000;

/// Where results go.
pub(super) struct Out<'a, I> {
    pub batch: &'a mut Batch,
    pub counters: &'a mut Counters,
    pub io: &'a mut I,
}

impl<I: Io> Out<'_, I> {
    fn make_room(&mut self, bytes: usize) {
        if !self.batch.room(bytes) {
            self.io.send(self.batch);
            self.batch.clear();
        }
    }
}

/// What is the same for all listeners of one frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub slot: usize,
    pub marker: bool,
    pub timestamp: u32,
    pub csrc: u32,
    /// Who said it, and never hears it.
    pub owner: Owner,
    /// Whose session it came from.
    pub source: SessionId,
    pub level: Option<AudioLevel>,
    pub arrived_us: u64,
}

/// A frame and where its payload lies.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    frame: Frame,
    start: usize,
    length: usize,
}

/// One slot of one listener, what every packet needs of it.
#[derive(Clone, Copy, Debug, Default)]
struct Track {
    /// Rollover counter and sequence of the next packet; starts below 2^15 so that a receiver that misses the first
    /// packets still guesses rollover counter 0.
    next: u64,
    ssrc: u32,
    packets: u32,
    octets: u32,
}

/// What every packet needs of a listener, contiguous in the order of sending.
struct Listener {
    address: SocketAddr,
    owner: Owner,
    payload_type: u8,
    mid_extension: Option<u8>,
    level_extension: Option<u8>,
    tracks: [Track; SLOTS],
    rtp: RtpSeal,
}

/// What a slot's reports say.
#[derive(Clone, Copy, Debug, Default)]
struct Reported {
    mid: [u8; 16],
    mid_length: u8,
    lost: u32,
    jitter: u32,
    fraction_lost: u8,
}

/// What is needed of a listener now and then; stands at the same place.
struct Record {
    id: SessionId,
    rtcp: RtcpSeal,
    slots: [Reported; SLOTS],
    round_trip_us: u32,
}

const _: () = assert!(size_of::<Listener>() + size_of::<Record>() <= 2048, "a listener's state stays small");

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
        let mut tracks = [Track::default(); SLOTS];
        let mut slots = [Reported::default(); SLOTS];
        for (number, (slot, start)) in media.slots.iter().zip(starts).enumerate() {
            tracks[number].ssrc = slot.ssrc;
            tracks[number].next = u64::from(start & 0x7FFF);
            slots[number].mid[..slot.mid.len()].copy_from_slice(&slot.mid);
            slots[number].mid_length = slot.mid.len() as u8;
        }
        let Outbound { rtp, rtcp } = outbound;
        let listener = Listener {
            address,
            owner,
            payload_type: media.payload_type,
            mid_extension: media.mid_extension,
            level_extension: media.level_extension,
            tracks,
            rtp,
        };
        self.enter(Moving(listener, Record { id, rtcp, slots, round_trip_us: 0 }))
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

    pub fn report(&self, place: usize) -> SessionReport {
        let (tracks, record) = (&self.listeners[place].tracks, &self.records[place]);
        SessionReport {
            packets: tracks.iter().map(|track| u64::from(track.packets)).sum(),
            lost: record.slots.iter().map(|slot| u64::from(slot.lost)).sum(),
            fraction_lost: record.slots.iter().map(|slot| slot.fraction_lost).max().unwrap_or(0),
            jitter_us: record.slots.iter().map(|slot| slot.jitter).max().unwrap_or(0).saturating_mul(1000)
                / 48,
            round_trip_us: record.round_trip_us,
        }
    }

    /// A listener's receiver report says how a slot arrives.
    pub fn reported(&mut self, place: usize, block: &Block, now: Now) {
        let (tracks, record) = (&self.listeners[place].tracks, &mut self.records[place]);
        let Some(slot) = tracks.iter().position(|track| track.ssrc == block.ssrc) else { return };
        let slot = &mut record.slots[slot];
        slot.lost = block.lost.max(0) as u32;
        slot.jitter = block.jitter;
        slot.fraction_lost = block.fraction_lost;
        if block.last_report != 0 {
            let here = (rtcp::ntp(now.wall_ns) >> 16) as u32;
            let trip = here.wrapping_sub(block.last_report).wrapping_sub(block.delay);
            // Clocks that jump give nonsense; a minute is more than any round trip.
            if trip < 60 << 16 {
                record.round_trip_us = ((u64::from(trip) * 1_000_000) >> 16) as u32;
            }
        }
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
            for (track, timestamp) in listener.tracks.iter().zip(times) {
                if track.packets == 0 {
                    continue;
                }
                out.make_room(MTU);
                out.batch.push(listener.address, |buffer| {
                    let ntp = rtcp::ntp(now.wall_ns);
                    let length =
                        rtcp::sender_report(buffer, track.ssrc, ntp, *timestamp, track.packets, track.octets);
                    record.rtcp.seal(buffer, length).unwrap_or(0)
                });
                out.counters.reports_sent += 1;
            }
        }
    }
}

impl Listener {
    #[inline]
    fn said(&self, frame: &Frame) -> bool {
        self.owner == frame.owner && frame.owner != 0
    }

    #[inline]
    fn header<'a>(&self, record: &'a Record, frame: &Frame) -> Outgoing<'a> {
        let (track, slot) = (&self.tracks[frame.slot], &record.slots[frame.slot]);
        Outgoing {
            padding: false,
            marker: frame.marker,
            payload_type: self.payload_type,
            sequence: track.next as u16,
            timestamp: frame.timestamp,
            ssrc: track.ssrc,
            csrc: frame.csrc,
            mid: self
                .mid_extension
                .filter(|_| track.packets < MID_PACKETS)
                .map(|id| (id, &slot.mid[..usize::from(slot.mid_length)])),
            level: self.level_extension.and_then(|id| frame.level.map(|level| (id, level))),
        }
    }

    /// Writes one sealed packet and counts it; returns its length.
    #[inline]
    fn write(
        &mut self,
        outgoing: &Outgoing<'_>,
        slot: usize,
        payload: &[u8],
        pad: usize,
        to: &mut [u8],
    ) -> usize {
        let header = outgoing.write(to);
        let end = header + payload.len();
        to[header..end].copy_from_slice(payload);
        if pad > 0 {
            to[end..end + pad].fill(0);
            to[end + pad - 1] = pad as u8;
        }
        let track = &mut self.tracks[slot];
        let length = self.rtp.seal(to, header, payload.len() + pad, track.ssrc, track.next).unwrap_or(0);
        track.next += 1;
        track.packets = track.packets.wrapping_add(1);
        track.octets = track.octets.wrapping_add(payload.len() as u32);
        length
    }

    #[inline]
    fn send_one(&mut self, record: &Record, frame: &Frame, payload: &[u8], out: &mut Out<'_, impl Io>) {
        out.make_room(MTU);
        let outgoing = self.header(record, frame);
        out.batch.push(self.address, |to| self.write(&outgoing, frame.slot, payload, 0, to));
        out.batch.forwards(frame.arrived_us);
        out.counters.forwarded += 1;
    }

    /// Frames that wait leave in one datagram train (`UDP_SEGMENT`), padded to equal size; one that would need more
    /// padding than a byte can tell leaves with the next.
    fn send_several(
        &mut self,
        record: &Record,
        waiting: &[Waiting],
        bytes: &[u8],
        out: &mut Out<'_, impl Io>,
    ) {
        let mut lengths = [0; TOGETHER];
        let mut chosen = [0; TOGETHER];
        let (mut count, mut longest, mut shortest) = (0, 0, usize::MAX);
        for (number, item) in waiting.iter().enumerate().take(TOGETHER) {
            if self.said(&item.frame) {
                continue;
            }
            let length = self.header(record, &item.frame).length() + item.length + self.rtp.tag();
            let (up, down) = (longest.max(length), shortest.min(length));
            if count > 0 && up - down > PADDING {
                self.send_train(record, waiting, bytes, &chosen[..count], &lengths[..count], out);
                (count, longest, shortest) = (0, 0, usize::MAX);
            }
            (chosen[count], lengths[count]) = (number, length);
            count += 1;
            (longest, shortest) = (longest.max(length), shortest.min(length));
        }
        if count > 0 {
            self.send_train(record, waiting, bytes, &chosen[..count], &lengths[..count], out);
        }
    }

    fn send_train(
        &mut self,
        record: &Record,
        waiting: &[Waiting],
        bytes: &[u8],
        chosen: &[usize],
        lengths: &[usize],
        out: &mut Out<'_, impl Io>,
    ) {
        let segment = lengths.iter().copied().max().unwrap_or(0);
        let room = segment * chosen.len();
        out.make_room(room);
        out.batch.push_segments(self.address, segment, room, |to| {
            let mut at = 0;
            for (number, (item, length)) in
                chosen.iter().map(|number| &waiting[*number]).zip(lengths).enumerate()
            {
                let pad = if number + 1 < chosen.len() { segment - length } else { 0 };
                let outgoing = Outgoing { padding: pad > 0, ..self.header(record, &item.frame) };
                let payload = &bytes[item.start..item.start + item.length];
                at += self.write(&outgoing, item.frame.slot, payload, pad, &mut to[at..]);
            }
            at
        });
        for number in chosen {
            out.batch.forwards(waiting[*number].frame.arrived_us);
        }
        out.counters.forwarded += chosen.len() as u64;
        out.counters.together += if chosen.len() > 1 { chosen.len() as u64 } else { 0 };
    }
}

//! One listener: headers written for it, packets sealed for it, and what its reports say.

use std::net::SocketAddr;

use super::frame::{Frame, Frames, Out, Payload, TOGETHER};
use super::report::SessionReport;
use super::round::Lane;
use super::session::Subscription;
use super::{Io, Now, Owner, SessionId};
use crate::batch::Batch;
use crate::red;
use crate::rtcp::{self, Block};
use crate::rtp::{MTU, Outgoing};
use crate::select::SLOTS;
use crate::srtp::{RtcpSeal, RtpSeal};

/// Padding at most: its length stands in one byte (RFC 3550, section 5.1).
const PADDING: usize = 255;
/// MID is sent with a slot's first packets, until the receiver certainly knows it (RFC 8843, section 9.2).
const MID_PACKETS: u32 = 64;
/// What a receiver report says of the last interval counts for this long, in microseconds: a slot that fell silent is
/// reported no more.
const REPORT_LASTS_US: u64 = 12_000_000;
/// Reported jitter at most, in 1/48000 s: ten seconds.
const JITTER: u32 = 480_000;
/// Round trip at most, in microseconds: a minute.
const ROUND_TRIP_US: u64 = 60_000_000;

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
pub(super) struct Listener {
    pub address: SocketAddr,
    pub owner: Owner,
    payload_type: u8,
    /// Of redundant payloads.
    red: Option<u8>,
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
    /// When the last one came; 0: never.
    at_us: u64,
}

/// Sender reports of ours that left at one time.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    /// The middle 32 bits of their NTP time; 0: none left.
    ntp: u32,
    at_us: u64,
}

/// What is needed of a listener now and then; stands at the same place.
pub(super) struct Record {
    pub id: SessionId,
    rtcp: RtcpSeal,
    slots: [Reported; SLOTS],
    /// The last two: a receiver report mentions the older one while the newer is on its way.
    told: [Told; 2],
    round_trip_us: u32,
}

// Neither owns memory elsewhere.
const _: () = assert!(size_of::<Listener>() + size_of::<Record>() <= 2048, "a listener's state stays small");

impl Record {
    pub fn new(id: SessionId, media: &Subscription, rtcp: RtcpSeal) -> Self {
        let mut slots = [Reported::default(); SLOTS];
        for (reported, slot) in slots.iter_mut().zip(&media.slots) {
            reported.mid[..slot.mid.len()].copy_from_slice(&slot.mid);
            reported.mid_length = slot.mid.len() as u8;
        }
        Self { id, rtcp, slots, told: Default::default(), round_trip_us: 0 }
    }

    pub fn report(&self, listener: &Listener, now: Now) -> SessionReport {
        let recent =
            || self.slots.iter().filter(|slot| slot.at_us > 0 && slot.at_us + REPORT_LASTS_US > now.us);
        SessionReport {
            packets: listener.tracks.iter().map(|track| u64::from(track.packets)).sum(),
            lost: self.slots.iter().map(|slot| u64::from(slot.lost)).sum(),
            recent: recent().next().is_some(),
            fraction_lost: recent().map(|slot| slot.fraction_lost).max().unwrap_or(0),
            jitter_us: recent().map(|slot| slot.jitter).max().unwrap_or(0) * 1000 / 48,
            round_trip_us: self.round_trip_us,
        }
    }

    /// A receiver report says how a slot arrives. It is the client who says it: what cannot be is bounded or ignored.
    pub fn reported(&mut self, listener: &Listener, block: &Block, now: Now) {
        let sent = |track: &Track| track.ssrc == block.ssrc && track.packets > 0;
        let Some(number) = listener.tracks.iter().position(sent) else { return };
        let slot = &mut self.slots[number];
        slot.lost = (block.lost.max(0) as u32).min(listener.tracks[number].packets);
        slot.jitter = block.jitter.min(JITTER);
        slot.fraction_lost = block.fraction_lost;
        slot.at_us = now.us;
        // The round trip (RFC 3550, section 6.4.1), on a clock that does not jump. A report that we never sent, or that
        // was held for longer than it is old, tells none.
        let answers = |told: &&Told| told.ntp == block.last_report && told.ntp != 0;
        let Some(told) = self.told.iter().find(answers) else { return };
        let held_us = (u64::from(block.delay) * 1_000_000) >> 16;
        if let Some(trip_us) = now.us.saturating_sub(told.at_us).checked_sub(held_us) {
            self.round_trip_us = trip_us.clamp(1, ROUND_TRIP_US) as u32;
        }
    }
}

impl Listener {
    /// `starts`: random, for where each slot's sequence begins.
    pub fn new(
        owner: Owner,
        address: SocketAddr,
        media: &Subscription,
        rtp: RtpSeal,
        starts: &[u32; SLOTS],
    ) -> Self {
        let mut tracks = [Track::default(); SLOTS];
        for (track, (slot, start)) in tracks.iter_mut().zip(media.slots.iter().zip(starts)) {
            track.ssrc = slot.ssrc;
            track.next = u64::from(start & 0x7FFF);
        }
        Self {
            address,
            owner,
            payload_type: media.payload_type,
            red: media.red,
            mid_extension: media.mid_extension,
            level_extension: media.level_extension,
            tracks,
            rtp,
        }
    }

    /// A sender report for each slot in which something was sent; `times`: each slot's timeline at this moment.
    pub fn send_reports(&self, record: &mut Record, times: &[u32], now: Now, out: &mut Out<'_, impl Io>) {
        let ntp = rtcp::ntp(now.wall_ns);
        record.told = [Told { ntp: (ntp >> 16) as u32, at_us: now.us }, record.told[0]];
        for (track, timestamp) in self.tracks.iter().zip(times) {
            if track.packets == 0 {
                continue;
            }
            out.leaving.batch.make_room(MTU, |batch| out.io.send(batch));
            out.leaving.batch.push(self.address, |buffer| {
                let length =
                    rtcp::sender_report(buffer, track.ssrc, ntp, *timestamp, track.packets, track.octets);
                record.rtcp.seal(buffer, length).unwrap_or(0)
            });
            out.counters.reports_sent += 1;
        }
    }

    /// Whether the frame is their own.
    #[inline]
    pub fn said(&self, frame: &Frame) -> bool {
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

    /// What of a payload they get, and under which payload type.
    #[inline]
    fn gets<'a>(&self, payload: Payload<'a>) -> (u8, &'a [u8]) {
        match (self.red, payload.red) {
            (Some(number), Some(red)) => (number, red),
            _ => (self.payload_type, payload.opus),
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
        if outgoing.payload_type != self.payload_type {
            red::relabel(&mut to[header..end], self.payload_type);
        }
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
    pub fn send_one(
        &mut self,
        record: &Record,
        frame: &Frame,
        payload: Payload<'_>,
        lane: &mut Lane<'_, impl FnMut(&Batch)>,
    ) {
        lane.make_room(MTU);
        let (payload_type, payload) = self.gets(payload);
        let outgoing = Outgoing { payload_type, ..self.header(record, frame) };
        lane.batch.push(self.address, |to| self.write(&outgoing, frame.slot, payload, 0, to));
        lane.batch.forwards(frame.arrived_us);
        lane.sent.forwarded += 1;
    }

    /// Frames that wait leave in one datagram train (`UDP_SEGMENT`), padded to equal size; one that would need more
    /// padding than a byte can tell leaves with the next.
    pub fn send_several(
        &mut self,
        record: &Record,
        frames: &Frames,
        lane: &mut Lane<'_, impl FnMut(&Batch)>,
    ) {
        let mut lengths = [0; TOGETHER];
        let mut chosen = [0; TOGETHER];
        let (mut count, mut longest, mut shortest) = (0, 0, usize::MAX);
        for (number, item) in frames.waiting().iter().enumerate().take(TOGETHER) {
            if self.said(&item.frame) {
                continue;
            }
            let (_, payload) = self.gets(frames.payload(item));
            let length = self.header(record, &item.frame).length() + payload.len() + self.rtp.tag();
            let (up, down) = (longest.max(length), shortest.min(length));
            if count > 0 && up - down > PADDING {
                self.send_train(record, frames, &chosen[..count], &lengths[..count], lane);
                (count, longest, shortest) = (0, 0, usize::MAX);
            }
            (chosen[count], lengths[count]) = (number, length);
            count += 1;
            (longest, shortest) = (longest.max(length), shortest.min(length));
        }
        if count > 0 {
            self.send_train(record, frames, &chosen[..count], &lengths[..count], lane);
        }
    }

    fn send_train(
        &mut self,
        record: &Record,
        frames: &Frames,
        chosen: &[usize],
        lengths: &[usize],
        lane: &mut Lane<'_, impl FnMut(&Batch)>,
    ) {
        let segment = lengths.iter().copied().max().unwrap_or(0);
        let room = segment * chosen.len();
        lane.make_room(room);
        let items = chosen.iter().map(|number| &frames.waiting()[*number]);
        lane.batch.push_segments(self.address, segment, room, |to| {
            let mut at = 0;
            for (number, (item, length)) in items.clone().zip(lengths).enumerate() {
                let pad = if number + 1 < chosen.len() { segment - length } else { 0 };
                let (payload_type, payload) = self.gets(frames.payload(item));
                let header = self.header(record, &item.frame);
                let outgoing = Outgoing { padding: pad > 0, payload_type, ..header };
                at += self.write(&outgoing, item.frame.slot, payload, pad, &mut to[at..]);
            }
            at
        });
        for item in items {
            lane.batch.forwards(item.frame.arrived_us);
        }
        lane.sent.forwarded += chosen.len() as u64;
        lane.sent.together += if chosen.len() > 1 { chosen.len() as u64 } else { 0 };
    }
}

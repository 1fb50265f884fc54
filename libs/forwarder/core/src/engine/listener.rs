//! One listener: the headers and packets that are made for it, and what it reports.

use std::net::SocketAddr;

use super::config::Subscription;
use super::counters::SessionReport;
use super::frame::{Frame, Frames, Payload, TOGETHER};
use super::timeline::BEFORE;
use super::writer::BatchWriter;
use crate::batch::Batch;
use crate::clock::Now;
use crate::ids::{PersonId, SessionId};
use crate::red;
use crate::rtcp::{Block, NtpTime, SenderReport};
use crate::rtp::{ExtensionId, MTU, Outgoing, PacketIndex, PayloadType, Ssrc, Timestamp};
use crate::select::SLOTS;
use crate::srtp::{RtcpSeal, RtpSeal};

/// The longest padding, whose length must fit one byte (RFC 3550, section 5.1).
const PADDING: usize = 255;
/// MID is sent with a slot's first packets, until the receiver certainly knows it (RFC 8843, section 9.2).
const MID_PACKETS: u32 = 64;
/// How long a receiver report's loss and jitter count, in microseconds. Clients stop reporting a slot that fell silent.
const REPORT_LASTS_US: u64 = 12_000_000;
/// Reported jitter is cut to this, in 1/48000 s: ten seconds.
const JITTER: u32 = 480_000;
/// A round trip is cut to this, in microseconds: a minute.
const ROUND_TRIP_US: u64 = 60_000_000;

/// What every packet needs of one slot of a listener.
#[derive(Clone, Copy, Debug, Default)]
struct Track {
    /// Rollover counter and sequence of the next packet; starts below 2^15 so that a receiver that misses the first
    /// packets still guesses rollover counter 0.
    next: PacketIndex,
    /// Which numbers before the next one were left free, from the nearest (bit 0) on. Each is used once.
    free: u32,
    /// How many numbers were left free for frames that never came; the receiver takes them to be lost.
    left: u32,
    ssrc: Ssrc,
    packets: u32,
    octets: u32,
}

/// What every packet needs of a listener, contiguous in the order of sending.
pub(super) struct Listener {
    pub address: SocketAddr,
    pub owner: PersonId,
    payload_type: PayloadType,
    /// Of redundant payloads.
    red: Option<PayloadType>,
    mid_extension: Option<ExtensionId>,
    level_extension: Option<ExtensionId>,
    tracks: [Track; SLOTS],
    rtp: RtpSeal,
}

/// What a slot's reports say.
#[derive(Clone, Copy, Debug, Default)]
struct SlotReport {
    mid: [u8; 16],
    mid_length: u8,
    lost: u32,
    jitter: u32,
    fraction_lost: u8,
    /// Rollovers and sequence of the newest packet that the last one knew.
    highest: u32,
    /// What had been left free by then, see [`Track`].
    left: u32,
    /// When the last one came; 0: never.
    at_us: u64,
}

/// The sender reports that we sent a listener at one time.
#[derive(Clone, Copy, Debug, Default)]
struct SentReport {
    /// The middle 32 bits of their NTP time; 0: none left.
    ntp: u32,
    at_us: u64,
}

/// What is rarely needed of a listener. It has the listener's place in a list of its own.
pub(super) struct ListenerDetails {
    pub id: SessionId,
    rtcp: RtcpSeal,
    slots: [SlotReport; SLOTS],
    /// The last two: a receiver report mentions the older one while the newer is on its way.
    told: [SentReport; 2],
    round_trip_us: u32,
}

// Neither owns memory elsewhere.
const _: () =
    assert!(size_of::<Listener>() + size_of::<ListenerDetails>() <= 2048, "a listener's state stays small");

impl ListenerDetails {
    pub fn new(id: SessionId, media: &Subscription, rtcp: RtcpSeal) -> Self {
        let mut slots = [SlotReport::default(); SLOTS];
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
            ..SessionReport::default()
        }
    }

    /// Takes a receiver report about one slot. It comes from the client, so impossible values are bounded or ignored.
    pub fn reported(&mut self, listener: &Listener, block: &Block, now: Now) {
        let sent = |track: &Track| track.ssrc == block.ssrc && track.packets > 0;
        let Some(number) = listener.tracks.iter().position(sent) else { return };
        let slot = &mut self.slots[number];
        let track = &listener.tracks[number];
        // What the speaker lost on the way here is no loss of the listener's.
        let left = track.left.saturating_sub(slot.left);
        let expected = block.highest.wrapping_sub(slot.highest);
        slot.fraction_lost = if slot.at_us > 0 && (1..1 << 16).contains(&expected) {
            let lost = u32::from(block.fraction_lost) * expected / 256;
            (lost.saturating_sub(left) * 256 / expected) as u8
        } else {
            block.fraction_lost
        };
        (slot.highest, slot.left) = (block.highest, track.left);
        slot.lost = (block.lost.max(0) as u32).saturating_sub(track.left).min(track.packets);
        slot.jitter = block.jitter.min(JITTER);
        slot.at_us = now.us;
        // The round trip (RFC 3550, section 6.4.1), by the monotonic clock. A client that names a report we never sent,
        // or claims to have held one for longer than it is old, tells none.
        let answers = |told: &&SentReport| told.ntp == block.last_report && told.ntp != 0;
        let Some(told) = self.told.iter().find(answers) else { return };
        let held_us = (u64::from(block.delay) * 1_000_000) >> 16;
        if let Some(trip_us) = now.us.saturating_sub(told.at_us).checked_sub(held_us) {
            self.round_trip_us = trip_us.clamp(1, ROUND_TRIP_US) as u32;
        }
    }
}

impl Listener {
    /// `starts`: random numbers, from which each slot's sequence numbers start.
    pub fn new(
        owner: PersonId,
        address: SocketAddr,
        media: &Subscription,
        rtp: RtpSeal,
        starts: &[u32; SLOTS],
    ) -> Self {
        let mut tracks = [Track::default(); SLOTS];
        for (track, (slot, start)) in tracks.iter_mut().zip(media.slots.iter().zip(starts)) {
            track.ssrc = slot.ssrc;
            track.next = PacketIndex(u64::from(start & 0x7FFF).max(BEFORE.into()));
            track.free = (1 << BEFORE) - 1;
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

    /// Sends a sender report for each slot in which something was sent; returns how many. `times`: each slot's timeline
    /// at this moment.
    pub fn send_reports(
        &self,
        details: &mut ListenerDetails,
        times: &[Timestamp],
        now: Now,
        writer: &mut BatchWriter<'_, impl FnMut(&Batch)>,
    ) -> u64 {
        let mut sent = 0;
        let ntp = NtpTime::of_unix_ns(now.wall_ns);
        details.told = [SentReport { ntp: ntp.middle(), at_us: now.us }, details.told[0]];
        for (track, timestamp) in self.tracks.iter().zip(times) {
            if track.packets == 0 {
                continue;
            }
            writer.make_room(MTU);
            writer.batch.push(self.address, |buffer| {
                let report = SenderReport {
                    ssrc: track.ssrc,
                    ntp,
                    timestamp: *timestamp,
                    packets: track.packets,
                    octets: track.octets,
                };
                let length = report.write(buffer);
                details.rtcp.seal(buffer, length).unwrap_or(0)
            });
            sent += 1;
        }
        sent
    }

    /// Whether the listener is who speaks in the frame.
    #[inline]
    pub fn said(&self, frame: &Frame) -> bool {
        self.owner == frame.owner && frame.owner != PersonId::NOBODY
    }

    /// The sequence number of a frame, with its rollovers; it is not given again. `None`: the listener has none for it,
    /// having joined in between.
    #[inline]
    fn number(&mut self, frame: &Frame) -> Option<PacketIndex> {
        let track = &mut self.tracks[frame.slot];
        if frame.back > 0 {
            let free = 1 << (frame.back - 1);
            if track.free & free == 0 {
                return None;
            }
            track.free &= !free;
            track.left = track.left.saturating_sub(1);
            return Some(PacketIndex(track.next.0 - u64::from(frame.back)));
        }
        if frame.marker && track.packets > 0 {
            track.free = 0;
        }
        let index = PacketIndex(track.next.0 + u64::from(frame.gap));
        let left = (1 << frame.gap) - 1;
        track.free = (track.free << frame.gap | left) << 1;
        track.left = track.left.saturating_add(frame.gap.into());
        track.next = index.next();
        Some(index)
    }

    #[inline]
    fn header<'a>(&self, details: &'a ListenerDetails, frame: &Frame, index: PacketIndex) -> Outgoing<'a> {
        let (track, slot) = (&self.tracks[frame.slot], &details.slots[frame.slot]);
        Outgoing {
            padding: false,
            marker: frame.marker,
            payload_type: self.payload_type,
            sequence: index.sequence(),
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

    /// The part of a payload that the listener is sent, and its payload type.
    #[inline]
    fn gets<'a>(&self, payload: Payload<'a>) -> (PayloadType, &'a [u8]) {
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
        (slot, index): (usize, PacketIndex),
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
        let length = self.rtp.seal(to, header, payload.len() + pad, track.ssrc, index).unwrap_or(0);
        track.packets = track.packets.wrapping_add(1);
        track.octets = track.octets.wrapping_add(payload.len() as u32);
        length
    }

    #[inline]
    pub fn send_one(
        &mut self,
        details: &ListenerDetails,
        frame: &Frame,
        payload: Payload<'_>,
        writer: &mut BatchWriter<'_, impl FnMut(&Batch)>,
    ) {
        let Some(index) = self.number(frame) else { return };
        writer.make_room(MTU);
        let (payload_type, payload) = self.gets(payload);
        let outgoing = Outgoing { payload_type, ..self.header(details, frame, index) };
        writer.batch.push(self.address, |to| self.write(&outgoing, (frame.slot, index), payload, 0, to));
        writer.batch.forwards(frame.arrived_us);
        writer.sent.forwarded += 1;
    }

    /// Sends waiting frames in one train of datagrams (`UDP_SEGMENT`), padded to equal size. A frame that would need
    /// more than [`PADDING`] begins another train.
    pub fn send_several(
        &mut self,
        details: &ListenerDetails,
        frames: &Frames,
        writer: &mut BatchWriter<'_, impl FnMut(&Batch)>,
    ) {
        let mut lengths = [0; TOGETHER];
        let mut chosen = [(0, PacketIndex(0)); TOGETHER];
        let (mut count, mut longest, mut shortest) = (0, 0, usize::MAX);
        for (number, item) in frames.waiting().iter().enumerate().take(TOGETHER) {
            if self.said(&item.frame) {
                continue;
            }
            let Some(index) = self.number(&item.frame) else { continue };
            let (_, payload) = self.gets(frames.payload(item));
            let length = self.header(details, &item.frame, index).length() + payload.len() + self.rtp.tag();
            let (up, down) = (longest.max(length), shortest.min(length));
            if count > 0 && up - down > PADDING {
                self.send_train(details, frames, &chosen[..count], &lengths[..count], writer);
                (count, longest, shortest) = (0, 0, usize::MAX);
            }
            (chosen[count], lengths[count]) = ((number, index), length);
            count += 1;
            (longest, shortest) = (longest.max(length), shortest.min(length));
        }
        if count > 0 {
            self.send_train(details, frames, &chosen[..count], &lengths[..count], writer);
        }
    }

    fn send_train(
        &mut self,
        details: &ListenerDetails,
        frames: &Frames,
        chosen: &[(usize, PacketIndex)],
        lengths: &[usize],
        writer: &mut BatchWriter<'_, impl FnMut(&Batch)>,
    ) {
        let segment = lengths.iter().copied().max().unwrap_or(0);
        let room = segment * chosen.len();
        writer.make_room(room);
        let items = chosen.iter().map(|(number, index)| (&frames.waiting()[*number], *index));
        writer.batch.push_segments(self.address, segment, room, |to| {
            let mut at = 0;
            for (number, ((item, index), length)) in items.clone().zip(lengths).enumerate() {
                let pad = if number + 1 < chosen.len() { segment - length } else { 0 };
                let (payload_type, payload) = self.gets(frames.payload(item));
                let header = self.header(details, &item.frame, index);
                let outgoing = Outgoing { padding: pad > 0, payload_type, ..header };
                at += self.write(&outgoing, (item.frame.slot, index), payload, pad, &mut to[at..]);
            }
            at
        });
        for (item, _) in items {
            writer.batch.forwards(item.frame.arrived_us);
        }
        writer.sent.forwarded += chosen.len() as u64;
        writer.sent.together += if chosen.len() > 1 { chosen.len() as u64 } else { 0 };
    }
}

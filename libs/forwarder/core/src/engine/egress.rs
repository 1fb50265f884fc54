//! From the slots to the listeners: own header, shared payload, own seal.

use std::net::SocketAddr;

use super::report::{Counters, SessionReport};
use super::session::Subscription;
use super::{Io, Now, Owner, SessionId, TICK_US};
use crate::batch::Batch;
use crate::opus;
use crate::rtcp::{self, Block};
use crate::rtp::{AudioLevel, Header, MTU, Outgoing};
use crate::select::{SLOTS, Selector};
use crate::srtp::{Outbound, TAG};

/// Opus at most, so that header and tag also fit the datagram.
const PAYLOAD: usize = MTU - 44 - TAG;
/// MID is sent with a slot's first packets, until the receiver certainly knows it (RFC 8843, section 9.2).
const MID_PACKETS: u32 = 64;
/// Every listener gets a sender report this often, in microseconds.
const REPORT_US: u64 = 5_000_000;

/// One packet on its way to a group.
pub(super) struct Frame<'a> {
    pub header: &'a Header,
    pub payload: &'a [u8],
    pub level: Option<AudioLevel>,
    pub owner: Owner,
    pub slot: usize,
    pub fresh: bool,
}

/// What is the same for all listeners of one slot.
#[derive(Clone, Copy, Debug, Default)]
struct Stream {
    /// Added to the source's timestamps.
    offset: u32,
    timestamp: u32,
    duration: u32,
    sent_us: u64,
    csrc: u32,
    toc: u8,
    owner: Owner,
    audible: bool,
}

impl Stream {
    /// The slot's timeline at this moment: the last packet's end, or the wall clock where that is later.
    fn project(&self, now: Now) -> u32 {
        let elapsed = (now.us.saturating_sub(self.sent_us) * 48 / 1000) as u32;
        self.timestamp.wrapping_add(elapsed.max(self.duration))
    }
}

/// One slot of one listener.
#[derive(Clone, Copy, Debug, Default)]
struct Track {
    ssrc: u32,
    mid: [u8; 16],
    mid_length: u8,
    /// Rollover counter and sequence of the next packet; starts below 2^15 so that a receiver that misses the first
    /// packets still guesses rollover counter 0.
    next: u64,
    packets: u32,
    octets: u32,
    lost: u32,
    jitter: u32,
    fraction_lost: u8,
}

/// What is kept per listener, in the order of sending.
pub(super) struct Listener {
    id: SessionId,
    owner: Owner,
    address: SocketAddr,
    outbound: Outbound,
    payload_type: u8,
    mid_extension: Option<u8>,
    level_extension: Option<u8>,
    tracks: [Track; SLOTS],
    round_trip_us: u32,
}

const _: () = assert!(size_of::<Listener>() <= 2048, "a listener's state stays small");

/// The listeners of one Space that have the same number of slots.
pub struct Group {
    pub(super) selector: Selector,
    slots: usize,
    streams: [Stream; SLOTS],
    listeners: Vec<Listener>,
    report_next: usize,
}

impl Group {
    pub(super) fn new(slots: usize, seed: u32) -> Self {
        let stream = Stream { timestamp: seed, ..Stream::default() };
        Self {
            selector: Selector::new(slots),
            slots,
            streams: [stream; SLOTS],
            listeners: Vec::new(),
            report_next: 0,
        }
    }

    pub(super) fn join(
        &mut self,
        id: SessionId,
        owner: Owner,
        address: SocketAddr,
        media: &Subscription,
        outbound: Outbound,
        starts: &[u32; SLOTS],
    ) -> usize {
        let mut tracks = [Track::default(); SLOTS];
        for ((track, slot), start) in tracks.iter_mut().zip(&media.slots).zip(starts) {
            track.ssrc = slot.ssrc;
            track.mid[..slot.mid.len()].copy_from_slice(&slot.mid);
            track.mid_length = slot.mid.len() as u8;
            track.next = u64::from(start & 0x7FFF);
        }
        self.listeners.push(Listener {
            id,
            owner,
            address,
            outbound,
            payload_type: media.payload_type,
            mid_extension: media.mid_extension,
            level_extension: media.level_extension,
            tracks,
            round_trip_us: 0,
        });
        self.listeners.len() - 1
    }

    /// Removes the listener at `place`; returns the session that stands there now.
    pub(super) fn leave(&mut self, place: usize) -> Option<SessionId> {
        self.listeners.swap_remove(place);
        self.listeners.get(place).map(|listener| listener.id)
    }

    pub(super) fn move_listener(&mut self, place: usize, address: SocketAddr) {
        self.listeners[place].address = address;
    }

    pub(super) fn listener(&mut self, place: usize) -> &mut Listener {
        &mut self.listeners[place]
    }

    pub(super) fn report(&self, place: usize) -> SessionReport {
        let listener = &self.listeners[place];
        let tracks = &listener.tracks[..self.slots];
        SessionReport {
            packets: tracks.iter().map(|track| u64::from(track.packets)).sum(),
            lost: tracks.iter().map(|track| u64::from(track.lost)).sum(),
            fraction_lost: tracks.iter().map(|track| track.fraction_lost).max().unwrap_or(0),
            jitter_us: tracks.iter().map(|track| track.jitter).max().unwrap_or(0).saturating_mul(1000) / 48,
            round_trip_us: listener.round_trip_us,
        }
    }

    pub(super) fn forward(
        &mut self,
        frame: &Frame<'_>,
        now: Now,
        batch: &mut Batch,
        counters: &mut Counters,
        io: &mut impl Io,
    ) {
        if frame.payload.len() > PAYLOAD {
            counters.junk += 1;
            return;
        }
        let stream = &mut self.streams[frame.slot];
        if frame.fresh {
            stream.offset = stream.project(now).wrapping_sub(frame.header.timestamp);
        }
        let timestamp = frame.header.timestamp.wrapping_add(stream.offset);
        // The slot's sequence has no gaps to put a late packet into.
        if !frame.fresh && (timestamp.wrapping_sub(stream.timestamp) as i32) <= 0 {
            counters.late += u64::from(!self.listeners.is_empty());
            return;
        }
        *stream = Stream {
            offset: stream.offset,
            timestamp,
            duration: opus::duration(frame.payload).unwrap_or(960),
            sent_us: now.us,
            csrc: frame.header.ssrc,
            toc: frame.payload[0],
            owner: frame.owner,
            audible: true,
        };
        self.fan_out(frame.slot, frame.fresh, frame.payload, frame.level, batch, counters, io);
    }

    /// Ends a slot that fell silent with one discontinuous-transmission frame, so that receivers do not conceal.
    pub(super) fn end_slot(
        &mut self,
        slot: usize,
        now: Now,
        batch: &mut Batch,
        counters: &mut Counters,
        io: &mut impl Io,
    ) {
        let stream = &mut self.streams[slot];
        if !stream.audible {
            return;
        }
        stream.audible = false;
        stream.timestamp = stream.project(now);
        stream.sent_us = now.us;
        let payload = opus::dtx_after(stream.toc);
        let silence = AudioLevel { voice: false, minus_dbov: 127 };
        self.fan_out(slot, false, &payload, Some(silence), batch, counters, io);
    }

    #[allow(clippy::too_many_arguments)] // The hot loop: everything it touches comes in by reference.
    fn fan_out(
        &mut self,
        slot: usize,
        marker: bool,
        payload: &[u8],
        level: Option<AudioLevel>,
        batch: &mut Batch,
        counters: &mut Counters,
        io: &mut impl Io,
    ) {
        let stream = self.streams[slot];
        for listener in &mut self.listeners {
            if listener.owner == stream.owner && stream.owner != 0 {
                continue;
            }
            if batch.full() {
                io.send(batch);
                batch.clear();
            }
            let Listener { address, outbound, payload_type, mid_extension, level_extension, tracks, .. } =
                listener;
            let track = &mut tracks[slot];
            let mid = mid_extension
                .filter(|_| track.packets < MID_PACKETS)
                .map(|id| (id, &track.mid[..usize::from(track.mid_length)]));
            let outgoing = Outgoing {
                marker,
                payload_type: *payload_type,
                sequence: track.next as u16,
                timestamp: stream.timestamp,
                ssrc: track.ssrc,
                csrc: stream.csrc,
                mid,
                level: level_extension.and_then(|id| level.map(|level| (id, level))),
            };
            batch.push(*address, |buffer| {
                let header = outgoing.write(buffer);
                buffer[header..header + payload.len()].copy_from_slice(payload);
                outbound.seal_rtp(buffer, header, payload.len(), track.ssrc, track.next).unwrap_or(0)
            });
            track.next += 1;
            track.packets = track.packets.wrapping_add(1);
            track.octets = track.octets.wrapping_add(payload.len() as u32);
            counters.forwarded += 1;
        }
    }

    /// Sends the sender reports of those listeners whose turn it is; every listener has one turn in [`REPORT_US`].
    pub(super) fn send_reports(
        &mut self,
        now: Now,
        batch: &mut Batch,
        counters: &mut Counters,
        io: &mut impl Io,
    ) {
        let turns = self.listeners.len().div_ceil((REPORT_US / TICK_US) as usize);
        let rounds = (REPORT_US / TICK_US) as usize;
        // With few listeners most ticks have nothing to do; the cursor counts ticks rather than listeners.
        self.report_next = (self.report_next + 1) % rounds;
        let first = self.report_next * turns;
        let streams = self.streams;
        let slots = self.slots;
        for listener in self.listeners.iter_mut().skip(first).take(turns) {
            for (track, stream) in listener.tracks[..slots].iter().zip(&streams) {
                if track.packets == 0 {
                    continue;
                }
                if batch.full() {
                    io.send(batch);
                    batch.clear();
                }
                let outbound = &mut listener.outbound;
                let elapsed = (now.us.saturating_sub(stream.sent_us) * 48 / 1000) as u32;
                batch.push(listener.address, |buffer| {
                    let timestamp = stream.timestamp.wrapping_add(elapsed);
                    let ntp = rtcp::ntp(now.wall_ns);
                    let length =
                        rtcp::sender_report(buffer, track.ssrc, ntp, timestamp, track.packets, track.octets);
                    outbound.seal_rtcp(buffer, length).unwrap_or(0)
                });
                counters.reports_sent += 1;
            }
        }
    }
}

impl Listener {
    /// Its receiver report says how a slot arrives.
    pub(super) fn reported(&mut self, block: &Block, now: Now) {
        let Some(track) = self.tracks.iter_mut().find(|track| track.ssrc == block.ssrc) else { return };
        track.lost = block.lost.max(0) as u32;
        track.jitter = block.jitter;
        track.fraction_lost = block.fraction_lost;
        if block.last_report != 0 {
            let here = (rtcp::ntp(now.wall_ns) >> 16) as u32;
            let trip = here.wrapping_sub(block.last_report).wrapping_sub(block.delay);
            // Clocks that jump give nonsense; a minute is more than any round trip.
            if trip < 60 << 16 {
                self.round_trip_us = ((u64::from(trip) * 1_000_000) >> 16) as u32;
            }
        }
    }
}

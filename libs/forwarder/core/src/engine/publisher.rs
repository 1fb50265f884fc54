//! One speaker: what arrives of it, what of that is heard, and what is captured.

use std::net::SocketAddr;

use super::config::Publication;
use super::counters::SessionReport;
use super::frame::{PAYLOAD, Payload};
use super::io::{Event, Io};
use super::out::Out;
use super::timeline::Timeline;
use crate::capture::Bundle;
use crate::clock::Now;
use crate::ids::SessionId;
use crate::opus;
use crate::red::{self, Red};
use crate::rtcp::{self, NtpTime, Reception};
use crate::rtp::{AudioLevel, Header, MTU, SequenceNumber, Ssrc, Timestamp};
use crate::select::{HOLD_US, is_voice};
use crate::srtp::Outbound;

/// The sender of our receiver reports, who sends no stream.
const US: Ssrc = Ssrc(1);
/// Loudness of a publisher without levels, in dB over digital silence: about -40 dBov.
const MIDDLING: f32 = 87.0;
/// Weight of the newest packet in the smoothed loudness.
const SMOOTHING: f32 = 0.2;
/// Receiver reports to publishers, in microseconds.
const REPORT_US: u64 = 1_000_000;
/// A publisher that sent nothing for this long has nothing recent to report, in microseconds.
const RECENT_US: u64 = 12_000_000;

/// Since when a publisher has been heard, after it joined or was muted. Redundant copies of what was said before that
/// are never sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum HeardFrom {
    /// Nothing has been heard yet.
    #[default]
    Nothing,
    /// From this timestamp on.
    Timestamp(Timestamp),
    /// From so far back that no copy reaches there.
    LongAgo,
}

/// See the module.
pub(super) struct Publisher {
    id: SessionId,
    media: Publication,
    timeline: Timeline,
    heard_from: HeardFrom,
    /// The number of the newest packet that was heard.
    heard_to: Option<SequenceNumber>,
    /// It was muted since then.
    cut: bool,
    bundle: Bundle,
    /// Whether anything was captured, so that readers wait for a last bundle.
    captured: bool,
    outbound: Option<Outbound>,
    ssrc: Option<Ssrc>,
    reception: Reception,
    /// Smoothed, in dB over digital silence.
    loudness: f32,
    /// When it last sent more than silence.
    voice_us: u64,
    accepted: u64,
    /// When the last packet arrived, muted or not; 0: none did.
    received_us: u64,
    /// As in the last report that we sent, in 1/256.
    fraction_lost: u8,
    reported_us: u64,
}

impl Publisher {
    pub fn new(id: SessionId, media: Publication, now: Now) -> Self {
        Self {
            id,
            cut: media.muted,
            media,
            timeline: Timeline::default(),
            heard_from: HeardFrom::default(),
            heard_to: None,
            bundle: Bundle::default(),
            captured: false,
            outbound: None,
            ssrc: None,
            reception: Reception::default(),
            loudness: 0.0,
            voice_us: 0,
            accepted: 0,
            received_us: 0,
            fraction_lost: 0,
            reported_us: now.us,
        }
    }

    pub fn muted(&self) -> bool {
        self.media.muted
    }

    pub fn set_muted(&mut self, muted: bool) {
        self.media.muted = muted;
        self.heard_from = HeardFrom::default();
        self.cut = true;
    }

    pub fn set_capture(&mut self, capture: bool, io: &mut impl Io) {
        self.media.capture = capture;
        self.close_bundle(io);
    }

    /// Takes the keys of the reports that are sent to it.
    pub fn set_outbound(&mut self, outbound: Outbound) {
        self.outbound = Some(outbound);
    }

    /// Smoothed, in dB over digital silence.
    pub fn loudness(&self) -> f32 {
        self.loudness
    }

    /// Counts a packet that arrived, muted or not.
    pub fn received(&mut self, header: &Header, now: Now) {
        if self.ssrc != Some(header.ssrc) {
            self.ssrc = Some(header.ssrc);
            self.reception = Reception::default();
        }
        self.reception.packet(header.sequence);
        self.received_us = now.us;
    }

    /// Takes a sender report of its own.
    pub fn sender_report(&mut self, ssrc: Ssrc, ntp: NtpTime, now: Now) {
        if self.ssrc == Some(ssrc) {
            self.reception.sender_report(ntp, now.us);
        }
    }

    /// Finds the Opus packet in a payload; `None` if its type was not agreed.
    pub fn understand(&self, header: &Header, payload: &[u8]) -> Option<Red> {
        if header.payload_type == self.media.payload_type {
            return (!payload.is_empty()).then_some(Red { primary: 0, reach: 0 });
        }
        self.media.red.filter(|red| *red == header.payload_type)?;
        red::read(payload, self.media.payload_type)
    }

    /// Gives a packet its place on the publisher's timeline, muted or not, and writes that in its header. `None`: nobody
    /// hears it, for the publisher is muted or was when it was sent, or it comes too late. Redundant copies are dropped
    /// if they reach back to before the publisher was heard, or if they would not fit a listener's datagram. Also tells
    /// how many packets right before it may still come.
    pub fn place<'a>(
        &mut self,
        header: &mut Header,
        payload: &'a [u8],
        Red { primary, reach }: Red,
        now: Now,
    ) -> Option<(Payload<'a>, u8)> {
        let opus = &payload[primary..];
        let place = self.timeline.take(header, opus::duration(opus).unwrap_or(960), now.us)?;
        (header.sequence, header.timestamp) = (place.number, place.time);
        self.reception.transit(place.time, now.us);
        if self.media.muted {
            return None;
        }
        let mut missing = place.missing;
        if self.cut {
            if !place.newest {
                return None;
            }
            header.sequence = self.timeline.renumber(self.heard_to);
            self.cut = false;
            missing = 0;
        }
        if place.newest {
            self.heard_to = Some(header.sequence);
        }
        if place.jumped {
            // Copies are placed by the sender's clock, which is not the one before the jump.
            self.heard_from = HeardFrom::Nothing;
        }
        let whole = self.heard(header.timestamp, reach) && reach > 0 && payload.len() <= PAYLOAD;
        Some((Payload { opus, red: whole.then_some(payload) }, missing))
    }

    /// Notes that a packet is heard; returns whether everything was that was said in the `reach` samples before it.
    fn heard(&mut self, timestamp: Timestamp, reach: u32) -> bool {
        let first = match self.heard_from {
            HeardFrom::LongAgo => return true,
            HeardFrom::Nothing => timestamp,
            HeardFrom::Timestamp(first) => first,
        };
        let since = timestamp.since(first);
        self.heard_from =
            if since > red::REACH as i32 { HeardFrom::LongAgo } else { HeardFrom::Timestamp(first) };
        since >= reach as i32
    }

    /// Counts a packet that is heard, and captures it if that is wanted.
    pub fn accept(&mut self, header: &Header, payload: &[u8], now: Now, io: &mut impl Io) {
        self.accepted += 1;
        if !self.media.capture {
            return;
        }
        if self.bundle.due(payload.len(), now) {
            self.close_bundle(io);
        }
        self.captured = true;
        self.bundle.add(header, payload, now);
    }

    /// The packet's audio level, if the client measures it.
    pub fn level(&self, header: &Header, packet: &[u8]) -> Option<AudioLevel> {
        self.media.level_extension.and_then(|id| header.extension(packet, id)).and_then(AudioLevel::parse)
    }

    /// Updates the loudness; returns whether the packet is more than silence.
    pub fn hear(&mut self, level: Option<AudioLevel>, payload: &[u8], now: Now) -> bool {
        let loudness = match level {
            Some(level) => 127.0 - f32::from(level.minus_dbov),
            None if opus::is_dtx(payload) => 0.0,
            None => MIDDLING,
        };
        self.loudness += SMOOTHING * (loudness - self.loudness);
        let voice = is_voice(level, payload);
        if voice {
            self.voice_us = now.us;
        }
        voice
    }

    /// Whether the publisher can hold a slot: it has not been silent for longer than slots are kept.
    pub fn may_hold_slot(&self, now: Now) -> bool {
        now.us.saturating_sub(self.voice_us) < HOLD_US
    }

    fn close_bundle(&mut self, io: &mut impl Io) {
        if !self.bundle.is_empty() {
            let (bundle, packets) = self.bundle.take();
            io.event(Event::Captured { session: self.id, packets, bundle });
        }
    }

    /// Tells those who read the captured bundles that this was the last one.
    pub fn close_capture(&mut self, now: Now, io: &mut impl Io) {
        if self.captured {
            let (bundle, packets) = self.bundle.take_last(now);
            io.event(Event::Captured { session: self.id, packets, bundle });
        }
    }

    /// Closes a bundle that is old enough, and sends a receiver report to `address` when one is due.
    pub fn tick(&mut self, address: Option<SocketAddr>, now: Now, out: &mut Out<'_, impl Io>) {
        if self.bundle.age_due(now) {
            self.close_bundle(out.io);
        }
        let (Some(outbound), Some(ssrc), Some(address)) = (&mut self.outbound, self.ssrc, address) else {
            return;
        };
        if now.us.saturating_sub(self.reported_us) < REPORT_US {
            return;
        }
        self.reported_us = now.us;
        let block = self.reception.block(ssrc, now.us);
        self.fraction_lost = block.fraction_lost;
        out.leaving.batch.make_room(MTU, |batch| out.io.send(batch));
        out.leaving.batch.push(address, |buffer| {
            let length = rtcp::receiver_report(buffer, US, &block);
            outbound.seal_rtcp(buffer, length).unwrap_or(0)
        });
        out.counters.reports_sent += 1;
    }

    /// How the publisher's packets arrive.
    pub fn report(&self, now: Now) -> SessionReport {
        SessionReport {
            packets: self.accepted,
            lost: self.reception.lost(),
            recent: self.received_us + RECENT_US > now.us && self.received_us > 0,
            fraction_lost: self.fraction_lost,
            jitter_us: self.reception.jitter() * 1000 / 48,
            ..SessionReport::default()
        }
    }
}

//! From the network to the slots: opening, muting, capturing, levels, selection.

use std::net::SocketAddr;

use super::frame::{Out, PAYLOAD, Payload};
use super::relay::Relayed;
use super::session::{Past, Publisher, Role, Session};
use super::space::Talker;
use super::{Counters, Engine, Event, Io, Now, SILENCE, SessionId};
use crate::batch::Batch;
use crate::opus;
use crate::red::{self, Red};
use crate::rtcp::{self, Item};
use crate::rtp::{AudioLevel, Header, is_rtcp};
use crate::select::HOLD_US;
use crate::srtp::SrtpError;

/// Loudness of a publisher without levels, in dB over digital silence: about -40 dBov.
const MIDDLING: f32 = 87.0;
/// Weight of the newest packet in the smoothed loudness.
const SMOOTHING: f32 = 0.2;
/// Receiver reports to publishers, in microseconds.
const REPORT_US: u64 = 1_000_000;

impl Engine {
    pub(super) fn srtp(&mut self, now: Now, from: SocketAddr, bytes: &mut [u8], io: &mut impl Io) {
        let Some(session) = self.by_address.get(&from).and_then(|id| self.sessions.get_mut(id)) else {
            self.counters.unvalidated += 1;
            return;
        };
        let Some(inbound) = &mut session.inbound else {
            // The last DTLS flight may be overtaken by the first packets.
            self.counters.early += 1;
            return;
        };
        if is_rtcp(bytes) {
            match inbound.open_rtcp(bytes) {
                Ok(length) => self.rtcp(from, now, length, bytes),
                Err(error) => self.counters.refuse(error),
            }
            return;
        }
        let Ok(header) = Header::parse(bytes) else {
            self.counters.junk += 1;
            return;
        };
        let Role::Publish(publisher) = &mut session.role else {
            self.counters.unexpected += 1;
            return;
        };
        // Opened also while muted: the rollover counter must keep up.
        let length = match inbound.open_rtp(bytes, &header) {
            Ok(length) => length,
            Err(error) => {
                self.counters.refuse(error);
                return;
            }
        };
        let packet = &bytes[..length];
        publisher.received(&header, now);
        if publisher.muted {
            self.counters.muted += 1;
            return;
        }
        let Ok(payload) = header.payload(packet) else {
            self.counters.junk += 1;
            return;
        };
        let Some(payload) = publisher.understand(&header, payload) else {
            self.counters.unexpected += 1;
            return;
        };
        let opus = payload.opus;
        publisher.accept(session.id, &header, opus, now, io);
        self.counters.accepted += 1;
        let level =
            publisher.level_extension.and_then(|id| header.extension(packet, id)).and_then(AudioLevel::parse);
        let voice = publisher.hear(level, opus);
        let loudness = publisher.loudness;
        if voice {
            publisher.voice_us = now.us;
        }
        // Whoever has been silent for longer holds a slot nowhere.
        let wanted = voice || now.us.saturating_sub(publisher.voice_us) < HOLD_US;
        let Some(space) = self.spaces.get_mut(&session.space) else { return };
        if space.shared && wanted {
            let packet = Relayed::new(&header, level, loudness, opus);
            io.event(Event::Relayed { session: session.id, packet });
            self.counters.relayed += 1;
        }
        let talker = Talker { source: session.id, owner: session.owner, voice, loudness, level };
        let mut out = Out { leaving: &mut self.leaving, counters: &mut self.counters, io };
        if space.select(&talker, &header, payload, now, &self.tuning, &mut out) {
            space.wait(session.space, &mut self.waiting);
        }
    }

    fn rtcp(&mut self, from: SocketAddr, now: Now, length: usize, bytes: &[u8]) {
        let Some(session) = self.by_address.get(&from).and_then(|id| self.sessions.get_mut(id)) else {
            return;
        };
        let mut listener = match &session.role {
            Role::Subscribe { media, place: Some(place) } => self
                .spaces
                .get_mut(&session.space)
                .map(|space| (space.groups[media.slots.len() - 1].audience(place.on_stage), place.at)),
            _ => None,
        };
        let well_formed = rtcp::read(&bytes[..length], |item| match (item, &mut session.role) {
            (Item::Sender { ssrc, ntp, .. }, Role::Publish(publisher)) if publisher.ssrc == Some(ssrc) => {
                publisher.reception.sender_report(ntp, now.us);
            }
            (Item::Report(block), _) => {
                if let Some((audience, at)) = &mut listener {
                    audience.reported(*at, &block, now);
                }
            }
            _ => {}
        });
        if !well_formed {
            self.counters.junk += 1;
        }
    }
}

impl Counters {
    fn refuse(&mut self, error: SrtpError) {
        match error {
            SrtpError::Replay => self.replayed += 1,
            _ => self.unauthentic += 1,
        }
    }
}

impl Publisher {
    /// Keeps the statistics of what arrives, muted or not.
    fn received(&mut self, header: &Header, now: Now) {
        if self.ssrc != Some(header.ssrc) {
            self.ssrc = Some(header.ssrc);
            self.reception = crate::rtcp::Reception::default();
        }
        self.reception.packet(header.sequence, header.timestamp, now.us);
        self.received_us = now.us;
    }

    /// Takes a payload apart; `None` for one that is not agreed. Copies that reach back to when it was not heard are
    /// taken off, as are those for which a datagram to a listener has no room.
    fn understand<'a>(&mut self, header: &Header, payload: &'a [u8]) -> Option<Payload<'a>> {
        if header.payload_type == self.payload_type {
            self.heard(header.timestamp, 0);
            return (!payload.is_empty()).then(|| Payload::plain(payload));
        }
        self.red.filter(|red| *red == header.payload_type)?;
        let Red { primary, reach } = red::read(payload, self.payload_type)?;
        let whole = self.heard(header.timestamp, reach) && reach > 0 && payload.len() <= PAYLOAD;
        Some(Payload { opus: &payload[primary..], red: whole.then_some(payload) })
    }

    /// A packet is heard; whether all was that was said in so many samples before it.
    fn heard(&mut self, timestamp: u32, reach: u32) -> bool {
        let first = match self.past {
            Past::Over => return true,
            Past::Unheard => timestamp,
            Past::Since(first) => first,
        };
        let since = timestamp.wrapping_sub(first) as i32;
        self.past = if since > red::REACH as i32 { Past::Over } else { Past::Since(first) };
        since >= reach as i32
    }

    fn accept(&mut self, id: SessionId, header: &Header, payload: &[u8], now: Now, io: &mut impl Io) {
        self.accepted += 1;
        if !self.capture {
            return;
        }
        if self.bundle.due(header.ssrc, payload.len(), now.us) {
            close_bundle(id, self, io);
        }
        self.captured = true;
        self.bundle.add(header.ssrc, header.timestamp, header.sequence, payload, now.us, now.wall_ns);
    }

    /// Whether the packet is more than silence; keeps the loudness.
    fn hear(&mut self, level: Option<AudioLevel>, payload: &[u8]) -> bool {
        let loudness = match level {
            Some(level) => 127.0 - f32::from(level.minus_dbov),
            None => {
                if opus::is_dtx(payload) {
                    0.0
                } else {
                    MIDDLING
                }
            }
        };
        self.loudness += SMOOTHING * (loudness - self.loudness);
        is_voice(level, payload)
    }
}

/// Whether a packet is more than silence.
pub(super) fn is_voice(level: Option<AudioLevel>, payload: &[u8]) -> bool {
    level.is_none_or(|level| level.minus_dbov < SILENCE) && !opus::is_dtx(payload)
}

pub(super) fn close_bundle(id: SessionId, publisher: &mut Publisher, io: &mut impl Io) {
    if !publisher.bundle.is_empty() {
        let (bundle, packets) = publisher.bundle.take();
        io.event(Event::Captured { session: id, packets, bundle });
    }
}

/// Tells the readers of a captured publisher that nothing more will come.
pub(super) fn close_capture(id: SessionId, publisher: &mut Publisher, now: Now, io: &mut impl Io) {
    if publisher.captured {
        let (bundle, packets) = publisher.bundle.take_last(now.wall_ns);
        io.event(Event::Captured { session: id, packets, bundle });
    }
}

/// Closes an old bundle and sends a receiver report when one is due.
pub(super) fn publisher_tick(
    session: &mut Session,
    now: Now,
    batch: &mut Batch,
    counters: &mut Counters,
    io: &mut impl Io,
) {
    let Role::Publish(publisher) = &mut session.role else { return };
    if publisher.bundle.age_due(now.us) {
        close_bundle(session.id, publisher, io);
    }
    let (Some(outbound), Some(ssrc), Some(address)) =
        (&mut publisher.outbound, publisher.ssrc, session.current)
    else {
        return;
    };
    if now.us.saturating_sub(publisher.reported_us) < REPORT_US {
        return;
    }
    publisher.reported_us = now.us;
    let block = publisher.reception.block(ssrc, now.us);
    publisher.fraction_lost = block.fraction_lost;
    if batch.full() {
        io.send(batch);
        batch.clear();
    }
    batch.push(address, |buffer| {
        let length = rtcp::receiver_report(buffer, 1, &block);
        outbound.seal_rtcp(buffer, length).unwrap_or(0)
    });
    counters.reports_sent += 1;
}

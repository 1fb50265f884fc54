//! From the network to the slots: opening, muting, capturing, levels, selection.

use std::net::SocketAddr;

use super::Engine;
use super::io::{Event, Io, Relayed};
use super::out::Out;
use super::session::Role;
use super::talker::Talker;
use crate::clock::Now;
use crate::rtcp::{self, Item};
use crate::rtp::{Header, is_rtcp};

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
        let Ok(mut header) = Header::parse(bytes) else {
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
        let muted = publisher.muted();
        self.counters.muted += u64::from(muted);
        let Ok(payload) = header.payload(packet) else {
            self.counters.junk += u64::from(!muted);
            return;
        };
        let Some(red) = publisher.understand(&header, payload) else {
            self.counters.unexpected += u64::from(!muted);
            return;
        };
        let Some((payload, missing)) = publisher.place(&mut header, payload, red, now) else {
            self.counters.late += u64::from(!muted);
            return;
        };
        let opus = payload.opus;
        publisher.accept(&header, opus, now, io);
        self.counters.accepted += 1;
        let level = publisher.level(&header, packet);
        let voice = publisher.hear(level, opus, now);
        let loudness = publisher.loudness();
        let may_hold_slot = publisher.may_hold_slot(now);
        let Some(space) = self.spaces.get_mut(&session.space) else { return };
        let talker = Talker { source: session.id, owner: session.owner, voice, loudness, level, missing };
        if space.shared && may_hold_slot {
            let packet = Relayed::new(&header, &talker, opus);
            io.event(Event::Relayed { session: session.id, packet });
            self.counters.relayed += 1;
        }
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
                .map(|space| (space.groups[media.slots.len() - 1].audience_mut(place.on_stage), place.at)),
            _ => None,
        };
        let well_formed = rtcp::read(&bytes[..length], |item| match (item, &mut session.role) {
            (Item::Sender { ssrc, ntp, .. }, Role::Publish(publisher)) => {
                publisher.sender_report(ssrc, ntp, now)
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

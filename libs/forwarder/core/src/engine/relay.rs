//! Spaces that several nodes carry: packets for the others, and theirs for the listeners here.

use super::Engine;
use super::frame::Payload;
use super::io::{Io, Relayed};
use super::out::Out;
use super::talker::Talker;
use super::timeline::BEFORE;
use crate::clock::Now;
use crate::ids::{PersonId, SessionId, SpaceId};
use crate::rtp::{Header, PayloadType};
use crate::select::is_voice;

impl Engine {
    /// Whether other nodes want the packets of a Space that has sessions here: every accepted one is told as
    /// [`super::Event::Relayed`] then, but for those of people who have been silent for longer than anybody holds a
    /// slot. Forgotten with the Space's last session; unknown Spaces are ignored.
    pub fn set_shared(&mut self, space: SpaceId, shared: bool) {
        if let Some(space) = self.spaces.get_mut(&space) {
            space.shared = shared;
        }
    }

    /// Takes in a packet of somebody who speaks at another node, under a `source` that is no session's id. It is
    /// heard like any other, and neither captured nor relayed again. Returns whether the Space has sessions here.
    pub fn inject(
        &mut self,
        space_id: SpaceId,
        source: SessionId,
        owner: PersonId,
        packet: &Relayed,
        now: Now,
        io: &mut impl Io,
    ) -> bool {
        if packet.payload.is_empty() || self.sessions.contains_key(&source) {
            return false;
        }
        let Some(space) = self.spaces.get_mut(&space_id) else { return false };
        self.counters.injected += 1;
        let header = Header {
            marker: false,
            padding: false,
            payload_type: PayloadType(0),
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            ssrc: packet.ssrc,
            csrc: None,
            extension: None,
            length: 0,
        };
        let talker = Talker {
            source,
            owner,
            voice: is_voice(packet.level, &packet.payload),
            loudness: f32::from(packet.loudness) / 2.0,
            level: packet.level,
            missing: packet.missing.min(BEFORE as u8),
        };
        let mut out = Out { leaving: &mut self.leaving, counters: &mut self.counters, io };
        if space.select(&talker, &header, Payload::plain(&packet.payload), now, &self.tuning, &mut out) {
            space.wait(space_id, &mut self.waiting);
        }
        true
    }

    /// Lets somebody who speaks at another node fall silent; nothing that they said before leaves after this.
    pub fn hush(&mut self, space: SpaceId, source: SessionId, now: Now, io: &mut impl Io) {
        self.silence(source, space, now, io);
        self.flush(now, io);
    }
}

//! One Space: who speaks in it, who listens, and who is sent a packet.

use super::config::Tuning;
use super::frame::Payload;
use super::group::{Arrived, Group};
use super::io::{Event, Io};
use super::out::Out;
use super::talker::Talker;
use crate::clock::Now;
use crate::ids::{SessionId, SpaceId};
use crate::rtp::{Header, Timestamp};
use crate::select::Decision;

/// At least this long lies between two events that tell who is talking, in microseconds.
const TALKING_US: u64 = 100_000;

pub(super) struct Space {
    pub publishers: Vec<SessionId>,
    /// Listeners by their number of slots, 1 to 3. The last one's selection also says who is talking.
    pub groups: [Group; 3],
    pub talking: Vec<SessionId>,
    told_us: u64,
    pub sessions: usize,
    /// Whether it is in the engine's list of Spaces with packets that have not left yet.
    pub waits: bool,
    /// Whether other nodes want its packets.
    pub shared: bool,
}

impl Space {
    /// An empty Space; the timestamps of its slots begin at `start`.
    pub fn new(start: Timestamp) -> Self {
        Self {
            publishers: Vec::new(),
            groups: std::array::from_fn(|slots| Group::new(slots + 1, start)),
            talking: Vec::new(),
            told_us: 0,
            sessions: 0,
            waits: false,
            shared: false,
        }
    }

    /// Passes a packet to every group in which its talker has a slot; returns whether there was one.
    pub fn select(
        &mut self,
        talker: &Talker,
        header: &Header,
        payload: Payload<'_>,
        now: Now,
        tuning: &Tuning,
        out: &mut Out<'_, impl Io>,
    ) -> bool {
        let mut forwarded = false;
        let Talker { source, owner, level, missing, .. } = *talker;
        for group in &mut self.groups {
            let Decision::Forward { slot, fresh } =
                group.selector.packet(source, talker.voice, talker.loudness, now.us)
            else {
                continue;
            };
            let packet = Arrived { header, payload, level, owner, source, slot, fresh, missing };
            group.forward(&packet, now, tuning, out);
            forwarded = true;
        }
        forwarded
    }

    /// Adds the Space to those with packets that have not left yet.
    pub fn wait(&mut self, id: SpaceId, waiting: &mut Vec<SpaceId>) {
        if !self.waits {
            self.waits = true;
            waiting.push(id);
        }
    }

    pub fn tell_talking(&mut self, id: SpaceId, now: Now, io: &mut impl Io) {
        if now.us.saturating_sub(self.told_us) < TALKING_US && self.told_us != 0 {
            return;
        }
        let selector = &self.groups[2].selector;
        let same = selector.talkers().all(|talker| self.talking.contains(&talker))
            && selector.talkers().count() == self.talking.len();
        if !same {
            self.talking = selector.talkers().collect();
            self.told_us = now.us;
            io.event(Event::Talking { space: id, sessions: self.talking.clone() });
        }
    }
}

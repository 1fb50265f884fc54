//! One Space: who speaks in it, who listens, and what of a packet concerns whom.

use super::egress::{Arrived, Group};
use super::frame::{Out, Payload};
use super::{Event, Io, Now, Owner, SessionId, SpaceId, TALKING_US, Tuning};
use crate::rtp::{AudioLevel, Header};
use crate::select::Decision;

/// Who said a packet, and how loud.
pub(super) struct Talker {
    pub source: SessionId,
    pub owner: Owner,
    pub voice: bool,
    pub loudness: f32,
    pub level: Option<AudioLevel>,
}

pub(super) struct Space {
    pub publishers: Vec<SessionId>,
    /// Listeners by their number of slots, 1 to 3. The last one's selection also says who is talking.
    pub groups: [Group; 3],
    pub talking: Vec<SessionId>,
    told_us: u64,
    pub sessions: usize,
    /// Stands in [`Engine::waiting`].
    pub waits: bool,
    /// Other nodes want its packets.
    pub shared: bool,
}

impl Space {
    /// An empty one; `seed` is where its timelines begin.
    pub fn new(seed: u32) -> Self {
        Self {
            publishers: Vec::new(),
            groups: std::array::from_fn(|slots| Group::new(slots + 1, seed)),
            talking: Vec::new(),
            told_us: 0,
            sessions: 0,
            waits: false,
            shared: false,
        }
    }

    /// Gives a packet to every group that has a slot for its talker; whether one had.
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
        let Talker { source, owner, level, .. } = *talker;
        for group in &mut self.groups {
            let Decision::Forward { slot, fresh } =
                group.selector.packet(source, talker.voice, talker.loudness, now.us)
            else {
                continue;
            };
            group.forward(&Arrived { header, payload, level, owner, source, slot, fresh }, now, tuning, out);
            forwarded = true;
        }
        forwarded
    }

    /// Something waits in it.
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

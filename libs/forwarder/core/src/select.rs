//! Which talkers hold the virtual slots of a group of listeners.
//!
//! A talker gets a slot with its first packet that is not silence and keeps it until it has been silent for
//! [`HOLD_US`], or until somebody has been clearly louder for [`CHALLENGE_US`] while no slot was free.

use crate::ids::SessionId;
use crate::opus;
use crate::rtp::AudioLevel;

/// Slots at most.
pub const SLOTS: usize = 3;
/// A talker keeps its slot through pauses up to this long, in microseconds.
pub const HOLD_US: u64 = 600_000;
/// How long somebody must be louder before taking a slot over, in microseconds.
pub const CHALLENGE_US: u64 = 300_000;
/// How much louder, in dB.
pub const CHALLENGE_DB: f32 = 6.0;

/// Audio at or below this level, in -dBov, is silence.
pub const SILENCE: u8 = 75;

/// Whether a packet is more than silence.
#[must_use]
pub fn is_voice(level: Option<AudioLevel>, payload: &[u8]) -> bool {
    level.is_none_or(|level| level.minus_dbov < SILENCE) && !opus::is_dtx(payload)
}

/// What one packet of a talker means for the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The talker has no slot.
    Withhold,
    /// Send it in this slot; `fresh` when its talker has just taken it.
    Forward {
        /// Slot number, from 0.
        slot: usize,
        /// The stream's timestamps must be projected anew.
        fresh: bool,
    },
}

#[derive(Clone, Copy, Debug, Default)]
struct SlotState {
    source: Option<SessionId>,
    loudness: f32,
    voice_us: u64,
    /// Who held it last; comes back to the same slot when it is still free.
    last: Option<SessionId>,
    last_us: u64,
}

/// The slots of one group.
#[derive(Clone, Debug)]
pub struct Selector {
    held: [SlotState; SLOTS],
    count: usize,
    challenger: Option<(SessionId, u64)>,
}

impl Selector {
    /// `count` slots, 1 to [`SLOTS`].
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self { held: [SlotState::default(); SLOTS], count: count.clamp(1, SLOTS), challenger: None }
    }

    /// A packet of `source` arrived. `voice`: it is not silence. `loudness`: smoothed, in dB, higher is louder.
    pub fn packet(&mut self, source: SessionId, voice: bool, loudness: f32, now_us: u64) -> Decision {
        let held = &mut self.held[..self.count];
        if let Some(slot) = held.iter().position(|held| held.source == Some(source)) {
            let held = &mut held[slot];
            held.loudness = loudness;
            if voice {
                held.voice_us = now_us;
            }
            return Decision::Forward { slot, fresh: false };
        }
        if !voice {
            return Decision::Withhold;
        }
        let free = held.iter().enumerate().filter(|(_, held)| held.source.is_none());
        let free =
            free.min_by_key(|(_, held)| (held.last != Some(source), held.last_us)).map(|(slot, _)| slot);
        let slot = match free {
            Some(slot) => slot,
            None => match self.challenge(source, loudness, now_us) {
                Some(slot) => slot,
                None => return Decision::Withhold,
            },
        };
        self.challenger = None;
        let held = &mut self.held[slot];
        *held = SlotState { source: Some(source), loudness, voice_us: now_us, ..*held };
        Decision::Forward { slot, fresh: true }
    }

    fn challenge(&mut self, source: SessionId, loudness: f32, now_us: u64) -> Option<usize> {
        let (slot, quietest) = self.held[..self.count]
            .iter()
            .enumerate()
            .min_by(|a, b| a.1.loudness.total_cmp(&b.1.loudness))?;
        if loudness < quietest.loudness + CHALLENGE_DB {
            if self.challenger.is_some_and(|(challenger, _)| challenger == source) {
                self.challenger = None;
            }
            return None;
        }
        match self.challenger {
            Some((challenger, since)) if challenger == source => {
                (now_us - since >= CHALLENGE_US).then_some(slot)
            }
            // A challenger that stopped sending leaves the field to the next.
            Some((_, since)) if now_us - since < 2 * CHALLENGE_US => None,
            _ => {
                self.challenger = Some((source, now_us));
                None
            }
        }
    }

    /// Takes the slot away at once (muted, removed); returns it.
    pub fn remove(&mut self, source: SessionId, now_us: u64) -> Option<usize> {
        if self.challenger.is_some_and(|(challenger, _)| challenger == source) {
            self.challenger = None;
        }
        let slot = self.held[..self.count].iter().position(|held| held.source == Some(source))?;
        self.release(slot, now_us);
        Some(slot)
    }

    /// The next slot whose talker has been silent for [`HOLD_US`]; it is free afterwards.
    pub fn fallen_silent(&mut self, now_us: u64) -> Option<usize> {
        let slot = self.held[..self.count]
            .iter()
            .position(|held| held.source.is_some() && now_us.saturating_sub(held.voice_us) >= HOLD_US)?;
        self.release(slot, now_us);
        Some(slot)
    }

    fn release(&mut self, slot: usize, now_us: u64) {
        let held = &mut self.held[slot];
        held.last = held.source.take();
        held.last_us = now_us;
    }

    /// The talkers that hold a slot, loudest first.
    pub fn talkers(&self) -> impl Iterator<Item = SessionId> {
        let mut order: [usize; SLOTS] = std::array::from_fn(|slot| slot);
        order.sort_by(|a, b| self.held[*b].loudness.total_cmp(&self.held[*a].loudness));
        let held = self.held;
        order.into_iter().filter_map(move |slot| held[slot].source)
    }
}

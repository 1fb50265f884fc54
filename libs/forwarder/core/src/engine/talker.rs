//! Who said a packet, as selection and other nodes are told of it.

use crate::ids::{PersonId, SessionId};
use crate::rtp::AudioLevel;

/// Who said a packet, and how loud.
pub(super) struct Talker {
    pub source: SessionId,
    pub owner: PersonId,
    pub voice: bool,
    pub loudness: f32,
    pub level: Option<AudioLevel>,
    /// So many packets right before it may still come.
    pub missing: u8,
}

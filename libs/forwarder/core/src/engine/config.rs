//! What the caller decides: how packets are sent, and what was agreed about a session.

use crate::ids::{PersonId, SessionId, SpaceId};
use crate::rtp::{ExtensionId, PayloadType, Ssrc};
use crate::select::SLOTS;

/// How packets are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tuning {
    /// How long a packet may wait for others to the same listener, in microseconds; 0: none waits.
    pub coalesce_us: u64,
    /// From this many listeners of one Space on, those who are not on stage get packets of 60 ms (RFC 6716, section
    /// 3.2.5); 0: never.
    pub repacketise_from: usize,
}

/// What both sides authenticate with in one ICE session.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Our user name fragment, unique among live sessions.
    pub local_ufrag: Vec<u8>,
    /// Our password.
    pub local_pwd: Vec<u8>,
    /// The peer's fragment.
    pub remote_ufrag: Vec<u8>,
    /// The peer's password.
    pub remote_pwd: Vec<u8>,
}

impl Credentials {
    /// USERNAME of our own requests: theirs, a colon, ours (RFC 8445, section 7.2.2).
    pub(super) fn check_username(&self) -> Box<[u8]> {
        [self.remote_ufrag.as_slice(), b":", &self.local_ufrag].concat().into_boxed_slice()
    }
}

/// What was agreed about a session when its offer was answered.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// Unique among live sessions.
    pub id: SessionId,
    /// The Space in which it speaks or listens.
    pub space: SpaceId,
    /// The person it belongs to, who never hears themselves.
    pub owner: PersonId,
    /// The credentials of its first ICE session.
    pub ice: Credentials,
    /// Which way the audio flows.
    pub media: Media,
}

/// Which way the audio flows, in the numbers of the peer's offer.
#[derive(Clone, Debug)]
pub enum Media {
    /// The peer speaks.
    Publish(Publication),
    /// The peer listens.
    Subscribe(Subscription),
}

/// What a speaker's offer agreed to.
#[derive(Clone, Debug)]
pub struct Publication {
    /// Of Opus.
    pub payload_type: PayloadType,
    /// Of Opus with copies of earlier packets (RFC 2198), where that is agreed.
    pub red: Option<PayloadType>,
    /// Header extension id of the audio level (RFC 6464), 1 to 14.
    pub level_extension: Option<ExtensionId>,
    /// Whether it begins muted.
    pub muted: bool,
    /// Whether its packets are captured.
    pub capture: bool,
}

/// What a listener's offer agreed to.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// Of Opus.
    pub payload_type: PayloadType,
    /// Of Opus with copies of earlier packets (RFC 2198), where that is agreed; it is sent as speakers send it.
    pub red: Option<PayloadType>,
    /// Header extension id of MID, 1 to 14.
    pub mid_extension: Option<ExtensionId>,
    /// Header extension id of the audio level, 1 to 14.
    pub level_extension: Option<ExtensionId>,
    /// One per audio m-line, 1 to 3.
    pub slots: Vec<SlotConfig>,
}

/// One virtual slot of a listener.
#[derive(Clone, Debug)]
pub struct SlotConfig {
    /// The m-line's MID, at most 16 bytes.
    pub mid: Vec<u8>,
    /// The slot's SSRC.
    pub ssrc: Ssrc,
}

impl Media {
    /// Whether numbers and lengths are within their ranges.
    #[must_use]
    pub fn possible(&self) -> bool {
        let numbers = |opus: PayloadType, red: Option<PayloadType>| {
            opus.0 < 128 && red.is_none_or(|red| red.0 < 128 && red != opus)
        };
        let id = |id: &Option<ExtensionId>| id.is_none_or(|id| (1..=14).contains(&id.0));
        match self {
            Media::Publish(media) => numbers(media.payload_type, media.red) && id(&media.level_extension),
            Media::Subscribe(media) => {
                numbers(media.payload_type, media.red)
                    && id(&media.mid_extension)
                    && id(&media.level_extension)
                    && (1..=SLOTS).contains(&media.slots.len())
                    && media.slots.iter().all(|slot| slot.mid.len() <= 16)
            }
        }
    }
}

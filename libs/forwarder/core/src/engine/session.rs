//! One peer's connection.

use std::net::SocketAddr;

use ring::hmac;

use super::egress::Place;
use super::{Now, Owner, SessionId, SpaceId};
use crate::capture::Bundle;
use crate::rtcp::Reception;
use crate::select::SLOTS;
use crate::srtp::{Inbound, Outbound};
use crate::stun::{TransactionId, integrity_key};

/// Addresses of one peer that passed a check; a client tries several at first.
const ADDRESSES: usize = 4;

/// What both sides prove themselves with in one ICE session.
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
    fn check_username(&self) -> Box<[u8]> {
        [self.remote_ufrag.as_slice(), b":", &self.local_ufrag].concat().into_boxed_slice()
    }
}

/// What is agreed about a session when its offer is answered.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// Unique among live sessions.
    pub id: SessionId,
    /// Whom it hears, or who hears it.
    pub space: SpaceId,
    /// The person, who never hears themselves; 0 for nobody.
    pub owner: Owner,
    /// Of its first ICE session.
    pub ice: Credentials,
    /// Which way the audio flows.
    pub media: Media,
}

/// Which way the audio flows, in the numbers of the peer's offer.
#[derive(Clone, Debug)]
pub enum Media {
    /// The peer speaks.
    Publish {
        /// Of Opus.
        payload_type: u8,
        /// Of Opus with copies of earlier packets (RFC 2198), where that is agreed.
        red: Option<u8>,
        /// Header extension id of the audio level (RFC 6464), 1 to 14.
        level_extension: Option<u8>,
        /// Whether it begins muted.
        muted: bool,
        /// Whether its packets are captured.
        capture: bool,
    },
    /// The peer listens.
    Subscribe(Subscription),
}

/// What a listener's offer agreed to.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// Of Opus.
    pub payload_type: u8,
    /// Of Opus with copies of earlier packets (RFC 2198), where that is agreed; it is sent as speakers send it.
    pub red: Option<u8>,
    /// Header extension id of MID, 1 to 14.
    pub mid_extension: Option<u8>,
    /// Header extension id of the audio level, 1 to 14.
    pub level_extension: Option<u8>,
    /// One per audio m-line, 1 to 3.
    pub slots: Vec<SlotConfig>,
}

/// One virtual slot of a listener.
#[derive(Clone, Debug)]
pub struct SlotConfig {
    /// The m-line's MID, at most 16 bytes.
    pub mid: Vec<u8>,
    /// The slot's SSRC.
    pub ssrc: u32,
}

impl Media {
    /// Whether numbers and lengths are within their ranges.
    #[must_use]
    pub fn possible(&self) -> bool {
        let numbers = |opus, red: Option<u8>| opus < 128 && red.is_none_or(|red| red < 128 && red != opus);
        let id = |id: &Option<u8>| id.is_none_or(|id| (1..=14).contains(&id));
        match self {
            Media::Publish { payload_type, red, level_extension, .. } => {
                numbers(*payload_type, *red) && id(level_extension)
            }
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

/// What a publisher said before it could be heard, such as while it was muted: copies of that are not let out later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Past {
    /// Nothing has been heard since.
    #[default]
    Unheard,
    /// What was said from this timestamp on has been.
    Since(u32),
    /// It lies so far back that no copy reaches there.
    Over,
}

pub(super) struct Publisher {
    pub payload_type: u8,
    pub red: Option<u8>,
    pub past: Past,
    pub level_extension: Option<u8>,
    pub muted: bool,
    pub capture: bool,
    pub bundle: Bundle,
    /// Something of it was captured, so that readers wait for the last bundle.
    pub captured: bool,
    pub outbound: Option<Outbound>,
    pub ssrc: Option<u32>,
    pub reception: Reception,
    /// Smoothed, in dB over digital silence.
    pub loudness: f32,
    /// When it was last more than silence.
    pub voice_us: u64,
    pub accepted: u64,
    /// When the last packet came, muted or not; 0: none did.
    pub received_us: u64,
    /// Of the last report sent, in 1/256.
    pub fraction_lost: u8,
    pub reported_us: u64,
}

pub(super) enum Role {
    Publish(Box<Publisher>),
    Subscribe {
        media: Subscription,
        /// Where it stands in its group, once it has keys.
        place: Option<Place>,
    },
}

/// Our own Binding request on its way to an address that media may move to.
pub(super) struct Check {
    pub address: SocketAddr,
    pub transaction: TransactionId,
    pub sent_us: u64,
}

pub(super) struct Session {
    pub id: SessionId,
    pub space: SpaceId,
    pub owner: Owner,
    pub ufrag: Box<[u8]>,
    pub key: hmac::Key,
    pub remote_key: hmac::Key,
    /// USERNAME of our own requests: theirs, a colon, ours.
    pub check_username: Box<[u8]>,
    pub addresses: [Option<SocketAddr>; ADDRESSES],
    /// Where we send.
    pub current: Option<SocketAddr>,
    pub check: Option<Check>,
    /// Last authenticated request.
    pub heard_us: u64,
    pub inbound: Option<Inbound>,
    pub role: Role,
}

impl Session {
    pub fn new(config: SessionConfig, now: Now) -> Self {
        let check_username = config.ice.check_username();
        Self {
            id: config.id,
            space: config.space,
            owner: config.owner,
            ufrag: config.ice.local_ufrag.into_boxed_slice(),
            key: integrity_key(&config.ice.local_pwd),
            remote_key: integrity_key(&config.ice.remote_pwd),
            check_username,
            addresses: [None; ADDRESSES],
            current: None,
            check: None,
            heard_us: now.us,
            inbound: None,
            role: match config.media {
                Media::Publish { payload_type, red, level_extension, muted, capture } => {
                    Role::Publish(Box::new(Publisher {
                        payload_type,
                        red,
                        past: Past::default(),
                        level_extension,
                        muted,
                        capture,
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
                    }))
                }
                Media::Subscribe(media) => Role::Subscribe { media, place: None },
            },
        }
    }

    /// Takes other credentials; returns the local fragment it had.
    pub fn restart(&mut self, ice: &Credentials) -> Box<[u8]> {
        self.key = integrity_key(&ice.local_pwd);
        self.remote_key = integrity_key(&ice.remote_pwd);
        self.check_username = ice.check_username();
        self.check = None;
        std::mem::replace(&mut self.ufrag, ice.local_ufrag.clone().into_boxed_slice())
    }

    /// Remembers a validated address; returns the one that had to go.
    pub fn remember(&mut self, address: SocketAddr) -> Option<SocketAddr> {
        if self.addresses.contains(&Some(address)) {
            return None;
        }
        if let Some(free) = self.addresses.iter_mut().find(|known| known.is_none()) {
            *free = Some(address);
            return None;
        }
        let current = self.current;
        let oldest = self.addresses.iter_mut().find(|known| **known != current)?;
        oldest.replace(address)
    }
}

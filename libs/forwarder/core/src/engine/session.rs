//! One peer's connection.

use std::net::SocketAddr;

use ring::hmac;

use super::config::{Credentials, Media, SessionConfig, Subscription};
use super::paths::Paths;
use super::publisher::Publisher;
use crate::clock::Now;
use crate::ids::{PersonId, SessionId, SpaceId};
use crate::srtp::Inbound;
use crate::stun::integrity_key;

/// The place of a listener in its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Among those on stage, who hear every frame at once.
    pub on_stage: bool,
    pub at: usize,
}

pub(super) enum Role {
    Publish(Box<Publisher>),
    Subscribe {
        media: Subscription,
        /// Its place in its group, once it has keys.
        place: Option<Place>,
    },
}

pub(super) struct Session {
    pub id: SessionId,
    pub space: SpaceId,
    pub owner: PersonId,
    pub ufrag: Box<[u8]>,
    pub key: hmac::Key,
    pub remote_key: hmac::Key,
    /// USERNAME of our own requests: theirs, a colon, ours.
    pub check_username: Box<[u8]>,
    pub paths: Paths,
    /// Where we send: the address of one of the paths.
    pub current: Option<SocketAddr>,
    /// Last authenticated request from where we send, or from a path that answered us.
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
            paths: Paths::default(),
            current: None,
            heard_us: now.us,
            inbound: None,
            role: match config.media {
                Media::Publish(media) => Role::Publish(Box::new(Publisher::new(config.id, media, now))),
                Media::Subscribe(media) => Role::Subscribe { media, place: None },
            },
        }
    }

    /// Takes other credentials; returns the former local fragment.
    pub fn restart(&mut self, ice: &Credentials) -> Box<[u8]> {
        self.key = integrity_key(&ice.local_pwd);
        self.remote_key = integrity_key(&ice.remote_pwd);
        self.check_username = ice.check_username();
        self.paths.restart();
        std::mem::replace(&mut self.ufrag, ice.local_ufrag.clone().into_boxed_slice())
    }
}

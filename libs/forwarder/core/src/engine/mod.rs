//! Sessions, Spaces and the way of a packet from one speaker to everybody else.
//!
//! A datagram goes to `ice` (STUN), to the control plane (DTLS) or to `ingress` (SRTP), where its session's `publisher`
//! takes it. `paths` says where a peer's media goes. The `space` passes a packet to its `group`s, one for each number of
//! slots. A group has two `audience`s, the stage and the crowd, whose frames leave together in a `round`: shard by shard,
//! sealed for each `listener`. `control` obeys the control plane, `relay` takes packets of other nodes, and `timing` does
//! what is due.
//!
//! What a file here knows goes one way, without a circle. Files that extend [`Engine`] stand above all others. Then come
//! `session`, with its `publisher`, and `space`, `group`, `audience`, each of which knows the next. All of these send and
//! tell by `out` and `io`, which know none of them. Whatever both sides pass to each other (`frame`, `round`, `talker`,
//! `counters`) has a file of its own below.

mod audience;
mod config;
mod control;
mod counters;
mod frame;
mod group;
mod ice;
mod ingress;
mod io;
mod lateness;
mod listener;
mod numbering;
mod out;
mod paths;
mod publisher;
mod relay;
mod repacketise;
mod round;
mod session;
mod shard;
mod space;
mod talker;
mod timeline;
mod timing;
mod writer;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use ring::rand::{SecureRandom, SystemRandom};

use crate::clock::Now;
use crate::ids::{SessionId, SpaceId};
pub use config::{Credentials, Media, Publication, SessionConfig, SlotConfig, Subscription, Tuning};
pub use control::AddError;
pub use counters::{Counters, SessionReport};
pub use io::{Event, Io, Relayed};
use out::Leaving;
pub use paths::CONSENT_US;
pub use round::Round;
use session::{Role, Session};
use space::Space;

/// The forwarder of one media node.
pub struct Engine {
    sessions: HashMap<SessionId, Session>,
    by_ufrag: HashMap<Box<[u8]>, SessionId>,
    by_address: HashMap<SocketAddr, SessionId>,
    spaces: HashMap<SpaceId, Space>,
    leaving: Leaving,
    counters: Counters,
    random: SystemRandom,
    /// No session's consent ends before this.
    expiry_us: u64,
    tuning: Tuning,
    /// Spaces with packets that have not left yet.
    waiting: Vec<SpaceId>,
    due_us: Option<u64>,
    /// Sessions with checks of ours on their way.
    checking: Vec<SessionId>,
}

impl Default for Engine {
    fn default() -> Self {
        Self {
            sessions: HashMap::new(),
            by_ufrag: HashMap::new(),
            by_address: HashMap::new(),
            spaces: HashMap::new(),
            leaving: Leaving::default(),
            counters: Counters::default(),
            random: SystemRandom::new(),
            expiry_us: 0,
            tuning: Tuning::default(),
            waiting: Vec::new(),
            due_us: None,
            checking: Vec::new(),
        }
    }
}

impl Engine {
    /// An engine that sends as `tuning` says.
    #[must_use]
    pub fn new(tuning: Tuning) -> Self {
        Self { tuning, ..Self::default() }
    }

    /// The round that other threads may work on. It is always the same object.
    #[must_use]
    pub fn round(&self) -> Arc<Round> {
        Arc::clone(&self.leaving.round)
    }

    /// Sends a DTLS datagram to the session's current address; without one it is dropped.
    pub fn send_dtls(&mut self, id: SessionId, datagram: &[u8], io: &mut impl Io) {
        if let Some(address) = self.sessions.get(&id).and_then(|session| session.current) {
            self.push(address, datagram, io);
            self.send_batch(io);
        }
    }

    /// Takes one datagram from the network; `bytes` is decrypted in place.
    pub fn datagram(&mut self, now: Now, from: SocketAddr, bytes: &mut [u8], io: &mut impl Io) {
        self.counters.received += 1;
        // RFC 7983: one port for all, told apart by the first byte.
        match bytes.first() {
            Some(0..=3) => self.stun(now, from, bytes, io),
            Some(20..=63) => self.dtls(from, bytes, io),
            Some(128..=191) => self.srtp(now, from, bytes, io),
            _ => self.counters.junk += 1,
        }
    }

    fn dtls(&mut self, from: SocketAddr, bytes: &[u8], io: &mut impl Io) {
        match self.by_address.get(&from) {
            Some(&session) => io.event(Event::Dtls { session, datagram: bytes.to_vec() }),
            None => self.counters.unvalidated += 1,
        }
    }

    /// Totals since the start.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The numbers of every session.
    #[must_use]
    pub fn reports(&self, now: Now) -> Vec<(SessionId, SessionReport)> {
        self.sessions.keys().map(|id| (*id, self.report_of(*id, now))).collect()
    }

    fn report_of(&self, id: SessionId, now: Now) -> SessionReport {
        let Some(session) = self.sessions.get(&id) else { return SessionReport::default() };
        let report = match &session.role {
            Role::Publish(publisher) => publisher.report(now),
            Role::Subscribe { media, place: Some(place) } => self
                .spaces
                .get(&session.space)
                .map(|space| {
                    space.groups[media.slots.len() - 1].audience(place.on_stage).report(place.at, now)
                })
                .unwrap_or_default(),
            Role::Subscribe { place: None, .. } => SessionReport::default(),
        };
        SessionReport { quiet_us: now.us.saturating_sub(session.heard_us), ..report }
    }

    fn random_u32(&self) -> u32 {
        let mut bytes = [0; 4];
        // The system's generator does not fail once it has been seeded; zero would only be a poor start.
        let _ = self.random.fill(&mut bytes);
        u32::from_be_bytes(bytes)
    }

    fn random_transaction(&self) -> Option<[u8; 12]> {
        let mut bytes = [0; 12];
        self.random.fill(&mut bytes).ok().map(|()| bytes)
    }
}

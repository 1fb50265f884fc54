//! Sessions, Spaces and the way of a packet from one speaker to everybody else.

mod audience;
mod egress;
mod frame;
mod hold;
mod ice;
mod ingress;
mod lateness;
mod listener;
mod members;
mod pace;
mod relay;
mod report;
mod round;
mod session;
mod shard;
mod space;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use ring::rand::{SecureRandom, SystemRandom};

use crate::batch::Batch;
use frame::Leaving;
pub use relay::Relayed;
pub use report::{Counters, SessionReport};
pub use round::Round;
use session::Session;
pub use session::{Credentials, Media, SessionConfig, SlotConfig, Subscription};
use space::Space;

/// Chosen by the caller, unique among live sessions.
pub type SessionId = u64;
/// Chosen by the caller; sessions of one Space hear each other.
pub type SpaceId = u64;
/// A person across sessions; 0 is nobody, who is never left out.
pub type Owner = u64;

/// A session that sends no authenticated Binding request for this long is closed (RFC 7675, section 5.1), in us.
pub const CONSENT_US: u64 = 30_000_000;
/// How often [`Engine::tick`] wants to be called, in microseconds.
pub const TICK_US: u64 = 20_000;
/// Changes of who is talking are told at most this often, in microseconds.
pub const TALKING_US: u64 = 100_000;
/// Audio at or below this level, in -dBov, is silence.
pub const SILENCE: u8 = 75;

/// How packets are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tuning {
    /// A packet may wait this long for others to the same listener, in microseconds; 0: none waits.
    pub coalesce_us: u64,
    /// From this many listeners of one Space on, those who are not on stage get packets of 60 ms (RFC 6716, section
    /// 3.2.5); 0: never.
    pub repacketise_from: usize,
}

/// One moment on both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Monotonic, in microseconds.
    pub us: u64,
    /// Wall clock, in nanoseconds since the Unix epoch.
    pub wall_ns: u64,
}

/// What the engine tells the control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An address passed an authenticated STUN check: DTLS can begin.
    Reachable {
        /// Whose.
        session: SessionId,
        /// Where it is.
        address: SocketAddr,
    },
    /// A DTLS datagram from a validated address.
    Dtls {
        /// Whose.
        session: SessionId,
        /// The datagram.
        datagram: Vec<u8>,
    },
    /// The session is gone.
    Closed {
        /// Whose.
        session: SessionId,
        /// It gave no sign of life for [`CONSENT_US`]; otherwise it was removed on request.
        expired: bool,
        /// Its last report.
        report: SessionReport,
    },
    /// Who is heard in the Space now, loudest first.
    Talking {
        /// The Space.
        space: SpaceId,
        /// Sessions of the talkers.
        sessions: Vec<SessionId>,
    },
    /// Captured packets, see [`crate::capture`].
    Captured {
        /// The speaker's session.
        session: SessionId,
        /// Packets in the bundle.
        packets: u16,
        /// The bundle.
        bundle: Vec<u8>,
    },
    /// An accepted packet of a Space that other nodes carry too, see [`Engine::set_shared`].
    Relayed {
        /// The speaker's session.
        session: SessionId,
        /// The packet.
        packet: Relayed,
    },
}

/// Where the engine's results go. No call may wait for anybody outside.
pub trait Io {
    /// Sends the batch; what cannot be sent is lost, as on any network.
    fn send(&mut self, batch: &Batch);
    /// Has a round sealed and sent, by this thread with `batch` or by several; returns when nothing of it is left.
    fn run(&mut self, round: &Round, batch: &mut Batch) {
        round.work(batch, |batch| self.send(batch));
    }
    /// Takes an event; what does not fit is counted by the receiver.
    fn event(&mut self, event: Event);
    /// Where a peer really is whose packets come from `from`; another address where something carries them to us.
    fn seen(&self, from: SocketAddr) -> SocketAddr {
        from
    }
}

/// Why a session was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddError {
    /// Its id is in use.
    Session,
    /// Its ICE user name fragment is in use.
    Ufrag,
    /// Number of slots, payload type or extension ids are impossible.
    Media,
}

/// The forwarder of one media node.
pub struct Engine {
    sessions: HashMap<SessionId, Session>,
    by_ufrag: HashMap<Box<[u8]>, SessionId>,
    by_address: HashMap<SocketAddr, SessionId>,
    spaces: HashMap<SpaceId, Space>,
    leaving: Leaving,
    counters: Counters,
    random: SystemRandom,
    /// Nobody's consent ends before this.
    expiry_us: u64,
    tuning: Tuning,
    /// Spaces with packets that have not left yet.
    waiting: Vec<SpaceId>,
    due_us: Option<u64>,
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
        }
    }
}

impl Engine {
    /// One that sends as it is told.
    #[must_use]
    pub fn new(tuning: Tuning) -> Self {
        Self { tuning, ..Self::default() }
    }

    /// The round that other threads may work on, always the same one.
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

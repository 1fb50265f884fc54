//! Sessions, Spaces and the way of a packet from one speaker to everybody else.

mod audience;
mod egress;
mod hold;
mod ice;
mod ingress;
mod relay;
mod report;
mod session;

use std::collections::HashMap;
use std::net::SocketAddr;

use ring::rand::{SecureRandom, SystemRandom};

use crate::batch::Batch;
use crate::srtp::{Inbound, Outbound, SrtpError};
use audience::Out;
use egress::{Group, Place};
pub use relay::Relayed;
pub use report::{Counters, SessionReport};
pub use session::{Credentials, Media, SessionConfig, SlotConfig, Subscription};
use session::{Role, Session};

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

/// Where the engine's results go. Neither call may block.
pub trait Io {
    /// Sends the batch; what cannot be sent is lost, as on any network.
    fn send(&mut self, batch: &Batch);
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

struct Space {
    publishers: Vec<SessionId>,
    /// Listeners by their number of slots, 1 to 3. The last one's selection also says who is talking.
    groups: [Group; 3],
    talking: Vec<SessionId>,
    told_us: u64,
    sessions: usize,
    /// Stands in [`Engine::waiting`].
    waits: bool,
    /// Other nodes want its packets.
    shared: bool,
}

/// The forwarder of one media node.
pub struct Engine {
    sessions: HashMap<SessionId, Session>,
    by_ufrag: HashMap<Box<[u8]>, SessionId>,
    by_address: HashMap<SocketAddr, SessionId>,
    spaces: HashMap<SpaceId, Space>,
    batch: Batch,
    counters: Counters,
    random: SystemRandom,
    swept_us: u64,
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
            batch: Batch::default(),
            counters: Counters::default(),
            random: SystemRandom::new(),
            swept_us: 0,
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

    /// Adds a session; it can be reached as soon as this returns.
    ///
    /// # Errors
    /// [`AddError`]; nothing has changed then.
    pub fn add(&mut self, config: SessionConfig, now: Now) -> Result<(), AddError> {
        if self.sessions.contains_key(&config.id) {
            return Err(AddError::Session);
        }
        if self.by_ufrag.contains_key(config.ice.local_ufrag.as_slice()) {
            return Err(AddError::Ufrag);
        }
        if !config.media.possible() {
            return Err(AddError::Media);
        }
        let (id, space_id, owner) = (config.id, config.space, config.owner);
        let publishes = matches!(config.media, Media::Publish { .. });
        let session = Session::new(config, now);
        self.by_ufrag.insert(session.ufrag.clone(), id);
        self.sessions.insert(id, session);
        let seed = self.random_u32();
        let space = self.spaces.entry(space_id).or_insert_with(|| Space {
            publishers: Vec::new(),
            groups: std::array::from_fn(|slots| Group::new(slots + 1, seed)),
            talking: Vec::new(),
            told_us: 0,
            sessions: 0,
            waits: false,
            shared: false,
        });
        space.sessions += 1;
        if publishes {
            space.publishers.push(id);
            self.change_audience(space_id, owner, true);
        }
        self.counters.sessions += 1;
        Ok(())
    }

    /// Gives a session the SRTP keys of its finished DTLS handshake: master key and salt for what the peer sends and
    /// for what is sent to it. Keys are taken once; a second call changes nothing, so that no nonce is used twice.
    ///
    /// # Errors
    /// [`SrtpError::Key`] for a wrong length.
    pub fn set_keys(&mut self, id: SessionId, receive: &[u8], send: &[u8]) -> Result<(), SrtpError> {
        let (inbound, outbound) = (Inbound::new(receive)?, Outbound::new(send)?);
        let starts: [u32; 3] = std::array::from_fn(|_| self.random_u32());
        let Some((space, owner)) = self.sessions.get(&id).map(|session| (session.space, session.owner))
        else {
            return Ok(());
        };
        let on_stage = self.on_stage(space, owner);
        let Some(session) = self.sessions.get_mut(&id) else { return Ok(()) };
        if session.inbound.is_some() {
            return Ok(());
        }
        session.inbound = Some(inbound);
        match &mut session.role {
            Role::Publish(publisher) => publisher.outbound = Some(outbound),
            Role::Subscribe { media, place } => {
                let (Some(space), Some(address)) = (self.spaces.get_mut(&session.space), session.current)
                else {
                    return Ok(());
                };
                let audience = space.groups[media.slots.len() - 1].audience(on_stage);
                let at = audience.join(id, session.owner, address, media, outbound, &starts);
                *place = Some(Place { on_stage, at });
            }
        }
        Ok(())
    }

    /// Whether somebody has a publisher in the Space.
    fn on_stage(&self, space: SpaceId, owner: Owner) -> bool {
        let publishers = self.spaces.get(&space).map_or(&[][..], |space| &space.publishers);
        owner != 0 && publishers.iter().any(|id| self.sessions.get(id).is_some_and(|one| one.owner == owner))
    }

    /// Somebody came on stage or left it: they hear with the others there, or with the crowd.
    fn change_audience(&mut self, space_id: SpaceId, owner: Owner, on_stage: bool) {
        let Some(space) = self.spaces.get_mut(&space_id) else { return };
        for group in &mut space.groups {
            let ids = if owner == 0 { Vec::new() } else { group.audience(!on_stage).of_owner(owner) };
            for id in ids {
                let Some(Session { role: Role::Subscribe { place: Some(place), .. }, .. }) =
                    self.sessions.get_mut(&id)
                else {
                    continue;
                };
                let from = *place;
                let (moving, moved) = group.audience(!on_stage).leave(from.at);
                *place = Place { on_stage, at: group.audience(on_stage).enter(moving) };
                settle(&mut self.sessions, moved, from);
            }
        }
    }

    /// Begins another ICE session (RFC 8445, section 9): from now on checks count with the new credentials only, while
    /// packets go on between the addresses they had, with the keys they had. Unknown ids are ignored.
    ///
    /// # Errors
    /// [`AddError::Ufrag`] when the new local fragment is in use; nothing has changed then.
    pub fn restart(&mut self, id: SessionId, ice: &Credentials) -> Result<(), AddError> {
        if self.by_ufrag.contains_key(ice.local_ufrag.as_slice()) {
            return Err(AddError::Ufrag);
        }
        let Some(session) = self.sessions.get_mut(&id) else { return Ok(()) };
        let former = session.restart(ice);
        self.by_ufrag.remove(&former);
        self.by_ufrag.insert(session.ufrag.clone(), id);
        Ok(())
    }

    /// Removes a session; no packet from it or for it leaves after this. Unknown ids are ignored.
    pub fn remove(&mut self, id: SessionId, now: Now, io: &mut impl Io) {
        self.close(id, false, now, io);
        self.flush(now, io);
    }

    /// Mutes or unmutes a publisher. A muted one's packets are opened, counted and dropped.
    pub fn set_muted(&mut self, id: SessionId, muted: bool, now: Now, io: &mut impl Io) {
        if let Some(Session { role: Role::Publish(publisher), space, .. }) = self.sessions.get_mut(&id) {
            publisher.muted = muted;
            let space = *space;
            if muted {
                self.silence(id, space, now, io);
                self.flush(now, io);
            }
        }
    }

    /// Starts or stops capturing a publisher's packets.
    pub fn set_capture(&mut self, id: SessionId, capture: bool, io: &mut impl Io) {
        if let Some(Session { role: Role::Publish(publisher), .. }) = self.sessions.get_mut(&id) {
            publisher.capture = capture;
            ingress::close_bundle(id, publisher, io);
        }
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

    /// Sends what need not wait any longer. The caller flushes once after a burst of datagrams, and when
    /// [`Engine::due_us`] has come.
    pub fn flush(&mut self, now: Now, io: &mut impl Io) {
        self.due_us = None;
        let mut at = 0;
        while let Some(id) = self.waiting.get(at) {
            let mut due = None;
            if let Some(space) = self.spaces.get_mut(id) {
                let mut out = Out { batch: &mut self.batch, counters: &mut self.counters, io: &mut *io };
                for group in &mut space.groups {
                    let next = group.send(now.us, &self.tuning, &mut out);
                    due = [due, next].into_iter().flatten().min();
                }
                space.waits = due.is_some();
            }
            if due.is_some() {
                at += 1;
                self.due_us = [self.due_us, due].into_iter().flatten().min();
            } else {
                self.waiting.swap_remove(at);
            }
        }
        self.send_batch(io);
    }

    /// When [`Engine::flush`] has something to do at the latest; `None`: nothing waits.
    #[must_use]
    pub fn due_us(&self) -> Option<u64> {
        self.due_us
    }

    fn send_batch(&mut self, io: &mut impl Io) {
        if !self.batch.is_empty() {
            io.send(&self.batch);
            self.batch.clear();
        }
    }

    fn push(&mut self, to: SocketAddr, datagram: &[u8], io: &mut impl Io) {
        if self.batch.full() {
            self.send_batch(io);
        }
        self.batch.push(to, |buffer| match buffer.get_mut(..datagram.len()) {
            Some(place) => {
                place.copy_from_slice(datagram);
                datagram.len()
            }
            None => 0,
        });
    }

    fn close(&mut self, id: SessionId, expired: bool, now: Now, io: &mut impl Io) {
        let Some(space_id) = self.sessions.get(&id).map(|session| session.space) else { return };
        self.silence(id, space_id, now, io);
        let report = self.report_of(id);
        let Some(mut session) = self.sessions.remove(&id) else { return };
        self.by_ufrag.remove(&session.ufrag);
        for address in session.addresses.iter().flatten() {
            self.by_address.remove(address);
        }
        if let Some(space) = self.spaces.get_mut(&space_id) {
            space.publishers.retain(|publisher| *publisher != id);
            match &mut session.role {
                Role::Publish(publisher) => ingress::close_capture(id, publisher, now, io),
                Role::Subscribe { media, place: Some(place) } => {
                    let audience = space.groups[media.slots.len() - 1].audience(place.on_stage);
                    let (_, moved) = audience.leave(place.at);
                    settle(&mut self.sessions, moved, *place);
                }
                Role::Subscribe { place: None, .. } => {}
            }
            space.sessions -= 1;
            if space.sessions == 0 {
                if !space.talking.is_empty() {
                    io.event(Event::Talking { space: space_id, sessions: Vec::new() });
                }
                self.spaces.remove(&space_id);
            }
        }
        if !self.on_stage(space_id, session.owner) {
            self.change_audience(space_id, session.owner, false);
        }
        self.counters.sessions -= 1;
        io.event(Event::Closed { session: id, expired, report });
    }

    /// Takes the talker's slots away and lets the listeners fall silent. Nothing more of it leaves.
    fn silence(&mut self, id: SessionId, space_id: SpaceId, now: Now, io: &mut impl Io) {
        let Some(space) = self.spaces.get_mut(&space_id) else { return };
        let mut out = Out { batch: &mut self.batch, counters: &mut self.counters, io };
        for group in &mut space.groups {
            group.withdraw(id);
            if let Some(slot) = group.selector.remove(id, now.us) {
                group.end_slot(slot, now, &self.tuning, &mut out);
            }
        }
        space.wait(space_id, &mut self.waiting);
    }

    /// What time brings: silences, bundles, who is talking, reports, expiry. To be called every [`TICK_US`].
    pub fn tick(&mut self, now: Now, io: &mut impl Io) {
        for (id, space) in &mut self.spaces {
            let mut out = Out { batch: &mut self.batch, counters: &mut self.counters, io: &mut *io };
            let mut fell_silent = false;
            for group in &mut space.groups {
                while let Some(slot) = group.selector.fallen_silent(now.us) {
                    group.end_slot(slot, now, &self.tuning, &mut out);
                    fell_silent = true;
                }
                group.send_reports(now, &mut out);
            }
            if fell_silent {
                space.wait(*id, &mut self.waiting);
            }
            space.tell_talking(*id, now, io);
            for publisher_id in &space.publishers {
                let Some(session) = self.sessions.get_mut(publisher_id) else { continue };
                ingress::publisher_tick(session, now, &mut self.batch, &mut self.counters, io);
            }
        }
        if now.us.saturating_sub(self.swept_us) >= 1_000_000 {
            self.swept_us = now.us;
            let expired: Vec<SessionId> = self
                .sessions
                .values()
                .filter(|session| now.us.saturating_sub(session.heard_us) >= CONSENT_US)
                .map(|session| session.id)
                .collect();
            for id in expired {
                self.counters.expired += 1;
                self.close(id, true, now, io);
            }
        }
        self.flush(now, io);
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

/// The session that was moved to a place by another's leaving it.
fn settle(sessions: &mut HashMap<SessionId, Session>, moved: Option<SessionId>, to: Place) {
    if let Some(Session { role: Role::Subscribe { place, .. }, .. }) =
        moved.and_then(|moved| sessions.get_mut(&moved))
    {
        *place = Some(to);
    }
}

impl Space {
    /// Something waits in it.
    fn wait(&mut self, id: SpaceId, waiting: &mut Vec<SpaceId>) {
        if !self.waits {
            self.waits = true;
            waiting.push(id);
        }
    }

    fn tell_talking(&mut self, id: SpaceId, now: Now, io: &mut impl Io) {
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

//! ICE-lite: answering connectivity checks, and moving to another address only after it answered ours.

use std::net::SocketAddr;

use super::session::{Check, Role, Session};
use super::{Engine, Event, Io, Now};
use crate::stun::{self, Class, Message};

const BINDING: u16 = 1;
/// A check of ours is repeated after this long at the earliest, in microseconds.
const CHECK_US: u64 = 500_000;

impl Engine {
    /// Whether an address is one of a session's, because it passed an authenticated check.
    #[must_use]
    pub fn knows(&self, address: SocketAddr) -> bool {
        self.by_address.contains_key(&address)
    }

    pub(super) fn stun(&mut self, now: Now, from: SocketAddr, bytes: &[u8], io: &mut impl Io) {
        let Ok(message) = Message::parse(bytes) else {
            self.counters.junk += 1;
            return;
        };
        match (message.class, message.method) {
            (Class::Request, BINDING) => self.binding_request(now, from, &message, io),
            (Class::Success, BINDING) => self.binding_success(now, from, &message),
            _ => self.counters.junk += 1,
        }
    }

    /// A request that is not authentic gets no answer at all: an error response would tell an attacker which
    /// fragments are in use, and serve as a reflector.
    fn binding_request(&mut self, now: Now, from: SocketAddr, message: &Message<'_>, io: &mut impl Io) {
        let local =
            message.username.and_then(|name| name.split(|byte| *byte == b':').next()).unwrap_or_default();
        let Some(id) = self.by_ufrag.get(local).copied() else {
            self.counters.stun_refused += 1;
            return;
        };
        let keyed_elsewhere = self.by_address.get(&from).is_some_and(|owner| {
            *owner != id && self.sessions.get(owner).is_some_and(|session| session.inbound.is_some())
        });
        let Some(session) = self.sessions.get_mut(&id) else { return };
        // An address in use by an established session is not handed over: a forged source address would cut it off.
        if keyed_elsewhere || !message.authentic(&session.key) {
            self.counters.stun_refused += 1;
            return;
        }
        if message.controlled {
            let answer = stun::role_conflict(&message.transaction, &session.key);
            self.push(from, &answer, io);
            return;
        }
        // Consent is for an address (RFC 7675, section 5.1): a check that somebody copied and repeats from elsewhere
        // keeps nothing alive.
        if session.current.is_none_or(|current| current == from) {
            session.heard_us = now.us;
        }
        let answer = stun::success(&message.transaction, io.seen(from), &session.key);
        let gone = session.remember(from);
        let mut check = false;
        match session.current {
            None => {
                session.current = Some(from);
                io.event(Event::Reachable { session: id, address: io.seen(from) });
            }
            Some(current) if current != from && message.use_candidate => {
                check = session
                    .check
                    .as_ref()
                    .is_none_or(|check| now.us.saturating_sub(check.sent_us) >= CHECK_US);
            }
            Some(_) => {}
        }
        if let Some(gone) = gone {
            self.by_address.remove(&gone);
        }
        if let Some(former) = self.by_address.insert(from, id).filter(|former| *former != id)
            && let Some(former) = self.sessions.get_mut(&former)
        {
            former.forget(from);
        }
        self.counters.stun_answered += 1;
        self.push(from, &answer, io);
        if check {
            self.ask(id, from, now, io);
        }
    }

    fn ask(&mut self, id: super::SessionId, address: SocketAddr, now: Now, io: &mut impl Io) {
        let Some(transaction) = self.random_transaction() else { return };
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.check = Some(Check { address, transaction, sent_us: now.us });
        let request = stun::request(&transaction, &session.check_username, &session.remote_key);
        self.push(address, &request, io);
    }

    fn binding_success(&mut self, now: Now, from: SocketAddr, message: &Message<'_>) {
        let Some(session) = self.by_address.get(&from).and_then(|id| self.sessions.get_mut(id)) else {
            self.counters.stun_refused += 1;
            return;
        };
        let expected = session
            .check
            .as_ref()
            .is_some_and(|check| check.address == from && check.transaction == message.transaction);
        if !expected || !message.authentic(&session.remote_key) {
            self.counters.stun_refused += 1;
            return;
        }
        session.check = None;
        session.current = Some(from);
        session.heard_us = now.us;
        self.counters.moved += 1;
        if let Role::Subscribe { media, place: Some(place) } = &session.role
            && let Some(space) = self.spaces.get_mut(&session.space)
        {
            space.groups[media.slots.len() - 1].audience(place.on_stage).move_listener(place.at, from);
        }
    }
}

impl Session {
    /// Another session's authenticated check came from an address of ours that has no keys yet.
    fn forget(&mut self, address: SocketAddr) {
        for known in &mut self.addresses {
            if *known == Some(address) {
                *known = None;
            }
        }
        if self.current == Some(address) {
            self.current = self.addresses.iter().flatten().next().copied();
        }
    }
}

//! ICE-lite: answering connectivity checks, and moving to another address only after it answered ours (`paths`).

use std::net::SocketAddr;

use super::Engine;
use super::io::{Event, Io};
use super::paths::Request;
use super::session::{Role, Session};
use crate::clock::Now;
use crate::ids::SessionId;
use crate::stun::{self, Class, Message};

const BINDING: u16 = 1;

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
        if !message.unknown().is_empty() {
            let answer = stun::unknown_attributes(&message.transaction, message.unknown(), &session.key);
            self.push(from, &answer, io);
            return;
        }
        if message.controlled {
            let answer = stun::role_conflict(&message.transaction, &session.key);
            self.push(from, &answer, io);
            return;
        }
        let seen = io.seen(from);
        let (priority, nominates) = (message.priority, message.use_candidate);
        let request = Request { from, reliable: seen != from, priority, nominates };
        let gone = session.paths.heard(request, session.current, now);
        // Consent is for an address (RFC 7675, section 5.1): a check that somebody copied and repeats from elsewhere
        // keeps nothing alive.
        if session.current.is_none() || session.paths.consents(from, session.current, now) {
            session.heard_us = now.us;
        }
        let answer = stun::success(&message.transaction, seen, &session.key);
        let doubtful = match session.current {
            None => {
                session.current = Some(from);
                io.event(Event::Reachable { session: id, address: seen });
                [None, None]
            }
            Some(current) => session.paths.doubtful(from, current, now),
        };
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
        for address in doubtful.into_iter().flatten() {
            self.ask(id, address, now, io);
        }
    }

    fn ask(&mut self, id: SessionId, address: SocketAddr, now: Now, io: &mut impl Io) {
        let Some(transaction) = self.random_transaction() else { return };
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.paths.ask(address, transaction, now);
        if self.repeat_checks_of(id, now, io) && !self.checking.contains(&id) {
            self.checking.push(id);
        }
    }

    /// Sends again what was not answered in time.
    pub(super) fn repeat_checks(&mut self, now: Now, io: &mut impl Io) {
        let mut at = 0;
        while let Some(id) = self.checking.get(at).copied() {
            if self.repeat_checks_of(id, now, io) {
                at += 1;
            } else {
                self.checking.swap_remove(at);
            }
        }
    }

    /// Returns whether a check of the session is still on its way.
    fn repeat_checks_of(&mut self, id: SessionId, now: Now, io: &mut impl Io) -> bool {
        let Some(session) = self.sessions.get_mut(&id) else { return false };
        let due = session.paths.due(now);
        let instead = session.current.and_then(|current| session.paths.instead_of(current, now));
        let on_their_way = session.paths.checking();
        for (address, transaction) in due.into_iter().flatten() {
            let Some(session) = self.sessions.get(&id) else { break };
            let request = stun::request(&transaction, &session.check_username, &session.remote_key);
            self.push(address, &request, io);
        }
        if let Some(address) = instead {
            self.move_media(id, address);
        }
        on_their_way
    }

    fn binding_success(&mut self, now: Now, from: SocketAddr, message: &Message<'_>) {
        let Some((id, session)) =
            self.by_address.get(&from).and_then(|id| Some((*id, self.sessions.get_mut(id)?)))
        else {
            self.counters.stun_refused += 1;
            return;
        };
        if !session.paths.expects(from, &message.transaction)
            || !message.authentic(&session.remote_key)
            || !message.unknown().is_empty()
        {
            self.counters.stun_refused += 1;
            return;
        }
        session.heard_us = now.us;
        if session.paths.answered(from, session.current, now) {
            self.move_media(id, from);
        }
    }

    fn move_media(&mut self, id: SessionId, to: SocketAddr) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.current = Some(to);
        self.counters.moved += 1;
        if let Role::Subscribe { media, place: Some(place) } = &session.role
            && let Some(space) = self.spaces.get_mut(&session.space)
        {
            space.groups[media.slots.len() - 1].audience_mut(place.on_stage).move_listener(place.at, to);
        }
    }
}

impl Session {
    /// Another session's authenticated check came from an address of ours that has no keys yet.
    fn forget(&mut self, address: SocketAddr) {
        let another = self.paths.forget(address);
        if self.current == Some(address) {
            self.current = another;
        }
    }
}

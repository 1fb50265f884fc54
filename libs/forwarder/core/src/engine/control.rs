//! What the control plane orders: sessions are added, get their keys, are muted, change their place and are removed.

use std::collections::HashMap;

use super::Engine;
use super::config::{Credentials, Media, SessionConfig};
use super::io::{Event, Io};
use super::out::Out;
use super::session::{Place, Role, Session};
use super::space::Space;
use crate::clock::Now;
use crate::ids::{PersonId, SessionId, SpaceId};
use crate::rtp::Timestamp;
use crate::srtp::{Inbound, MasterKeys, Outbound, SrtpError};

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

impl Engine {
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
        let publishes = matches!(config.media, Media::Publish(_));
        let session = Session::new(config, now);
        self.by_ufrag.insert(session.ufrag.clone(), id);
        self.sessions.insert(id, session);
        let start = Timestamp(self.random_u32());
        let space = self.spaces.entry(space_id).or_insert_with(|| Space::new(start));
        space.sessions += 1;
        if publishes {
            space.publishers.push(id);
            self.change_audience(space_id, owner, true);
        }
        self.counters.sessions += 1;
        Ok(())
    }

    /// Gives a session the SRTP keys of its finished DTLS handshake. Keys are taken once; a second call changes
    /// nothing, so that no nonce is used twice.
    ///
    /// # Errors
    /// [`SrtpError::Key`] for a wrong length.
    pub fn set_keys(&mut self, id: SessionId, keys: &MasterKeys) -> Result<(), SrtpError> {
        let (inbound, outbound) = (Inbound::new(&keys.receive)?, Outbound::new(&keys.send)?);
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
            Role::Publish(publisher) => publisher.set_outbound(outbound),
            Role::Subscribe { media, place } => {
                let (Some(space), Some(address)) = (self.spaces.get_mut(&session.space), session.current)
                else {
                    return Ok(());
                };
                let audience = space.groups[media.slots.len() - 1].audience_mut(on_stage);
                let at = audience.join(id, session.owner, address, media, outbound, &starts);
                *place = Some(Place { on_stage, at });
            }
        }
        Ok(())
    }

    /// Whether somebody has a publisher in the Space.
    fn on_stage(&self, space: SpaceId, owner: PersonId) -> bool {
        let publishers = self.spaces.get(&space).map_or(&[][..], |space| &space.publishers);
        owner != PersonId::NOBODY
            && publishers.iter().any(|id| self.sessions.get(id).is_some_and(|one| one.owner == owner))
    }

    /// Moves the listening sessions of somebody who came on stage or left it to the audience there.
    fn change_audience(&mut self, space_id: SpaceId, owner: PersonId, on_stage: bool) {
        let Some(space) = self.spaces.get_mut(&space_id) else { return };
        for group in &mut space.groups {
            let ids = if owner == PersonId::NOBODY {
                Vec::new()
            } else {
                group.audience_mut(!on_stage).of_owner(owner)
            };
            for id in ids {
                let Some(Session { role: Role::Subscribe { place: Some(place), .. }, .. }) =
                    self.sessions.get_mut(&id)
                else {
                    continue;
                };
                let from = *place;
                let (moving, moved) = group.audience_mut(!on_stage).leave(from.at);
                *place = Place { on_stage, at: group.audience_mut(on_stage).enter(moving) };
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

    /// Mutes or unmutes a publisher. A muted one's packets are opened, counted and dropped.
    pub fn set_muted(&mut self, id: SessionId, muted: bool, now: Now, io: &mut impl Io) {
        if let Some(Session { role: Role::Publish(publisher), space, .. }) = self.sessions.get_mut(&id) {
            publisher.set_muted(muted);
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
            publisher.set_capture(capture, io);
        }
    }

    /// Takes a talker's slots away and ends them for the listeners. Nothing more of the talker leaves.
    pub(super) fn silence(&mut self, id: SessionId, space_id: SpaceId, now: Now, io: &mut impl Io) {
        let Some(space) = self.spaces.get_mut(&space_id) else { return };
        let mut out = Out { leaving: &mut self.leaving, counters: &mut self.counters, io };
        for group in &mut space.groups {
            group.withdraw(id);
            if let Some(slot) = group.selector.remove(id, now.us) {
                group.end_slot(slot, now, &self.tuning, &mut out);
            }
        }
        space.wait(space_id, &mut self.waiting);
    }

    /// Removes a session; no packet from it or for it leaves after this. Unknown ids are ignored.
    pub fn remove(&mut self, id: SessionId, now: Now, io: &mut impl Io) {
        self.close(id, false, now, io);
        self.flush(now, io);
    }

    pub(super) fn close(&mut self, id: SessionId, expired: bool, now: Now, io: &mut impl Io) {
        let Some(space_id) = self.sessions.get(&id).map(|session| session.space) else { return };
        self.silence(id, space_id, now, io);
        let report = self.report_of(id, now);
        let Some(mut session) = self.sessions.remove(&id) else { return };
        self.by_ufrag.remove(&session.ufrag);
        for address in session.paths.addresses() {
            self.by_address.remove(&address);
        }
        if let Some(space) = self.spaces.get_mut(&space_id) {
            space.publishers.retain(|publisher| *publisher != id);
            match &mut session.role {
                Role::Publish(publisher) => publisher.close_capture(now, io),
                Role::Subscribe { media, place: Some(place) } => {
                    let audience = space.groups[media.slots.len() - 1].audience_mut(place.on_stage);
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
}

/// Tells the session that has been moved to a place, because another left it, where it is now.
fn settle(sessions: &mut HashMap<SessionId, Session>, moved: Option<SessionId>, to: Place) {
    if let Some(Session { role: Role::Subscribe { place, .. }, .. }) =
        moved.and_then(|moved| sessions.get_mut(&moved))
    {
        *place = Some(to);
    }
}

//! When packets leave, and what else happens as time passes.

use std::net::SocketAddr;

use super::Engine;
use super::io::Io;
use super::out::Out;
use super::paths::CONSENT_US;
use super::session::{Role, Session};
use crate::clock::Now;
use crate::ids::SessionId;

impl Engine {
    /// Sends what need not wait any longer. To be called after each burst of datagrams, and at [`Engine::due_us`].
    pub fn flush(&mut self, now: Now, io: &mut impl Io) {
        self.due_us = None;
        let mut at = 0;
        while let Some(id) = self.waiting.get(at) {
            let mut due = None;
            if let Some(space) = self.spaces.get_mut(id) {
                let mut out = Out { leaving: &mut self.leaving, counters: &mut self.counters, io: &mut *io };
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
        Out { leaving: &mut self.leaving, counters: &mut self.counters, io: &mut *io }.run();
        self.send_batch(io);
    }

    /// The latest time at which [`Engine::flush`] must be called; `None`: nothing waits.
    #[must_use]
    pub fn due_us(&self) -> Option<u64> {
        self.due_us
    }

    pub(super) fn send_batch(&mut self, io: &mut impl Io) {
        if !self.leaving.batch.is_empty() {
            io.send(&self.leaving.batch);
            self.leaving.batch.clear();
        }
    }

    pub(super) fn push(&mut self, to: SocketAddr, datagram: &[u8], io: &mut impl Io) {
        if self.leaving.batch.full() {
            self.send_batch(io);
        }
        self.leaving.batch.push(to, |buffer| match buffer.get_mut(..datagram.len()) {
            Some(place) => {
                place.copy_from_slice(datagram);
                datagram.len()
            }
            None => 0,
        });
    }

    /// Ends silent slots, closes bundles, tells who is talking, sends reports, repeats checks of ours and closes expired
    /// sessions. To be called every [`crate::clock::TICK_US`].
    pub fn tick(&mut self, now: Now, io: &mut impl Io) {
        for (id, space) in &mut self.spaces {
            let mut out = Out { leaving: &mut self.leaving, counters: &mut self.counters, io: &mut *io };
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
            space.tell_talking(*id, now, out.io);
            for publisher_id in &space.publishers {
                if let Some(Session { role: Role::Publish(publisher), current, .. }) =
                    self.sessions.get_mut(publisher_id)
                {
                    publisher.tick(*current, now, &mut out);
                }
            }
        }
        self.repeat_checks(now, io);
        if now.us >= self.expiry_us {
            self.expire(now, io);
        }
        self.flush(now, io);
    }

    /// Closes the sessions whose consent has ended. Checks only postpone that, so none ends before the earliest end
    /// found here.
    fn expire(&mut self, now: Now, io: &mut impl Io) {
        let mut expired: Vec<SessionId> = Vec::new();
        self.expiry_us = now.us + CONSENT_US;
        for session in self.sessions.values() {
            let end_us = session.heard_us + CONSENT_US;
            if end_us <= now.us {
                expired.push(session.id);
            } else {
                self.expiry_us = self.expiry_us.min(end_us);
            }
        }
        for id in expired {
            self.counters.expired += 1;
            self.close(id, true, now, io);
        }
    }
}

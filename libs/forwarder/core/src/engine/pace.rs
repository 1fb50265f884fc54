//! When packets leave, and what else time brings.

use std::net::SocketAddr;

use super::frame::Out;
use super::{CONSENT_US, Engine, Io, Now, SessionId, ingress};

impl Engine {
    /// Sends what need not wait any longer. The caller flushes once after a burst of datagrams, and when
    /// [`Engine::due_us`] has come.
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

    /// When [`Engine::flush`] has something to do at the latest; `None`: nothing waits.
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

    /// What time brings: silences, bundles, who is talking, reports, expiry. To be called every [`TICK_US`].
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
            space.tell_talking(*id, now, io);
            for publisher_id in &space.publishers {
                let Some(session) = self.sessions.get_mut(publisher_id) else { continue };
                ingress::publisher_tick(session, now, &mut self.leaving.batch, &mut self.counters, io);
            }
        }
        if now.us >= self.expiry_us {
            self.expire(now, io);
        }
        self.flush(now, io);
    }

    /// Closes the sessions whose consent has ended. Checks only put its end off, so nobody's comes unseen before that of
    /// the first one left, or of who joins now.
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

//! What is counted.

use super::session::{Role, Session};
use super::{Engine, Now, SessionId};

/// Of a publisher that sent nothing for this long there is nothing to say, in microseconds.
const RECENT_US: u64 = 12_000_000;

/// Totals of one engine since its start; only `sessions` also falls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Live sessions.
    pub sessions: u64,
    /// Datagrams that arrived.
    pub received: u64,
    /// RTP packets accepted from publishers.
    pub accepted: u64,
    /// RTP packets sent to listeners.
    pub forwarded: u64,
    /// Of those, packets that left in one send with others to the same listener.
    pub together: u64,
    /// RTP packets of muted publishers, dropped.
    pub muted: u64,
    /// Datagrams that are nothing we know, or malformed.
    pub junk: u64,
    /// DTLS and SRTP from addresses that passed no check.
    pub unvalidated: u64,
    /// SRTP before there were keys.
    pub early: u64,
    /// SRTP that failed authentication.
    pub unauthentic: u64,
    /// SRTP seen before or too old.
    pub replayed: u64,
    /// Authentic packets that the session did not agree to.
    pub unexpected: u64,
    /// Packets that arrived after a later one was forwarded.
    pub late: u64,
    /// Authenticated Binding requests answered.
    pub stun_answered: u64,
    /// STUN with unknown fragments, wrong integrity, or for an address in use.
    pub stun_refused: u64,
    /// Sessions whose media moved to another address.
    pub moved: u64,
    /// Sessions closed for want of consent.
    pub expired: u64,
    /// RTCP reports sent.
    pub reports_sent: u64,
    /// Packets handed up for other nodes.
    pub relayed: u64,
    /// Packets taken in from other nodes.
    pub injected: u64,
}

/// One session's connection in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionReport {
    /// Accepted from a publisher, or sent to a listener.
    pub packets: u64,
    /// Of those, lost on the way, as far as known.
    pub lost: u64,
    /// Whether a receiver report, or a publisher's packet, came lately; without, the next two say nothing.
    pub recent: bool,
    /// Lost in the last interval, in 1/256.
    pub fraction_lost: u8,
    /// Interarrival jitter in microseconds.
    pub jitter_us: u32,
    /// Round trip in microseconds; 0 when unknown.
    pub round_trip_us: u32,
}

impl Engine {
    /// The numbers of every session.
    #[must_use]
    pub fn reports(&self, now: Now) -> Vec<(SessionId, SessionReport)> {
        self.sessions.keys().map(|id| (*id, self.report_of(*id, now))).collect()
    }

    pub(super) fn report_of(&self, id: SessionId, now: Now) -> SessionReport {
        match self.sessions.get(&id) {
            Some(Session { role: Role::Publish(publisher), .. }) => SessionReport {
                packets: publisher.accepted,
                lost: publisher.reception.lost(),
                recent: publisher.received_us + RECENT_US > now.us && publisher.received_us > 0,
                fraction_lost: publisher.fraction_lost,
                jitter_us: publisher.reception.jitter() * 1000 / 48,
                round_trip_us: 0,
            },
            Some(Session { role: Role::Subscribe { media, place: Some(place) }, space, .. }) => self
                .spaces
                .get(space)
                .map(|space| space.groups[media.slots.len() - 1].seen(place.on_stage).report(place.at, now))
                .unwrap_or_default(),
            _ => SessionReport::default(),
        }
    }
}

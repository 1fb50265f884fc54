//! What is counted.

use crate::srtp::SrtpError;

/// Totals of one engine since its start. Only `sessions` can also fall.
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
    /// Datagrams of an unknown kind, or malformed.
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

impl Counters {
    pub(super) fn refuse(&mut self, error: SrtpError) {
        match error {
            SrtpError::Replay => self.replayed += 1,
            _ => self.unauthentic += 1,
        }
    }
}

/// One session's connection in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionReport {
    /// Accepted from a publisher, or sent to a listener.
    pub packets: u64,
    /// How many of those were lost on the way, as far as is known.
    pub lost: u64,
    /// Whether a receiver report, or a publisher's packet, came in the last 12 s. If not, the next two mean nothing.
    pub recent: bool,
    /// Lost in the last interval, in 1/256.
    pub fraction_lost: u8,
    /// Interarrival jitter in microseconds.
    pub jitter_us: u32,
    /// Round trip in microseconds; 0 when unknown.
    pub round_trip_us: u32,
    /// Microseconds since the peer's last check that consents to being sent to (RFC 7675).
    pub quiet_us: u64,
}

//! The engine's side of the outside world: what it sends, and what it tells the control plane.

use std::net::SocketAddr;

use super::counters::SessionReport;
use super::round::Round;
use super::talker::Talker;
use crate::batch::Batch;
use crate::ids::{SessionId, SpaceId};
use crate::rtp::{AudioLevel, Header, SequenceNumber, Ssrc, Timestamp};

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
        /// Whether it sent no authenticated check for [`super::CONSENT_US`]; if not, it was removed on request.
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
    /// An accepted packet of a Space that other nodes carry too, see [`super::Engine::set_shared`].
    Relayed {
        /// The speaker's session.
        session: SessionId,
        /// The packet.
        packet: Relayed,
    },
}

/// An accepted packet on its way from one node to the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relayed {
    /// The speaker's stream.
    pub ssrc: Ssrc,
    /// Of RTP, 48 kHz.
    pub timestamp: Timestamp,
    /// Of RTP.
    pub sequence: SequenceNumber,
    /// As measured by the client, where it measures.
    pub level: Option<AudioLevel>,
    /// The speaker's smoothed loudness in half dB over digital silence, so that all nodes choose alike.
    pub loudness: u8,
    /// So many packets right before it were overtaken and may still come.
    pub missing: u8,
    /// The Opus packet.
    pub payload: Vec<u8>,
}

impl Relayed {
    pub(super) fn new(header: &Header, talker: &Talker, payload: &[u8]) -> Self {
        Self {
            ssrc: header.ssrc,
            timestamp: header.timestamp,
            sequence: header.sequence,
            level: talker.level,
            loudness: (talker.loudness * 2.0).round().clamp(0.0, 254.0) as u8,
            missing: talker.missing,
            payload: payload.to_vec(),
        }
    }
}

/// Where the engine's results go. No call may wait for anybody outside.
pub trait Io {
    /// Sends the batch; what cannot be sent is lost, as on any network.
    fn send(&mut self, batch: &Batch);
    /// Has a round sealed and sent, by this thread with `batch` or by several; returns when all of it has left.
    fn run(&mut self, round: &Round, batch: &mut Batch) {
        round.work(batch, |batch| self.send(batch));
    }
    /// Takes an event. The receiver counts events for which it has no room.
    fn event(&mut self, event: Event);
    /// The real address of the peer whose packets come from `from`. It differs where something carries them to us.
    fn seen(&self, from: SocketAddr) -> SocketAddr {
        from
    }
}

//! Bundles of captured packets, for whoever records or transcribes.
//!
//! Little endian. Header of 16 bytes: version (1) `u8`, flags `u8` (bit 0: the session's last bundle, which may be
//! empty; bit 1, always: timestamps and sequence numbers go on where the speaker's jump), packet count `u16`, wall-clock
//! arrival of the first packet in ns since the Unix epoch `u64`, and that packet's SSRC `u32`. Then per packet 12 bytes
//! and the payload: arrival after the first in microseconds `u32`, RTP timestamp `u32`, sequence `u16`, payload length
//! `u16`.

use crate::clock::Now;
use crate::rtp::{Header, SequenceNumber, Ssrc};

/// The version in the first byte.
pub const VERSION: u8 = 1;
/// Flag of a session's last bundle.
pub const LAST: u8 = 1;
/// Flag of bundles whose timestamps and sequence numbers are those of the session, not those of its streams.
pub const CONTINUOUS: u8 = 2;
const HEADER: usize = 16;
const PACKET: usize = 12;
/// A bundle is closed when it has grown to this many bytes.
pub const BYTES: usize = 8 * 1024;
/// ... or when its first packet is this old, in microseconds.
pub const AGE_US: u64 = 100_000;
/// A bundle with a gap waits so much longer at most for the packets that were overtaken, so that readers find them in
/// it, in microseconds.
pub const OVERTAKEN_US: u64 = 100_000;

/// A bundle being filled.
#[derive(Debug, Default)]
pub struct Bundle {
    bytes: Vec<u8>,
    count: u16,
    began_us: u64,
    ssrc: Ssrc,
    newest: Option<SequenceNumber>,
    /// Packets that may still come, and until when they are waited for.
    missing: u16,
    missing_until_us: u64,
}

impl Bundle {
    /// Whether it holds no packet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether it should be closed before a packet of this length is added at this time.
    #[must_use]
    pub fn due(&self, length: usize, now: Now) -> bool {
        self.count > 0 && (self.age_due(now) || self.bytes.len() + PACKET + length > BYTES)
    }

    /// Whether its first packet is old enough to close it.
    #[must_use]
    pub fn age_due(&self, now: Now) -> bool {
        self.count > 0
            && now.us.saturating_sub(self.began_us) >= AGE_US
            && (self.missing == 0 || now.us >= self.missing_until_us)
    }

    /// Adds the Opus packet of an RTP packet that arrived now.
    pub fn add(&mut self, header: &Header, payload: &[u8], now: Now) {
        if self.count == 0 {
            self.bytes.reserve_exact(BYTES);
            self.begin(header.ssrc, now);
            self.began_us = now.us;
            self.ssrc = header.ssrc;
        }
        let step = self.newest.map_or(1, |newest| header.sequence.since(newest));
        if step > 0 {
            self.newest = Some(header.sequence);
            if step > 1 {
                self.missing = step.unsigned_abs() - 1;
                self.missing_until_us = now.us + OVERTAKEN_US;
            }
        } else {
            self.missing = self.missing.saturating_sub(1);
        }
        let offset = u32::try_from(now.us.saturating_sub(self.began_us)).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(&offset.to_le_bytes());
        self.bytes.extend_from_slice(&header.timestamp.0.to_le_bytes());
        self.bytes.extend_from_slice(&header.sequence.0.to_le_bytes());
        self.bytes.extend_from_slice(&(payload.len() as u16).to_le_bytes());
        self.bytes.extend_from_slice(payload);
        self.count += 1;
    }

    /// Closes it: returns the bytes and the number of packets, and begins anew.
    pub fn take(&mut self) -> (Vec<u8>, u16) {
        let count = std::mem::take(&mut self.count);
        let mut bytes = std::mem::take(&mut self.bytes);
        self.missing = 0;
        if count > 0 {
            bytes[2..4].copy_from_slice(&count.to_le_bytes());
        }
        (bytes, count)
    }

    /// Closes the session's last one, which may have no packets.
    pub fn take_last(&mut self, now: Now) -> (Vec<u8>, u16) {
        if self.count == 0 {
            self.begin(self.ssrc, now);
        }
        self.bytes[1] |= LAST;
        self.take()
    }

    fn begin(&mut self, ssrc: Ssrc, now: Now) {
        self.bytes.extend_from_slice(&[VERSION, CONTINUOUS, 0, 0]);
        self.bytes.extend_from_slice(&now.wall_ns.to_le_bytes());
        self.bytes.extend_from_slice(&ssrc.0.to_le_bytes());
        debug_assert_eq!(self.bytes.len(), HEADER);
    }
}

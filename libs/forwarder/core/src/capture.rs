//! Bundles of captured packets, for whoever records or transcribes.
//!
//! Little endian. Header of 16 bytes: version (1) `u8`, flags `u8` (bit 0: the session's last bundle, which may be empty), packet count `u16`, wall-clock arrival of the
//! first packet in ns since the Unix epoch `u64`, SSRC `u32`. Then per packet 12 bytes and the payload: arrival after
//! the first in microseconds `u32`, RTP timestamp `u32`, sequence `u16`, payload length `u16`.

/// The version in the first byte.
pub const VERSION: u8 = 1;
/// Flag of a session's last bundle.
pub const LAST: u8 = 1;
const HEADER: usize = 16;
const PACKET: usize = 12;
/// A bundle is closed when it has grown to this many bytes.
pub const BYTES: usize = 8 * 1024;
/// ... or when its first packet is this old, in microseconds.
pub const AGE_US: u64 = 100_000;

/// A bundle being filled.
#[derive(Debug, Default)]
pub struct Bundle {
    bytes: Vec<u8>,
    count: u16,
    began_us: u64,
    ssrc: u32,
}

impl Bundle {
    /// Whether it holds no packet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether it should be closed before a packet of this stream and length is added at this time.
    #[must_use]
    pub fn due(&self, ssrc: u32, length: usize, now_us: u64) -> bool {
        self.count > 0
            && (self.ssrc != ssrc || self.age_due(now_us) || self.bytes.len() + PACKET + length > BYTES)
    }

    /// Whether its first packet is old enough to close it.
    #[must_use]
    pub fn age_due(&self, now_us: u64) -> bool {
        self.count > 0 && now_us.saturating_sub(self.began_us) >= AGE_US
    }

    /// Adds a packet that arrived at `now_us` (monotonic) and `wall_ns` (since the Unix epoch).
    pub fn add(
        &mut self,
        ssrc: u32,
        timestamp: u32,
        sequence: u16,
        payload: &[u8],
        now_us: u64,
        wall_ns: u64,
    ) {
        if self.count == 0 {
            self.bytes.reserve_exact(BYTES);
            self.begin(wall_ns, ssrc);
            self.began_us = now_us;
            self.ssrc = ssrc;
        }
        let offset = u32::try_from(now_us.saturating_sub(self.began_us)).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(&offset.to_le_bytes());
        self.bytes.extend_from_slice(&timestamp.to_le_bytes());
        self.bytes.extend_from_slice(&sequence.to_le_bytes());
        self.bytes.extend_from_slice(&(payload.len() as u16).to_le_bytes());
        self.bytes.extend_from_slice(payload);
        self.count += 1;
    }

    /// Closes it: returns the bytes and the number of packets, and begins anew.
    pub fn take(&mut self) -> (Vec<u8>, u16) {
        let count = std::mem::take(&mut self.count);
        let mut bytes = std::mem::take(&mut self.bytes);
        if count > 0 {
            bytes[2..4].copy_from_slice(&count.to_le_bytes());
        }
        (bytes, count)
    }

    /// Closes the session's last one, which may have no packets; `wall_ns` is the time now.
    pub fn take_last(&mut self, wall_ns: u64) -> (Vec<u8>, u16) {
        if self.count == 0 {
            self.begin(wall_ns, self.ssrc);
        }
        self.bytes[1] |= LAST;
        self.take()
    }

    fn begin(&mut self, wall_ns: u64, ssrc: u32) {
        self.bytes.extend_from_slice(&[VERSION, 0, 0, 0]);
        self.bytes.extend_from_slice(&wall_ns.to_le_bytes());
        self.bytes.extend_from_slice(&ssrc.to_le_bytes());
        debug_assert_eq!(self.bytes.len(), HEADER);
    }
}

//! RTP packets (RFC 3550) and their header extensions (RFC 8285).

mod numbers;

use std::fmt;
use std::ops::Range;

pub use numbers::{ExtensionId, PacketIndex, PayloadType, SequenceNumber, Ssrc, Timestamp};

/// Length of a header without CSRCs and extensions.
pub const FIXED_HEADER: usize = 12;
/// No datagram is longer: Opus frames stay far below one Ethernet frame.
pub const MTU: usize = 1500;

const ONE_BYTE: u16 = 0xBEDE;
const TWO_BYTE: u16 = 0x1000;

/// Why bytes are not an RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtpError {
    /// Shorter than its own header says.
    Truncated,
    /// The version is not 2.
    Version,
    /// The padding is longer than the payload.
    Padding,
}

impl fmt::Display for RtpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "truncated RTP packet",
            Self::Version => "not RTP version 2",
            Self::Padding => "impossible RTP padding",
        })
    }
}

impl std::error::Error for RtpError {}

/// The header of one packet. It stays readable while the packet is encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// First packet after a silence, or of another talker.
    pub marker: bool,
    /// The payload ends in padding whose last byte is its length.
    pub padding: bool,
    /// What the payload is.
    pub payload_type: PayloadType,
    /// Where the packet stands in its stream.
    pub sequence: SequenceNumber,
    /// When the payload was recorded.
    pub timestamp: Timestamp,
    /// The stream.
    pub ssrc: Ssrc,
    /// The first contributing source, where there is one.
    pub csrc: Option<Ssrc>,
    /// Profile and place of the header extension.
    pub extension: Option<(u16, Range<usize>)>,
    /// Where the payload begins.
    pub length: usize,
}

/// Whether a datagram whose first byte says RTP or RTCP is RTCP (RFC 5761, section 4).
#[must_use]
pub fn is_rtcp(bytes: &[u8]) -> bool {
    bytes.get(1).is_some_and(|kind| (192..=223).contains(kind))
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

impl Header {
    /// Reads the header at the beginning of `bytes`.
    ///
    /// # Errors
    /// [`RtpError`] when the bytes are no RTP packet or end inside the header.
    pub fn parse(bytes: &[u8]) -> Result<Self, RtpError> {
        if bytes.len() < FIXED_HEADER {
            return Err(RtpError::Truncated);
        }
        if bytes[0] >> 6 != 2 {
            return Err(RtpError::Version);
        }
        let mut length = FIXED_HEADER + 4 * usize::from(bytes[0] & 0x0F);
        let mut extension = None;
        if bytes[0] & 0x10 != 0 {
            if bytes.len() < length + 4 {
                return Err(RtpError::Truncated);
            }
            let profile = u16_at(bytes, length);
            let end = length + 4 + 4 * usize::from(u16_at(bytes, length + 2));
            extension = Some((profile, length + 4..end));
            length = end;
        }
        if bytes.len() < length {
            return Err(RtpError::Truncated);
        }
        Ok(Header {
            marker: bytes[1] & 0x80 != 0,
            padding: bytes[0] & 0x20 != 0,
            payload_type: PayloadType(bytes[1] & 0x7F),
            sequence: SequenceNumber(u16_at(bytes, 2)),
            timestamp: Timestamp(u32_at(bytes, 4)),
            ssrc: Ssrc(u32_at(bytes, 8)),
            csrc: (bytes[0] & 0x0F != 0).then(|| Ssrc(u32_at(bytes, FIXED_HEADER))),
            extension,
            length,
        })
    }

    /// The payload of the (decrypted) packet, without padding.
    ///
    /// # Errors
    /// [`RtpError::Padding`] when the padding says it is longer than the payload.
    pub fn payload<'a>(&self, packet: &'a [u8]) -> Result<&'a [u8], RtpError> {
        let payload = packet.get(self.length..).ok_or(RtpError::Truncated)?;
        if !self.padding {
            return Ok(payload);
        }
        let count = usize::from(*payload.last().ok_or(RtpError::Padding)?);
        if count == 0 || count > payload.len() {
            return Err(RtpError::Padding);
        }
        Ok(&payload[..payload.len() - count])
    }

    /// The value of the extension element with this id.
    #[must_use]
    pub fn extension<'a>(&self, packet: &'a [u8], id: ExtensionId) -> Option<&'a [u8]> {
        let (profile, place) = self.extension.clone()?;
        Elements {
            bytes: packet.get(place)?,
            one_byte: profile == ONE_BYTE,
            known: profile == ONE_BYTE || profile & 0xFFF0 == TWO_BYTE,
        }
        .find_map(|(found, value)| (found == id).then_some(value))
    }
}

/// The elements of a header extension; ends silently at the first one that is malformed.
struct Elements<'a> {
    bytes: &'a [u8],
    one_byte: bool,
    known: bool,
}

impl<'a> Iterator for Elements<'a> {
    type Item = (ExtensionId, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if !self.known {
            return None;
        }
        while self.bytes.first() == Some(&0) {
            self.bytes = &self.bytes[1..];
        }
        let first = *self.bytes.first()?;
        let (id, length, head) = if self.one_byte {
            (first >> 4, usize::from(first & 0x0F) + 1, 1)
        } else {
            (first, usize::from(*self.bytes.get(1)?), 2)
        };
        // RFC 8285, 4.2: id 15 stops the reading.
        if self.one_byte && id == 15 {
            return None;
        }
        let value = self.bytes.get(head..head + length)?;
        self.bytes = &self.bytes[head + length..];
        Some((ExtensionId(id), value))
    }
}

/// An audio level (RFC 6464).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioLevel {
    /// The sender believes that this is speech.
    pub voice: bool,
    /// 0 is the loudest possible, 127 digital silence, in -dBov.
    pub minus_dbov: u8,
}

impl AudioLevel {
    /// Reads the element's single byte.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        value.first().map(|byte| Self { voice: byte & 0x80 != 0, minus_dbov: byte & 0x7F })
    }

    fn byte(self) -> u8 {
        (u8::from(self.voice) << 7) | (self.minus_dbov & 0x7F)
    }
}

/// What stands in the header that is written for one listener.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The payload ends in padding whose last byte is its length.
    pub padding: bool,
    /// See [`Header`].
    pub marker: bool,
    /// As the listener's offer numbered it.
    pub payload_type: PayloadType,
    /// See [`Header`].
    pub sequence: SequenceNumber,
    /// See [`Header`].
    pub timestamp: Timestamp,
    /// The slot.
    pub ssrc: Ssrc,
    /// The real source.
    pub csrc: Ssrc,
    /// Extension id and value of MID; value at most 16 bytes.
    pub mid: Option<(ExtensionId, &'a [u8])>,
    /// Extension id and audio level.
    pub level: Option<(ExtensionId, AudioLevel)>,
}

impl Outgoing<'_> {
    /// How long the header will be.
    #[must_use]
    #[inline]
    pub fn length(&self) -> usize {
        let mid = self.mid.filter(|(_, mid)| (1..=16).contains(&mid.len()));
        let elements = self.level.map_or(0, |_| 2) + mid.map_or(0, |(_, mid)| 1 + mid.len());
        if elements == 0 { 16 } else { 20 + elements.next_multiple_of(4) }
    }

    /// Writes the header into `to` and returns its length, at most 44 bytes.
    pub fn write(&self, to: &mut [u8]) -> usize {
        to[0] = 0x81 | (u8::from(self.padding) << 5);
        to[1] = (u8::from(self.marker) << 7) | self.payload_type.0;
        to[2..4].copy_from_slice(&self.sequence.0.to_be_bytes());
        to[4..8].copy_from_slice(&self.timestamp.0.to_be_bytes());
        to[8..12].copy_from_slice(&self.ssrc.0.to_be_bytes());
        to[12..16].copy_from_slice(&self.csrc.0.to_be_bytes());
        let mut at = 20;
        if let Some((id, level)) = self.level {
            to[at] = id.0 << 4;
            to[at + 1] = level.byte();
            at += 2;
        }
        if let Some((id, mid)) = self.mid
            && (1..=16).contains(&mid.len())
        {
            to[at] = (id.0 << 4) | (mid.len() as u8 - 1);
            to[at + 1..at + 1 + mid.len()].copy_from_slice(mid);
            at += 1 + mid.len();
        }
        if at == 20 {
            return 16;
        }
        while !at.is_multiple_of(4) {
            to[at] = 0;
            at += 1;
        }
        to[0] |= 0x10;
        to[16..18].copy_from_slice(&ONE_BYTE.to_be_bytes());
        to[18..20].copy_from_slice(&(((at - 20) / 4) as u16).to_be_bytes());
        at
    }
}

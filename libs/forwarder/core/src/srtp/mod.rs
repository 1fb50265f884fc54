//! SRTP and SRTCP with AEAD_AES_128_GCM (RFC 7714) or AES_CM_128_HMAC_SHA1_80 (RFC 3711), with the key derivation and
//! replay protection of RFC 3711. The length of master key and salt says which: [`MASTER`] or [`MASTER_CM`].

use std::fmt;

pub use cipher::derive;
use cipher::{Cipher, RTCP, RTP};
use window::Window;

use crate::rtp::{Header, PacketIndex, Ssrc};

mod cipher;
#[cfg(test)]
mod tests;
mod window;

/// Bytes that sealing adds to a packet at most.
pub const TAG: usize = 16;
/// What AES_CM_128_HMAC_SHA1_80 adds.
const TAG_CM: usize = 10;
/// Length of a master key with its salt for AEAD_AES_128_GCM.
pub const MASTER: usize = 16 + 12;
/// Length of a master key with its salt for AES_CM_128_HMAC_SHA1_80.
pub const MASTER_CM: usize = 16 + 14;
/// SRTCP also carries its index.
pub const RTCP_TRAILER: usize = TAG + 4;
/// Streams one peer may send, one after another; more are refused, so that a peer cannot make us remember without end.
/// None is forgotten before: what was sent in it could be sent again by anybody.
const STREAMS: usize = 64;
const RTCP_INDEX: u32 = 0x7FFF_FFFF;

/// Why a packet was not opened. Nothing of its content is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SrtpError {
    /// Too short to carry a tag.
    Truncated,
    /// The tag is wrong: another key, or changed on the way.
    Authentication,
    /// Seen before, or older than the window.
    Replay,
    /// The peer sends more streams than it may.
    Streams,
    /// Master key and salt have neither 28 bytes nor 30.
    Key,
    /// The index space of a key is used up.
    Exhausted,
}

impl fmt::Display for SrtpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "truncated SRTP packet",
            Self::Authentication => "SRTP authentication failed",
            Self::Replay => "replayed SRTP packet",
            Self::Streams => "too many SRTP streams",
            Self::Key => "an SRTP master key and salt have 28 or 30 bytes",
            Self::Exhausted => "SRTP index space used up",
        })
    }
}

impl std::error::Error for SrtpError {}

#[derive(Clone, Copy, Debug)]
struct Stream {
    ssrc: Ssrc,
    rtp: Window,
    rtcp: Window,
}

/// Master keys of one DTLS handshake, each 16 bytes of key followed by the salt.
pub struct MasterKeys {
    /// Of what the peer sends.
    pub receive: Vec<u8>,
    /// Of what is sent to the peer.
    pub send: Vec<u8>,
}

/// Opens what one peer sends.
pub struct Inbound {
    rtp: Cipher,
    rtcp: Cipher,
    /// The newest last.
    streams: Vec<Stream>,
}

/// Whose a compound RTCP packet of at least 8 bytes is.
fn sender_of(packet: &[u8]) -> Ssrc {
    Ssrc(u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]))
}

impl Inbound {
    /// `master` is the 16-byte master key followed by the master salt.
    ///
    /// # Errors
    /// [`SrtpError::Key`] for another length.
    pub fn new(master: &[u8]) -> Result<Self, SrtpError> {
        Ok(Self {
            rtp: Cipher::derive(master, &RTP)?,
            rtcp: Cipher::derive(master, &RTCP)?,
            streams: Vec::new(),
        })
    }

    fn stream(&self, ssrc: Ssrc) -> Result<Stream, SrtpError> {
        match self.streams.iter().rev().find(|known| known.ssrc == ssrc) {
            Some(known) => Ok(*known),
            None if self.streams.len() < STREAMS => {
                Ok(Stream { ssrc, rtp: Window::default(), rtcp: Window::default() })
            }
            None => Err(SrtpError::Streams),
        }
    }

    fn remember(&mut self, stream: Stream) {
        match self.streams.iter_mut().rev().find(|known| known.ssrc == stream.ssrc) {
            Some(known) => *known = stream,
            None => self.streams.push(stream),
        }
    }

    /// Decrypts a packet in place and returns the length of header and payload. A stream is only remembered once one
    /// of its packets was authentic.
    ///
    /// # Errors
    /// [`SrtpError`]; the packet's content is then undefined.
    pub fn open_rtp(&mut self, packet: &mut [u8], header: &Header) -> Result<usize, SrtpError> {
        let mut state = self.stream(header.ssrc)?;
        let index = state.rtp.guess(header.sequence);
        state.rtp.check(index.0)?;
        let length = self.rtp.open_rtp(packet, header.length, header.ssrc, index)?;
        state.rtp.record(index.0);
        self.remember(state);
        Ok(length)
    }

    /// Decrypts a compound RTCP packet in place and returns its length.
    ///
    /// # Errors
    /// [`SrtpError`]; unencrypted SRTCP is refused as [`SrtpError::Authentication`].
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let at = self.rtcp.index_at(packet.len()).filter(|at| *at >= 8).ok_or(SrtpError::Truncated)?;
        let mut word = [0; 4];
        word.copy_from_slice(&packet[at..at + 4]);
        if word[0] & 0x80 == 0 {
            return Err(SrtpError::Authentication);
        }
        let index = u64::from(u32::from_be_bytes(word) & RTCP_INDEX);
        let ssrc = sender_of(packet);
        let mut state = self.stream(ssrc)?;
        state.rtcp.check(index)?;
        let length = self.rtcp.open_rtcp(packet, at, ssrc, index)?;
        state.rtcp.record(index);
        self.remember(state);
        Ok(length)
    }
}

/// Seals what is sent to one peer. For one key every (SSRC, index) may be used once: indices come from counters that
/// only rise and live as long as the key.
pub struct Outbound {
    /// Of its RTP packets.
    pub rtp: RtpSeal,
    /// Of its RTCP packets.
    pub rtcp: RtcpSeal,
}

/// The part of [`Outbound`] that every forwarded packet needs.
pub struct RtpSeal(Cipher);

/// The part of [`Outbound`] that reports need.
pub struct RtcpSeal {
    cipher: Cipher,
    index: u32,
}

impl Outbound {
    /// `master` is the 16-byte master key followed by the master salt.
    ///
    /// # Errors
    /// [`SrtpError::Key`] for another length.
    pub fn new(master: &[u8]) -> Result<Self, SrtpError> {
        let (rtp, rtcp) = (Cipher::derive(master, &RTP)?, Cipher::derive(master, &RTCP)?);
        Ok(Self { rtp: RtpSeal(rtp), rtcp: RtcpSeal { cipher: rtcp, index: 0 } })
    }

    /// See [`RtpSeal::seal`].
    ///
    /// # Errors
    /// The same.
    pub fn seal_rtp(
        &self,
        packet: &mut [u8],
        header: usize,
        payload: usize,
        ssrc: Ssrc,
        index: PacketIndex,
    ) -> Result<usize, SrtpError> {
        self.rtp.seal(packet, header, payload, ssrc, index)
    }

    /// See [`RtcpSeal::seal`].
    ///
    /// # Errors
    /// The same.
    pub fn seal_rtcp(&mut self, packet: &mut [u8], length: usize) -> Result<usize, SrtpError> {
        self.rtcp.seal(packet, length)
    }
}

impl RtpSeal {
    /// Seals `packet[header..header + payload]` in place and writes the tag behind it; returns the whole length.
    /// `ssrc` and `index` are those of the packet, which the header must agree with.
    ///
    /// # Errors
    /// [`SrtpError::Truncated`] when there is no room for the tag, [`SrtpError::Exhausted`] past 2^48.
    #[inline]
    pub fn seal(
        &self,
        packet: &mut [u8],
        header: usize,
        payload: usize,
        ssrc: Ssrc,
        index: PacketIndex,
    ) -> Result<usize, SrtpError> {
        let end = header + payload;
        if packet.len() < end + self.0.tag() {
            return Err(SrtpError::Truncated);
        }
        if index.0 >> 48 != 0 {
            return Err(SrtpError::Exhausted);
        }
        self.0.seal_rtp(packet, header, end, ssrc, index)
    }

    /// Bytes that sealing adds to a packet of this peer.
    #[must_use]
    #[inline]
    pub fn tag(&self) -> usize {
        self.0.tag()
    }
}

impl RtcpSeal {
    /// Seals the compound packet `packet[..length]` in place; returns the whole length.
    ///
    /// # Errors
    /// [`SrtpError::Truncated`] when there is no room, [`SrtpError::Exhausted`] after 2^31 packets.
    pub fn seal(&mut self, packet: &mut [u8], length: usize) -> Result<usize, SrtpError> {
        if length < 8 || packet.len() < length + RTCP_TRAILER {
            return Err(SrtpError::Truncated);
        }
        if self.index == RTCP_INDEX {
            return Err(SrtpError::Exhausted);
        }
        self.index += 1;
        let ssrc = sender_of(packet);
        self.cipher.seal_rtcp(packet, length, ssrc, self.index)
    }
}

//! SRTP and SRTCP with AEAD_AES_128_GCM (RFC 7714), key derivation and replay protection of RFC 3711.

use std::fmt;

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::rtp::Header;

/// Bytes that sealing adds to a packet.
pub const TAG: usize = 16;
/// Length of a master key with its salt.
pub const MASTER: usize = 16 + 12;
/// SRTCP also carries its index.
pub const RTCP_TRAILER: usize = TAG + 4;
/// Streams one peer may send; more are refused, so that a peer cannot make us remember without end.
const STREAMS: usize = 4;
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
    /// Master key and salt do not have 28 bytes.
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
            Self::Key => "an SRTP master key and salt have 28 bytes",
            Self::Exhausted => "SRTP index space used up",
        })
    }
}

impl std::error::Error for SrtpError {}

/// AES in counter mode as the key derivation function (RFC 3711, section 4.3.3): `out` is filled with the keystream of
/// `label` under the master key; a master salt shorter than 14 bytes is padded with zeros on the right.
pub fn derive(master_key: &[u8; 16], master_salt: &[u8], label: u8, out: &mut [u8]) {
    let cipher = Aes128::new(&(*master_key).into());
    let mut block = [0u8; 16];
    block[..master_salt.len().min(14)].copy_from_slice(&master_salt[..master_salt.len().min(14)]);
    block[7] ^= label;
    for (counter, part) in out.chunks_mut(16).enumerate() {
        block[14..].copy_from_slice(&(counter as u16).to_be_bytes());
        let mut stream = block.into();
        cipher.encrypt_block(&mut stream);
        part.copy_from_slice(&stream[..part.len()]);
    }
}

struct Aead {
    key: LessSafeKey,
    salt: [u8; 12],
}

impl Aead {
    fn derive(master: &[u8], key_label: u8, salt_label: u8) -> Result<Self, SrtpError> {
        let master_key: &[u8; 16] = master.first_chunk().ok_or(SrtpError::Key)?;
        if master.len() != MASTER {
            return Err(SrtpError::Key);
        }
        let mut key = [0; 16];
        let mut salt = [0; 12];
        derive(master_key, &master[16..], key_label, &mut key);
        derive(master_key, &master[16..], salt_label, &mut salt);
        Self::new(&key, salt)
    }

    fn new(key: &[u8; 16], salt: [u8; 12]) -> Result<Self, SrtpError> {
        let key = UnboundKey::new(&AES_128_GCM, key).map_err(|_| SrtpError::Key)?;
        Ok(Self { key: LessSafeKey::new(key), salt })
    }

    /// RFC 7714, 8.1 and 9.1: two zero bytes, SSRC, then 48 bits of index, all XOR the salt.
    fn nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let mut bytes = [0u8; 12];
        bytes[2..6].copy_from_slice(&ssrc.to_be_bytes());
        bytes[6..].copy_from_slice(&index.to_be_bytes()[2..]);
        for (byte, salt) in bytes.iter_mut().zip(&self.salt) {
            *byte ^= salt;
        }
        Nonce::assume_unique_for_key(bytes)
    }
}

/// Which indices have been seen, 128 back from the highest.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    highest: u64,
    seen: u128,
}

impl Window {
    fn check(&self, index: u64) -> Result<(), SrtpError> {
        if self.seen == 0 || index > self.highest {
            return Ok(());
        }
        let back = self.highest - index;
        if back >= 128 || self.seen & (1 << back) != 0 {
            return Err(SrtpError::Replay);
        }
        Ok(())
    }

    fn record(&mut self, index: u64) {
        if self.seen == 0 {
            *self = Self { highest: index, seen: 1 };
        } else if index > self.highest {
            let ahead = index - self.highest;
            self.seen = if ahead >= 128 { 1 } else { (self.seen << ahead) | 1 };
            self.highest = index;
        } else {
            self.seen |= 1 << (self.highest - index);
        }
    }

    /// The index that a sequence number most likely stands for (RFC 3711, section 3.3.1).
    fn guess(&self, sequence: u16) -> u64 {
        if self.seen == 0 {
            return u64::from(sequence);
        }
        let rollover = self.highest >> 16;
        let last = (self.highest & 0xFFFF) as i64;
        let step = i64::from(sequence) - last;
        let rollover = if step > 0x8000 {
            rollover.checked_sub(1)
        } else if step < -0x8000 {
            Some(rollover + 1)
        } else {
            Some(rollover)
        };
        // Before the very first rollover there is nothing older: take it as it stands and let the window refuse it.
        (rollover.unwrap_or(0) << 16) | u64::from(sequence)
    }
}

#[derive(Clone, Copy, Debug)]
struct Stream {
    ssrc: u32,
    rtp: Window,
    rtcp: Window,
}

/// Opens what one peer sends.
pub struct Inbound {
    rtp: Aead,
    rtcp: Aead,
    streams: [Option<Stream>; STREAMS],
}

fn stream(streams: &mut [Option<Stream>; STREAMS], ssrc: u32) -> Result<&mut Option<Stream>, SrtpError> {
    let at = streams
        .iter()
        .position(|known| known.is_some_and(|known| known.ssrc == ssrc))
        .or_else(|| streams.iter().position(Option::is_none))
        .ok_or(SrtpError::Streams)?;
    Ok(&mut streams[at])
}

impl Inbound {
    /// `master` is the 16-byte master key followed by the 12-byte master salt.
    ///
    /// # Errors
    /// [`SrtpError::Key`] for another length.
    pub fn new(master: &[u8]) -> Result<Self, SrtpError> {
        Ok(Self {
            rtp: Aead::derive(master, 0, 2)?,
            rtcp: Aead::derive(master, 3, 5)?,
            streams: [None; STREAMS],
        })
    }

    /// Decrypts a packet in place and returns the length of header and payload. A stream is only remembered once one
    /// of its packets was authentic.
    ///
    /// # Errors
    /// [`SrtpError`]; the packet's content is then undefined.
    pub fn open_rtp(&mut self, packet: &mut [u8], header: &Header) -> Result<usize, SrtpError> {
        if packet.len() < header.length + TAG {
            return Err(SrtpError::Truncated);
        }
        let known = stream(&mut self.streams, header.ssrc)?;
        let mut state =
            known.unwrap_or(Stream { ssrc: header.ssrc, rtp: Window::default(), rtcp: Window::default() });
        let index = state.rtp.guess(header.sequence);
        state.rtp.check(index)?;
        let (head, body) = packet.split_at_mut(header.length);
        let plain = self
            .rtp
            .key
            .open_in_place(self.rtp.nonce(header.ssrc, index), Aad::from(&*head), body)
            .map_err(|_| SrtpError::Authentication)?
            .len();
        state.rtp.record(index);
        *known = Some(state);
        Ok(header.length + plain)
    }

    /// Decrypts a compound RTCP packet in place and returns its length.
    ///
    /// # Errors
    /// [`SrtpError`]; unencrypted SRTCP is refused as [`SrtpError::Authentication`].
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        if packet.len() < 8 + RTCP_TRAILER {
            return Err(SrtpError::Truncated);
        }
        let end = packet.len() - 4;
        let mut word = [0; 4];
        word.copy_from_slice(&packet[end..]);
        if word[0] & 0x80 == 0 {
            return Err(SrtpError::Authentication);
        }
        let index = u64::from(u32::from_be_bytes(word) & RTCP_INDEX);
        let ssrc = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
        let known = stream(&mut self.streams, ssrc)?;
        let mut state = known.unwrap_or(Stream { ssrc, rtp: Window::default(), rtcp: Window::default() });
        state.rtcp.check(index)?;
        let mut aad = [0; 12];
        aad[..8].copy_from_slice(&packet[..8]);
        aad[8..].copy_from_slice(&word);
        let plain = self
            .rtcp
            .key
            .open_in_place(self.rtcp.nonce(ssrc, index), Aad::from(aad), &mut packet[8..end])
            .map_err(|_| SrtpError::Authentication)?
            .len();
        state.rtcp.record(index);
        *known = Some(state);
        Ok(8 + plain)
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
pub struct RtpSeal(Aead);

/// The part of [`Outbound`] that reports need.
pub struct RtcpSeal {
    aead: Aead,
    index: u32,
}

impl Outbound {
    /// `master` is the 16-byte master key followed by the 12-byte master salt.
    ///
    /// # Errors
    /// [`SrtpError::Key`] for another length.
    pub fn new(master: &[u8]) -> Result<Self, SrtpError> {
        let (rtp, rtcp) = (Aead::derive(master, 0, 2)?, Aead::derive(master, 3, 5)?);
        Ok(Self { rtp: RtpSeal(rtp), rtcp: RtcpSeal { aead: rtcp, index: 0 } })
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
        ssrc: u32,
        index: u64,
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
    /// `index` is rollover counter and sequence number (48 bits), which the header must agree with.
    ///
    /// # Errors
    /// [`SrtpError::Truncated`] when there is no room for the tag, [`SrtpError::Exhausted`] past 2^48.
    #[inline]
    pub fn seal(
        &self,
        packet: &mut [u8],
        header: usize,
        payload: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<usize, SrtpError> {
        let end = header + payload;
        if packet.len() < end + TAG {
            return Err(SrtpError::Truncated);
        }
        if index >> 48 != 0 {
            return Err(SrtpError::Exhausted);
        }
        let (head, body) = packet.split_at_mut(header);
        let tag = self
            .0
            .key
            .seal_in_place_separate_tag(self.0.nonce(ssrc, index), Aad::from(&*head), &mut body[..payload])
            .map_err(|_| SrtpError::Truncated)?;
        packet[end..end + TAG].copy_from_slice(tag.as_ref());
        Ok(end + TAG)
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
        let ssrc = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
        let word = (self.index | 0x8000_0000).to_be_bytes();
        let mut aad = [0; 12];
        aad[..8].copy_from_slice(&packet[..8]);
        aad[8..].copy_from_slice(&word);
        let tag = self
            .aead
            .key
            .seal_in_place_separate_tag(
                self.aead.nonce(ssrc, u64::from(self.index)),
                Aad::from(aad),
                &mut packet[8..length],
            )
            .map_err(|_| SrtpError::Truncated)?;
        packet[length..length + TAG].copy_from_slice(tag.as_ref());
        packet[length + TAG..length + RTCP_TRAILER].copy_from_slice(&word);
        Ok(length + RTCP_TRAILER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    const KEY: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    const SALT: [u8; 12] = *b"Quid pro quo";

    fn aead() -> Aead {
        Aead::new(&KEY, SALT).unwrap()
    }

    fn outbound(index: u32) -> Outbound {
        Outbound { rtp: RtpSeal(aead()), rtcp: RtcpSeal { aead: aead(), index } }
    }

    #[test]
    fn key_derivation_of_rfc_3711_b3() {
        let key: [u8; 16] = hex("E1F97A0D3E018BE0D64FA32C06DE4139").try_into().unwrap();
        let salt = hex("0EC675AD498AFEEBB6960B3AABE6");
        let mut out = [0; 16];
        derive(&key, &salt, 0, &mut out);
        assert_eq!(out.to_vec(), hex("C61E7A93744F39EE10734AFE3FF7A087"));
        let mut out = [0; 14];
        derive(&key, &salt, 2, &mut out);
        assert_eq!(out.to_vec(), hex("30CBBC08863D8C85D49DB34A9AE1"));
        let mut out = [0; 94];
        derive(&key, &salt, 1, &mut out);
        assert_eq!(out[..20].to_vec(), hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
    }

    const PLAIN_RTP: &str = "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573";
    const SEALED_RTP: &str = "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce";

    #[test]
    fn sealed_rtp_of_rfc_7714_16_1_1() {
        let outbound = outbound(0);
        let mut packet = hex(PLAIN_RTP);
        let length = packet.len();
        packet.resize(length + TAG, 0);
        let sealed = outbound.seal_rtp(&mut packet, 12, length - 12, 0x5501_a0b2, 0xf17b).unwrap();
        assert_eq!(packet[..sealed].to_vec(), hex(SEALED_RTP));
    }

    #[test]
    fn rtp_of_rfc_7714_opens_once() {
        let mut inbound = Inbound { rtp: aead(), rtcp: aead(), streams: [None; STREAMS] };
        let mut packet = hex(SEALED_RTP);
        let header = Header::parse(&packet).unwrap();
        let length = inbound.open_rtp(&mut packet, &header).unwrap();
        assert_eq!(packet[..length].to_vec(), hex(PLAIN_RTP));
        assert_eq!(inbound.open_rtp(&mut hex(SEALED_RTP), &header), Err(SrtpError::Replay));
        let mut forged = hex(SEALED_RTP);
        forged[3] ^= 1;
        let header = Header::parse(&forged).unwrap();
        assert_eq!(inbound.open_rtp(&mut forged, &header), Err(SrtpError::Authentication));
    }

    #[test]
    fn rtcp_of_rfc_7714_17_1() {
        let plain = hex(
            "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
        );
        let sealed = hex(
            "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4",
        );
        let mut outbound = outbound(0x5d3);
        let mut packet = plain.clone();
        packet.resize(plain.len() + RTCP_TRAILER, 0);
        let length = outbound.seal_rtcp(&mut packet, plain.len()).unwrap();
        assert_eq!(packet[..length].to_vec(), sealed);
        let mut inbound = Inbound { rtp: aead(), rtcp: aead(), streams: [None; STREAMS] };
        let mut packet = sealed.clone();
        let length = inbound.open_rtcp(&mut packet).unwrap();
        assert_eq!(packet[..length].to_vec(), plain);
        assert_eq!(inbound.open_rtcp(&mut sealed.clone()), Err(SrtpError::Replay));
    }

    #[test]
    fn the_window_takes_late_packets_once_and_follows_a_rollover() {
        let mut window = Window::default();
        for index in [65_530u64, 65_534, 65_532] {
            assert_eq!(window.guess(index as u16), index);
            window.check(index).unwrap();
            window.record(index);
        }
        assert_eq!(window.check(65_532), Err(SrtpError::Replay));
        assert_eq!(window.guess(2), 65_538);
        window.record(65_538);
        assert_eq!(window.guess(65_533), 65_533, "late, from before the rollover");
        window.check(65_533).unwrap();
        window.record(65_538 + 500);
        assert_eq!(window.check(65_540), Err(SrtpError::Replay), "older than the window");
    }
}

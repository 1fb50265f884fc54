//! SRTP and SRTCP with AEAD_AES_128_GCM (RFC 7714) or AES_CM_128_HMAC_SHA1_80 (RFC 3711), with the key derivation and
//! replay protection of RFC 3711. The length of master key and salt says which: [`MASTER`] or [`MASTER_CM`].

use std::fmt;

use aes::Aes128;
use aes::cipher::{Block, BlockCipherEncrypt, KeyInit};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;

use crate::rtp::Header;

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

/// AES in counter mode with HMAC-SHA1 cut to 80 bits (RFC 3711, sections 4.1.1 and 4.2.1).
struct CounterMode {
    cipher: Aes128,
    salt: [u8; 14],
    authentication: hmac::Key,
}

impl CounterMode {
    fn new(key: [u8; 16], salt: [u8; 14], authentication: &[u8; 20]) -> Self {
        Self {
            cipher: Aes128::new(&key.into()),
            salt,
            authentication: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, authentication),
        }
    }

    /// XORs the keystream of a packet over its body: both directions are the same.
    fn apply(&self, ssrc: u32, index: u64, body: &mut [u8]) {
        const AT_ONCE: usize = 8;
        let mut start = [0u8; 16];
        start[4..8].copy_from_slice(&ssrc.to_be_bytes());
        start[8..14].copy_from_slice(&index.to_be_bytes()[2..]);
        for (byte, salt) in start.iter_mut().zip(&self.salt) {
            *byte ^= salt;
        }
        let mut counter = 0u16;
        for part in body.chunks_mut(16 * AT_ONCE) {
            let mut stream = [Block::<Aes128>::from(start); AT_ONCE];
            for block in &mut stream {
                block[14..].copy_from_slice(&counter.to_be_bytes());
                counter = counter.wrapping_add(1);
            }
            self.cipher.encrypt_blocks(&mut stream);
            for (byte, key) in part.iter_mut().zip(stream.iter().flatten()) {
                *byte ^= key;
            }
        }
    }

    fn tag(&self, covered: &[u8], rollover: &[u8]) -> [u8; TAG_CM] {
        let mut context = hmac::Context::with_key(&self.authentication);
        context.update(covered);
        context.update(rollover);
        let mut tag = [0; TAG_CM];
        tag.copy_from_slice(&context.sign().as_ref()[..TAG_CM]);
        tag
    }

    /// Compares in a time that does not depend on where they differ.
    fn verify(&self, covered: &[u8], rollover: &[u8], told: &[u8]) -> Result<(), SrtpError> {
        let made = self.tag(covered, rollover);
        match made.iter().zip(told).fold(0, |bits, (a, b)| bits | (a ^ b)) {
            0 if told.len() == TAG_CM => Ok(()),
            _ => Err(SrtpError::Authentication),
        }
    }
}

#[allow(clippy::large_enum_variant)] // The large one is the one that nearly every peer has.
enum Cipher {
    Gcm(Aead),
    /// Its tables are large, and few peers need it.
    Cm(Box<CounterMode>),
}

/// The labels of session key, authentication key and salt (RFC 3711, section 4.3.2).
struct Labels {
    key: u8,
    authentication: u8,
    salt: u8,
}

const RTP: Labels = Labels { key: 0, authentication: 1, salt: 2 };
const RTCP: Labels = Labels { key: 3, authentication: 4, salt: 5 };

impl Cipher {
    fn derive(master: &[u8], labels: &Labels) -> Result<Self, SrtpError> {
        let master_key: &[u8; 16] = master.first_chunk().ok_or(SrtpError::Key)?;
        let master_salt = &master[16..];
        let mut key = [0; 16];
        derive(master_key, master_salt, labels.key, &mut key);
        match master.len() {
            MASTER => {
                let mut salt = [0; 12];
                derive(master_key, master_salt, labels.salt, &mut salt);
                Ok(Self::Gcm(Aead::new(&key, salt)?))
            }
            MASTER_CM => {
                let (mut salt, mut authentication) = ([0; 14], [0; 20]);
                derive(master_key, master_salt, labels.salt, &mut salt);
                derive(master_key, master_salt, labels.authentication, &mut authentication);
                Ok(Self::Cm(Box::new(CounterMode::new(key, salt, &authentication))))
            }
            _ => Err(SrtpError::Key),
        }
    }

    fn tag(&self) -> usize {
        match self {
            Self::Gcm(_) => TAG,
            Self::Cm(_) => TAG_CM,
        }
    }

    /// Opens what follows the header; returns the length of header and payload.
    fn open_rtp(&self, packet: &mut [u8], header: usize, ssrc: u32, index: u64) -> Result<usize, SrtpError> {
        let end = packet.len().checked_sub(self.tag()).filter(|end| *end >= header);
        let end = end.ok_or(SrtpError::Truncated)?;
        match self {
            Self::Gcm(aead) => {
                let (head, body) = packet.split_at_mut(header);
                aead.key
                    .open_in_place(aead.nonce(ssrc, index), Aad::from(&*head), body)
                    .map_err(|_| SrtpError::Authentication)?;
            }
            Self::Cm(cm) => {
                cm.verify(&packet[..end], &((index >> 16) as u32).to_be_bytes(), &packet[end..])?;
                cm.apply(ssrc, index, &mut packet[header..end]);
            }
        }
        Ok(end)
    }

    #[inline]
    fn seal_rtp(
        &self,
        packet: &mut [u8],
        header: usize,
        end: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<usize, SrtpError> {
        match self {
            Self::Gcm(aead) => {
                let (head, body) = packet.split_at_mut(header);
                let tag = aead
                    .key
                    .seal_in_place_separate_tag(
                        aead.nonce(ssrc, index),
                        Aad::from(&*head),
                        &mut body[..end - header],
                    )
                    .map_err(|_| SrtpError::Truncated)?;
                packet[end..end + TAG].copy_from_slice(tag.as_ref());
                Ok(end + TAG)
            }
            Self::Cm(cm) => {
                cm.apply(ssrc, index, &mut packet[header..end]);
                let tag = cm.tag(&packet[..end], &((index >> 16) as u32).to_be_bytes());
                packet[end..end + TAG_CM].copy_from_slice(&tag);
                Ok(end + TAG_CM)
            }
        }
    }

    /// Where the word of encryption flag and index stands: behind the tag (RFC 7714, 9.2) or before it (RFC 3711, 3.4).
    fn index_at(&self, length: usize) -> Option<usize> {
        match self {
            Self::Gcm(_) => length.checked_sub(4),
            Self::Cm(_) => length.checked_sub(4 + TAG_CM),
        }
    }

    /// Opens a compound packet whose index word stands at `at`; returns its length.
    fn open_rtcp(&self, packet: &mut [u8], at: usize, ssrc: u32, index: u64) -> Result<usize, SrtpError> {
        match self {
            Self::Gcm(aead) => {
                let mut aad = [0; 12];
                aad[..8].copy_from_slice(&packet[..8]);
                aad[8..].copy_from_slice(&packet[at..at + 4]);
                let plain = aead
                    .key
                    .open_in_place(aead.nonce(ssrc, index), Aad::from(aad), &mut packet[8..at])
                    .map_err(|_| SrtpError::Authentication)?
                    .len();
                Ok(8 + plain)
            }
            Self::Cm(cm) => {
                let (covered, tag) = packet.split_at(at + 4);
                cm.verify(covered, &[], tag)?;
                cm.apply(ssrc, index, &mut packet[8..at]);
                Ok(at)
            }
        }
    }

    fn seal_rtcp(&self, packet: &mut [u8], end: usize, ssrc: u32, index: u32) -> Result<usize, SrtpError> {
        let word = (index | 0x8000_0000).to_be_bytes();
        match self {
            Self::Gcm(aead) => {
                let mut aad = [0; 12];
                aad[..8].copy_from_slice(&packet[..8]);
                aad[8..].copy_from_slice(&word);
                let tag = aead
                    .key
                    .seal_in_place_separate_tag(
                        aead.nonce(ssrc, u64::from(index)),
                        Aad::from(aad),
                        &mut packet[8..end],
                    )
                    .map_err(|_| SrtpError::Truncated)?;
                packet[end..end + TAG].copy_from_slice(tag.as_ref());
                packet[end + TAG..end + RTCP_TRAILER].copy_from_slice(&word);
                Ok(end + RTCP_TRAILER)
            }
            Self::Cm(cm) => {
                cm.apply(ssrc, u64::from(index), &mut packet[8..end]);
                packet[end..end + 4].copy_from_slice(&word);
                let tag = cm.tag(&packet[..end + 4], &[]);
                packet[end + 4..end + 4 + TAG_CM].copy_from_slice(&tag);
                Ok(end + 4 + TAG_CM)
            }
        }
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
    rtp: Cipher,
    rtcp: Cipher,
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
    /// `master` is the 16-byte master key followed by the master salt.
    ///
    /// # Errors
    /// [`SrtpError::Key`] for another length.
    pub fn new(master: &[u8]) -> Result<Self, SrtpError> {
        Ok(Self {
            rtp: Cipher::derive(master, &RTP)?,
            rtcp: Cipher::derive(master, &RTCP)?,
            streams: [None; STREAMS],
        })
    }

    /// Decrypts a packet in place and returns the length of header and payload. A stream is only remembered once one
    /// of its packets was authentic.
    ///
    /// # Errors
    /// [`SrtpError`]; the packet's content is then undefined.
    pub fn open_rtp(&mut self, packet: &mut [u8], header: &Header) -> Result<usize, SrtpError> {
        let known = stream(&mut self.streams, header.ssrc)?;
        let mut state =
            known.unwrap_or(Stream { ssrc: header.ssrc, rtp: Window::default(), rtcp: Window::default() });
        let index = state.rtp.guess(header.sequence);
        state.rtp.check(index)?;
        let length = self.rtp.open_rtp(packet, header.length, header.ssrc, index)?;
        state.rtp.record(index);
        *known = Some(state);
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
        let ssrc = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
        let known = stream(&mut self.streams, ssrc)?;
        let mut state = known.unwrap_or(Stream { ssrc, rtp: Window::default(), rtcp: Window::default() });
        state.rtcp.check(index)?;
        let length = self.rtcp.open_rtcp(packet, at, ssrc, index)?;
        state.rtcp.record(index);
        *known = Some(state);
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
        if packet.len() < end + self.0.tag() {
            return Err(SrtpError::Truncated);
        }
        if index >> 48 != 0 {
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
        let ssrc = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
        self.cipher.seal_rtcp(packet, length, ssrc, self.index)
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

    fn gcm() -> Cipher {
        Cipher::Gcm(aead())
    }

    fn outbound(index: u32) -> Outbound {
        Outbound { rtp: RtpSeal(gcm()), rtcp: RtcpSeal { cipher: gcm(), index } }
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
        let mut inbound = Inbound { rtp: gcm(), rtcp: gcm(), streams: [None; STREAMS] };
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
        let mut inbound = Inbound { rtp: gcm(), rtcp: gcm(), streams: [None; STREAMS] };
        let mut packet = sealed.clone();
        let length = inbound.open_rtcp(&mut packet).unwrap();
        assert_eq!(packet[..length].to_vec(), plain);
        assert_eq!(inbound.open_rtcp(&mut sealed.clone()), Err(SrtpError::Replay));
    }

    #[test]
    fn counter_mode_keystream_of_rfc_3711_b2() {
        let key: [u8; 16] = hex("2B7E151628AED2A6ABF7158809CF4F3C").try_into().unwrap();
        let salt: [u8; 14] = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD").try_into().unwrap();
        let mut stream = vec![0; 0xFF02 * 16];
        CounterMode::new(key, salt, &[0; 20]).apply(0, 0, &mut stream);
        for (block, expected) in [
            (0, "E03EAD0935C95E80E166B16DD92B4EB4"),
            (1, "D23513162B02D0F72A43A2FE4A5F97AB"),
            (2, "41E95B3BB0A2E8DD477901E4FCA894C0"),
            (0xFEFF, "EC8CDF7398607CB0F2D21675EA9EA1E4"),
            (0xFF00, "362B7C3C6773516318A077D7FC5073AE"),
            (0xFF01, "6A2CC3787889374FBEB4C81B17BA6C44"),
        ] {
            assert_eq!(stream[block * 16..][..16].to_vec(), hex(expected), "block {block}");
        }
    }

    /// A packet that libsrtp sealed with master key and salt of its own test driver (profile AES128_CM_SHA1_80).
    #[test]
    fn a_packet_of_libsrtp_opens_and_ours_is_the_same() {
        let master = hex("e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6");
        let sealed = hex("800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb");
        let mut plain = hex("800f1234decafbadcafebabe");
        plain.extend([0xab; 16]);
        let mut inbound = Inbound::new(&master).unwrap();
        let mut packet = sealed.clone();
        let header = Header::parse(&packet).unwrap();
        let length = inbound.open_rtp(&mut packet, &header).unwrap();
        assert_eq!(packet[..length], plain);
        assert_eq!(inbound.open_rtp(&mut sealed.clone(), &header), Err(SrtpError::Replay));
        let outbound = Outbound::new(&master).unwrap();
        assert_eq!(outbound.rtp.tag(), 10);
        let mut packet = plain.clone();
        packet.resize(plain.len() + TAG, 0);
        let length = outbound.seal_rtp(&mut packet, 12, 16, 0xcafe_babe, 0x1234).unwrap();
        assert_eq!(packet[..length], sealed);
        let mut report = hex("81c8000bcafebabe");
        report.extend([0xab; 16]);
        report.resize(24 + RTCP_TRAILER, 0);
        let mut outbound = Outbound::new(&master).unwrap();
        let length = outbound.seal_rtcp(&mut report, 24).unwrap();
        assert_eq!(
            report[..length],
            hex("81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798")
        );
    }

    #[test]
    fn counter_mode_opens_what_it_sealed_and_nothing_that_was_changed() {
        let master: Vec<u8> = (0..30).collect();
        let (mut outbound, mut inbound) = (Outbound::new(&master).unwrap(), Inbound::new(&master).unwrap());
        let plain: Vec<u8> = hex("81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61");
        let mut sealed = plain.clone();
        sealed.resize(plain.len() + RTCP_TRAILER, 0);
        let length = outbound.seal_rtcp(&mut sealed, plain.len()).unwrap();
        sealed.truncate(length);
        assert_ne!(sealed[8..plain.len()], plain[8..]);
        for at in 0..sealed.len() {
            let mut forged = sealed.clone();
            forged[at] ^= 1;
            assert_eq!(inbound.open_rtcp(&mut forged), Err(SrtpError::Authentication), "byte {at}");
        }
        for cut in 0..sealed.len() {
            assert!(inbound.open_rtcp(&mut sealed[..cut].to_vec()).is_err());
        }
        let length = inbound.open_rtcp(&mut sealed.clone()).map(|length| length.min(sealed.len())).unwrap();
        assert_eq!(length, plain.len());
        assert_eq!(inbound.open_rtcp(&mut sealed), Err(SrtpError::Replay));

        let mut packet = hex(PLAIN_RTP);
        let plain = packet.clone();
        packet.resize(plain.len() + TAG, 0);
        // Past a rollover, which is authenticated though it is not sent.
        let length = outbound.seal_rtp(&mut packet, 12, plain.len() - 12, 0x5501_a0b2, 0x1_f17b).unwrap();
        packet.truncate(length);
        let header = Header::parse(&packet).unwrap();
        assert_eq!(inbound.open_rtp(&mut packet.clone(), &header), Err(SrtpError::Authentication));
        for cut in 0..length {
            assert!(inbound.open_rtp(&mut packet[..cut].to_vec(), &header).is_err());
        }
    }

    #[test]
    fn keys_of_another_length_are_refused() {
        for length in [0, 16, 27, 29, 31, 46] {
            assert_eq!(Outbound::new(&vec![0; length]).err(), Some(SrtpError::Key));
        }
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

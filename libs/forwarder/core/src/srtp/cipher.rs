//! The two transforms: AEAD_AES_128_GCM (RFC 7714) and AES_CM_128_HMAC_SHA1_80 (RFC 3711), and how keys are derived.

use aes::Aes128Enc;
use aes::cipher::{Block, BlockCipherEncrypt, KeyInit};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;

use super::{MASTER, MASTER_CM, RTCP_TRAILER, SrtpError, TAG, TAG_CM};
use crate::rtp::{PacketIndex, Ssrc};

/// AES in counter mode as the key derivation function (RFC 3711, section 4.3.3): `out` is filled with the keystream of
/// `label` under the master key; a master salt shorter than 14 bytes is padded with zeros on the right.
pub fn derive(master_key: &[u8; 16], master_salt: &[u8], label: u8, out: &mut [u8]) {
    let cipher = Aes128Enc::new(&(*master_key).into());
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

pub(super) struct Aead {
    key: LessSafeKey,
    salt: [u8; 12],
}

impl Aead {
    pub(super) fn new(key: &[u8; 16], salt: [u8; 12]) -> Result<Self, SrtpError> {
        let key = UnboundKey::new(&AES_128_GCM, key).map_err(|_| SrtpError::Key)?;
        Ok(Self { key: LessSafeKey::new(key), salt })
    }

    /// RFC 7714, 8.1 and 9.1: two zero bytes, SSRC, then 48 bits of index, all XOR the salt.
    pub(super) fn nonce(&self, ssrc: Ssrc, index: u64) -> Nonce {
        let mut bytes = [0u8; 12];
        bytes[2..6].copy_from_slice(&ssrc.0.to_be_bytes());
        bytes[6..].copy_from_slice(&index.to_be_bytes()[2..]);
        for (byte, salt) in bytes.iter_mut().zip(&self.salt) {
            *byte ^= salt;
        }
        Nonce::assume_unique_for_key(bytes)
    }
}

/// AES in counter mode with HMAC-SHA1 cut to 80 bits (RFC 3711, sections 4.1.1 and 4.2.1).
pub(super) struct CounterMode {
    cipher: Aes128Enc,
    salt: [u8; 14],
    authentication: hmac::Key,
}

impl CounterMode {
    pub(super) fn new(key: [u8; 16], salt: [u8; 14], authentication: &[u8; 20]) -> Self {
        Self {
            cipher: Aes128Enc::new(&key.into()),
            salt,
            authentication: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, authentication),
        }
    }

    /// XORs the keystream of a packet over its body: both directions are the same.
    pub(super) fn apply(&self, ssrc: Ssrc, index: u64, body: &mut [u8]) {
        const AT_ONCE: usize = 8;
        let mut start = [0u8; 16];
        start[4..8].copy_from_slice(&ssrc.0.to_be_bytes());
        start[8..14].copy_from_slice(&index.to_be_bytes()[2..]);
        for (byte, salt) in start.iter_mut().zip(&self.salt) {
            *byte ^= salt;
        }
        let mut counter = 0u16;
        for part in body.chunks_mut(16 * AT_ONCE) {
            let mut stream = [Block::<Aes128Enc>::from(start); AT_ONCE];
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

    pub(super) fn tag(&self, covered: &[u8], rollover: &[u8]) -> [u8; TAG_CM] {
        let mut context = hmac::Context::with_key(&self.authentication);
        context.update(covered);
        context.update(rollover);
        let mut tag = [0; TAG_CM];
        tag.copy_from_slice(&context.sign().as_ref()[..TAG_CM]);
        tag
    }

    /// Compares in a time that does not depend on where they differ.
    pub(super) fn verify(&self, covered: &[u8], rollover: &[u8], told: &[u8]) -> Result<(), SrtpError> {
        let made = self.tag(covered, rollover);
        match made.iter().zip(told).fold(0, |bits, (a, b)| bits | (a ^ b)) {
            0 if told.len() == TAG_CM => Ok(()),
            _ => Err(SrtpError::Authentication),
        }
    }
}

/// Not boxed: what a listener is sent with stands in one place.
pub(super) enum Cipher {
    Gcm(Aead),
    Cm(CounterMode),
}

/// The labels of session key, authentication key and salt (RFC 3711, section 4.3.2).
pub(super) struct Labels {
    key: u8,
    authentication: u8,
    salt: u8,
}

pub(super) const RTP: Labels = Labels { key: 0, authentication: 1, salt: 2 };
pub(super) const RTCP: Labels = Labels { key: 3, authentication: 4, salt: 5 };

impl Cipher {
    pub(super) fn derive(master: &[u8], labels: &Labels) -> Result<Self, SrtpError> {
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
                Ok(Self::Cm(CounterMode::new(key, salt, &authentication)))
            }
            _ => Err(SrtpError::Key),
        }
    }

    pub(super) fn tag(&self) -> usize {
        match self {
            Self::Gcm(_) => TAG,
            Self::Cm(_) => TAG_CM,
        }
    }

    /// Opens what follows the header; returns the length of header and payload.
    pub(super) fn open_rtp(
        &self,
        packet: &mut [u8],
        header: usize,
        ssrc: Ssrc,
        index: PacketIndex,
    ) -> Result<usize, SrtpError> {
        let end = packet.len().checked_sub(self.tag()).filter(|end| *end >= header);
        let end = end.ok_or(SrtpError::Truncated)?;
        match self {
            Self::Gcm(aead) => {
                let (head, body) = packet.split_at_mut(header);
                aead.key
                    .open_in_place(aead.nonce(ssrc, index.0), Aad::from(&*head), body)
                    .map_err(|_| SrtpError::Authentication)?;
            }
            Self::Cm(cm) => {
                cm.verify(&packet[..end], &index.rollovers().to_be_bytes(), &packet[end..])?;
                cm.apply(ssrc, index.0, &mut packet[header..end]);
            }
        }
        Ok(end)
    }

    #[inline]
    pub(super) fn seal_rtp(
        &self,
        packet: &mut [u8],
        header: usize,
        end: usize,
        ssrc: Ssrc,
        index: PacketIndex,
    ) -> Result<usize, SrtpError> {
        match self {
            Self::Gcm(aead) => {
                let (head, body) = packet.split_at_mut(header);
                let tag = aead
                    .key
                    .seal_in_place_separate_tag(
                        aead.nonce(ssrc, index.0),
                        Aad::from(&*head),
                        &mut body[..end - header],
                    )
                    .map_err(|_| SrtpError::Truncated)?;
                packet[end..end + TAG].copy_from_slice(tag.as_ref());
                Ok(end + TAG)
            }
            Self::Cm(cm) => {
                cm.apply(ssrc, index.0, &mut packet[header..end]);
                let tag = cm.tag(&packet[..end], &index.rollovers().to_be_bytes());
                packet[end..end + TAG_CM].copy_from_slice(&tag);
                Ok(end + TAG_CM)
            }
        }
    }

    /// Where the word of encryption flag and index stands: behind the tag (RFC 7714, 9.2) or before it (RFC 3711, 3.4).
    pub(super) fn index_at(&self, length: usize) -> Option<usize> {
        match self {
            Self::Gcm(_) => length.checked_sub(4),
            Self::Cm(_) => length.checked_sub(4 + TAG_CM),
        }
    }

    /// Opens a compound packet whose index word stands at `at`; returns its length.
    pub(super) fn open_rtcp(
        &self,
        packet: &mut [u8],
        at: usize,
        ssrc: Ssrc,
        index: u64,
    ) -> Result<usize, SrtpError> {
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

    pub(super) fn seal_rtcp(
        &self,
        packet: &mut [u8],
        end: usize,
        ssrc: Ssrc,
        index: u32,
    ) -> Result<usize, SrtpError> {
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

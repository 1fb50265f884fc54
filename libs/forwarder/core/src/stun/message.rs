//! Reading a message: parse, and verify.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use ring::hmac;

use super::{
    Class, ERROR_CODE, FINGERPRINT, FINGERPRINT_XOR, HEADER, ICE_CONTROLLED, INTEGRITY, MAGIC_COOKIE,
    MAPPED_ADDRESS, MESSAGE_INTEGRITY, NONCE, OPTIONAL, PRIORITY, REALM, TransactionId, UNKNOWN,
    UNKNOWN_ATTRIBUTES, USE_CANDIDATE, USERNAME, XOR_MAPPED_ADDRESS, crc32, is_stun,
};

/// Why bytes are not a STUN message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StunError {
    /// Shorter than its header or its own length field says.
    Truncated,
    /// The first bits or the magic cookie are not STUN's.
    NotStun,
    /// An attribute runs over the end, or has an impossible length.
    Attribute,
    /// FINGERPRINT does not match.
    Fingerprint,
}

impl fmt::Display for StunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "truncated STUN message",
            Self::NotStun => "not a STUN message",
            Self::Attribute => "malformed STUN attribute",
            Self::Fingerprint => "wrong STUN fingerprint",
        })
    }
}

impl std::error::Error for StunError {}

/// A parsed message that borrows the datagram.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    bytes: &'a [u8],
    /// Request, indication or response.
    pub class: Class,
    /// 1 is Binding.
    pub method: u16,
    /// Repeated in the response.
    pub transaction: TransactionId,
    /// USERNAME, `receiver:sender` in ICE.
    pub username: Option<&'a [u8]>,
    /// USE-CANDIDATE was there: the pair is nominated.
    pub use_candidate: bool,
    /// PRIORITY: what the pair's priority would be computed with, did the sender learn of it from this check.
    pub priority: u32,
    /// The sender believes that it is the controlled side.
    pub controlled: bool,
    /// XOR-MAPPED-ADDRESS.
    pub mapped: Option<SocketAddr>,
    /// Whether FINGERPRINT was there; where it is, it has been verified.
    pub fingerprint: bool,
    integrity_at: Option<usize>,
    unknown: [u16; UNKNOWN],
    unknowns: usize,
}

impl<'a> Message<'a> {
    /// Reads a message and verifies its FINGERPRINT where it has one. Of an attribute that occurs several times the first
    /// counts (RFC 8489, section 14); those after MESSAGE-INTEGRITY other than FINGERPRINT are ignored (section 14.5).
    ///
    /// # Errors
    /// [`StunError`] for anything that is not a well-formed message filling the datagram exactly.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, StunError> {
        if bytes.len() < HEADER {
            return Err(StunError::Truncated);
        }
        if !is_stun(bytes) {
            return Err(StunError::NotStun);
        }
        let length = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
        if !length.is_multiple_of(4) || bytes.len() != HEADER + length {
            return Err(StunError::Truncated);
        }
        let kind = u16::from_be_bytes([bytes[0], bytes[1]]);
        let class = match (kind & 0x0100 != 0, kind & 0x0010 != 0) {
            (false, false) => Class::Request,
            (false, true) => Class::Indication,
            (true, false) => Class::Success,
            (true, true) => Class::Error,
        };
        let mut transaction = [0; 12];
        transaction.copy_from_slice(&bytes[8..20]);
        let mut message = Message {
            bytes,
            class,
            method: (kind & 0x000F) | ((kind & 0x00E0) >> 1) | ((kind & 0x3E00) >> 2),
            transaction,
            username: None,
            use_candidate: false,
            priority: 0,
            controlled: false,
            mapped: None,
            fingerprint: false,
            integrity_at: None,
            unknown: [0; UNKNOWN],
            unknowns: 0,
        };
        message.read_attributes()?;
        Ok(message)
    }

    fn read_attributes(&mut self) -> Result<(), StunError> {
        let bytes = self.bytes;
        let mut priority = None;
        let mut at = HEADER;
        while at < bytes.len() {
            if bytes.len() - at < 4 {
                return Err(StunError::Attribute);
            }
            let kind = u16::from_be_bytes([bytes[at], bytes[at + 1]]);
            let length = usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
            let padded = length.div_ceil(4) * 4;
            if bytes.len() - at - 4 < padded {
                return Err(StunError::Attribute);
            }
            let value = &bytes[at + 4..at + 4 + length];
            if kind == FINGERPRINT {
                if length != 4 || at + 8 != bytes.len() {
                    return Err(StunError::Attribute);
                }
                let told = u32::from_be_bytes([value[0], value[1], value[2], value[3]]);
                if told != crc32(&bytes[..at]) ^ FINGERPRINT_XOR {
                    return Err(StunError::Fingerprint);
                }
                self.fingerprint = true;
            } else if self.integrity_at.is_none() {
                match kind {
                    USERNAME => self.username = self.username.or(Some(value)),
                    USE_CANDIDATE => self.use_candidate = true,
                    PRIORITY => {
                        let value = value.try_into().map_err(|_| StunError::Attribute)?;
                        self.priority = *priority.get_or_insert(u32::from_be_bytes(value));
                    }
                    ICE_CONTROLLED => self.controlled = true,
                    XOR_MAPPED_ADDRESS => self.mapped = self.mapped.or(Some(self.unmask(value)?)),
                    MESSAGE_INTEGRITY => {
                        if length != INTEGRITY {
                            return Err(StunError::Attribute);
                        }
                        self.integrity_at = Some(at);
                    }
                    MAPPED_ADDRESS | ERROR_CODE | UNKNOWN_ATTRIBUTES | REALM | NONCE => {}
                    _ if kind < OPTIONAL => self.strange(kind),
                    _ => {}
                }
            }
            at += 4 + padded;
        }
        Ok(())
    }

    fn strange(&mut self, kind: u16) {
        if self.unknowns < UNKNOWN && !self.unknown().contains(&kind) {
            self.unknown[self.unknowns] = kind;
            self.unknowns += 1;
        }
    }

    /// Types of attributes that had to be understood and are not, at most eight. With one of them a request is refused
    /// and a response ignored (RFC 8489, sections 6.3.1 and 6.3.3).
    #[must_use]
    pub fn unknown(&self) -> &[u16] {
        &self.unknown[..self.unknowns]
    }

    fn unmask(&self, value: &[u8]) -> Result<SocketAddr, StunError> {
        let mut mask = [0u8; 16];
        mask[..4].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
        mask[4..].copy_from_slice(&self.transaction);
        let family = match (value.get(1), value.len()) {
            (Some(1), 8) => 4,
            (Some(2), 20) => 16,
            _ => return Err(StunError::Attribute),
        };
        let port = u16::from_be_bytes([value[2] ^ mask[0], value[3] ^ mask[1]]);
        let mut address = [0u8; 16];
        for (to, (from, mask)) in address.iter_mut().zip(value[4..4 + family].iter().zip(&mask)) {
            *to = from ^ mask;
        }
        let ip = if family == 4 {
            IpAddr::from([address[0], address[1], address[2], address[3]])
        } else {
            IpAddr::from(address)
        };
        Ok(SocketAddr::new(ip, port))
    }

    /// Whether MESSAGE-INTEGRITY is there and was made with `key` (the ICE password of the side that is asked).
    #[must_use]
    pub fn authentic(&self, key: &hmac::Key) -> bool {
        let Some(at) = self.integrity_at else { return false };
        let told = &self.bytes[at + 4..at + 4 + INTEGRITY];
        let covered = u16::try_from(at + 4 + INTEGRITY - HEADER).unwrap_or(u16::MAX);
        let mut context = hmac::Context::with_key(key);
        context.update(&self.bytes[..2]);
        context.update(&covered.to_be_bytes());
        context.update(&self.bytes[4..at]);
        // Not secret-dependent beyond the tag itself; a timing oracle on a 20-byte HMAC over UDP is still avoided.
        let made = context.sign();
        made.as_ref().iter().zip(told).fold(0, |bits, (a, b)| bits | (a ^ b)) == 0
    }
}

//! STUN messages: parse, verify, build (RFC 8489), as far as ICE-lite needs them (RFC 8445).

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::{Deref, DerefMut};

use ring::hmac;

/// Fixed value in bytes 4 to 7 of every message (RFC 8489, section 5).
pub const MAGIC_COOKIE: u32 = 0x2112_A442;
const HEADER: usize = 20;
const INTEGRITY: usize = 20;
const FINGERPRINT_XOR: u32 = 0x5354_554E;

const MAPPED_ADDRESS: u16 = 0x0001;
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000A;
const REALM: u16 = 0x0014;
const NONCE: u16 = 0x0015;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;
const ICE_CONTROLLING: u16 = 0x802A;

/// Attributes below this must be understood by whoever processes the message (RFC 8489, section 14).
const OPTIONAL: u16 = 0x8000;
/// How many attributes that we do not understand are told in one response.
const UNKNOWN: usize = 8;

/// The 96 bits that tie a response to its request.
pub type TransactionId = [u8; 12];

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Expects a response.
    Request,
    /// Expects none.
    Indication,
    /// Answers a request.
    Success,
    /// Refuses a request.
    Error,
}

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

/// Whether a datagram on a shared port is STUN (RFC 7983: first byte 0 to 3, and the cookie).
#[must_use]
pub fn is_stun(bytes: &[u8]) -> bool {
    bytes.len() >= HEADER && bytes[0] < 4 && bytes[4..8] == MAGIC_COOKIE.to_be_bytes()
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

/// The key of MESSAGE-INTEGRITY for an ICE password (short-term credentials).
#[must_use]
pub fn integrity_key(password: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password)
}

/// The longest message has a USERNAME of 513 bytes (RFC 8489, section 14.3).
const LONGEST: usize = 640;

/// A message of ours, on the stack: answering checks takes no memory. One that would be too long is empty.
pub struct Written {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Deref for Written {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl DerefMut for Written {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.length]
    }
}

/// Builds one message.
struct Builder {
    message: Written,
    fits: bool,
}

impl Builder {
    fn new(kind: u16, transaction: &TransactionId) -> Self {
        let mut builder = Self { message: Written { bytes: [0; LONGEST], length: 0 }, fits: true };
        builder.append(&kind.to_be_bytes());
        builder.append(&[0, 0]);
        builder.append(&MAGIC_COOKIE.to_be_bytes());
        builder.append(transaction);
        builder
    }

    fn append(&mut self, bytes: &[u8]) {
        let end = self.message.length + bytes.len();
        match self.message.bytes.get_mut(self.message.length..end) {
            Some(place) => {
                place.copy_from_slice(bytes);
                self.message.length = end;
            }
            None => self.fits = false,
        }
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.append(&kind.to_be_bytes());
        self.append(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        self.append(value);
        self.append(&[0; 3][..value.len().next_multiple_of(4) - value.len()]);
    }

    fn length(&mut self, following: usize) {
        let length = u16::try_from(self.message.length - HEADER + following).unwrap_or(u16::MAX);
        self.message[2..4].copy_from_slice(&length.to_be_bytes());
    }

    fn finish(mut self, key: &hmac::Key) -> Written {
        self.length(4 + INTEGRITY);
        let tag = hmac::sign(key, &self.message);
        self.attribute(MESSAGE_INTEGRITY, tag.as_ref());
        self.length(8);
        let crc = crc32(&self.message) ^ FINGERPRINT_XOR;
        self.attribute(FINGERPRINT, &crc.to_be_bytes());
        if !self.fits {
            self.message.length = 0;
        }
        self.message
    }
}

/// A Binding success response with XOR-MAPPED-ADDRESS, MESSAGE-INTEGRITY and FINGERPRINT. An IPv4 address as a socket
/// for both families has it (`::ffff:192.0.2.1`) is told as what it is.
#[must_use]
pub fn success(transaction: &TransactionId, mapped: SocketAddr, key: &hmac::Key) -> Written {
    let mut mask = [0u8; 16];
    mask[..4].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
    mask[4..].copy_from_slice(transaction);
    let mut value = [0u8; 4 + 16];
    let length = match mapped.ip().to_canonical() {
        IpAddr::V4(ip) => {
            value[1] = 1;
            value[4..8].copy_from_slice(&ip.octets());
            8
        }
        IpAddr::V6(ip) => {
            value[1] = 2;
            value[4..].copy_from_slice(&ip.octets());
            20
        }
    };
    value[2..4].copy_from_slice(&(mapped.port() ^ (MAGIC_COOKIE >> 16) as u16).to_be_bytes());
    value[4..].iter_mut().zip(&mask).for_each(|(byte, mask)| *byte ^= mask);
    let mut builder = Builder::new(0x0101, transaction);
    builder.attribute(XOR_MAPPED_ADDRESS, &value[..length]);
    builder.finish(key)
}

/// A Binding error response 487 (Role Conflict): we are ICE-lite, so always the controlled side.
#[must_use]
pub fn role_conflict(transaction: &TransactionId, key: &hmac::Key) -> Written {
    let mut builder = Builder::new(0x0111, transaction);
    builder.attribute(ERROR_CODE, b"\0\0\x04\x57Role Conflict");
    builder.finish(key)
}

/// A Binding error response 420 (Unknown Attribute), which says what was not understood.
#[must_use]
pub fn unknown_attributes(transaction: &TransactionId, unknown: &[u16], key: &hmac::Key) -> Written {
    let mut types = [0; 2 * UNKNOWN];
    let told = unknown.len().min(UNKNOWN);
    for (place, kind) in types.chunks_exact_mut(2).zip(unknown) {
        place.copy_from_slice(&kind.to_be_bytes());
    }
    let mut builder = Builder::new(0x0111, transaction);
    builder.attribute(ERROR_CODE, b"\0\0\x04\x14Unknown Attribute");
    builder.attribute(UNKNOWN_ATTRIBUTES, &types[..2 * told]);
    builder.finish(key)
}

/// A Binding request of our own, to see whether an address answers before media moves there.
#[must_use]
pub fn request(transaction: &TransactionId, username: &[u8], key: &hmac::Key) -> Written {
    let mut builder = Builder::new(0x0001, transaction);
    builder.attribute(USERNAME, username);
    builder.attribute(PRIORITY, &0x6E7F_00FFu32.to_be_bytes());
    builder.attribute(ICE_CONTROLLED, &[0; 8]);
    builder.finish(key)
}

/// A Binding request as a client sends it; for tests and load generators.
#[must_use]
pub fn client_request(
    transaction: &TransactionId,
    username: &[u8],
    nominate: bool,
    key: &hmac::Key,
) -> Written {
    client_check(transaction, username, 0x7E7F_00FF, nominate, key)
}

/// The same, with the priority of the client's candidate.
#[must_use]
pub fn client_check(
    transaction: &TransactionId,
    username: &[u8],
    priority: u32,
    nominate: bool,
    key: &hmac::Key,
) -> Written {
    let mut builder = Builder::new(0x0001, transaction);
    builder.attribute(USERNAME, username);
    builder.attribute(PRIORITY, &priority.to_be_bytes());
    builder.attribute(ICE_CONTROLLING, &[1; 8]);
    if nominate {
        builder.attribute(USE_CANDIDATE, &[]);
    }
    builder.finish(key)
}

const CRC_TABLE: [u32; 256] = {
    let mut table = [0u32; 256];
    let mut i = 0;
    while i < 256 {
        let mut value = i as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { 0xEDB8_8320 ^ (value >> 1) } else { value >> 1 };
            bit += 1;
        }
        table[i] = value;
        i += 1;
    }
    table
};

/// CRC-32 of ITU V.42, as FINGERPRINT uses it.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| CRC_TABLE[((crc ^ u32::from(*byte)) & 0xFF) as usize] ^ (crc >> 8))
}

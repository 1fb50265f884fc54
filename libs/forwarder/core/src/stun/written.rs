//! Writing a message, without asking for memory.

use std::net::{IpAddr, SocketAddr};
use std::ops::{Deref, DerefMut};

use ring::hmac;

use super::{
    ERROR_CODE, FINGERPRINT, FINGERPRINT_XOR, HEADER, ICE_CONTROLLED, ICE_CONTROLLING, INTEGRITY,
    MAGIC_COOKIE, MESSAGE_INTEGRITY, PRIORITY, TransactionId, UNKNOWN, UNKNOWN_ATTRIBUTES, USE_CANDIDATE,
    USERNAME, XOR_MAPPED_ADDRESS, crc32,
};

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

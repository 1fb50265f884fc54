//! STUN messages (RFC 8489), as far as ICE-lite needs them (RFC 8445): how they are laid out, read, and written.

use ring::hmac;

pub use message::{Message, StunError};
pub use written::{
    Written, client_check, client_request, request, role_conflict, success, unknown_attributes,
};

mod message;
mod written;

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

/// Whether a datagram on a shared port is STUN (RFC 7983: first byte 0 to 3, and the cookie).
#[must_use]
pub fn is_stun(bytes: &[u8]) -> bool {
    bytes.len() >= HEADER && bytes[0] < 4 && bytes[4..8] == MAGIC_COOKIE.to_be_bytes()
}

/// The key of MESSAGE-INTEGRITY for an ICE password (short-term credentials).
#[must_use]
pub fn integrity_key(password: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password)
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

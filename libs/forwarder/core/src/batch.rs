//! Datagrams waiting to be sent, in one flat buffer.

use std::net::{Ipv4Addr, SocketAddr};

use crate::rtp::MTU;

/// Room for one datagram of [`MTU`] bytes is always kept.
const BYTES: usize = 160 * 1024;
/// Datagrams in one batch at most.
pub const DATAGRAMS: usize = 256;

/// Where one datagram of the batch lies and goes.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Destination.
    pub to: SocketAddr,
    /// Offset in the buffer.
    pub start: usize,
    /// Length in bytes.
    pub length: usize,
}

/// A bounded batch; its memory is taken once.
#[derive(Debug)]
pub struct Batch {
    bytes: Box<[u8]>,
    entries: Box<[Entry]>,
    count: usize,
    used: usize,
}

impl Default for Batch {
    fn default() -> Self {
        let nobody = Entry { to: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), start: 0, length: 0 };
        Self {
            bytes: vec![0; BYTES].into_boxed_slice(),
            entries: vec![nobody; DATAGRAMS].into_boxed_slice(),
            count: 0,
            used: 0,
        }
    }
}

impl Batch {
    /// Whether it must be sent before another datagram is written.
    #[must_use]
    pub fn full(&self) -> bool {
        self.count == DATAGRAMS || self.used + MTU > BYTES
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The waiting datagrams, oldest first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries[..self.count]
    }

    /// The buffer that the entries point into.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets everything that waits.
    pub fn clear(&mut self) {
        self.count = 0;
        self.used = 0;
    }

    /// Lets `write` fill a datagram of at most [`MTU`] bytes; it returns the length, 0 for none. A full batch takes
    /// nothing and returns false.
    pub fn push(&mut self, to: SocketAddr, write: impl FnOnce(&mut [u8]) -> usize) -> bool {
        if self.full() {
            return false;
        }
        let start = self.used;
        let length = write(&mut self.bytes[start..start + MTU]);
        if length > 0 {
            self.entries[self.count] = Entry { to, start, length };
            self.count += 1;
            self.used += length;
        }
        true
    }
}

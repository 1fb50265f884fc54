//! Datagrams waiting to be sent, in one flat buffer.

use std::net::{Ipv4Addr, SocketAddr};

use crate::rtp::MTU;

/// The buffer's length; room for one datagram of [`MTU`] bytes is always kept.
const BYTES: usize = 160 * 1024;
/// The most entries in one batch.
pub const ENTRIES: usize = 64;

/// Consecutive datagrams to one destination. All have the same length, except that the last may be shorter.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Destination.
    pub to: SocketAddr,
    /// Offset in the buffer.
    pub start: usize,
    /// Length of all of them in bytes.
    pub length: usize,
    /// Length of one.
    pub segment: usize,
}

impl Entry {
    /// How many datagrams it is.
    #[must_use]
    pub fn datagrams(&self) -> usize {
        self.length.div_ceil(self.segment.max(1))
    }
}

/// A bounded batch, which allocates its memory once.
#[derive(Debug)]
pub struct Batch {
    bytes: Box<[u8]>,
    entries: Box<[Entry]>,
    count: usize,
    used: usize,
    arrived_us: Option<u64>,
}

impl Default for Batch {
    fn default() -> Self {
        let nobody =
            Entry { to: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), start: 0, length: 0, segment: 0 };
        Self {
            bytes: vec![0; BYTES].into_boxed_slice(),
            entries: vec![nobody; ENTRIES].into_boxed_slice(),
            count: 0,
            used: 0,
            arrived_us: None,
        }
    }
}

impl Batch {
    /// Whether it must be sent before another datagram is written.
    #[must_use]
    pub fn full(&self) -> bool {
        !self.room(MTU)
    }

    /// Whether another entry of so many bytes fits.
    #[must_use]
    #[inline]
    pub fn room(&self, bytes: usize) -> bool {
        self.count < ENTRIES && self.used + bytes <= BYTES
    }

    /// Makes room for another entry of so many bytes: if there is none, passes what waits to `send` and forgets it.
    #[inline]
    pub fn make_room(&mut self, bytes: usize, mut send: impl FnMut(&Self)) {
        if !self.room(bytes) {
            send(self);
            self.clear();
        }
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

    /// When the oldest packet arrived that is forwarded with this batch, on the clock of [`crate::clock::Now::us`].
    #[must_use]
    pub fn arrived_us(&self) -> Option<u64> {
        self.arrived_us
    }

    /// Notes that a packet that arrived then is forwarded with this batch.
    #[inline]
    pub fn forwards(&mut self, arrived_us: u64) {
        self.arrived_us = Some(self.arrived_us.map_or(arrived_us, |oldest| oldest.min(arrived_us)));
    }

    /// Forgets everything that waits.
    pub fn clear(&mut self) {
        self.count = 0;
        self.used = 0;
        self.arrived_us = None;
    }

    /// Lets `write` fill a datagram of at most [`MTU`] bytes; it returns the length, 0 for none. A full batch takes
    /// nothing and returns false.
    #[inline]
    pub fn push(&mut self, to: SocketAddr, write: impl FnOnce(&mut [u8]) -> usize) -> bool {
        if self.full() {
            return false;
        }
        let start = self.used;
        let length = write(&mut self.bytes[start..start + MTU]);
        self.add(Entry { to, start, length, segment: length });
        true
    }

    /// Lets `write` fill `room` bytes with datagrams of `segment` bytes, the last one shorter or not; it returns the
    /// length of all, 0 for none. Without room it takes nothing and returns false.
    #[inline]
    pub fn push_segments(
        &mut self,
        to: SocketAddr,
        segment: usize,
        room: usize,
        write: impl FnOnce(&mut [u8]) -> usize,
    ) -> bool {
        if !self.room(room) {
            return false;
        }
        let start = self.used;
        let length = write(&mut self.bytes[start..start + room]);
        self.add(Entry { to, start, length, segment });
        true
    }

    #[inline]
    fn add(&mut self, entry: Entry) {
        if entry.length > 0 {
            self.entries[self.count] = entry;
            self.count += 1;
            self.used += entry.length;
        }
    }
}

//! The numbers of an RTP packet, each a type of its own, so that none passes for another.

/// A stream: the synchronisation source (RFC 3550, section 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Ssrc(pub u32);

/// What a payload is, as one offer numbers it: 0 to 127.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(transparent)]
pub struct PayloadType(pub u8);

/// What an element of a header extension is, as one offer numbers it: 1 to 14 (RFC 8285).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct ExtensionId(pub u8);

/// A sequence number: rises by one per packet, modulo 2^16. It has no order, only a distance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct SequenceNumber(pub u16);

impl SequenceNumber {
    /// The next packet's.
    #[must_use]
    #[inline]
    pub fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// That of so many packets later.
    #[must_use]
    #[inline]
    pub fn plus(self, packets: u16) -> Self {
        Self(self.0.wrapping_add(packets))
    }

    /// By how much it follows another one; negative where it precedes it (RFC 1982).
    #[must_use]
    #[inline]
    pub fn since(self, other: Self) -> i16 {
        self.0.wrapping_sub(other.0) as i16
    }
}

/// A sequence number with its rollovers above it: 48 bits that never wrap (RFC 3711, section 3.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(transparent)]
pub struct PacketIndex(pub u64);

impl PacketIndex {
    /// What the packet's header says.
    #[must_use]
    #[inline]
    pub fn sequence(self) -> SequenceNumber {
        SequenceNumber(self.0 as u16)
    }

    /// How often the sequence number has wrapped.
    #[must_use]
    #[inline]
    pub fn rollovers(self) -> u32 {
        (self.0 >> 16) as u32
    }

    /// The next packet's.
    #[must_use]
    #[inline]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl From<SequenceNumber> for PacketIndex {
    /// Before the first rollover.
    fn from(sequence: SequenceNumber) -> Self {
        Self(u64::from(sequence.0))
    }
}

/// A moment in a stream, in samples (48,000 per second for Opus), modulo 2^32. It has no order, only a distance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Timestamp(pub u32);

impl Timestamp {
    /// So many samples later.
    #[must_use]
    #[inline]
    pub fn plus(self, samples: u32) -> Self {
        Self(self.0.wrapping_add(samples))
    }

    /// By how many samples it follows another one; negative where it precedes it (RFC 1982).
    #[must_use]
    #[inline]
    pub fn since(self, other: Self) -> i32 {
        self.0.wrapping_sub(other.0) as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_wrap_are_compared_by_their_distance() {
        let (before, after) = (SequenceNumber(65_535), SequenceNumber(1));
        assert_eq!((after.since(before), before.since(after)), (2, -2));
        assert_eq!(before.next().next(), after);
        let (before, after) = (Timestamp(u32::MAX), Timestamp(959));
        assert_eq!((after.since(before), before.since(after)), (960, -960));
        assert_eq!(before.plus(960), after);
    }

    #[test]
    fn an_index_knows_its_sequence_number_and_its_rollovers() {
        let index = PacketIndex(0x0002_FFFF);
        assert_eq!((index.sequence(), index.rollovers()), (SequenceNumber(65_535), 2));
        assert_eq!((index.next().sequence(), index.next().rollovers()), (SequenceNumber(0), 3));
    }
}

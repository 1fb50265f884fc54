//! Replay protection (RFC 3711, section 3.3.2).

use super::SrtpError;
use crate::rtp::{PacketIndex, SequenceNumber};

/// Which indices have been seen, 128 back from the highest.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    highest: u64,
    seen: u128,
}

impl Window {
    pub(super) fn check(&self, index: u64) -> Result<(), SrtpError> {
        if self.seen == 0 || index > self.highest {
            return Ok(());
        }
        let back = self.highest - index;
        if back >= 128 || self.seen & (1 << back) != 0 {
            return Err(SrtpError::Replay);
        }
        Ok(())
    }

    pub(super) fn record(&mut self, index: u64) {
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
    pub(super) fn guess(&self, sequence: SequenceNumber) -> PacketIndex {
        if self.seen == 0 {
            return sequence.into();
        }
        let rollover = self.highest >> 16;
        let last = (self.highest & 0xFFFF) as i64;
        let step = i64::from(sequence.0) - last;
        let rollover = if step > 0x8000 {
            rollover.checked_sub(1)
        } else if step < -0x8000 {
            Some(rollover + 1)
        } else {
            Some(rollover)
        };
        // Before the very first rollover there is nothing older: take it as it stands and let the window refuse it.
        PacketIndex((rollover.unwrap_or(0) << 16) | u64::from(sequence.0))
    }
}

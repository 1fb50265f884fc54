//! Redundant audio (RFC 2198): an Opus packet, and before it copies of earlier ones for who lost those.

use crate::rtp::PayloadType;

/// In a block's first byte, before its payload type: another block follows.
const FOLLOWED: u8 = 0x80;
/// A block's header while another follows: payload type, timestamp offset (14 bits), length (10 bits).
const HEADER: usize = 4;
/// How far before a packet a copy lies at most, in samples.
pub const REACH: u32 = 0x3FFF;

/// Where things are in a redundant payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Red {
    /// Where the packet itself begins; it reaches to the end and is not empty.
    pub primary: usize,
    /// How far the oldest copy lies before it, in samples; 0 without copies.
    pub reach: u32,
}

/// Reads a payload whose blocks all have this payload type; `None` for any other.
#[must_use]
pub fn read(payload: &[u8], opus: PayloadType) -> Option<Red> {
    let (mut at, mut copies, mut reach) = (0, 0, 0);
    while *payload.get(at)? == FOLLOWED | opus.0 {
        let header = u32::from_be_bytes(*payload[at..].first_chunk()?);
        reach = reach.max(header >> 10 & REACH);
        copies += (header & 0x3FF) as usize;
        at += HEADER;
    }
    let primary = at + 1 + copies;
    (payload[at] == opus.0 && primary < payload.len()).then_some(Red { primary, reach })
}

/// Gives the blocks of a payload that [`read`] understood another payload type.
pub fn relabel(payload: &mut [u8], opus: PayloadType) {
    let mut at = 0;
    while let Some(byte) = payload.get_mut(at) {
        let followed = *byte & FOLLOWED;
        *byte = followed | opus.0;
        if followed == 0 {
            break;
        }
        at += HEADER;
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// A payload of copies, each (samples before, bytes), and the packet itself.
    fn redundant(PayloadType(opus): PayloadType, copies: &[(u16, Vec<u8>)], primary: &[u8]) -> Vec<u8> {
        let mut payload = Vec::new();
        for (before, copy) in copies {
            let bits = u32::from(0x80 | opus) << 24 | u32::from(*before) << 10 | copy.len() as u32;
            payload.extend(bits.to_be_bytes());
        }
        payload.push(opus);
        copies.iter().for_each(|(_, copy)| payload.extend(copy));
        payload.extend(primary);
        payload
    }

    proptest! {
        #[test]
        fn the_packet_is_found_behind_its_copies_and_blocks_are_told_by_another_number(
            copies in vec((0u16..0x4000, vec(any::<u8>(), 0..300)), 0..4),
            primary in vec(any::<u8>(), 1..300),
            numbers in (0u8..128, 0u8..128),
        ) {
            let numbers = (PayloadType(numbers.0), PayloadType(numbers.1));
            let mut payload = redundant(numbers.0, &copies, &primary);
            let red = read(&payload, numbers.0).unwrap();
            prop_assert_eq!(&payload[red.primary..], primary.as_slice());
            prop_assert_eq!(red.reach, u32::from(copies.iter().map(|copy| copy.0).max().unwrap_or(0)));
            relabel(&mut payload, numbers.1);
            prop_assert_eq!(payload, redundant(numbers.1, &copies, &primary));
        }

        #[test]
        fn whatever_comes_nothing_outside_is_read_or_written(
            payload in vec(prop_oneof![Just(0xEFu8), Just(0x6F), any::<u8>()], 0..40)
        ) {
            if let Some(red) = read(&payload, PayloadType(0x6F)) {
                prop_assert!(red.primary < payload.len());
                let mut same = payload.clone();
                relabel(&mut same, PayloadType(0x6F));
                prop_assert_eq!(&same, &payload);
            }
            relabel(&mut payload.clone(), PayloadType(1));
        }
    }

    #[test]
    fn a_packet_of_no_bytes_or_blocks_of_another_codec_are_not_understood() {
        let opus = PayloadType(111);
        assert_eq!(read(&redundant(opus, &[(960, vec![1])], &[]), opus), None);
        assert_eq!(read(&redundant(PayloadType(0), &[], &[1, 2]), opus), None);
        assert_eq!(read(&redundant(opus, &[], &[7]), opus), Some(Red { primary: 1, reach: 0 }));
    }
}

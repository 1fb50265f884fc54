//! Packets on a byte stream: the length in two bytes, then the packet (RFC 4571, section 2).

use forwarder_core::rtp::MTU;

const HEADER: usize = 2;

/// Something that no client of ours sends; its connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misfit;

/// The packet length that a frame begins with, where both bytes of it are there.
fn length(bytes: &[u8]) -> Result<Option<usize>, Misfit> {
    let Some(&[high, low]) = bytes.first_chunk() else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > MTU { Err(Misfit) } else { Ok(Some(length)) }
}

/// One direction of a stream, cut into packets. It holds one unfinished frame, of at most [`MTU`] bytes and two.
#[derive(Debug, Default)]
pub struct Frames {
    unfinished: Vec<u8>,
}

impl Frames {
    /// Takes what was read next, of any length, and hands each whole packet on; null packets (of no bytes) are skipped.
    ///
    /// # Errors
    /// [`Misfit`] for a packet longer than [`MTU`], and whatever `each` refuses; nothing may be fed after that.
    pub fn feed(
        &mut self,
        mut bytes: &mut [u8],
        mut each: impl FnMut(&mut [u8]) -> Result<(), Misfit>,
    ) -> Result<(), Misfit> {
        let mut whole =
            |frame: &mut [u8]| if frame.len() > HEADER { each(&mut frame[HEADER..]) } else { Ok(()) };
        while !bytes.is_empty() {
            let unfinished = !self.unfinished.is_empty();
            let begun = if unfinished { self.unfinished.as_slice() } else { &*bytes };
            let wanted = HEADER + length(begun)?.unwrap_or(0) - self.unfinished.len();
            let end = wanted.min(bytes.len());
            let (part, rest) = std::mem::take(&mut bytes).split_at_mut(end);
            bytes = rest;
            if !unfinished && part.len() == wanted {
                whole(part)?;
                continue;
            }
            self.unfinished.extend_from_slice(part);
            if length(&self.unfinished)?.is_some_and(|length| self.unfinished.len() == HEADER + length) {
                whole(&mut self.unfinished)?;
                self.unfinished.clear();
            }
        }
        Ok(())
    }
}

/// Appends a packet as a frame.
pub fn write(packet: &[u8], to: &mut Vec<u8>) {
    let length = u16::try_from(packet.len()).unwrap_or(u16::MAX);
    to.extend_from_slice(&length.to_be_bytes());
    to.extend_from_slice(&packet[..usize::from(length)]);
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn fed(frames: &mut Frames, bytes: &[u8]) -> Result<Vec<Vec<u8>>, Misfit> {
        let mut packets = Vec::new();
        frames.feed(&mut bytes.to_vec(), |packet| {
            packets.push(packet.to_vec());
            Ok(())
        })?;
        Ok(packets)
    }

    proptest! {
        #[test]
        fn packets_arrive_whole_however_the_stream_is_cut(
            packets in vec(prop_oneof![vec(any::<u8>(), 0..40), vec(any::<u8>(), MTU - 2..=MTU)], 0..8),
            cuts in vec(1usize..2000, 1..40),
        ) {
            let mut stream = Vec::new();
            for packet in &packets {
                write(packet, &mut stream);
            }
            let (mut frames, mut found, mut at) = (Frames::default(), Vec::new(), 0);
            for cut in cuts.iter().cycle() {
                let end = (at + cut).min(stream.len());
                found.extend(fed(&mut frames, &stream[at..end]).unwrap());
                at = end;
                if at == stream.len() {
                    break;
                }
            }
            let sent: Vec<_> = packets.into_iter().filter(|packet| !packet.is_empty()).collect();
            prop_assert_eq!(found, sent);
            prop_assert!(frames.unfinished.is_empty());
        }

        #[test]
        fn whatever_comes_what_is_held_stays_bounded(parts in vec(vec(any::<u8>(), 0..2000), 0..6)) {
            let mut frames = Frames::default();
            for part in parts {
                let well = fed(&mut frames, &part);
                prop_assert!(frames.unfinished.len() < HEADER + MTU);
                if well.is_err() {
                    break;
                }
            }
        }
    }

    #[test]
    fn a_frame_that_is_too_long_is_refused_as_soon_as_it_says_so() {
        let long = (MTU as u16 + 1).to_be_bytes();
        assert_eq!(fed(&mut Frames::default(), &long), Err(Misfit));
        let mut frames = Frames::default();
        assert_eq!(fed(&mut frames, &long[..1]), Ok(vec![]));
        assert_eq!(fed(&mut frames, &long[1..]), Err(Misfit));
    }

    #[test]
    fn half_a_frame_is_no_packet() {
        let mut frames = Frames::default();
        for byte in [0, 3, 7, 8] {
            assert_eq!(fed(&mut frames, &[byte]), Ok(vec![]));
        }
        assert_eq!(fed(&mut frames, &[9, 0, 0, 0, 1, 5]), Ok(vec![vec![7, 8, 9], vec![5]]));
    }
}

//! What the first byte of an Opus packet tells (RFC 6716, section 3.1).

/// Duration of a packet in samples at 48 kHz, at most 5,760 (120 ms). `None` for an empty or impossible packet.
#[must_use]
pub fn duration(payload: &[u8]) -> Option<u32> {
    let toc = *payload.first()?;
    let frame = match toc >> 3 {
        config @ 0..=11 => [480, 960, 1920, 2880][usize::from(config & 3)],
        config @ 12..=15 => [480, 960][usize::from(config & 1)],
        config => [120, 240, 480, 960][usize::from(config & 3)],
    };
    let count = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(*payload.get(1)? & 0x3F),
    };
    let samples = frame * count;
    (1..=5760).contains(&samples).then_some(samples)
}

/// Whether the packet carries no audio: discontinuous transmission leaves at most two bytes (RFC 7587, section 3.1.3).
#[must_use]
pub fn is_dtx(payload: &[u8]) -> bool {
    payload.len() <= 2
}

/// The one-byte packet that lets a decoder fall silent, in the mode of the packet before it.
#[must_use]
pub fn dtx_after(toc: u8) -> [u8; 1] {
    [toc & 0xFC]
}

/// Frames that [`merge`] takes at most: 60 ms in frames of 10 ms.
pub const MERGED: usize = 6;

/// The single frame of a packet that can be merged with others: its configuration and channels (the TOC byte without
/// the frame count), its duration in samples, and its bytes. `None` for packets with several frames and for silence.
#[must_use]
pub fn single_frame(payload: &[u8]) -> Option<(u8, u32, &[u8])> {
    let (toc, frame) = payload.split_first()?;
    if toc & 3 != 0 || is_dtx(payload) || frame.len() > 1275 {
        return None;
    }
    Some((*toc, duration(payload)?, frame))
}

/// Writes frames of one configuration as one packet of code 3 (RFC 6716, section 3.2.5) and returns its length. `toc`
/// is that of any of them; `frames` has their bytes behind each other, `lengths` how long each is.
///
/// `None` when there is no room, or the lengths do not add up.
pub fn merge(toc: u8, lengths: &[u16], frames: &[u8], to: &mut [u8]) -> Option<usize> {
    let count = lengths.len();
    let constant = lengths.windows(2).all(|pair| pair[0] == pair[1]);
    if !(1..=48).contains(&count)
        || lengths.iter().map(|length| usize::from(*length)).sum::<usize>() != frames.len()
    {
        return None;
    }
    *to.get_mut(0)? = toc | 3;
    *to.get_mut(1)? = count as u8 | if constant { 0 } else { 0x80 };
    let mut at = 2;
    if !constant {
        // The last frame's length follows from the packet's.
        for length in &lengths[..count - 1] {
            if *length < 252 {
                *to.get_mut(at)? = *length as u8;
                at += 1;
            } else {
                let first = 252 + (*length & 3) as u8;
                *to.get_mut(at)? = first;
                *to.get_mut(at + 1)? = ((*length - u16::from(first)) / 4) as u8;
                at += 2;
            }
        }
    }
    to.get_mut(at..at + frames.len())?.copy_from_slice(frames);
    Some(at + frames.len())
}

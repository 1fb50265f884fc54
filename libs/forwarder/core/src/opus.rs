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

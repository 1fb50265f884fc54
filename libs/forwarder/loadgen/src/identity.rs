//! What follows from a session's number. The driver of the server computes the same.

use std::net::Ipv4Addr;

use forwarder_core::rtp::{ExtensionId, PayloadType, Ssrc};

/// Talkers are numbered from here, listeners from 0.
pub const TALKERS: u32 = 1 << 20;
/// Opus in every offer.
pub const PAYLOAD_TYPE: PayloadType = PayloadType(111);
/// Header extension id of the audio level.
pub const LEVEL: ExtensionId = ExtensionId(1);

/// A loopback address of its own per session, so that many can share a socket.
pub fn address(number: u32) -> Ipv4Addr {
    let base = u32::from(Ipv4Addr::new(127, 16, 0, 1));
    Ipv4Addr::from(base + number)
}

/// USERNAME of its checks and the password that authenticates them.
pub fn ice(number: u32) -> (Vec<u8>, Vec<u8>) {
    (
        format!("ours{number}:theirs{number}").into_bytes(),
        format!("our password of session {number}").into_bytes(),
    )
}

/// Master key and salt of what the session sends (`false`) or is sent (`true`).
pub fn master(number: u32, sent_to_it: bool) -> [u8; 28] {
    let mut key = [if sent_to_it { 0x22 } else { 0x11 }; 28];
    key[..4].copy_from_slice(&number.to_be_bytes());
    key
}

/// SSRC of a listener's slot; the listener is told from it when a packet arrives.
pub fn slot_ssrc(number: u32, slot: u32) -> Ssrc {
    Ssrc((number + 1) * 4 + slot)
}

/// The listener and slot of an SSRC.
pub fn of_ssrc(Ssrc(ssrc): Ssrc) -> Option<(usize, usize)> {
    (ssrc >= 4).then(|| (ssrc as usize / 4 - 1, ssrc as usize % 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_tells_whose_it_is_by_its_ssrc() {
        for number in [0, 1, 2999] {
            for slot in 0..3 {
                assert_eq!(of_ssrc(slot_ssrc(number, slot)), Some((number as usize, slot as usize)));
            }
        }
        assert_eq!(of_ssrc(Ssrc(3)), None);
        assert!(address(TALKERS + 10).is_loopback());
    }
}

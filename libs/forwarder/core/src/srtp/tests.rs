use super::cipher::{Aead, CounterMode};
use super::*;
use crate::rtp::SequenceNumber;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

const KEY: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
const SALT: [u8; 12] = *b"Quid pro quo";

fn aead() -> Aead {
    Aead::new(&KEY, SALT).unwrap()
}

fn gcm() -> Cipher {
    Cipher::Gcm(aead())
}

fn outbound(index: u32) -> Outbound {
    Outbound { rtp: RtpSeal(gcm()), rtcp: RtcpSeal { cipher: gcm(), index } }
}

#[test]
fn key_derivation_of_rfc_3711_b3() {
    let key: [u8; 16] = hex("E1F97A0D3E018BE0D64FA32C06DE4139").try_into().unwrap();
    let salt = hex("0EC675AD498AFEEBB6960B3AABE6");
    let mut out = [0; 16];
    derive(&key, &salt, 0, &mut out);
    assert_eq!(out.to_vec(), hex("C61E7A93744F39EE10734AFE3FF7A087"));
    let mut out = [0; 14];
    derive(&key, &salt, 2, &mut out);
    assert_eq!(out.to_vec(), hex("30CBBC08863D8C85D49DB34A9AE1"));
    let mut out = [0; 94];
    derive(&key, &salt, 1, &mut out);
    assert_eq!(out[..20].to_vec(), hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
}

const PLAIN_RTP: &str =
    "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573";
const SEALED_RTP: &str = "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce";

#[test]
fn sealed_rtp_of_rfc_7714_16_1_1() {
    let outbound = outbound(0);
    let mut packet = hex(PLAIN_RTP);
    let length = packet.len();
    packet.resize(length + TAG, 0);
    let sealed =
        outbound.seal_rtp(&mut packet, 12, length - 12, Ssrc(0x5501_a0b2), PacketIndex(0xf17b)).unwrap();
    assert_eq!(packet[..sealed].to_vec(), hex(SEALED_RTP));
}

#[test]
fn rtp_of_rfc_7714_opens_once() {
    let mut inbound = Inbound { rtp: gcm(), rtcp: gcm(), streams: Vec::new() };
    let mut packet = hex(SEALED_RTP);
    let header = Header::parse(&packet).unwrap();
    let length = inbound.open_rtp(&mut packet, &header).unwrap();
    assert_eq!(packet[..length].to_vec(), hex(PLAIN_RTP));
    assert_eq!(inbound.open_rtp(&mut hex(SEALED_RTP), &header), Err(SrtpError::Replay));
    let mut forged = hex(SEALED_RTP);
    forged[3] ^= 1;
    let header = Header::parse(&forged).unwrap();
    assert_eq!(inbound.open_rtp(&mut forged, &header), Err(SrtpError::Authentication));
}

#[test]
fn rtcp_of_rfc_7714_17_1() {
    let plain = hex(
        "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
    );
    let sealed = hex(
        "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4",
    );
    let mut outbound = outbound(0x5d3);
    let mut packet = plain.clone();
    packet.resize(plain.len() + RTCP_TRAILER, 0);
    let length = outbound.seal_rtcp(&mut packet, plain.len()).unwrap();
    assert_eq!(packet[..length].to_vec(), sealed);
    let mut inbound = Inbound { rtp: gcm(), rtcp: gcm(), streams: Vec::new() };
    let mut packet = sealed.clone();
    let length = inbound.open_rtcp(&mut packet).unwrap();
    assert_eq!(packet[..length].to_vec(), plain);
    assert_eq!(inbound.open_rtcp(&mut sealed.clone()), Err(SrtpError::Replay));
}

#[test]
fn counter_mode_keystream_of_rfc_3711_b2() {
    let key: [u8; 16] = hex("2B7E151628AED2A6ABF7158809CF4F3C").try_into().unwrap();
    let salt: [u8; 14] = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD").try_into().unwrap();
    let mut stream = vec![0; 0xFF02 * 16];
    CounterMode::new(key, salt, &[0; 20]).apply(Ssrc(0), 0, &mut stream);
    for (block, expected) in [
        (0, "E03EAD0935C95E80E166B16DD92B4EB4"),
        (1, "D23513162B02D0F72A43A2FE4A5F97AB"),
        (2, "41E95B3BB0A2E8DD477901E4FCA894C0"),
        (0xFEFF, "EC8CDF7398607CB0F2D21675EA9EA1E4"),
        (0xFF00, "362B7C3C6773516318A077D7FC5073AE"),
        (0xFF01, "6A2CC3787889374FBEB4C81B17BA6C44"),
    ] {
        assert_eq!(stream[block * 16..][..16].to_vec(), hex(expected), "block {block}");
    }
}

/// A packet that libsrtp sealed with master key and salt of its own test driver (profile AES128_CM_SHA1_80).
#[test]
fn a_packet_of_libsrtp_opens_and_ours_is_the_same() {
    let master = hex("e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6");
    let sealed = hex("800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb");
    let mut plain = hex("800f1234decafbadcafebabe");
    plain.extend([0xab; 16]);
    let mut inbound = Inbound::new(&master).unwrap();
    let mut packet = sealed.clone();
    let header = Header::parse(&packet).unwrap();
    let length = inbound.open_rtp(&mut packet, &header).unwrap();
    assert_eq!(packet[..length], plain);
    assert_eq!(inbound.open_rtp(&mut sealed.clone(), &header), Err(SrtpError::Replay));
    let outbound = Outbound::new(&master).unwrap();
    assert_eq!(outbound.rtp.tag(), 10);
    let mut packet = plain.clone();
    packet.resize(plain.len() + TAG, 0);
    let length = outbound.seal_rtp(&mut packet, 12, 16, Ssrc(0xcafe_babe), PacketIndex(0x1234)).unwrap();
    assert_eq!(packet[..length], sealed);
    let mut report = hex("81c8000bcafebabe");
    report.extend([0xab; 16]);
    report.resize(24 + RTCP_TRAILER, 0);
    let mut outbound = Outbound::new(&master).unwrap();
    let length = outbound.seal_rtcp(&mut report, 24).unwrap();
    assert_eq!(
        report[..length],
        hex("81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798")
    );
}

#[test]
fn counter_mode_opens_what_it_sealed_and_nothing_that_was_changed() {
    let master: Vec<u8> = (0..30).collect();
    let (mut outbound, mut inbound) = (Outbound::new(&master).unwrap(), Inbound::new(&master).unwrap());
    let plain: Vec<u8> = hex("81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61");
    let mut sealed = plain.clone();
    sealed.resize(plain.len() + RTCP_TRAILER, 0);
    let length = outbound.seal_rtcp(&mut sealed, plain.len()).unwrap();
    sealed.truncate(length);
    assert_ne!(sealed[8..plain.len()], plain[8..]);
    for at in 0..sealed.len() {
        let mut forged = sealed.clone();
        forged[at] ^= 1;
        assert_eq!(inbound.open_rtcp(&mut forged), Err(SrtpError::Authentication), "byte {at}");
    }
    for cut in 0..sealed.len() {
        assert!(inbound.open_rtcp(&mut sealed[..cut].to_vec()).is_err());
    }
    let length = inbound.open_rtcp(&mut sealed.clone()).map(|length| length.min(sealed.len())).unwrap();
    assert_eq!(length, plain.len());
    assert_eq!(inbound.open_rtcp(&mut sealed), Err(SrtpError::Replay));

    let mut packet = hex(PLAIN_RTP);
    let plain = packet.clone();
    packet.resize(plain.len() + TAG, 0);
    // Past a rollover, which is authenticated though it is not sent.
    let length = outbound
        .seal_rtp(&mut packet, 12, plain.len() - 12, Ssrc(0x5501_a0b2), PacketIndex(0x1_f17b))
        .unwrap();
    packet.truncate(length);
    let header = Header::parse(&packet).unwrap();
    assert_eq!(inbound.open_rtp(&mut packet.clone(), &header), Err(SrtpError::Authentication));
    for cut in 0..length {
        assert!(inbound.open_rtp(&mut packet[..cut].to_vec(), &header).is_err());
    }
}

#[test]
fn keys_of_another_length_are_refused() {
    for length in [0, 16, 27, 29, 31, 46] {
        assert_eq!(Outbound::new(&vec![0; length]).err(), Some(SrtpError::Key));
    }
}

#[test]
fn the_window_takes_late_packets_once_and_follows_a_rollover() {
    let mut window = Window::default();
    for index in [65_530u64, 65_534, 65_532] {
        assert_eq!(window.guess(SequenceNumber(index as u16)), PacketIndex(index));
        window.check(index).unwrap();
        window.record(index);
    }
    assert_eq!(window.check(65_532), Err(SrtpError::Replay));
    assert_eq!(window.guess(SequenceNumber(2)), PacketIndex(65_538));
    window.record(65_538);
    assert_eq!(window.guess(SequenceNumber(65_533)), PacketIndex(65_533), "late, from before the rollover");
    window.check(65_533).unwrap();
    window.record(65_538 + 500);
    assert_eq!(window.check(65_540), Err(SrtpError::Replay), "older than the window");
}

#[test]
fn a_peer_may_send_many_streams_one_after_another_and_not_without_end() {
    let (outbound, mut inbound) = (outbound(0), Inbound { rtp: gcm(), rtcp: gcm(), streams: Vec::new() });
    let mut open = |ssrc: u32| {
        let mut packet = hex(PLAIN_RTP);
        packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
        let length = packet.len();
        packet.resize(length + TAG, 0);
        outbound.seal_rtp(&mut packet, 12, length - 12, Ssrc(ssrc), PacketIndex(0xf17b)).unwrap();
        let header = Header::parse(&packet).unwrap();
        inbound.open_rtp(&mut packet, &header)
    };
    for ssrc in 0..64 {
        assert!(open(ssrc).is_ok(), "stream {ssrc}");
    }
    assert_eq!(open(64), Err(SrtpError::Streams));
    assert_eq!(open(0), Err(SrtpError::Replay), "none is forgotten");
}

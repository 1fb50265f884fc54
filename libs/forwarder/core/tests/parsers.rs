//! No bytes make a parser panic, loop, or read beyond what it was given. PROPTEST_CASES=100000 looks longer.

use forwarder_core::clock::Now;
use forwarder_core::engine::{Engine, Event, Io};
use forwarder_core::rtp::{
    AudioLevel, ExtensionId, Header, MTU, Outgoing, PayloadType, SequenceNumber, Ssrc, Timestamp,
};
use forwarder_core::{batch::Batch, opus, rtcp, stun};
use proptest::collection::vec;
use proptest::prelude::*;

struct Nowhere;

impl Io for Nowhere {
    fn send(&mut self, _: &Batch) {}
    fn event(&mut self, _: Event) {}
}

/// Bytes that get past the first look of a parser more often than random ones.
fn datagram() -> impl Strategy<Value = Vec<u8>> {
    let random = vec(any::<u8>(), 0..MTU);
    let like_stun = (0u8..4, any::<u8>(), vec(any::<u8>(), 0..200)).prop_map(|(first, second, rest)| {
        let body = rest.len() / 4 * 4;
        let mut bytes = vec![first, second];
        bytes.extend((body as u16).to_be_bytes());
        bytes.extend(stun::MAGIC_COOKIE.to_be_bytes());
        bytes.extend([7; 12]);
        bytes.extend(&rest[..body]);
        bytes
    });
    let like_rtp = (any::<u8>(), vec(any::<u8>(), 11..300)).prop_map(|(first, rest)| {
        let mut bytes = vec![0x80 | (first & 0x3F)];
        bytes.extend(rest);
        bytes
    });
    let like_rtcp = (0u8..32, 192u8..224, vec(any::<u8>(), 0..100)).prop_map(|(count, kind, rest)| {
        let words = rest.len() / 4;
        let mut bytes = vec![0x80 | count, kind];
        bytes.extend((words as u16).to_be_bytes());
        bytes.extend(&rest[..words * 4]);
        bytes
    });
    prop_oneof![random, like_stun, like_rtp, like_rtcp]
}

proptest! {
    #[test]
    fn parsers_never_panic(bytes in datagram(), id in 0u8..16) {
        if let Ok(message) = stun::Message::parse(&bytes) {
            let _ = message.authentic(&stun::integrity_key(b"key"));
        }
        if let Ok(header) = Header::parse(&bytes) {
            prop_assert!(header.length <= bytes.len());
            if let Ok(payload) = header.payload(&bytes) {
                prop_assert!(payload.len() <= bytes.len() - header.length);
            }
            let _ = header.extension(&bytes, ExtensionId(id)).and_then(AudioLevel::parse);
        }
        let mut items = 0;
        rtcp::read(&bytes, |_| items += 1);
        prop_assert!(items <= bytes.len());
        if let Some(samples) = opus::duration(&bytes) {
            prop_assert!((1..=5760).contains(&samples));
        }
    }

    #[test]
    fn the_engine_takes_anything_from_anybody(datagrams in vec(datagram(), 1..8)) {
        let mut engine = Engine::default();
        for mut bytes in datagrams {
            engine.datagram(Now { us: 1, wall_ns: 1 }, "192.0.2.1:5000".parse().unwrap(), &mut bytes, &mut Nowhere);
        }
        prop_assert_eq!(engine.counters().accepted, 0);
    }

    #[test]
    fn a_written_header_reads_back(
        marker: bool, payload_type in 0u8..128, sequence: u16, timestamp: u32, ssrc: u32, csrc: u32,
        mid in proptest::option::of((1u8..15, vec(any::<u8>(), 1..17))),
        level in proptest::option::of((1u8..15, any::<bool>(), 0u8..128)),
        payload in vec(any::<u8>(), 0..100),
    ) {
        prop_assume!(mid.as_ref().map(|(id, _)| *id) != level.map(|(id, _, _)| id) || mid.is_none());
        let level = level.map(|(id, voice, minus_dbov)| (id, AudioLevel { voice, minus_dbov }));
        let outgoing = Outgoing { padding: false,
            marker,
            payload_type: PayloadType(payload_type),
            sequence: SequenceNumber(sequence),
            timestamp: Timestamp(timestamp),
            ssrc: Ssrc(ssrc),
            csrc: Ssrc(csrc),
            mid: mid.as_ref().map(|(id, mid)| (ExtensionId(*id), mid.as_slice())),
            level: level.map(|(id, level)| (ExtensionId(id), level)),
        };
        let mut bytes = [0xAA; MTU];
        let length = outgoing.write(&mut bytes);
        bytes[length..length + payload.len()].copy_from_slice(&payload);
        let packet = &bytes[..length + payload.len()];
        let header = Header::parse(packet).unwrap();
        prop_assert_eq!(header.length, length);
        prop_assert_eq!(
            (header.marker, header.payload_type.0, header.sequence.0, header.timestamp.0, header.ssrc.0),
            (marker, payload_type, sequence, timestamp, ssrc)
        );
        prop_assert_eq!(header.csrc, Some(Ssrc(csrc)));
        prop_assert_eq!(header.payload(packet).unwrap(), payload.as_slice());
        if let Some((id, mid)) = &mid {
            prop_assert_eq!(header.extension(packet, ExtensionId(*id)).unwrap(), mid.as_slice());
        }
        if let Some((id, level)) = level {
            prop_assert_eq!(header.extension(packet, ExtensionId(id)).and_then(AudioLevel::parse), Some(level));
        }
    }

    #[test]
    fn our_own_reports_read_back(ssrc: u32, fraction_lost: u8, lost in -0x80_0000i32..0x80_0000, highest: u32, jitter: u32) {
        let block = rtcp::Block { ssrc: Ssrc(ssrc), fraction_lost, lost, highest, jitter, last_report: 1, delay: 2 };
        let mut bytes = [0; 64];
        let length = rtcp::receiver_report(&mut bytes, Ssrc(9), &block);
        let mut read = Vec::new();
        prop_assert!(rtcp::read(&bytes[..length], |item| read.push(item)));
        prop_assert_eq!(read, vec![rtcp::Item::Report(block)]);
    }
}

//! Mutations of the committed seeds for `FUZZ_SECONDS` (half a second by default, a minute in `make fuzz`). Nothing
//! panics, loops or reads beyond its bytes. A failure prints the input; `FUZZ_SEED` repeats a run.

mod common;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use common::World;
use forwarder_core::rtp::{AudioLevel, ExtensionId, Header, MTU, is_rtcp};
use forwarder_core::{opus, rtcp, stun};

/// xorshift64*: good enough to choose bytes.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() >> 33) as usize % end.max(1)
    }
}

fn seeds(text: &str) -> Vec<Vec<u8>> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    lines.map(|line| line.trim().as_bytes().chunks(2).map(byte).collect()).collect()
}

/// One seed with a few things done to it: bits, borders, cuts, copies, and pieces of another seed.
fn mutate(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    const EDGES: [u8; 9] = [0, 1, 3, 4, 0x7F, 0x80, 0xBE, 0xFE, 0xFF];
    let mut bytes = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len());
        match random.below(7) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            1 if !bytes.is_empty() => bytes[at] = EDGES[random.below(EDGES.len())],
            2 if !bytes.is_empty() => bytes[at] = random.next() as u8,
            3 => bytes.truncate(at),
            4 => bytes.insert(at, random.next() as u8),
            5 => {
                let piece = bytes[at..(at + random.below(24)).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => {
                let other = &seeds[random.below(seeds.len())];
                bytes.truncate(at);
                bytes.extend(&other[random.below(other.len())..]);
            }
        }
    }
    bytes.truncate(MTU);
    bytes
}

fn fuzz(name: &str, text: &str, mut take: impl FnMut(&mut Random, &[u8])) {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<f64>().ok());
    let seconds = number("FUZZ_SECONDS").unwrap_or(0.5);
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let seed = number("FUZZ_SEED").map_or(clock >> 8, |seed| seed as u64) | 1;
    let (mut random, seeds) = (Random(seed), seeds(text));
    for seed in &seeds {
        take(&mut random, seed);
    }
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut count = 0u64;
    while !count.is_multiple_of(256) || Instant::now() < end {
        let bytes = mutate(&mut random, &seeds);
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| take(&mut random, &bytes)));
        assert!(caught.is_ok(), "{name}, FUZZ_SEED={seed}: {}", hex(&bytes));
        count += 1;
    }
    println!("{name}: {count} inputs in {seconds} s, FUZZ_SEED={seed}");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const STUN: &str = include_str!("seeds/stun.hex");
const RTP: &str = include_str!("seeds/rtp.hex");
const RTCP: &str = include_str!("seeds/rtcp.hex");

#[test]
fn stun_of_any_shape() {
    let key = stun::integrity_key(b"VOkJxbRl1RmTxUk/WvJxBt");
    let genuine = seeds(STUN);
    fuzz("STUN", STUN, |_, bytes| {
        if let Ok(message) = stun::Message::parse(bytes) {
            let authentic = message.authentic(&key);
            // Up to MESSAGE-INTEGRITY nothing can be changed; what follows is not looked at, or is FINGERPRINT.
            assert!(
                !authentic
                    || genuine
                        .iter()
                        .any(|seed| seed[20..40.min(seed.len())] == bytes[20..40.min(bytes.len())])
            );
        }
    });
}

#[test]
fn rtp_and_its_header_extensions_of_any_shape() {
    fuzz("RTP", RTP, |random, bytes| {
        if let Ok(header) = Header::parse(bytes) {
            assert!(header.length <= bytes.len());
            for id in 0..=16 {
                let value = header.extension(bytes, ExtensionId(id));
                assert!(value.is_none_or(|value| value.len() <= bytes.len()));
                let _ = value.and_then(AudioLevel::parse);
            }
            if let Ok(payload) = header.payload(bytes) {
                assert!(payload.len() <= bytes.len() - header.length);
                assert!(opus::duration(payload).is_none_or(|samples| samples <= 5760));
                let _ = (opus::is_dtx(payload), opus::single_frame(payload), random.next());
            }
        }
    });
}

#[test]
fn rtcp_of_any_shape() {
    fuzz("RTCP", RTCP, |_, bytes| {
        let mut items = 0;
        rtcp::read(bytes, |_| items += 1);
        assert!(items <= bytes.len());
    });
}

/// What somebody who has keys sends: it is authentic, and may still be anything.
#[test]
fn authentic_packets_of_any_shape_reach_the_whole_engine() {
    let mut world = World::default();
    let mut ear = world.listener(1, 0, 3);
    let mut ada = world.speaker(2);
    let mut sent = 0u64;
    fuzz("authentic RTP and RTCP", &[RTP, RTCP].concat(), |random, bytes| {
        let packet = if is_rtcp(bytes) {
            ada.seal_rtcp(bytes)
        } else {
            let mut bytes = bytes.to_vec();
            if random.below(4) > 0 && bytes.len() >= 12 {
                bytes[2..4].copy_from_slice(&ada.index.sequence().0.to_be_bytes());
                bytes[8..12].copy_from_slice(&ada.ssrc.0.to_be_bytes());
            }
            ada.seal_rtp(&bytes)
        };
        if let Some(packet) = packet {
            world.arrives(ada.address, &packet);
        }
        sent += 1;
        if sent.is_multiple_of(64) {
            world.pass(20_000);
            let (listener, talker) = (ear.address, ada.address);
            assert!(ear.check(&mut world, listener, false) && ada.check(&mut world, talker, false));
            ear.hear(&mut world);
            world.net.sent.clear();
            world.net.events.clear();
        }
    });
    // How many there were is the machine's doing; one mutated number far ahead makes a replay of many.
    let accepted = world.engine.counters().accepted;
    assert!(accepted > sent / 200, "{accepted} of {sent} were accepted");
}

//! Speakers whose clocks jump, whose streams change and whose packets overtake each other: listeners hear everything
//! that was said, in order, by a clock that never leaps.

mod common;

use common::{Client, Heard, OPUS, SPACE, World, frame};
use forwarder_core::engine::{Engine, Event, Tuning};
use forwarder_core::ids::{PersonId, SessionId};
use forwarder_core::opus;
use forwarder_core::rtp::{PacketIndex, PayloadType, SequenceNumber, Ssrc, Timestamp};
use proptest::prelude::*;

/// A packet on its way: when it arrives, and the sealed bytes.
type Coming = (u64, Vec<u8>);

/// Says frames, one every 20 ms from now on, before each of which `change` may turn the speaker's clock and numbers.
fn say(
    speaker: &mut Client,
    from_us: u64,
    count: u64,
    mut change: impl FnMut(&mut Client, u64),
) -> (Vec<Vec<u8>>, Vec<Coming>) {
    let mut said = Vec::new();
    let mut coming = Vec::new();
    for number in 0..count {
        change(speaker, number);
        let payload = frame(speaker.id, number);
        coming.push((from_us + 7_000 + number * 20_000, speaker.packet(&payload, Some(30))));
        said.push(payload);
    }
    (said, coming)
}

/// Lets packets arrive, ticks and deadlines included, and for so long nothing afterwards.
fn arrive(world: &mut World, speaker: &Client, mut coming: Vec<Coming>, rest_us: u64) {
    coming.sort_by_key(|(at, _)| *at);
    for (at, bytes) in coming {
        until(world, at);
        world.arrives(speaker.address, &bytes);
    }
    let end = world.us + rest_us;
    until(world, end);
}

fn until(world: &mut World, at: u64) {
    while world.us < at {
        let tick = (world.us / 20_000 + 1) * 20_000;
        let due = world.engine.due_us().unwrap_or(u64::MAX).max(world.us);
        world.us = tick.min(due).min(at);
        let now = world.now();
        if world.us == tick {
            world.engine.tick(now, &mut world.net);
        } else if world.us < at {
            world.engine.flush(now, &mut world.net);
        }
    }
}

/// Frames and their timestamps, merged ones taken apart; what ends a slot is left out. Packets are put in the order of
/// their sequence numbers, of which no two are the same.
fn frames(mut heard: Vec<Heard>) -> Vec<(Vec<u8>, Timestamp)> {
    let Some(first) = heard.first().map(|heard| heard.header.sequence) else { return Vec::new() };
    heard.sort_by_key(|heard| heard.header.sequence.since(first));
    assert!(heard.windows(2).all(|pair| pair[0].header.sequence != pair[1].header.sequence));
    let mut frames = Vec::new();
    for Heard { header, payload, .. } in heard.into_iter().filter(|heard| heard.payload.len() > 1) {
        if payload[0] & 3 != 3 {
            frames.push((payload, header.timestamp));
            continue;
        }
        // All frames here have one length.
        let count = usize::from(payload[1] & 0x3F);
        let (head, toc) = (2, payload[0] & 0xFC);
        for (number, bytes) in payload[head..].chunks((payload.len() - head) / count).enumerate() {
            let time = header.timestamp.plus(number as u32 * 960);
            frames.push(([&[toc], bytes].concat(), time));
        }
    }
    frames
}

/// Everything that was said is heard, in its order, 20 ms apart.
fn hears_all(heard: Vec<Heard>, said: &[Vec<u8>]) {
    let (first, last, count) = (heard.first().cloned(), heard.last().cloned(), heard.len());
    let frames = frames(heard);
    let words: Vec<_> = frames.iter().map(|(word, _)| word.clone()).collect();
    assert_eq!(words.len(), said.len(), "of {} frames {} are heard", said.len(), words.len());
    assert!(words == said, "in another order");
    for (number, pair) in frames.windows(2).enumerate() {
        assert_eq!(pair[1].1.since(pair[0].1), 960, "after frame {number}");
    }
    if let (Some(first), Some(last)) = (first, last) {
        let numbers = usize::from(last.header.sequence.since(first.header.sequence).unsigned_abs()) + 1;
        assert!(numbers.abs_diff(count) <= 5, "{count} packets in {numbers} numbers");
    }
}

/// Arrival (us), timestamp and sequence number of every captured packet, sorted within each bundle as readers do.
fn captured(world: &World) -> Vec<Captured> {
    let mut packets = Vec::new();
    for event in &world.net.events {
        let Event::Captured { bundle, .. } = event else { continue };
        let base = u64::from_le_bytes(*bundle[4..].first_chunk().unwrap()) / 1000;
        assert_eq!(bundle[1] & 2, 2, "continuous");
        let (mut at, first) = (16, packets.len());
        while at < bundle.len() {
            let word = |at: usize| u32::from_le_bytes(*bundle[at..].first_chunk().unwrap());
            let half = |at: usize| u16::from_le_bytes(*bundle[at..].first_chunk().unwrap());
            let length = usize::from(half(at + 10));
            packets.push((
                base + u64::from(word(at)),
                Timestamp(word(at + 4)),
                SequenceNumber(half(at + 8)),
                bundle[at + 12..at + 12 + length].to_vec(),
            ));
            at += 12 + length;
        }
        if let Some(sequence) = packets.get(first).map(|packet: &Captured| packet.2) {
            packets[first..].sort_by_key(|packet| packet.2.since(sequence));
        }
    }
    packets
}

type Captured = (u64, Timestamp, SequenceNumber, Vec<u8>);

/// What is captured is what was said, each 20 ms after the one before it by media time and next by its number.
fn captures_all(world: &mut World, speaker: &Client, said: &[Vec<u8>]) {
    world.remove(speaker);
    let packets = captured(world);
    assert!(packets.iter().map(|packet| &packet.3).eq(said));
    assert!(packets.windows(2).all(|pair| pair[1].1.since(pair[0].1) == 960));
    assert!(packets.windows(2).all(|pair| pair[1].2 == pair[0].2.next()));
}

/// Somebody says 400 frames whose clock or stream changes; a listener, a large audience, people on stage and another
/// node hear all of them.
fn heard_by_everybody(change: impl Fn(&mut Client, u64)) {
    let mut world = World::default();
    let (mut ear, mut ada) = (world.listener(1, 0, 3), world.speaker(2));
    let (said, coming) = say(&mut ada, world.us, 400, &change);
    arrive(&mut world, &ada, coming, 100_000);
    hears_all(ear.hear(&mut world), &said);
    captures_all(&mut world, &ada, &said);

    let mut world = large();
    let (mut ear, mut ada) = (world.listener(1, 0, 3), world.speaker(2));
    let mut stage = world.listener(4, 3, 3);
    let _bob = world.speaker(3);
    let (said, coming) = say(&mut ada, world.us, 400, &change);
    arrive(&mut world, &ada, coming, 100_000);
    hears_all(ear.hear(&mut world), &said);
    hears_all(stage.hear(&mut world), &said);

    let (mut here, mut there) = (World::default(), World::default());
    let (mut ada, mut ear) = (here.speaker(2), there.listener(1, 0, 3));
    here.engine.set_shared(SPACE, true);
    let (said, coming) = say(&mut ada, here.us, 400, &change);
    carry(&mut here, &mut there, &ada, coming);
    hears_all(ear.hear(&mut there), &said);
}

/// A node whose listeners are a large audience.
fn large() -> World {
    World { engine: Engine::new(Tuning { coalesce_us: 0, repacketise_from: 1 }), ..World::default() }
}

/// Packets arrive at one node, which passes them to another.
fn carry(here: &mut World, there: &mut World, speaker: &Client, mut coming: Vec<Coming>) {
    coming.sort_by_key(|(at, _)| *at);
    for one in coming {
        arrive(here, speaker, vec![one], 0);
        let events = std::mem::take(&mut here.net.events);
        until(there, here.us);
        for event in events {
            let Event::Relayed { packet, .. } = event else { continue };
            let now = there.now();
            let source = SessionId(1 << 63);
            assert!(there.engine.inject(SPACE, source, PersonId(2), &packet, now, &mut there.net));
            there.engine.flush(now, &mut there.net);
        }
    }
    let end = there.us + 100_000;
    until(there, end);
}

#[test]
fn a_clock_that_jumps_in_mid_speech_loses_nothing_and_nobody_notices() {
    for jump in [-48_000, -960, -1920, -60 * 48_000, 48_000, 30 * 48_000, 3600 * 48_000, i32::MIN] {
        heard_by_everybody(|speaker, number| {
            if number == 200 {
                speaker.timestamp = speaker.timestamp.plus(jump as u32);
            }
        });
    }
}

#[test]
fn a_clock_that_jumps_again_and_again_loses_nothing() {
    heard_by_everybody(|speaker, number| {
        if number % 7 == 3 {
            speaker.timestamp = Timestamp((number as u32).wrapping_mul(0x9E37_79B9));
        }
    });
}

#[test]
fn another_stream_begins_at_a_lower_timestamp_or_anywhere_and_all_of_it_is_heard() {
    for (timestamp, sequence) in [(0, None), (0, Some(0)), (0x8000_0000, Some(30_000)), (1, Some(65_535))] {
        heard_by_everybody(|speaker, number| {
            if number == 101 {
                speaker.ssrc = Ssrc(77);
                speaker.timestamp = Timestamp(timestamp);
                if let Some(sequence) = sequence {
                    speaker.index = PacketIndex(sequence);
                }
            }
        });
    }
}

#[test]
fn who_goes_back_to_a_stream_is_heard() {
    heard_by_everybody(|speaker, number| {
        if number % 100 == 50 {
            // Each stream's numbers go on, or the cipher would refuse them.
            (speaker.ssrc, speaker.timestamp) = (Ssrc(70 + number as u32 / 100 % 2), Timestamp(7));
            speaker.index = PacketIndex(if number == 250 { 1100 } else { 1000 + number / 200 * 1000 });
        }
    });
}

#[test]
fn who_begins_stream_after_stream_is_heard() {
    heard_by_everybody(|speaker, number| {
        if number % 10 == 5 {
            let stream = number as u32 / 10;
            (speaker.ssrc, speaker.timestamp) =
                (Ssrc(70 + stream), Timestamp(stream.wrapping_mul(0x9E37_79B9)));
        }
    });
}

#[test]
fn a_single_packet_of_another_stream_costs_nothing() {
    heard_by_everybody(|speaker, number| {
        if number == 50 {
            (speaker.ssrc, speaker.timestamp) = (Ssrc(70), Timestamp(7));
        } else if number == 51 {
            (speaker.ssrc, speaker.timestamp) = (Ssrc(0xA000_0002), Timestamp(0xFFFF_0000 + 51 * 960));
        }
    });
}

/// Packets at these places arrive so many later.
fn overtaken(coming: &mut [Coming], places: impl Iterator<Item = usize>, by: usize) {
    for place in places {
        coming[place].0 = coming[place + by].0 + 1000;
    }
}

#[test]
fn packets_that_overtake_each_other_are_heard_in_their_order() {
    for by in 1..=5 {
        for first in [0, 1, 4] {
            let mut world = World::default();
            let (mut ear, mut ada) = (world.listener(1, 0, 3), world.speaker(2));
            let (said, mut coming) = say(&mut ada, world.us, 200, |_, _| {});
            overtaken(&mut coming, (first..190).step_by(10), by);
            arrive(&mut world, &ada, coming, 100_000);
            hears_all(ear.hear(&mut world), &said);
            assert_eq!(world.engine.counters().late, 0);
            captures_all(&mut world, &ada, &said);

            let (mut here, mut there) = (World::default(), World::default());
            let (mut ada, mut ear) = (here.speaker(2), there.listener(1, 0, 3));
            here.engine.set_shared(SPACE, true);
            let (said, mut coming) = say(&mut ada, here.us, 200, |_, _| {});
            overtaken(&mut coming, (first..190).step_by(10), by);
            carry(&mut here, &mut there, &ada, coming);
            hears_all(ear.hear(&mut there), &said);
        }
    }
}

/// Somebody says 200 frames, another stream from the 101st on; one of them arrives so many later. Everybody hears all.
fn heard_although_overtaken_where_the_stream_changes(place: usize, by: usize) {
    let change = |speaker: &mut Client, number| {
        if number == 101 {
            (speaker.ssrc, speaker.timestamp) = (Ssrc(77), Timestamp(5));
            speaker.index = PacketIndex(30_000);
        }
    };
    let (mut world, mut merging) = (World::default(), large());
    let (mut ear, mut ada) = (world.listener(1, 0, 3), world.speaker(2));
    let (said, mut coming) = say(&mut ada, world.us, 200, change);
    overtaken(&mut coming, [place].into_iter(), by);
    arrive(&mut world, &ada, coming, 100_000);
    hears_all(ear.hear(&mut world), &said);
    assert_eq!(world.engine.counters().late, 0);
    captures_all(&mut world, &ada, &said);

    let (mut ear, mut ada) = (merging.listener(1, 0, 3), merging.speaker(2));
    let (said, mut coming) = say(&mut ada, merging.us, 200, change);
    overtaken(&mut coming, [place].into_iter(), by);
    arrive(&mut merging, &ada, coming, 100_000);
    let frames = frames(ear.hear(&mut merging));
    assert!(frames.iter().map(|(word, _)| word).eq(&said), "{place} {by}: {}", frames.len());
    assert!(frames.windows(2).all(|pair| pair[1].1.since(pair[0].1) == 960));

    let (mut here, mut there) = (World::default(), World::default());
    let (mut ada, mut ear) = (here.speaker(2), there.listener(1, 0, 3));
    here.engine.set_shared(SPACE, true);
    let (said, mut coming) = say(&mut ada, here.us, 200, change);
    overtaken(&mut coming, [place].into_iter(), by);
    carry(&mut here, &mut there, &ada, coming);
    hears_all(ear.hear(&mut there), &said);
}

#[test]
fn the_first_packets_of_another_stream_may_overtake_each_other() {
    for (place, by) in [(101, 1), (101, 2), (101, 4), (102, 1), (102, 3)] {
        heard_although_overtaken_where_the_stream_changes(place, by);
    }
}

#[test]
fn another_stream_may_overtake_the_last_packets_of_the_one_before() {
    for (place, by) in [(100, 1), (100, 2), (100, 4), (99, 2), (99, 3)] {
        heard_although_overtaken_where_the_stream_changes(place, by);
    }
}

#[test]
fn the_first_words_after_a_pause_may_overtake_each_other() {
    for merged in [false, true] {
        for by in 1..=3 {
            let mut world = if merged { large() } else { World::default() };
            let (mut ear, mut ada) = (world.listener(1, 0, 3), world.speaker(2));
            ada.talk(&mut world, 50, Some(30));
            ada.talk(&mut world, 50, Some(127));
            ear.hear(&mut world);
            let (said, mut coming) = say(&mut ada, world.us, 50, |_, _| {});
            overtaken(&mut coming, [0].into_iter(), by);
            arrive(&mut world, &ada, coming, 100_000);
            let heard = frames(ear.hear(&mut world));
            assert!(heard.iter().map(|(word, _)| word).eq(&said), "{merged} {by}: {}", heard.len());
            assert!(heard.windows(2).all(|pair| pair[1].1.since(pair[0].1) == 960));
        }
    }
}

#[test]
fn the_first_packets_of_a_new_speaker_may_overtake_each_other_where_somebody_was_heard_before() {
    for merged in [false, true] {
        let mut world = if merged { large() } else { World::default() };
        let mut ear = world.listener(1, 0, 1);
        world.speaker(2).talk(&mut world, 50, Some(30));
        let end = world.us + 2_000_000;
        until(&mut world, end);
        let mut last = ear.hear(&mut world).last().unwrap().header.clone();
        for (id, swapped) in [(3, true), (4, false)] {
            let mut ada = world.speaker(id);
            let (said, mut coming) = say(&mut ada, world.us, 50, |_, _| {});
            overtaken(&mut coming, [0].into_iter().take(usize::from(swapped)), 1);
            arrive(&mut world, &ada, coming, 2_000_000);
            let heard = ear.hear(&mut world);
            let first = heard.iter().map(|heard| heard.header.sequence.since(last.sequence)).min();
            assert_eq!(first, Some(1), "a number is left free before {id}");
            last = heard.last().unwrap().header.clone();
            hears_all(heard, &said);
        }
        assert_eq!(world.engine.counters().late, 0);

        // At another node too, and after a pause.
        let mut here = World { us: world.us, ..World::default() };
        let mut ada = here.speaker(5);
        here.engine.set_shared(SPACE, true);
        for pause in [0, 2_000_000] {
            let (said, mut coming) = say(&mut ada, here.us + pause, 50, |_, _| {});
            overtaken(&mut coming, [0].into_iter(), 1);
            carry(&mut here, &mut world, &ada, coming);
            until(&mut here, world.us);
            hears_all(ear.hear(&mut world), &said);
        }
    }
}

#[test]
fn nothing_of_a_stream_that_ended_during_a_mute_takes_a_place_that_is_free_after_it() {
    let mut world = World::default();
    let (mut ear, mut ada) = (world.listener(1, 0, 3), world.speaker(2));
    let (_, coming) = say(&mut ada, world.us, 50, |_, _| {});
    arrive(&mut world, &ada, coming, 0);
    world.muted(&ada, true);
    let (secrets, mut coming) = say(&mut ada, world.us, 10, |_, _| {});
    let (secret, late) = (&secrets[5], coming.remove(5).1);
    arrive(&mut world, &ada, coming, 0);
    (ada.ssrc, ada.timestamp) = (Ssrc(77), Timestamp(5));
    let (_, coming) = say(&mut ada, world.us, 1, |_, _| {});
    arrive(&mut world, &ada, coming, 0);
    world.muted(&ada, false);
    let (said, mut coming) = say(&mut ada, world.us, 20, |_, _| {});
    coming.remove(5);
    coming.insert(8, (coming[7].0 + 100, late));
    ear.hear(&mut world);
    arrive(&mut world, &ada, coming, 100_000);
    let words: Vec<Vec<u8>> = frames(ear.hear(&mut world)).into_iter().map(|(word, _)| word).collect();
    assert!(!words.contains(secret));
    assert_eq!(words.len(), said.len() - 1);
}

#[test]
fn a_large_audience_hears_what_was_overtaken_too() {
    for by in 1..=5 {
        for every in [7, 10, 12] {
            let mut world = large();
            let (mut ear, mut ada) = (world.listener(1, 0, 3), world.speaker(2));
            let (said, mut coming) = say(&mut ada, world.us, 200, |_, _| {});
            overtaken(&mut coming, (1..190).step_by(every), by);
            arrive(&mut world, &ada, coming, 100_000);
            let heard = ear.hear(&mut world);
            assert!(heard.iter().any(|heard| opus::duration(&heard.payload) == Some(2880)));
            let frames = frames(heard);
            assert!(frames.iter().map(|(word, _)| word).eq(&said), "{by} {every}: {}", frames.len());
            assert!(frames.windows(2).all(|pair| pair[1].1.since(pair[0].1) == 960));
        }
    }
}

#[test]
fn two_that_swap_while_they_wait_are_merged_in_their_order() {
    let mut world = large();
    let (mut ear, mut ada) = (world.listener(1, 0, 3), world.speaker(2));
    let (said, mut coming) = say(&mut ada, world.us, 30, |_, _| {});
    // The first of three arrives right after the second.
    for place in (3..30).step_by(3) {
        coming[place].0 = coming[place + 1].0 + 1000;
    }
    arrive(&mut world, &ada, coming, 100_000);
    let heard = ear.hear(&mut world);
    assert_eq!(heard.len(), 10, "three in each");
    hears_all(heard, &said);
}

#[test]
fn three_talkers_whose_packets_overtake_each_other_are_heard_each_in_their_order() {
    for merged in [false, true] {
        let mut world = if merged { large() } else { World::default() };
        let mut ear = world.listener(1, 0, 3);
        let mut talkers: Vec<Client> = (2..5).map(|id| world.speaker(id)).collect();
        let mut all = Vec::new();
        let mut told = Vec::new();
        for (number, talker) in talkers.iter_mut().enumerate() {
            let (said, mut coming) = say(talker, world.us + 5_000 * number as u64, 200, |_, _| {});
            overtaken(&mut coming, (3 + number..190).step_by(8), 1 + number);
            all.extend(coming.into_iter().map(|(at, bytes)| (at, talker.address, bytes)));
            told.push((talker.ssrc, said));
        }
        all.sort_by_key(|(at, ..)| *at);
        for (at, address, bytes) in all {
            until(&mut world, at);
            world.arrives(address, &bytes);
        }
        let end = world.us + 100_000;
        until(&mut world, end);
        let heard = ear.hear(&mut world);
        for (ssrc, said) in told {
            let theirs = heard.iter().filter(|heard| heard.header.csrc == Some(ssrc)).cloned().collect();
            let frames = frames(theirs);
            assert!(frames.iter().map(|(word, _)| word).eq(&said), "{ssrc:?}: {}", frames.len());
            assert!(frames.windows(2).all(|pair| pair[1].1.since(pair[0].1) == 960));
        }
    }
}

#[test]
fn redundant_packets_that_overtake_each_other_come_whole() {
    const RED: PayloadType = PayloadType(63);
    const HEARD: PayloadType = PayloadType(97);
    let redundant = |PayloadType(opus): PayloadType, before: &[u8], packet: &[u8]| {
        let header = u32::from(0x80 | opus) << 24 | 960 << 10 | before.len() as u32;
        [&header.to_be_bytes()[..], &[opus], before, packet].concat()
    };
    let mut world = World::default();
    let (mut ear, mut ada) = (world.listener_with(1, 0, 3, Some(HEARD)), world.speaker_with(2, Some(RED)));
    ada.payload_type = RED;
    let mut coming: Vec<Coming> = (0..100)
        .map(|number| {
            if number == 50 {
                ada.timestamp = ada.timestamp.plus(48_000u32.wrapping_neg());
            }
            let payload = redundant(OPUS, &frame(2, 999 + number), &frame(2, 1000 + number));
            (world.us + number * 20_000, ada.packet(&payload, Some(30)))
        })
        .collect();
    overtaken(&mut coming, (3..90).step_by(10), 1);
    arrive(&mut world, &ada, coming, 100_000);
    let mut heard = ear.hear(&mut world);
    heard.sort_by_key(|heard| heard.header.sequence.0);
    heard.retain(|heard| heard.payload.len() > 1);
    assert_eq!(heard.len(), 100);
    for (number, heard) in heard.iter().enumerate() {
        let number = number as u64;
        // A copy from before the first packet, or before the clock jumped, has no place.
        let (payload_type, payload) = if number.is_multiple_of(50) {
            (PayloadType(96), frame(2, 1000 + number))
        } else {
            (HEARD, redundant(PayloadType(96), &frame(2, 999 + number), &frame(2, 1000 + number)))
        };
        assert_eq!((heard.header.payload_type, &heard.payload), (payload_type, &payload), "{number}");
    }
    assert!(heard.windows(2).all(|pair| pair[1].header.timestamp == pair[0].header.timestamp.plus(960)));
}

#[test]
fn a_lost_packet_leaves_its_number_and_its_time_free() {
    let mut world = World::default();
    let (mut ear, mut ada) = (world.listener(1, 0, 3), world.speaker(2));
    let (said, mut coming) = say(&mut ada, world.us, 50, |_, _| {});
    coming.remove(20);
    arrive(&mut world, &ada, coming, 100_000);
    let heard = ear.hear(&mut world);
    assert_eq!(heard.len(), 49);
    assert_eq!(heard[20].payload, said[21]);
    assert_eq!(heard[20].header.sequence.since(heard[19].header.sequence), 2);
    assert_eq!(heard[20].header.timestamp.since(heard[19].header.timestamp), 1920);
}

#[test]
fn what_comes_twice_is_heard_once() {
    let mut world = World::default();
    let (mut ear, mut ada) = (world.listener(1, 0, 3), world.speaker(2));
    let (said, mut coming) = say(&mut ada, world.us, 200, |_, _| {});
    overtaken(&mut coming, (3..190).step_by(5), 2);
    let again: Vec<Coming> = coming.iter().map(|(at, bytes)| (at + 1_500, bytes.clone())).collect();
    coming.extend(again);
    arrive(&mut world, &ada, coming, 100_000);
    hears_all(ear.hear(&mut world), &said);
    captures_all(&mut world, &ada, &said);
}

#[test]
fn a_clock_that_jumps_during_a_mute_is_heard_at_once_and_nothing_of_the_mute_is() {
    for jump in [-60 * 48_000, 3600 * 48_000] {
        let mut world = World::default();
        let (mut ear, mut ada) = (world.listener(1, 0, 3), world.speaker(2));
        let before = ada.talk(&mut world, 50, Some(30));
        world.muted(&ada, true);
        ada.talk(&mut world, 20, Some(30));
        ada.timestamp = ada.timestamp.plus(jump as u32);
        ada.talk(&mut world, 20, Some(30));
        let secret = ada.packet(b"\x78secret", Some(30));
        world.muted(&ada, false);
        let mut after = ada.talk(&mut world, 1, Some(30));
        // Said while muted, and overtaken.
        let address = ada.address;
        world.arrives(address, &secret);
        after.extend(ada.talk(&mut world, 49, Some(30)));
        let heard: Vec<Heard> =
            ear.hear(&mut world).into_iter().filter(|heard| heard.payload.len() > 1).collect();
        let words: Vec<Vec<u8>> = heard.iter().map(|heard| heard.payload.clone()).collect();
        assert_eq!(words, [before.clone(), after.clone()].concat());
        let passed = heard[50].header.timestamp.since(heard[49].header.timestamp);
        assert!((41 * 960..44 * 960).contains(&passed), "{passed} samples in a mute of 41 frames");
        world.remove(&ada);
        let packets = captured(&world);
        assert!(packets.iter().map(|packet| &packet.3).eq(before.iter().chain(&after)));
        let passed = packets[50].1.since(packets[49].1);
        assert!((41 * 960..44 * 960).contains(&passed), "{passed} captured");
        assert_eq!(packets[50].2, packets[49].2.next(), "a mute leaves no gap");
    }
}

#[test]
fn what_the_network_held_back_for_two_seconds_is_heard_by_its_own_clock() {
    for stall_us in [250_000, 550_000, 2_000_000] {
        let mut world = World::default();
        let (mut ear, mut ada) = (world.listener(1, 0, 3), world.speaker(2));
        let (said, mut coming) = say(&mut ada, world.us, 400, |_, _| {});
        let held = coming[150].0 + stall_us;
        for (number, (at, _)) in coming[150..].iter_mut().enumerate() {
            *at = (*at).max(held + number as u64 * 50);
        }
        arrive(&mut world, &ada, coming, 100_000);
        let frames = frames(ear.hear(&mut world));
        assert!(frames.iter().map(|(word, _)| word).eq(&said));
        for (number, pair) in frames.windows(2).enumerate() {
            let passed = pair[1].1.since(pair[0].1);
            // A slot that has ended begins again by the time that passed.
            let stalled = number == 149 && stall_us > 600_000;
            let expected = if stalled { stall_us as i32 * 48 / 1000 } else { 960 };
            assert!((passed - expected).abs() <= 960, "{passed} after frame {number}");
            assert!(stalled || passed == 960);
        }
        captures_all(&mut world, &ada, &said);
    }
}

#[test]
fn pauses_stay_as_long_as_they_were_although_the_clock_jumps_in_them() {
    for (pause, jump) in [(10, 0), (10, -48_000 * 60), (100, 0), (100, 48_000 * 60), (100, -48_000 * 60)] {
        let mut world = World::default();
        let (mut ear, mut ada) = (world.listener(1, 0, 3), world.speaker(2));
        let (said, mut coming) = say(&mut ada, world.us, 200, |speaker, number| {
            if number == 100 {
                speaker.timestamp = speaker.timestamp.plus((pause * 960 + jump) as u32);
            }
        });
        for (at, _) in &mut coming[100..] {
            *at += pause as u64 * 20_000;
        }
        arrive(&mut world, &ada, coming, 100_000);
        let frames = frames(ear.hear(&mut world));
        assert!(frames.iter().map(|(word, _)| word).eq(&said));
        let passed = frames[100].1.since(frames[99].1);
        assert!((passed - (pause + 1) * 960).abs() <= 960, "{passed} in a pause of {pause} frames");
        world.remove(&ada);
        let packets = captured(&world);
        assert_eq!(packets[100].1.since(packets[99].1), (pause + 1) * 960);
    }
}

/// Something that happens to a speaker's clock, stream or packets.
#[derive(Clone, Debug)]
enum Mishap {
    Jump(i32),
    Stream(u32),
    Overtaken(usize),
    Twice,
}

fn mishap() -> impl Strategy<Value = Mishap> {
    prop_oneof![
        any::<i32>().prop_filter("as the next would be", |jump| *jump != 0).prop_map(Mishap::Jump),
        (-200_000..-960).prop_map(Mishap::Jump),
        any::<u32>().prop_map(Mishap::Stream),
        (1usize..=5).prop_map(Mishap::Overtaken),
        (1usize..=5).prop_map(Mishap::Overtaken),
        Just(Mishap::Twice),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happens_what_was_said_is_heard_in_order_by_a_clock_that_runs_on(
        mishaps in prop::collection::vec((2u64..250, mishap()), 0..20),
        jitter in prop::collection::vec(0u64..4_000, 300),
        merged in any::<bool>(),
        start in (any::<u32>(), any::<u16>()),
    ) {
        let mut world = if merged { large() } else { World::default() };
        let (mut ear, mut ada) = (world.listener(1, 0, 3), world.speaker(2));
        (ada.timestamp, ada.index) = (Timestamp(start.0), PacketIndex(start.1.into()));
        let mut streams = 0;
        let mut borders = vec![];
        let (said, mut coming) = say(&mut ada, world.us, 260, |speaker, number| {
            for (at, mishap) in mishaps.iter().filter(|(at, _)| *at == number) {
                match mishap {
                    Mishap::Jump(by) => speaker.timestamp = speaker.timestamp.plus(*by as u32),
                    Mishap::Stream(timestamp) if streams < 3 => {
                        streams += 1;
                        borders.push(*at);
                        speaker.ssrc = Ssrc(*timestamp / 8 * 8 + streams);
                        speaker.timestamp = Timestamp(*timestamp);
                        speaker.index = PacketIndex(u64::from(*timestamp >> 16));
                    }
                    _ => {}
                }
            }
        });
        for ((at, _), late) in coming.iter_mut().zip(&jitter) {
            *at += late;
        }
        let mut again = vec![];
        for (at, mishap) in &mishaps {
            let place = *at as usize;
            match mishap {
                // Of a stream that has ended nothing is waited for.
                Mishap::Overtaken(by) if !borders.iter().any(|border| (*at..=*at + *by as u64 + 1).contains(border)) => {
                    coming[place].0 = coming[place + by].0.max(coming[place].0) + 100;
                }
                Mishap::Twice => again.push((coming[place].0 + 30_000, coming[place].1.clone())),
                _ => {}
            }
        }
        coming.extend(again);
        arrive(&mut world, &ada, coming, 100_000);
        let frames = frames(ear.hear(&mut world));
        prop_assert_eq!(frames.len(), said.len());
        prop_assert!(frames.iter().map(|(word, _)| word).eq(&said));
        for pair in frames.windows(2) {
            let passed = pair[1].1.since(pair[0].1);
            // A forward jump within what the network may do is a pause.
            prop_assert!((1..=960 + 48 * 250).contains(&passed), "{}", passed);
        }
    }

    /// Listeners open all that they are sent with one key: a number that is given twice would be a replay.
    #[test]
    fn whoever_comes_and_goes_while_packets_overtake_each_other_gets_no_number_twice(
        places in prop::collection::vec((1usize..190, 1usize..=5), 0..30),
        lost in prop::collection::vec(1usize..190, 0..20),
        moves in prop::collection::vec(1usize..190, 0..12),
        from in 0usize..4,
    ) {
        let tuning = Tuning { coalesce_us: 8_000 * (from as u64 % 2), repacketise_from: from };
        let mut world = World { engine: Engine::new(tuning), ..World::default() };
        let (mut ear, mut other, mut ada) = (world.listener(1, 111, 3), world.listener(4, 0, 3), world.speaker(2));
        let (said, mut coming) = say(&mut ada, world.us, 200, |_, _| {});
        for (place, by) in places {
            coming[place].0 = coming[place].0.max(coming[place + by].0 + 500 + place as u64);
        }
        let mut coming: Vec<(usize, Coming)> = coming.into_iter().enumerate().collect();
        coming.retain(|(place, _)| !lost.contains(place));
        let came = coming.len();
        coming.sort_by_key(|(_, (at, _))| *at);
        let mut on_stage = None;
        for (number, (_, one)) in coming.into_iter().enumerate() {
            if moves.contains(&number) {
                match on_stage.take() {
                    None => on_stage = Some(world.speaker(111)),
                    Some(client) => world.remove(&client),
                }
                world.for_address(([198, 51, 100, 111], 10_111).into());
            }
            arrive(&mut world, &ada, vec![one], 0);
        }
        until(&mut world, 10_000_000);
        let mut all = frames(other.hear(&mut world));
        prop_assert!(all.len() + 5 >= came, "{} of {came}", all.len());
        all.retain(|(word, _)| !said.contains(word));
        prop_assert!(all.is_empty());
        let heard = ear.hear(&mut world);
        let mut words: Vec<Vec<u8>> = Vec::new();
        for one in heard {
            words.extend(frames(vec![one]).into_iter().map(|(word, _)| word));
        }
        let count = words.len();
        words.sort();
        words.dedup();
        // Whoever leaves the stage may find in a merged packet what they heard there.
        prop_assert!(words.len() + 3 * moves.len() >= count, "{} of {} once", words.len(), count);
        prop_assert!(count + 5 * (moves.len() + 1) >= came, "{} of {}", count, came);
    }
}

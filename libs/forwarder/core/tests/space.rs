//! A Space as its people experience it: who hears whom, when, and what never leaves the server.

mod common;

use common::{Client, SPACE, World};
use forwarder_core::engine::Event;
use forwarder_core::ids::SessionId;
use forwarder_core::rtp::{PayloadType, Ssrc};
use forwarder_core::select::{CHALLENGE_US, HOLD_US};

#[test]
fn a_listener_hears_every_frame_in_its_own_numbers() {
    let mut world = World::default();
    let mut ear = world.listener(1, 0, 3);
    let mut ada = world.speaker(2);
    let said = ada.talk(&mut world, 50, Some(30));
    let heard = ear.hear(&mut world);
    assert_eq!(heard.iter().map(|heard| heard.payload.clone()).collect::<Vec<_>>(), said);
    assert!(heard[0].header.marker && heard[1..].iter().all(|heard| !heard.header.marker));
    assert!(heard[0].header.sequence.0 < 1 << 15);
    for pair in heard.windows(2) {
        assert_eq!(pair[1].header.sequence, pair[0].header.sequence.next());
        assert_eq!(pair[1].header.timestamp, pair[0].header.timestamp.plus(960));
    }
    for heard in &heard {
        assert_eq!(
            (heard.header.payload_type, heard.header.ssrc, heard.header.csrc),
            (PayloadType(96), Ssrc(1000), Some(ada.ssrc))
        );
        assert_eq!(heard.mid.as_deref(), Some(&b"0"[..]));
    }
}

#[test]
fn nobody_hears_themselves_and_nobody_sees_a_gap_for_it() {
    let mut world = World::default();
    let (mut ada, mut bob) = (world.speaker(1), world.speaker(2));
    let mut ada_hears = world.listener(11, 1, 3);
    let mut bob_hears = world.listener(12, 2, 3);
    let first = ada.talk(&mut world, 10, Some(30));
    let second = bob.talk(&mut world, 10, Some(30));
    assert_eq!(bob_hears.words(&mut world), first);
    let heard = ada_hears.hear(&mut world);
    assert_eq!(heard.iter().map(|heard| heard.payload.clone()).collect::<Vec<_>>(), second);
    assert!(heard.windows(2).all(|pair| pair[1].header.sequence == pair[0].header.sequence.next()));
}

#[test]
fn a_muted_speaker_is_silent_from_that_instant_whatever_they_send() {
    let mut world = World::default();
    let mut ear = world.listener(1, 0, 3);
    let mut ada = world.speaker(2);
    let before = ada.talk(&mut world, 5, Some(30));
    world.muted(&ada, true);
    let heard = ear.hear(&mut world);
    assert_eq!(heard.last().unwrap().payload, [0x78], "one frame lets the slot fall silent");
    assert_eq!(heard.len(), before.len() + 1);
    for _ in 0..70 {
        ada.talk(&mut world, 1000, Some(10));
        for client in [&mut ada, &mut ear] {
            let address = client.address;
            client.check(&mut world, address, false);
        }
    }
    assert_eq!(ear.words(&mut world), Vec::<Vec<u8>>::new());
    assert_eq!(world.engine.counters().muted, 70_000);
    world.muted(&ada, false);
    let after = ada.talk(&mut world, 5, Some(30));
    assert_eq!(ear.words(&mut world), after, "also after the sequence has wrapped while muted");
    world.remove(&ada);
    ada.talk(&mut world, 5, Some(30));
    assert_eq!(ear.words(&mut world), Vec::<Vec<u8>>::new());
    let captured = world.captured();
    assert_eq!(captured, [before, after].concat());
    let report = world.net.events.iter().find_map(|event| match event {
        Event::Closed { report, .. } => Some(*report),
        _ => None,
    });
    assert_eq!(
        report.map(|report| (report.packets, report.lost)),
        Some((10, 0)),
        "a muted packet is not a lost one"
    );
}

#[test]
fn a_silent_speaker_is_captured_and_not_forwarded() {
    let mut world = World::default();
    let mut ear = world.listener(1, 0, 3);
    let mut ada = world.speaker(2);
    let silence = ada.talk(&mut world, 20, Some(127));
    assert_eq!(ear.hear(&mut world), Vec::new());
    world.remove(&ada);
    assert_eq!(world.captured(), silence);
    let last = world.net.events.iter().rev().find_map(|event| match event {
        Event::Captured { bundle, .. } => Some(bundle[1]),
        _ => None,
    });
    assert_eq!(last.map(|flags| flags & 1), Some(1), "the last bundle says that it is");
}

#[test]
fn a_slot_outlives_a_short_pause_and_ends_after_a_long_one() {
    let mut world = World::default();
    let mut ear = world.listener(1, 0, 3);
    let mut ada = world.speaker(2);
    ada.talk(&mut world, 10, Some(30));
    ada.talk(&mut world, 10, Some(127));
    ada.talk(&mut world, 10, Some(30));
    assert_eq!(ear.hear(&mut world).len(), 30);
    ada.talk(&mut world, 100, Some(127));
    let heard = ear.hear(&mut world);
    assert!(heard.len() as u64 <= HOLD_US / 20_000 + 2);
    assert_eq!(heard.last().unwrap().payload, [0x78]);
    let end = heard.last().unwrap().header.timestamp;
    ada.talk(&mut world, 5, Some(30));
    let again = ear.hear(&mut world);
    assert!(again[0].header.marker);
    let passed = again[0].header.timestamp.since(end);
    assert!((100 * 960 - 31 * 960..100 * 960).contains(&passed), "time passes in silence: {passed}");
    assert_eq!(again[0].header.sequence, heard.last().unwrap().header.sequence.next());
}

#[test]
fn the_three_loudest_are_heard_and_a_louder_one_takes_over_after_a_moment() {
    let mut world = World::default();
    let mut ear = world.listener(1, 0, 3);
    let mut talkers: Vec<Client> = (2..6).map(|id| world.speaker(id)).collect();
    let levels = [40, 35, 30, 38];
    let mut rounds = |world: &mut World, talkers: &mut Vec<Client>, levels: [u8; 4], rounds: usize| {
        for _ in 0..rounds {
            for (talker, level) in talkers.iter_mut().zip(levels) {
                let payload = common::frame(talker.id, talker.index.0);
                talker.say(world, &payload, Some(level));
            }
            world.pass(20_000);
        }
        let mut sources: Vec<Ssrc> =
            ear.hear(world).iter().rev().take(9).filter_map(|heard| heard.header.csrc).collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    };
    let ssrcs: Vec<Ssrc> = talkers.iter().map(|talker| talker.ssrc).collect();
    assert_eq!(rounds(&mut world, &mut talkers, levels, 50), ssrcs[..3], "a little louder is not enough");
    let moment = (CHALLENGE_US / 20_000) as usize;
    assert_eq!(rounds(&mut world, &mut talkers, [40, 35, 30, 15], moment / 2), ssrcs[..3]);
    assert_eq!(rounds(&mut world, &mut talkers, [40, 35, 30, 15], moment + 5), ssrcs[1..]);
    let talking = world.net.events.iter().rev().find_map(|event| match event {
        Event::Talking { space: SPACE, sessions } => Some(sessions.clone()),
        _ => None,
    });
    assert_eq!(talking.unwrap().iter().max(), Some(&SessionId(5)));
}

#[test]
fn who_has_one_track_hears_one_talker_at_a_time() {
    let mut world = World::default();
    let mut ear = world.listener(1, 0, 1);
    let (mut ada, mut bob) = (world.speaker(2), world.speaker(3));
    for _ in 0..20 {
        let (a, b) = (common::frame(2, ada.index.0), common::frame(3, bob.index.0));
        ada.say(&mut world, &a, Some(30));
        bob.say(&mut world, &b, Some(31));
        world.pass(20_000);
    }
    let heard = ear.hear(&mut world);
    assert_eq!(heard.len(), 20);
    assert!(heard.iter().all(|heard| heard.header.csrc == Some(ada.ssrc)));
}

#[test]
fn a_listener_is_heard_of_no_more_after_it_left_and_others_stay() {
    let mut world = World::default();
    let mut ears: Vec<Client> = (10..15).map(|id| world.listener(id, 0, 3)).collect();
    let mut ada = world.speaker(2);
    ada.talk(&mut world, 2, Some(30));
    for ear in &mut ears {
        assert_eq!(ear.words(&mut world).len(), 2);
    }
    let mut gone = ears.remove(1);
    world.remove(&gone);
    let said = ada.talk(&mut world, 3, Some(30));
    assert_eq!(gone.hear(&mut world), Vec::new());
    for ear in &mut ears {
        assert_eq!(ear.words(&mut world), said);
    }
}

#[test]
fn a_thousand_listeners_get_each_frame_in_bounded_batches() {
    let mut world = World::default();
    let mut ears: Vec<Client> = (100..1100).map(|id| world.listener(id, 0, 3)).collect();
    let mut ada = world.speaker(2);
    let payload = common::frame(2, 1);
    ada.say(&mut world, &payload, Some(30));
    assert!(world.net.largest_batch <= forwarder_core::batch::ENTRIES);
    assert_eq!(world.engine.counters().forwarded, 1000);
    for ear in ears.iter_mut().step_by(97) {
        assert_eq!(ear.words(&mut world), vec![payload.clone()]);
    }
}

#[test]
fn a_late_packet_is_heard_in_its_place_and_a_repeated_one_once() {
    let mut world = World::default();
    let mut ear = world.listener(1, 0, 3);
    let mut ada = world.speaker(2);
    ada.talk(&mut world, 3, Some(30));
    let late = ada.packet(b"\x78late", Some(30));
    let next = ada.packet(b"\x78next", Some(30));
    let address = ada.address;
    ear.hear(&mut world);
    world.arrives(address, &next);
    world.arrives(address, &late);
    world.arrives(address, &next);
    world.arrives(address, &late);
    let heard = ear.hear(&mut world);
    let words: Vec<&[u8]> = heard.iter().map(|heard| heard.payload.as_slice()).collect();
    assert_eq!(words, [b"\x78next", b"\x78late"]);
    assert_eq!(heard[0].header.sequence, heard[1].header.sequence.next());
    assert_eq!(heard[0].header.timestamp, heard[1].header.timestamp.plus(960));
    let counters = world.engine.counters();
    assert_eq!((counters.late, counters.replayed), (0, 2));
}

#[test]
fn who_joins_after_the_numbers_of_a_slot_have_wrapped_hears_at_once_and_so_do_the_others() {
    let mut world = World::default();
    let mut ear = world.listener(1, 0, 1);
    let mut ada = world.speaker(2);
    let (mut wrapped, mut before) = (false, 0);
    for number in 0..66_000 {
        world.net.sent.clear();
        ada.say(&mut world, &common::frame(2, number), Some(30));
        // Now and then it is decrypted: the listener's rollover counter goes along.
        if number % 100 == 0 {
            let sequence = ear.hear(&mut world)[0].header.sequence.0;
            wrapped |= sequence < before;
            before = sequence;
        }
    }
    assert!(wrapped);
    world.net.sent.clear();
    let mut late = world.listener(3, 0, 1);
    let said = ada.talk(&mut world, 3, Some(30));
    assert_eq!(late.words(&mut world), said);
    assert_eq!(ear.words(&mut world), said);
}

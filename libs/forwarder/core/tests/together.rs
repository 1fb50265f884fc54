//! What leaves together: packets that wait for one listener, and frames of one slot in one packet for large audiences.

mod common;

use common::{Client, World};
use forwarder_core::engine::{Engine, Tuning};
use forwarder_core::opus;

fn world(coalesce_us: u64, repacketise_from: usize) -> World {
    World { engine: Engine::new(Tuning { coalesce_us, repacketise_from }), ..World::default() }
}

/// Packets of several talkers that arrived in one burst.
fn burst(world: &mut World, talkers: &mut [Client], lengths: &[usize]) -> Vec<Vec<u8>> {
    let now = world.now();
    let mut said = Vec::new();
    for (talker, length) in talkers.iter_mut().zip(lengths) {
        let payload: Vec<u8> = [0x78].into_iter().chain((1..*length).map(|at| (at * 7) as u8)).collect();
        let mut packet = talker.packet(&payload, Some(30));
        world.engine.datagram(now, talker.address, &mut packet, &mut world.net);
        said.push(payload);
    }
    let now = world.now();
    world.engine.flush(now, &mut world.net);
    said
}

#[test]
fn packets_that_wait_for_a_listener_leave_together_padded_and_arrive_as_they_were() {
    let mut world = world(0, 0);
    let mut ears: Vec<Client> = (10..13).map(|id| world.listener(id, 0, 3)).collect();
    let mut talkers: Vec<Client> = (2..5).map(|id| world.speaker(id)).collect();
    for lengths in [[121, 97, 110], [40, 200, 90], [90, 90, 90]] {
        let said = burst(&mut world, &mut talkers, &lengths);
        assert_eq!(world.net.largest_train, 3);
        for ear in &mut ears {
            assert_eq!(ear.words(&mut world), said);
        }
    }
    assert_eq!(world.engine.counters().together, 27);
}

#[test]
fn packets_too_different_for_padding_leave_apart() {
    let mut world = world(0, 0);
    let mut ear = world.listener(10, 0, 3);
    let mut talkers: Vec<Client> = (2..5).map(|id| world.speaker(id)).collect();
    let said = burst(&mut world, &mut talkers, &[1200, 60, 300]);
    assert_eq!(ear.words(&mut world), said);
    assert_eq!(world.net.largest_train, 2, "60 and 300 bytes");
}

#[test]
fn who_talks_is_left_out_of_what_leaves_together() {
    let mut world = world(0, 0);
    let mut talkers: Vec<Client> = (2..5).map(|id| world.speaker(id)).collect();
    let mut first = world.listener(10, 2, 3);
    let mut nobody = world.listener(11, 0, 3);
    for _ in 0..3 {
        let said = burst(&mut world, &mut talkers, &[80, 100, 90]);
        assert_eq!(first.words(&mut world), said[1..]);
        assert_eq!(nobody.words(&mut world), said);
    }
}

#[test]
fn a_packet_waits_for_others_as_long_as_it_is_told_and_no_longer() {
    let mut world = world(4_000, 0);
    let mut ear = world.listener(10, 0, 3);
    let mut talkers: Vec<Client> = (2..4).map(|id| world.speaker(id)).collect();
    talkers[0].say(&mut world, b"\x78one", Some(30));
    assert_eq!(ear.words(&mut world), Vec::<Vec<u8>>::new());
    assert_eq!(world.engine.due_us(), Some(world.us + 4_000));
    world.us += 3_000;
    talkers[1].say(&mut world, b"\x78two", Some(30));
    assert_eq!(ear.words(&mut world), Vec::<Vec<u8>>::new());
    world.us += 1_000;
    let now = world.now();
    world.engine.flush(now, &mut world.net);
    assert_eq!(ear.words(&mut world), [b"\x78one".to_vec(), b"\x78two".to_vec()]);
    assert_eq!((world.net.largest_train, world.engine.due_us()), (2, None));
}

#[test]
fn what_a_muted_speaker_said_before_does_not_leave_after() {
    for (coalesce_us, repacketise_from) in [(8_000, 0), (0, 1)] {
        let mut world = world(coalesce_us, repacketise_from);
        let mut ear = world.listener(10, 0, 3);
        let mut ada = world.speaker(2);
        ada.talk(&mut world, 3, Some(30));
        ear.hear(&mut world);
        ada.say(&mut world, b"\x78secret", Some(30));
        world.muted(&ada, true);
        world.pass(200_000);
        assert_eq!(ear.words(&mut world), Vec::<Vec<u8>>::new());
    }
}

#[test]
fn nobody_is_always_last() {
    let mut world = world(0, 0);
    let ears: Vec<Client> = (10..30).map(|id| world.listener(id, 0, 1)).collect();
    let mut ada = world.speaker(2);
    let mut last = std::collections::HashSet::new();
    for _ in 0..40 {
        world.net.sent.clear();
        ada.say(&mut world, b"\x78word", Some(30));
        last.extend(world.net.sent.back().map(|(to, _)| *to));
        world.pass(20_000);
    }
    assert!(last.len() > ears.len() / 2, "{} of {} were last once", last.len(), ears.len());
}

/// A frame whose configuration is `toc`.
fn frame(toc: u8, number: u8, length: usize) -> Vec<u8> {
    [toc].into_iter().chain(std::iter::repeat_n(number, length)).collect()
}

#[test]
fn a_large_audience_gets_three_frames_in_one_packet_and_the_stage_each_at_once() {
    let mut world = world(0, 2);
    let mut crowd: Vec<Client> = (10..12).map(|id| world.listener(id, 0, 3)).collect();
    let mut ada = world.speaker(2);
    let mut bob_hears = world.listener(20, 3, 3);
    let _bob = world.speaker(3);
    let mut heard = Vec::new();
    let mut delays = Vec::new();
    for number in 0..9 {
        let began = world.us;
        ada.say(&mut world, &frame(0x78, number, 50 + usize::from(number)), Some(30));
        assert_eq!(bob_hears.words(&mut world).len(), 1, "on stage nothing waits");
        let now = crowd[0].hear(&mut world);
        if !now.is_empty() {
            delays.push((began - 1_000_000) % 60_000);
        }
        heard.extend(now);
        world.us += 20_000;
    }
    assert_eq!(delays, [40_000; 3], "the first of three frames waits for the two others, and no longer");
    assert_eq!(heard.len(), 3);
    for (turn, packet) in heard.iter().enumerate() {
        assert_eq!(opus::duration(&packet.payload), Some(2880));
        assert_eq!(&packet.payload[..2], [0x7B, 0x83], "code 3, variable, three frames");
        let number = 3 * turn as u8;
        let expected: Vec<u8> = [0x7B, 0x83, 50 + number, 51 + number]
            .into_iter()
            .chain((0..3).flat_map(|at| frame(0, number + at, usize::from(50 + number + at)).split_off(1)))
            .collect();
        assert_eq!(packet.payload, expected);
    }
    assert!(heard.windows(2).all(|pair| {
        pair[1].header.timestamp == pair[0].header.timestamp.plus(2880)
            && pair[1].header.sequence == pair[0].header.sequence.next()
    }));
    assert_eq!(crowd[1].hear(&mut world).len(), 3);
}

#[test]
fn frames_that_cannot_be_merged_leave_as_they_are_and_in_order() {
    let mut world = world(0, 1);
    let mut ear = world.listener(10, 0, 3);
    let mut ada = world.speaker(2);
    // Another configuration after one frame; a packet of two frames; a frame after a lost one; silence.
    let said = [frame(0x78, 1, 40), frame(0x68, 2, 40), frame(0x79, 3, 40), frame(0x78, 4, 40)];
    for payload in &said {
        ada.say(&mut world, payload, Some(30));
        world.pass(20_000);
    }
    ada.packet(&frame(0x78, 5, 40), Some(30));
    ada.say(&mut world, &frame(0x78, 6, 40), Some(30));
    ada.say(&mut world, &[0x78], Some(30));
    let heard: Vec<Vec<u8>> = ear.hear(&mut world).into_iter().map(|heard| heard.payload).collect();
    assert_eq!(heard, [&said[..], &[frame(0x78, 6, 40), vec![0x78]]].concat());
}

#[test]
fn what_waits_to_be_merged_leaves_when_nothing_follows() {
    let mut world = world(0, 1);
    let mut ear = world.listener(10, 0, 3);
    let mut ada = world.speaker(2);
    ada.say(&mut world, &frame(0x78, 1, 40), Some(30));
    let due = world.engine.due_us().unwrap();
    assert_eq!(due - world.us, 40_000);
    world.us = due;
    let now = world.now();
    world.engine.flush(now, &mut world.net);
    assert_eq!(ear.words(&mut world), [frame(0x78, 1, 40)]);
}

/// Says frames at these times (in microseconds, rising), obeying every deadline; returns when each frame came, and by
/// how much it was late at the listener.
fn said_at(world: &mut World, ada: &mut Client, ear: &mut Client, times: &[u64]) -> Vec<(Vec<u8>, u64)> {
    let mut arrived = std::collections::VecDeque::new();
    let mut told = Vec::new();
    let mut hear = |world: &mut World, arrived: &mut std::collections::VecDeque<(Vec<u8>, u64)>| {
        for packet in ear.hear(world) {
            let frames = opus::duration(&packet.payload).unwrap() / 960;
            let late = (0..frames).map(|_| arrived.pop_front().unwrap());
            told.extend(late.map(|(frame, at)| (frame, world.us - at)));
        }
    };
    for (number, at) in times.iter().enumerate() {
        while let Some(due) = world.engine.due_us().filter(|due| due < at) {
            world.us = due;
            let now = world.now();
            world.engine.flush(now, &mut world.net);
            hear(world, &mut arrived);
        }
        world.us = *at;
        let payload = frame(0x78, number as u8, 40);
        arrived.push_back((payload.clone(), *at));
        ada.say(world, &payload, Some(30));
        hear(world, &mut arrived);
    }
    while let Some(due) = world.engine.due_us() {
        world.us = due;
        let now = world.now();
        world.engine.flush(now, &mut world.net);
        hear(world, &mut arrived);
    }
    assert!(arrived.is_empty(), "everything left");
    told
}

/// Says a frame every 20 ms, each late by what `late` tells (in microseconds), and checks that merging costs nobody more
/// than 40 ms: whoever plays frames when the latest one so far has come (of those late by 20 ms at most) plays merged ones
/// 40 ms later. Returns packets sent.
fn costs_at_most_40_ms(count: u64, late: impl FnMut(u64) -> u64) -> u64 {
    let mut world = world(0, 1);
    let (mut ear, mut ada) = (world.listener(10, 0, 3), world.speaker(2));
    let start = world.us;
    let late: Vec<u64> = (0..count).map(late).collect();
    let times: Vec<u64> = (0..count)
        .map(|number| start + number * 20_000 + late[number as usize])
        .scan(0, |last, at| {
            *last = at.max(*last);
            Some(*last)
        })
        .collect();
    let before = world.engine.counters().forwarded;
    let told = said_at(&mut world, &mut ada, &mut ear, &times);
    let mut latest = 0;
    for (number, (frame_said, waited)) in told.iter().enumerate() {
        assert_eq!(*frame_said, frame(0x78, number as u8, 40), "each once and in order");
        let came_late = times[number] - (start + number as u64 * 20_000);
        latest = latest.max(came_late);
        let (told_late, allowed) = (came_late + waited, 40_000 + latest.min(20_000).max(came_late));
        assert!(told_late <= allowed, "frame {number} was told {told_late} us late, {allowed} allowed");
    }
    assert_eq!(told.len() as u64, count);
    world.engine.counters().forwarded - before
}

#[test]
fn no_frame_of_a_large_audience_is_later_by_more_than_40_ms_however_late_the_third_one_comes() {
    for late in [0, 1, 500, 5_000, 9_999, 15_000, 60_000] {
        let packets = costs_at_most_40_ms(90, |number| if number % 3 == 2 { late } else { 0 });
        if late < 20_000 {
            assert!(
                packets <= 32,
                "{packets} packets for 90 frames, every third {late} us late; 30 if none was"
            );
        }
    }
}

#[test]
fn most_packets_of_a_large_audience_hold_three_frames_although_no_frame_comes_at_its_time() {
    let mut state = 7u64;
    let packets = costs_at_most_40_ms(240, |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) % 4_000
    });
    assert!(packets <= 84, "{packets} packets for 240 frames with 4 ms of jitter; 80 without");
}

#[test]
fn who_comes_on_stage_or_leaves_it_hears_every_frame_once() {
    let mut world = world(0, 1);
    let mut ears: Vec<Client> = (10..14).map(|id| world.listener(id, id + 100, 3)).collect();
    let mut ada = world.speaker(2);
    let mut said = Vec::new();
    let mut steps = |world: &mut World, count: u8| {
        for _ in 0..count {
            let payload = frame(0x78, said.len() as u8, 40);
            ada.say(world, &payload, Some(30));
            said.push(payload);
            world.us += 20_000;
        }
    };
    steps(&mut world, 6);
    let bob = world.speaker(111);
    steps(&mut world, 6);
    world.remove(&bob);
    steps(&mut world, 6);
    for (number, ear) in ears.iter_mut().enumerate() {
        let packets: Vec<u8> = ear.words(&mut world).iter().map(|packet| packet.len() as u8).collect();
        let expected: &[u8] =
            if number == 1 { &[122, 122, 41, 41, 41, 41, 41, 41, 122, 122] } else { &[122; 6] };
        assert_eq!(packets, expected, "listener {number}");
    }
}

#[test]
fn lengths_of_merged_frames_are_written_as_the_codec_reads_them() {
    let frames = [7u8; 1275 + 252 + 3];
    let mut packet = [0; 1600];
    let length = opus::merge(0x78, &[1275, 252, 3], &frames, &mut packet).unwrap();
    assert_eq!(packet[..6], [0x7B, 0x83, 255, 255, 252, 0]);
    assert_eq!(length, 6 + frames.len());
    let length = opus::merge(0x78, &[3, 3], &frames[..6], &mut packet).unwrap();
    assert_eq!(packet[..length], [0x7B, 2, 7, 7, 7, 7, 7, 7]);
    assert_eq!(opus::merge(0x78, &[3, 3], &frames[..7], &mut packet), None);
    assert_eq!(opus::merge(0x78, &[3, 3], &frames[..6], &mut [0; 7]), None);
}

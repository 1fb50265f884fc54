//! Redundant audio (RFC 2198): who agreed to it gets what the speaker sent, everybody else the packet itself.
#![allow(missing_docs)]

mod common;

use common::{Client, Heard, OPUS, SPACE, World, frame};
use forwarder_core::engine::Event;
use forwarder_core::rtp::PayloadType;

/// The speaker's and the listener's payload types of redundant audio, and the listener's of Opus.
const SAID: PayloadType = PayloadType(63);
const HEARD: PayloadType = PayloadType(97);
const HEARD_OPUS: PayloadType = PayloadType(96);

/// A packet and the one before it.
fn redundant(PayloadType(opus): PayloadType, before: &[u8], packet: &[u8]) -> Vec<u8> {
    let header = u32::from(0x80 | opus) << 24 | 960 << 10 | before.len() as u32;
    [&header.to_be_bytes()[..], &[opus], before, packet].concat()
}

/// Says frames, each with a copy of the one before it; returns them without copies.
fn talk(world: &mut World, speaker: &mut Client, frames: usize) -> Vec<Vec<u8>> {
    speaker.payload_type = SAID;
    let mut said = vec![frame(speaker.id, speaker.index.0 - 1)];
    for _ in 0..frames {
        let packet = frame(speaker.id, speaker.index.0);
        speaker.say(world, &redundant(OPUS, &said[said.len() - 1], &packet), Some(20));
        world.pass(20_000);
        said.push(packet);
    }
    said.split_off(1)
}

fn audible(heard: Vec<Heard>) -> Vec<(PayloadType, Vec<u8>)> {
    heard
        .into_iter()
        .map(|one| (one.header.payload_type, one.payload))
        .filter(|one| one.1.len() > 1)
        .collect()
}

fn plain(packets: &[Vec<u8>]) -> Vec<(PayloadType, Vec<u8>)> {
    packets.iter().map(|packet| (HEARD_OPUS, packet.clone())).collect()
}

#[test]
fn each_listener_gets_what_both_sides_agreed_to() {
    let mut world = World::default();
    let (mut both, mut without) = (world.listener_with(1, 0, 3, Some(HEARD)), world.listener(2, 0, 3));
    let (mut red, mut opus) = (world.speaker_with(3, Some(SAID)), world.speaker(4));

    let said = talk(&mut world, &mut red, 5);
    assert_eq!(audible(without.hear(&mut world)), plain(&said), "redundant to plain: the packet itself");
    let copies = said.windows(2).map(|pair| (HEARD, redundant(HEARD_OPUS, &pair[0], &pair[1])));
    let first = plain(&said[..1]);
    let expected: Vec<_> = first.into_iter().chain(copies).collect();
    assert_eq!(
        audible(both.hear(&mut world)),
        expected,
        "redundant to redundant: as it came, in their numbers"
    );

    let said = opus.talk(&mut world, 5, Some(20));
    assert_eq!(audible(without.hear(&mut world)), plain(&said), "plain to plain");
    assert_eq!(audible(both.hear(&mut world)), plain(&said), "plain to redundant");
}

#[test]
fn packets_of_both_kinds_leave_together() {
    let mut world = World::default();
    let (mut both, mut without) = (world.listener_with(1, 0, 3, Some(HEARD)), world.listener(2, 0, 3));
    let (mut red, mut opus) = (world.speaker_with(3, Some(SAID)), world.speaker(4));
    talk(&mut world, &mut red, 2);
    opus.talk(&mut world, 2, Some(20));
    both.hear(&mut world);
    without.hear(&mut world);

    let (before, after, other) = (frame(3, red.index.0 - 1), frame(3, red.index.0), frame(4, opus.index.0));
    let packets = [red.packet(&redundant(OPUS, &before, &after), Some(20)), opus.packet(&other, Some(20))];
    let now = world.now();
    for (from, mut packet) in [red.address, opus.address].into_iter().zip(packets) {
        world.engine.datagram(now, from, &mut packet, &mut world.net);
    }
    world.engine.flush(now, &mut world.net);
    let mut heard = audible(both.hear(&mut world));
    heard.sort();
    assert_eq!(heard, [(HEARD_OPUS, other.clone()), (HEARD, redundant(HEARD_OPUS, &before, &after))]);
    let mut heard = audible(without.hear(&mut world));
    heard.sort();
    assert_eq!(heard, plain(&[after, other]));
    assert_eq!(world.net.largest_train, 2);
}

#[test]
fn what_was_said_while_muted_is_in_no_copy_later() {
    let mut world = World::default();
    let mut both = world.listener_with(1, 0, 1, Some(HEARD));
    let mut speaker = world.speaker_with(3, Some(SAID));
    talk(&mut world, &mut speaker, 3);
    world.muted(&speaker, true);
    let secret = talk(&mut world, &mut speaker, 3);
    both.hear(&mut world);
    world.muted(&speaker, false);
    let said = talk(&mut world, &mut speaker, 30);
    let heard = audible(both.hear(&mut world));
    assert_eq!(heard[0], (HEARD_OPUS, said[0].clone()));
    assert_eq!(heard[1], (HEARD, redundant(HEARD_OPUS, &said[0], &said[1])));
    assert_eq!(heard.len(), said.len());
    let whispered =
        |payload: &[u8]| secret.iter().any(|word| payload.windows(word.len()).any(|part| part == word));
    assert!(!heard.iter().any(|(_, payload)| whispered(payload)));
}

#[test]
fn recordings_and_other_nodes_get_the_packet_itself() {
    let mut world = World::default();
    let mut speaker = world.speaker_with(3, Some(SAID));
    world.engine.set_shared(SPACE, true);
    let said = talk(&mut world, &mut speaker, 5);
    world.remove(&speaker);
    let relayed = world.net.events.iter().filter_map(|event| match event {
        Event::Relayed { packet, .. } => Some(packet.payload.clone()),
        _ => None,
    });
    assert_eq!(relayed.collect::<Vec<_>>(), said);
    assert_eq!(world.captured(), said);
}

#[test]
fn what_was_not_agreed_or_is_malformed_is_not_forwarded() {
    let mut world = World::default();
    let mut both = world.listener_with(1, 0, 1, Some(HEARD));
    let mut without = world.speaker(3);
    talk(&mut world, &mut without, 3);
    let mut with = world.speaker_with(5, Some(SAID));
    with.payload_type = SAID;
    let opus = OPUS.0;
    for payload in
        [&[0x80 | opus][..], &[opus], &[0x80 | opus, 0, 0, 9, opus, 1], &[0x80, 0, 0, 1, opus, 1, 2]]
    {
        with.say(&mut world, payload, Some(20));
        world.pass(20_000);
    }
    assert_eq!(audible(both.hear(&mut world)), []);
    assert_eq!(world.engine.counters().unexpected, 7);
}

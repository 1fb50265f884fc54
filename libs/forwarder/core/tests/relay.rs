//! A Space on two nodes: what one hears, the other's listeners hear.

mod common;

use common::{Client, SPACE, World};
use forwarder_core::engine::{Event, Relayed};
use forwarder_core::ids::{PersonId, SessionId};
use forwarder_core::rtp::{SequenceNumber, Ssrc, Timestamp};

/// Who speaks at another node.
const ELSEWHERE: SessionId = SessionId(1 << 63);

/// What the node hands up for others since the last time.
fn relayed(world: &mut World) -> Vec<Relayed> {
    let events = std::mem::take(&mut world.net.events);
    events
        .into_iter()
        .filter_map(|event| match event {
            Event::Relayed { packet, .. } => Some(packet),
            _ => None,
        })
        .collect()
}

fn carry(from: &mut World, to: &mut World, source: SessionId, owner: PersonId) -> usize {
    let packets = relayed(from);
    for packet in &packets {
        let now = to.now();
        assert!(to.engine.inject(SPACE, source, owner, packet, now, &mut to.net));
        to.engine.flush(now, &mut to.net);
    }
    packets.len()
}

/// Somebody talks at one node; both nodes' clocks go on.
fn talk(
    client: &mut Client,
    here: &mut World,
    there: &mut World,
    frames: usize,
    owner: PersonId,
) -> Vec<Vec<u8>> {
    let mut said = Vec::new();
    for _ in 0..frames {
        said.extend(client.talk(here, 1, Some(30)));
        carry(here, there, ELSEWHERE, owner);
        there.pass(20_000);
    }
    said
}

#[test]
fn a_packet_from_another_node_is_heard_byte_for_byte_and_not_by_who_said_it() {
    let (mut here, mut there) = (World::default(), World::default());
    let mut ada = here.speaker(2);
    let mut ear = there.listener(1, 0, 3);
    let mut ada_there = there.listener(3, 2, 3);
    here.engine.set_shared(SPACE, true);
    there.engine.set_shared(SPACE, true);
    let said = talk(&mut ada, &mut here, &mut there, 50, PersonId(2));
    let heard = ear.hear(&mut there);
    assert_eq!(heard.iter().map(|heard| heard.payload.clone()).collect::<Vec<_>>(), said);
    assert!(heard.windows(2).all(|pair| pair[1].header.sequence == pair[0].header.sequence.next()));
    assert!(heard.windows(2).all(|pair| pair[1].header.timestamp == pair[0].header.timestamp.plus(960)));
    assert_eq!(heard[0].header.csrc, Some(ada.ssrc));
    assert!(ada_there.hear(&mut there).is_empty());
    assert!(relayed(&mut there).is_empty(), "what came from another node goes to no third");
}

#[test]
fn nothing_is_handed_up_for_a_space_that_is_nowhere_else_nor_of_the_muted() {
    let mut world = World::default();
    let mut ada = world.speaker(2);
    ada.talk(&mut world, 5, Some(30));
    assert!(relayed(&mut world).is_empty());
    world.engine.set_shared(SPACE, true);
    ada.talk(&mut world, 5, Some(30));
    assert_eq!(relayed(&mut world).len(), 5);
    world.muted(&ada, true);
    ada.talk(&mut world, 5, Some(30));
    assert!(relayed(&mut world).is_empty());
}

#[test]
fn silence_is_handed_up_only_while_a_slot_may_be_held() {
    let mut world = World::default();
    let mut ada = world.speaker(2);
    world.engine.set_shared(SPACE, true);
    ada.talk(&mut world, 5, Some(127));
    assert!(relayed(&mut world).is_empty());
    ada.talk(&mut world, 1, Some(30));
    ada.talk(&mut world, 100, Some(127));
    assert!((29..=31).contains(&relayed(&mut world).len()));
}

#[test]
fn whoever_is_hushed_loses_the_slot_at_once() {
    let (mut here, mut there) = (World::default(), World::default());
    let mut ada = here.speaker(2);
    let mut ear = there.listener(1, 0, 3);
    here.engine.set_shared(SPACE, true);
    let said = talk(&mut ada, &mut here, &mut there, 5, PersonId(2));
    let now = there.now();
    there.engine.hush(SPACE, ELSEWHERE, now, &mut there.net);
    let heard = ear.hear(&mut there);
    assert_eq!(heard.len(), said.len() + 1);
    assert_eq!(heard.last().unwrap().payload, [0x78]);
}

#[test]
fn packets_that_make_no_sense_are_refused() {
    let mut world = World::default();
    let packet = Relayed {
        ssrc: Ssrc(1),
        timestamp: Timestamp(0),
        sequence: SequenceNumber(0),
        level: None,
        loudness: 0,
        missing: 0,
        payload: vec![0x78, 1],
    };
    let now = world.now();
    assert!(
        !world.engine.inject(SPACE, ELSEWHERE, PersonId::NOBODY, &packet, now, &mut world.net),
        "no such Space"
    );
    let mut ear = world.listener(1, 0, 3);
    let empty = Relayed { payload: Vec::new(), ..packet.clone() };
    assert!(!world.engine.inject(SPACE, ELSEWHERE, PersonId::NOBODY, &empty, now, &mut world.net));
    assert!(
        !world.engine.inject(SPACE, SessionId(1), PersonId::NOBODY, &packet, now, &mut world.net),
        "the number of a session"
    );
    assert!(ear.words(&mut world).is_empty());
}

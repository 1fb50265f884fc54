//! What strangers on the network can and cannot do.

mod common;

use std::net::SocketAddr;

use common::{Client, World, credentials};
use forwarder_core::clock::TICK_US;
use forwarder_core::engine::{CONSENT_US, Event};
use forwarder_core::ids::SessionId;
use forwarder_core::rtcp::{self, Block};
use forwarder_core::rtp::{SequenceNumber, Ssrc};
use forwarder_core::srtp::MasterKeys;
use forwarder_core::stun;

fn stranger() -> SocketAddr {
    "203.0.113.66:6666".parse().unwrap()
}

#[test]
fn a_stranger_gets_no_byte_in_and_no_answer() {
    let mut world = World::default();
    let mut ear = world.listener(1, 0, 3);
    let mut ada = world.speaker(2);
    let genuine = ada.packet(b"\x78hello", Some(30));
    for datagram in [genuine.as_slice(), &[22; 200], &[20, 1, 2], &[0; 30], &[0xFF; 100], &[]] {
        world.arrives(stranger(), datagram);
    }
    let guess =
        stun::client_request(b"transaction!", b"local2:remote2", true, &stun::integrity_key(b"a guess"));
    world.arrives(stranger(), &guess);
    let unknown =
        stun::client_request(b"transaction!", b"nobody:remote2", true, &stun::integrity_key(b"a guess"));
    world.arrives(stranger(), &unknown);
    assert_eq!(world.for_address(stranger()), Vec::<Vec<u8>>::new());
    assert_eq!(ear.hear(&mut world), Vec::new());
    assert!(!world.net.events.iter().any(|event| matches!(event, Event::Dtls { .. })));
    let counters = world.engine.counters();
    assert_eq!((counters.unvalidated, counters.stun_refused, counters.accepted), (3, 2, 0));
}

#[test]
fn dtls_is_handed_up_only_from_where_a_check_came() {
    let mut world = World::default();
    let ada = world.speaker(2);
    world.arrives(ada.address, &[22, 0xFE, 0xFD, 1, 2, 3]);
    world.arrives(stranger(), &[22, 0xFE, 0xFD, 1, 2, 3]);
    let handed: Vec<_> = world
        .net
        .events
        .iter()
        .filter(|event| matches!(event, Event::Dtls { session: SessionId(2), .. }))
        .collect();
    assert_eq!(handed.len(), 1);
}

#[test]
fn media_moves_only_to_an_address_that_answers_our_own_check() {
    let mut world = World::default();
    let mut ear = world.listener(1, 0, 3);
    let mut ada = world.speaker(2);
    let old = ear.address;
    let new: SocketAddr = "198.51.100.77:7777".parse().unwrap();
    // Somebody who copied a check repeats it from elsewhere: it is authentic, but media stays.
    let key = stun::integrity_key(b"local password of 1");
    let copied = stun::client_request(b"copied check", b"local1:remote1", true, &key);
    world.arrives(new, &copied);
    let asked: Vec<Vec<u8>> = world.for_address(new);
    let request = asked.iter().map(|bytes| stun::Message::parse(bytes).unwrap());
    let request = request.into_iter().find(|message| message.class == stun::Class::Request).unwrap();
    let said = ada.talk(&mut world, 3, Some(30));
    assert_eq!(ear.words(&mut world), said);
    let wrong = stun::success(&request.transaction, new, &stun::integrity_key(b"not the password"));
    world.arrives(new, &wrong);
    let stale = stun::success(b"another one!", new, &stun::integrity_key(b"remote password of 1"));
    world.arrives(new, &stale);
    assert_eq!(world.engine.counters().moved, 0);
    let answer = stun::success(&request.transaction, new, &stun::integrity_key(b"remote password of 1"));
    world.arrives(new, &answer);
    assert_eq!(world.engine.counters().moved, 1);
    let said = ada.talk(&mut world, 3, Some(30));
    assert_eq!(world.for_address(old), Vec::<Vec<u8>>::new());
    ear.address = new;
    assert_eq!(ear.words(&mut world), said);
}

#[test]
fn no_check_of_ours_can_be_answered_by_who_did_not_get_it() {
    let mut world = World::default();
    let mut ear = world.listener(1, 0, 3);
    let mut asked = std::collections::HashSet::new();
    for port in 0..50 {
        let elsewhere: SocketAddr = ([203, 0, 113, 9], 5000 + port).into();
        let key = stun::integrity_key(b"local password of 1");
        world.arrives(elsewhere, &stun::client_request(b"copied check", b"local1:remote1", true, &key));
        for bytes in world.for_address(elsewhere) {
            let message = stun::Message::parse(&bytes).unwrap();
            if message.class == stun::Class::Request {
                asked.insert(message.transaction);
            }
        }
        let address = ear.address;
        ear.check(&mut world, address, false);
        world.pass(600_000);
    }
    assert_eq!(asked.len(), 50, "each has a transaction id of its own");
    let bits: u32 = asked.iter().flatten().map(|byte| byte.count_ones()).sum();
    assert!((2100..2700).contains(&bits), "{bits} of 4800 bits are set: they are random");
}

#[test]
fn an_established_client_is_not_cut_off_by_a_check_with_its_address_forged() {
    let mut world = World::default();
    let mut ear = world.listener(1, 0, 3);
    let mut ada = world.speaker(2);
    let mut mallory = world.listener(3, 0, 3);
    let forged = ear.address;
    assert!(!mallory.check(&mut world, forged, true));
    let said = ada.talk(&mut world, 3, Some(30));
    assert_eq!(ear.words(&mut world), said);
}

#[test]
fn a_client_that_goes_silent_expires_and_one_that_checks_does_not() {
    let mut world = World::default();
    let mut here = world.listener(1, 0, 3);
    let gone = world.listener(2, 0, 3);
    for _ in 0..12 {
        world.pass(CONSENT_US / 10);
        let address = here.address;
        assert!(here.check(&mut world, address, false));
    }
    let closed: Vec<(SessionId, bool)> = world
        .net
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Closed { session, expired, .. } => Some((*session, *expired)),
            _ => None,
        })
        .collect();
    assert_eq!(closed, [(SessionId(gone.id), true)]);
    assert_eq!(world.engine.counters().sessions, 1);
}

/// A listener whose last check came just now, and a talker; returns after how long the last byte left for the listener,
/// who goes on doing `meanwhile` every 20 ms, in microseconds.
fn last_byte_after(mut meanwhile: impl FnMut(&mut World, &mut Client)) -> u64 {
    let mut world = World::default();
    // Others come and go at other times.
    let others = [3, 4].map(|id| {
        world.listener(id, 0, 3);
        world.pass(1_310_000);
        id
    });
    let mut ada = world.speaker(2);
    let mut ear = world.listener(1, 0, 3);
    world.for_address(ear.address);
    let (begun, mut last) = (world.us, 0);
    while world.us < begun + CONSENT_US + 2_000_000 {
        ada.say(&mut world, b"\x78hello", Some(30));
        meanwhile(&mut world, &mut ear);
        world.pass(TICK_US);
        if world.us % 1_000_000 < TICK_US {
            let address = ada.address;
            ada.check(&mut world, address, false);
        }
        if !world.for_address(ear.address).is_empty() {
            last = world.us - begun;
        }
    }
    let closed = |id: u64| {
        let of = |event: &&Event| matches!(event, Event::Closed { session, expired: true, .. } if *session == SessionId(id));
        world.net.events.iter().filter(of).count()
    };
    assert_eq!([closed(ear.id), closed(ada.id)], [1, 0]);
    assert_eq!(others.map(closed), [1, 1]);
    assert_eq!(world.engine.counters().expired, 3);
    last
}

#[test]
fn no_byte_leaves_for_who_sends_no_check_for_thirty_seconds() {
    assert_eq!(CONSENT_US, 30_000_000, "RFC 7675, section 5.1");
    assert_eq!(last_byte_after(|_, _| {}), CONSENT_US);
}

#[test]
fn nothing_but_an_authentic_check_keeps_consent_alive() {
    let mut report = [0; 32];
    let length =
        rtcp::receiver_report(&mut report, Ssrc(77), &Block { ssrc: Ssrc(1000), ..Block::default() });
    let guess = stun::integrity_key(b"a guess");
    let last = last_byte_after(|world, ear| {
        let sealed = ear.seal_rtcp(&report[..length]).unwrap();
        world.arrives(ear.address, &sealed);
        world.arrives(ear.address, &[22; 100]);
        world.arrives(ear.address, &stun::client_request(b"transaction!", b"local1:remote1", true, &guess));
    });
    assert_eq!(last, CONSENT_US);
}

#[test]
fn a_copied_check_repeated_from_elsewhere_keeps_no_consent_alive() {
    let mut world = World::default();
    let mut ear = world.listener(1, 0, 3);
    for _ in 0..12 {
        world.pass(CONSENT_US / 10);
        ear.check(&mut world, stranger(), true);
    }
    assert_eq!(world.engine.counters().sessions, 0);
}

#[test]
fn an_ice_restart_changes_credentials_and_nothing_else() {
    let mut world = World::default();
    let mut ear = world.listener(1, 0, 3);
    let mut ada = world.speaker(2);
    let before = ada.talk(&mut world, 3, Some(30));
    world.engine.restart(SessionId(1), &credentials(1, "again")).unwrap();
    let between = ada.talk(&mut world, 3, Some(30));
    let heard = ear.hear(&mut world);
    let sequences: Vec<SequenceNumber> = heard.iter().map(|heard| heard.header.sequence).collect();
    assert!(sequences.windows(2).all(|pair| pair[1] == pair[0].next()), "no gap, and no nonce twice");
    let heard: Vec<Vec<u8>> = heard.into_iter().map(|heard| heard.payload).collect();
    assert_eq!(heard, [before, between].concat(), "packets go on while nothing has been checked yet");

    let (old, new) = (ear.address, "198.51.100.77:7777".parse().unwrap());
    assert!(!ear.check(&mut world, new, true), "the former credentials count no more");
    ear.generation = "again";
    let key = stun::integrity_key(&credentials(1, "again").local_pwd);
    let check = stun::client_request(b"transaction!", b"local1again:remote1again", true, &key);
    world.arrives(new, &check);
    let sent = world.for_address(new);
    let asked = sent.iter().map(|bytes| stun::Message::parse(bytes).unwrap());
    let asked = asked.into_iter().find(|message| message.class == stun::Class::Request).unwrap();
    assert_eq!(asked.username, Some(&b"remote1again:local1again"[..]));
    let former = stun::integrity_key(&credentials(1, "").remote_pwd);
    world.arrives(new, &stun::success(&asked.transaction, new, &former));
    assert_eq!(world.engine.counters().moved, 0);
    let key = stun::integrity_key(&credentials(1, "again").remote_pwd);
    world.arrives(new, &stun::success(&asked.transaction, new, &key));
    assert_eq!(world.engine.counters().moved, 1);
    let said = ada.talk(&mut world, 3, Some(30));
    assert_eq!(world.for_address(old), Vec::<Vec<u8>>::new());
    ear.address = new;
    assert_eq!(ear.words(&mut world), said);
    assert!(world.engine.restart(SessionId(1), &credentials(2, "")).is_err(), "somebody else's fragment");
}

#[test]
fn keys_are_taken_once_so_that_no_nonce_is_used_twice() {
    let mut world = World::default();
    let mut ear = world.listener(1, 0, 3);
    let mut ada = world.speaker(2);
    let first = ada.talk(&mut world, 2, Some(30));
    let others = MasterKeys { receive: vec![7; 28], send: vec![8; 28] };
    world.engine.set_keys(SessionId(1), &others).unwrap();
    world.engine.set_keys(SessionId(2), &others).unwrap();
    let second = ada.talk(&mut world, 2, Some(30));
    assert_eq!(ear.words(&mut world), [first, second].concat());
    let short = MasterKeys { receive: vec![7; 27], send: vec![8; 28] };
    assert!(world.engine.set_keys(SessionId(1), &short).is_err());
}

#[test]
fn a_listener_cannot_speak() {
    let mut world = World::default();
    let mut ear = world.listener(1, 0, 3);
    let mut talkative = world.listener(3, 0, 3);
    talkative.talk(&mut world, 3, Some(10));
    assert_eq!(ear.hear(&mut world), Vec::new());
    assert_eq!(world.engine.counters().unexpected, 3);
}

#[test]
fn who_claims_to_be_controlled_too_is_told_of_the_conflict() {
    let mut world = World::default();
    let ada = world.speaker(2);
    let key = stun::integrity_key(b"local password of 2");
    let request = stun::request(b"transaction!", b"local2:remote2", &key);
    world.arrives(ada.address, &request);
    let answers = world.for_address(ada.address);
    assert_eq!(stun::Message::parse(&answers[0]).unwrap().class, stun::Class::Error);
}

#[test]
fn more_streams_than_a_peer_may_send_are_refused() {
    let mut world = World::default();
    let mut ada = world.speaker(2);
    for stream in 0..70 {
        ada.ssrc = Ssrc(77 + stream);
        ada.talk(&mut world, 1, Some(30));
    }
    assert_eq!(world.engine.counters().accepted, 64);
    let _: &Client = &ada;
}

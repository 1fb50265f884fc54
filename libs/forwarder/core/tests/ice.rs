//! Where media goes when a client has several paths: our checks, its nominations, and consent.

mod common;

use std::net::SocketAddr;

use common::{Client, Net, World, credentials, keys, subscription};
use forwarder_core::batch::Batch;
use forwarder_core::engine::{CONSENT_US, Event, Io, Media};
use forwarder_core::ids::SessionId;
use forwarder_core::stun::{self, Class, Message, TransactionId};

const SECOND: u64 = 1_000_000;
const HIGH: u32 = (110 << 24) | (65_535 << 8) | 255;
const LOW: u32 = (110 << 24) | (10 << 8) | 255;

fn addresses() -> [SocketAddr; 3] {
    ["198.51.100.77:7777", "203.0.113.9:9999", "192.0.2.3:3333"].map(|text| text.parse().unwrap())
}

/// A client on several paths, of which none carries our packets further than into `World`.
struct Roaming {
    client: Client,
}

impl Roaming {
    /// A listener whose handshake went over an address that it had not nominated yet.
    fn new(world: &mut World) -> Self {
        world.add(1, 0, Media::Subscribe(subscription(3, None)));
        let client = Self { client: Client::new(1, "198.51.100.1:10001".parse().unwrap()) };
        assert_eq!(client.checks(world, client.client.address, HIGH, false), None);
        world.engine.set_keys(SessionId(1), &keys(1)).unwrap();
        client
    }

    /// Sends a check from an address; returns the transaction of the check of ours that came back to that address.
    fn checks(
        &self,
        world: &mut World,
        from: SocketAddr,
        priority: u32,
        nominates: bool,
    ) -> Option<TransactionId> {
        let ice = credentials(self.client.id, self.client.generation);
        let key = stun::integrity_key(&ice.local_pwd);
        let username = [ice.local_ufrag.as_slice(), b":", &ice.remote_ufrag].concat();
        world.arrives(from, &stun::client_check(b"transaction!", &username, priority, nominates, &key));
        asked(world, from)
    }

    /// Answers a check of ours.
    fn answers(&self, world: &mut World, from: SocketAddr, transaction: &TransactionId) {
        let key = stun::integrity_key(&credentials(self.client.id, self.client.generation).remote_pwd);
        world.arrives(from, &stun::success(transaction, from, &key));
    }

    /// Sends a check, and answers ours, which may come a moment later.
    fn checks_and_answers(&self, world: &mut World, from: SocketAddr, priority: u32, nominates: bool) {
        let mut asked_for = self.checks(world, from, priority, nominates);
        if asked_for.is_none() {
            world.pass(60_000);
            asked_for = asked(world, from);
        }
        if let Some(transaction) = asked_for {
            self.answers(world, from, &transaction);
        }
    }
}

/// The transaction of the last check of ours that was sent to an address since one looked.
fn asked(world: &mut World, address: SocketAddr) -> Option<TransactionId> {
    let sent = world.for_address(address);
    let messages = sent.iter().filter_map(|bytes| Message::parse(bytes).ok());
    let mut requests = messages.filter(|message| message.class == Class::Request);
    requests.next_back().map(|message| message.transaction)
}

/// Where a word of somebody else arrives.
fn heard_at(world: &mut World, ada: &mut Client) -> Vec<SocketAddr> {
    world.net.sent.clear();
    ada.say(world, b"\x78hello", Some(30));
    let sent = world.net.sent.drain(..);
    sent.filter(|(_, bytes)| bytes[0] >= 128).map(|(to, _)| to).collect()
}

fn expired(world: &World) -> usize {
    let closed = |event: &&Event| matches!(event, Event::Closed { session: SessionId(1), expired: true, .. });
    world.net.events.iter().filter(closed).count()
}

/// Lets time pass while somebody speaks on, whose own consent does not end.
fn pass(world: &mut World, ada: &mut Client, us: u64) {
    let end = world.us + us;
    while world.us < end {
        world.pass(SECOND.min(end - world.us));
        let address = ada.address;
        ada.check(world, address, true);
    }
}

#[test]
fn a_lost_check_of_ours_is_sent_again_without_the_clients_help() {
    let mut world = World::default();
    let mut ada = world.speaker(2);
    let client = Roaming::new(&mut world);
    let [new, ..] = addresses();
    let first = client.checks(&mut world, new, HIGH, true).expect("a check of ours");
    for wait in [500_000, SECOND, 2 * SECOND] {
        pass(&mut world, &mut ada, wait - 20_000);
        assert_eq!(asked(&mut world, new), None, "not before its time");
        pass(&mut world, &mut ada, 20_000);
        assert_eq!(asked(&mut world, new), Some(first), "the same one again (RFC 8489, section 6.2.1)");
    }
    assert_eq!(heard_at(&mut world, &mut ada), [client.client.address]);
    client.answers(&mut world, new, &first);
    assert_eq!(heard_at(&mut world, &mut ada), [new]);
    pass(&mut world, &mut ada, 10 * SECOND);
    assert_eq!(asked(&mut world, new), None, "it was answered");
}

#[test]
fn a_check_of_ours_is_sent_seven_times_and_then_given_up() {
    let mut world = World::default();
    let mut ada = world.speaker(2);
    let client = Roaming::new(&mut world);
    let [new, ..] = addresses();
    let (began, old) = (world.us, client.client.address);
    let first = client.checks(&mut world, new, HIGH, true).expect("a check of ours");
    let mut times = vec![0];
    while world.us < began + 60 * SECOND {
        world.pass(20_000);
        if world.us % SECOND == 0 {
            client.checks(&mut world, old, LOW, false);
            let address = ada.address;
            ada.check(&mut world, address, true);
        }
        if let Some(transaction) = asked(&mut world, new) {
            assert_eq!(transaction, first);
            times.push((world.us - began) / 100_000 * 100);
        }
    }
    assert_eq!(times, [0, 500, 1500, 3500, 7500, 15_500, 31_500], "milliseconds");
    client.answers(&mut world, new, &first);
    assert_eq!(heard_at(&mut world, &mut ada), [old], "an answer to a check that was given up");
    let second = client.checks(&mut world, new, HIGH, false).expect("asked again, as it was nominated");
    assert_ne!(first, second);
    client.answers(&mut world, new, &second);
    assert_eq!(heard_at(&mut world, &mut ada), [new]);
}

#[test]
fn who_nominates_once_and_goes_on_checking_that_path_is_heard_for_good() {
    let mut world = World::default();
    let mut ada = world.speaker(2);
    let client = Roaming::new(&mut world);
    let [new, ..] = addresses();
    client.checks(&mut world, new, HIGH, true).expect("a check of ours");
    for second in 1..90 {
        pass(&mut world, &mut ada, SECOND);
        let again = asked(&mut world, new);
        let now = if second % 5 == 0 { client.checks(&mut world, new, HIGH, false) } else { None };
        // The first two of ours are lost.
        if let Some(transaction) = now.or(again).filter(|_| second > 3) {
            client.answers(&mut world, new, &transaction);
        }
    }
    assert_eq!(expired(&world), 0);
    assert_eq!(heard_at(&mut world, &mut ada), [new]);
}

#[test]
fn of_nominated_paths_the_one_of_the_highest_priority_is_taken_whichever_came_first() {
    for (first, second, right) in [(HIGH, LOW, 0), (LOW, HIGH, 1), (HIGH, HIGH, 1), (LOW, LOW, 1)] {
        let mut world = World::default();
        let mut ada = world.speaker(2);
        let client = Roaming::new(&mut world);
        let [one, other, _] = addresses();
        client.checks_and_answers(&mut world, one, first, true);
        assert_eq!(heard_at(&mut world, &mut ada), [one]);
        for _ in 0..3 {
            client.checks_and_answers(&mut world, one, first, false);
            client.checks_and_answers(&mut world, other, second, true);
            assert_eq!(heard_at(&mut world, &mut ada), [[one, other][right]], "{first} then {second}");
            pass(&mut world, &mut ada, SECOND / 2);
        }
    }
}

#[test]
fn a_nominated_path_is_left_for_a_lower_one_when_it_no_longer_answers_and_taken_again_when_it_does() {
    let mut world = World::default();
    let mut ada = world.speaker(2);
    let client = Roaming::new(&mut world);
    let [high, low, _] = addresses();
    client.checks_and_answers(&mut world, high, HIGH, true);
    pass(&mut world, &mut ada, SECOND);
    client.checks_and_answers(&mut world, low, LOW, true);
    assert_eq!(heard_at(&mut world, &mut ada), [high]);
    pass(&mut world, &mut ada, SECOND);
    let since = world.us;
    while heard_at(&mut world, &mut ada) == [high] {
        client.checks_and_answers(&mut world, low, LOW, true);
        pass(&mut world, &mut ada, 100_000);
        assert!(world.us < since + SECOND, "gone for {} ms", (world.us - since) / 1000);
    }
    assert_eq!(heard_at(&mut world, &mut ada), [low]);
    pass(&mut world, &mut ada, SECOND);
    assert_eq!(heard_at(&mut world, &mut ada), [low]);
    let since = world.us;
    while heard_at(&mut world, &mut ada) == [low] {
        client.checks_and_answers(&mut world, high, HIGH, true);
        pass(&mut world, &mut ada, 100_000);
        assert!(world.us < since + SECOND, "back for {} ms", (world.us - since) / 1000);
    }
    assert_eq!(heard_at(&mut world, &mut ada), [high]);
}

#[test]
fn a_nominated_path_that_answers_stays_although_the_client_checks_it_no_more() {
    let mut world = World::default();
    let mut ada = world.speaker(2);
    let client = Roaming::new(&mut world);
    let [high, low, _] = addresses();
    client.checks_and_answers(&mut world, high, HIGH, true);
    for _ in 0..60 {
        pass(&mut world, &mut ada, SECOND);
        let there = asked(&mut world, high);
        client.checks_and_answers(&mut world, low, LOW, true);
        if let Some(transaction) = there.or_else(|| asked(&mut world, high)) {
            client.answers(&mut world, high, &transaction);
        }
        assert_eq!(heard_at(&mut world, &mut ada), [high]);
    }
    assert_eq!(expired(&world), 0);
}

#[test]
fn who_was_not_nominated_yields_to_who_is() {
    let mut world = World::default();
    let mut ada = world.speaker(2);
    let client = Roaming::new(&mut world);
    let (first, [second, ..]) = (client.client.address, addresses());
    client.checks(&mut world, first, HIGH, false);
    assert_eq!(heard_at(&mut world, &mut ada), [first]);
    client.checks_and_answers(&mut world, second, LOW, false);
    assert_eq!(heard_at(&mut world, &mut ada), [first]);
    client.checks_and_answers(&mut world, second, LOW, true);
    assert_eq!(heard_at(&mut world, &mut ada), [second], "although its priority is lower");
}

#[test]
fn checks_of_any_path_that_answered_keep_consent_alive_and_of_no_other() {
    let [high, low, copied] = addresses();
    for (from, alive) in [(high, true), (low, true), (copied, false)] {
        let mut world = World::default();
        let mut ada = world.speaker(2);
        let client = Roaming::new(&mut world);
        client.checks_and_answers(&mut world, high, HIGH, true);
        client.checks_and_answers(&mut world, low, LOW, true);
        for _ in 0..10 {
            pass(&mut world, &mut ada, CONSENT_US / 8);
            let asked = client.checks(&mut world, from, LOW, false);
            if let Some(transaction) = asked.filter(|_| alive) {
                client.answers(&mut world, from, &transaction);
            }
        }
        assert_eq!(expired(&world), usize::from(!alive), "{from}");
    }
}

#[test]
fn who_checks_another_path_only_is_followed_there_though_it_nominates_none() {
    let mut world = World::default();
    let mut ada = world.speaker(2);
    let client = Roaming::new(&mut world);
    let [new, ..] = addresses();
    for _ in 0..12 {
        pass(&mut world, &mut ada, 5 * SECOND);
        client.checks_and_answers(&mut world, new, LOW, false);
    }
    assert_eq!(expired(&world), 0);
    assert_eq!(heard_at(&mut world, &mut ada), [new]);
}

#[test]
fn a_new_ice_session_owes_nothing_to_the_priorities_of_the_last_one() {
    let mut world = World::default();
    let mut ada = world.speaker(2);
    let mut client = Roaming::new(&mut world);
    let [old, new, _] = addresses();
    client.checks_and_answers(&mut world, old, HIGH, true);
    world.engine.restart(SessionId(1), &credentials(1, "again")).unwrap();
    client.client.generation = "again";
    assert_eq!(heard_at(&mut world, &mut ada), [old]);
    client.checks_and_answers(&mut world, new, LOW, true);
    assert_eq!(heard_at(&mut world, &mut ada), [new]);
}

#[test]
fn the_nominated_path_is_not_forgotten_for_others() {
    let mut world = World::default();
    let mut ada = world.speaker(2);
    let client = Roaming::new(&mut world);
    let [new, ..] = addresses();
    let check = client.checks(&mut world, new, LOW, true).expect("a check of ours");
    for port in 0..6 {
        client.checks(&mut world, ([203, 0, 113, 9], 5000 + port).into(), HIGH, false);
    }
    assert_eq!(heard_at(&mut world, &mut ada), [client.client.address]);
    client.answers(&mut world, new, &check);
    assert_eq!(heard_at(&mut world, &mut ada), [new]);
}

#[test]
fn checks_of_ours_keep_a_distance_and_to_four_paths() {
    let mut world = World::default();
    let mut ada = world.speaker(2);
    let client = Roaming::new(&mut world);
    for port in 0..40 {
        let from: SocketAddr = ([203, 0, 113, 9], 5000 + port).into();
        client.checks(&mut world, from, HIGH, true);
    }
    world.net.sent.clear();
    let mut asked = 0;
    let began = world.us;
    while world.us < began + 10 * SECOND {
        world.pass(20_000);
        let sent = world.net.sent.drain(..);
        asked += sent
            .filter(|(_, bytes)| Message::parse(bytes).is_ok_and(|it| it.class == Class::Request))
            .count();
        let address = ada.address;
        ada.check(&mut world, address, true);
    }
    assert!((3..=3 * 5).contains(&asked), "{asked} in ten seconds");
}

/// A network on which everything from 127.0.0.0/8 came over TCP from somewhere else.
#[derive(Default)]
struct Carried(Net);

impl Io for Carried {
    fn send(&mut self, batch: &Batch) {
        self.0.send(batch);
    }

    fn event(&mut self, event: Event) {
        self.0.event(event);
    }

    fn seen(&self, from: SocketAddr) -> SocketAddr {
        if from.ip().is_loopback() { "192.0.2.200:443".parse().unwrap() } else { from }
    }
}

impl Carried {
    fn arrives(&mut self, world: &mut World, from: SocketAddr, bytes: &[u8]) {
        let now = world.now();
        world.engine.datagram(now, from, &mut bytes.to_vec(), self);
    }

    /// Lets time pass; returns the transactions of the checks of ours to an address.
    fn asked(&mut self, world: &mut World, address: SocketAddr, us: u64) -> Vec<TransactionId> {
        for _ in 0..us / 20_000 {
            world.us += 20_000;
            let now = world.now();
            world.engine.tick(now, self);
        }
        let sent = self.0.sent.drain(..).filter(|(to, _)| *to == address);
        let messages = sent.filter_map(|(_, bytes)| {
            Message::parse(&bytes).ok().map(|message| (message.class, message.transaction))
        });
        messages.filter(|(class, _)| *class == Class::Request).map(|(_, transaction)| transaction).collect()
    }
}

#[test]
fn over_tcp_a_check_is_sent_once_and_udp_is_preferred() {
    let mut world = World::default();
    Roaming::new(&mut world);
    let mut net = Carried::default();
    let (udp, tcp) = (addresses()[0], "127.0.0.1:9".parse().unwrap());
    let ice = credentials(1, "");
    let (ours, theirs) = (stun::integrity_key(&ice.local_pwd), stun::integrity_key(&ice.remote_pwd));
    let nominates = |priority| stun::client_check(b"transaction!", b"local1:remote1", priority, true, &ours);
    net.arrives(&mut world, tcp, &nominates(HIGH));
    let asked = net.asked(&mut world, tcp, 20 * SECOND);
    assert_eq!(asked.len(), 1, "TCP repeats by itself (RFC 8489, section 6.2.2)");
    net.arrives(&mut world, tcp, &stun::success(&asked[0], tcp, &theirs));
    assert_eq!(world.engine.counters().moved, 1);
    net.arrives(&mut world, udp, &nominates(LOW));
    let asked = net.asked(&mut world, udp, SECOND / 10);
    net.arrives(&mut world, udp, &stun::success(&asked[0], udp, &theirs));
    assert_eq!(world.engine.counters().moved, 2, "our own candidate is worse over TCP, and so is the pair");
}

//! What listeners report of their connection, and what is made of it.

mod common;

use common::{Client, World};
use forwarder_core::engine::SessionReport;
use forwarder_core::ids::SessionId;
use forwarder_core::rtcp::{self, Block, Item};
use forwarder_core::rtp::Ssrc;

const SLOT: Ssrc = Ssrc(1000);

/// A listener of somebody who has talked for a while, and the sender report that reached it last.
struct Listening {
    world: World,
    ada: Client,
    ear: Client,
    last_report: u32,
    got_us: u64,
}

fn listening() -> Listening {
    let mut world = World::default();
    let (ear, ada) = (world.listener(1, 0, 3), world.speaker(2));
    let mut made = Listening { world, ada, ear, last_report: 0, got_us: 0 };
    made.goes_on();
    made
}

impl Listening {
    /// Six seconds more, in which a sender report comes.
    fn goes_on(&mut self) {
        for _ in 0..300 {
            self.ada.talk(&mut self.world, 1, Some(30));
            for item in self.ear.reports(&mut self.world) {
                if let Item::Sender { ssrc, ntp, .. } = item {
                    assert_eq!(ssrc, SLOT);
                    self.last_report = ntp.middle();
                    self.got_us = self.world.us;
                }
            }
        }
        assert_ne!(self.last_report, 0);
    }

    fn reports(&mut self, block: Block) {
        let mut plain = [0; 32];
        let length = rtcp::receiver_report(&mut plain, Ssrc(77), &block);
        let sealed = self.ear.seal_rtcp(&plain[..length]).unwrap();
        self.world.arrives(self.ear.address, &sealed);
    }

    fn known(&self) -> SessionReport {
        let now = self.world.now();
        self.world.engine.reports(now).into_iter().find(|(id, _)| *id == SessionId(self.ear.id)).unwrap().1
    }

    fn quiet_us(&self) -> u64 {
        self.known().quiet_us
    }

    /// How long the listener has had the sender report, in 1/65536 s.
    fn held(&self) -> u32 {
        ((self.world.us - self.got_us) * 65_536 / 1_000_000) as u32
    }

    fn block(&self) -> Block {
        Block { ssrc: SLOT, last_report: self.last_report, delay: self.held(), ..Block::default() }
    }
}

#[test]
fn loss_jitter_and_round_trip_are_what_the_listener_reports() {
    let mut it = listening();
    let quiet_us = it.quiet_us();
    assert_eq!(it.known(), SessionReport { packets: 300, quiet_us, ..SessionReport::default() });
    let delay = it.held();
    it.world.us += 70_000;
    it.reports(Block { fraction_lost: 64, lost: 12, jitter: 480, delay, ..it.block() });
    let known = it.known();
    assert_eq!((known.packets, known.lost, known.recent), (300, 12, true));
    assert_eq!((known.fraction_lost, known.jitter_us), (64, 10_000));
    assert!((70_000..70_100).contains(&known.round_trip_us), "{} us", known.round_trip_us);
}

#[test]
fn a_round_trip_is_known_from_either_of_the_last_two_sender_reports_and_from_no_other() {
    let mut it = listening();
    let (first, got_us) = (it.block(), it.got_us);
    it.goes_on();
    let delay = ((it.world.us - got_us - 30_000) * 65_536 / 1_000_000) as u32;
    it.reports(Block { delay, ..first });
    assert!((30_000..30_100).contains(&it.known().round_trip_us));
    it.goes_on();
    it.reports(Block { delay: 0, ..first });
    assert!((30_000..30_100).contains(&it.known().round_trip_us), "too old to be true");
}

#[test]
fn reports_that_cannot_be_true_are_ignored_or_bounded() {
    let mut it = listening();
    it.world.us += 5_000;
    it.reports(Block { delay: it.held() - 300, ..it.block() });
    let honest = it.known();
    assert!(honest.round_trip_us > 1000);
    // Another stream, a slot in which nothing was sent, and none at all.
    for ssrc in [Ssrc(1001), Ssrc(0), Ssrc(0xA000_0002)] {
        it.reports(Block { ssrc, fraction_lost: 255, lost: 1000, jitter: 9000, ..it.block() });
        assert_eq!(it.known(), honest);
    }
    // Held for longer than it is old; a report we never sent.
    for block in [
        Block { delay: u32::MAX, ..it.block() },
        Block { delay: it.held() + 700_000, ..it.block() },
        Block { last_report: it.last_report.wrapping_sub(1 << 16), delay: 0, ..it.block() },
        Block { last_report: it.last_report.wrapping_add(1 << 16), delay: 0, ..it.block() },
        Block { last_report: 0, delay: 0, ..it.block() },
    ] {
        it.reports(block);
        assert_eq!(it.known().round_trip_us, honest.round_trip_us);
    }
    it.reports(Block { lost: -5, ..it.block() });
    assert_eq!(it.known().lost, 0, "duplicates are no gain");
    it.reports(Block { lost: 0x7F_FFFF, jitter: u32::MAX, ..it.block() });
    let known = it.known();
    assert_eq!((known.lost, known.jitter_us), (known.packets, 10_000_000));
}

#[test]
fn what_was_reported_of_a_slot_that_fell_silent_is_forgotten_and_the_total_is_not() {
    let mut it = listening();
    it.reports(Block { fraction_lost: 30, lost: 4, jitter: 96, ..it.block() });
    it.world.pass(11_000_000);
    assert_eq!(it.known().fraction_lost, 30);
    it.world.pass(2_000_000);
    let known = it.known();
    assert_eq!((known.recent, known.fraction_lost, known.jitter_us, known.lost), (false, 0, 0, 4));
}

#[test]
fn what_a_speaker_loses_on_the_way_here_is_counted() {
    let mut world = World::default();
    let mut ada = world.speaker(2);
    for number in 0..200 {
        let packet = ada.packet(&common::frame(2, number), Some(30));
        if number % 4 != 3 {
            world.arrives(ada.address, &packet);
        }
        world.pass(20_000);
    }
    let now = world.now();
    let known = world.engine.reports(now)[0].1;
    assert_eq!((known.packets, known.lost), (150, 49), "the last one lost is not known of");
    assert!((60..=68).contains(&known.fraction_lost), "{} of 256", known.fraction_lost);
    assert!(known.recent);
}

#[test]
fn what_a_speaker_loses_is_no_loss_of_the_listeners() {
    let mut it = listening();
    it.ear.hear(&mut it.world);
    it.reports(Block { highest: 1000, ..it.block() });
    for number in 0..200 {
        let packet = it.ada.packet(&common::frame(2, number), Some(30));
        if number % 4 != 2 {
            it.world.arrives(it.ada.address, &packet);
        }
        it.world.pass(20_000);
    }
    let heard = it.ear.hear(&mut it.world);
    let numbers = heard[149].header.sequence.since(heard[0].header.sequence);
    assert_eq!((heard.len(), numbers), (150, 199), "the receiver misses 50");
    it.reports(Block { highest: 1200, lost: 60, fraction_lost: 77, ..it.block() });
    assert_eq!(it.known().lost, 10);
    assert!((11..=13).contains(&it.known().fraction_lost), "10 of 200");
}

#[test]
fn a_clock_that_jumps_is_no_jitter() {
    let mut world = World::default();
    let mut ada = world.speaker(2);
    for jump in [0, 48_000, 48_000_000, 1 << 31] {
        ada.timestamp = ada.timestamp.plus(jump);
        ada.talk(&mut world, 50, Some(30));
    }
    assert_eq!(world.engine.reports(world.now())[0].1.jitter_us, 0);
}

#[test]
fn how_long_a_peer_was_quiet_is_counted_from_its_last_check() {
    let mut it = listening();
    assert!(it.quiet_us() >= 6_000_000, "{} us", it.quiet_us());
    let address = it.ear.address;
    assert!(it.ear.check(&mut it.world, address, false));
    assert_eq!(it.quiet_us(), 0);
    it.goes_on();
    assert!((6_000_000..6_500_000).contains(&it.quiet_us()), "{} us", it.quiet_us());
}

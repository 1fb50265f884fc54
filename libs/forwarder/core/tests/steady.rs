//! The steady state: people talk and listen, keep their consent alive and report. Nothing of that takes memory; what is
//! handed up to be kept, bundles of captured audio and packets for other nodes, takes as much as is handed up.

mod common;
mod counting;

use std::net::SocketAddr;

use common::{Client, Net, SPACE, World, frame, keys, subscription};
use counting::{Counting, held, here};
use forwarder_core::batch::Batch;
use forwarder_core::clock::Now;
use forwarder_core::engine::{Engine, Event, Io, Media, Tuning};
use forwarder_core::ids::SessionId;
use forwarder_core::rtcp::{self, Block};
use forwarder_core::rtp::Ssrc;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const LISTENERS: u64 = 200;
/// Frames of 20 ms in a second.
const FRAMES: u64 = 50;
/// Every client is heard of, and hears a report, this often, in seconds.
const UPKEEP: u64 = 5;
/// In seconds; afterwards every buffer is as long as it becomes.
const WARM_UP: u64 = UPKEEP + 1;
/// Of the longest steady state that is measured: 1,000 packets, 200,000 that are sent.
const SECONDS: u64 = 4 * UPKEEP;
/// Enough for what every listener takes to show.
const MANY: u64 = 500;

/// Takes everything and keeps nothing: what is allocated on the way here is the engine's.
#[derive(Clone, Copy, Default)]
struct Sink {
    captured: u64,
    relayed: u64,
}

impl Io for Sink {
    fn send(&mut self, _: &Batch) {}

    fn event(&mut self, event: Event) {
        match event {
            Event::Captured { .. } => self.captured += 1,
            Event::Relayed { .. } => self.relayed += 1,
            Event::Talking { .. } => {}
            other => panic!("{other:?} in the steady state"),
        }
    }
}

/// The session of a listener; every eighth has the older cipher, see [`keys`].
fn listener(number: u64) -> u64 {
    1_000 + 2 * number + u64::from(number.is_multiple_of(8))
}

struct Steady {
    world: World,
    sink: Sink,
    speakers: Vec<Client>,
    listeners: Vec<Client>,
    /// What the engine asked for while it worked.
    allocations: u64,
}

impl Steady {
    /// `speakers` talk all the time, and listen with a session of their own; of the others every third one has one slot,
    /// two and three.
    fn new(speakers: u64, listeners: u64, tuning: Tuning, capture: bool) -> Self {
        let mut world = World { engine: Engine::new(tuning), ..World::default() };
        let on_stage: Vec<Client> = (1..=speakers).map(|id| world.speaker(id)).collect();
        let mut hear: Vec<Client> = (1..=speakers).map(|id| world.listener(100 + id, id, 3)).collect();
        hear.extend(
            (0..listeners).map(|number| world.listener(listener(number), 0, 1 + (number % 3) as u32)),
        );
        for speaker in &on_stage {
            world.engine.set_capture(SessionId(speaker.id), capture, &mut world.net);
        }
        world.net.sent.clear();
        Self { world, sink: Sink::default(), speakers: on_stage, listeners: hear, allocations: 0 }
    }

    fn measured(&mut self, work: impl FnOnce(&mut Engine, Now, &mut Sink)) {
        let now = self.world.now();
        let before = here();
        work(&mut self.world.engine, now, &mut self.sink);
        self.allocations += here() - before;
    }

    fn arrives(&mut self, from: SocketAddr, mut bytes: Vec<u8>) {
        self.measured(|engine, now, sink| engine.datagram(now, from, &mut bytes, sink));
    }

    /// Everybody who speaks says a frame, of a length that varies as speech does; then time goes on.
    fn frame(&mut self, number: u64) {
        for at in 0..self.speakers.len() {
            let speaker = &mut self.speakers[at];
            let mut payload = frame(speaker.id, number);
            payload.resize(60 + (number * 37 + speaker.id * 11) as usize % 90, 7);
            let (from, packet) = (speaker.address, speaker.packet(&payload, Some(30)));
            self.arrives(from, packet);
        }
        self.measured(Engine::flush);
        self.world.us += 15_000;
        self.measured(Engine::tick);
        self.world.us += 5_000;
    }

    /// Every client sends a check and a receiver report.
    fn upkeep(&mut self) {
        let mut report = [0; 32];
        let block = Block { ssrc: Ssrc(1000), jitter: 48, ..Block::default() };
        let length = rtcp::receiver_report(&mut report, Ssrc(77), &block);
        let mut said = Vec::new();
        for client in self.speakers.iter_mut().chain(&mut self.listeners) {
            said.push((client.address, client.request(false)));
            said.push((client.address, client.seal_rtcp(&report[..length]).unwrap()));
        }
        for (from, bytes) in said {
            self.arrives(from, bytes);
        }
    }

    /// So many seconds; what the engine asked for in them.
    fn seconds(&mut self, seconds: u64) -> u64 {
        let before = self.allocations;
        for number in 0..seconds * FRAMES {
            if number % (UPKEEP * FRAMES) == 0 {
                self.upkeep();
            }
            self.frame(number);
        }
        self.allocations - before
    }
}

#[test]
fn packets_checks_and_reports_of_a_talker_and_two_hundred_listeners_take_no_memory() {
    let mut steady = Steady::new(1, LISTENERS, Tuning::default(), false);
    steady.seconds(WARM_UP);
    let before = steady.world.engine.counters();
    assert_eq!(steady.seconds(SECONDS), 0);
    let after = steady.world.engine.counters();
    assert_eq!(after.forwarded - before.forwarded, SECONDS * FRAMES * LISTENERS);
    assert_eq!(after.stun_answered - before.stun_answered, SECONDS / UPKEEP * (LISTENERS + 2));
    assert!(after.reports_sent - before.reports_sent >= SECONDS / UPKEEP * LISTENERS);
}

#[test]
fn what_waits_for_others_and_what_large_audiences_get_takes_no_memory() {
    let tuning = Tuning { coalesce_us: 4_000, repacketise_from: 20 };
    let mut steady = Steady::new(3, LISTENERS / 2, tuning, false);
    steady.seconds(WARM_UP);
    let before = steady.world.engine.counters();
    assert_eq!(steady.seconds(UPKEEP), 0);
    let after = steady.world.engine.counters();
    assert!(after.together > before.together, "of several talkers");
    // As every third of them has one slot, two and three, they would get two packets a frame.
    let apart = UPKEEP * FRAMES * LISTENERS;
    assert!(after.forwarded - before.forwarded < apart / 2, "of several frames");
}

#[test]
fn what_is_handed_up_takes_one_piece_of_memory_however_many_listen() {
    let of = |listeners| {
        let mut steady = Steady::new(1, listeners, Tuning::default(), true);
        steady.world.engine.set_shared(SPACE, true);
        steady.seconds(WARM_UP);
        let before = steady.sink;
        let allocations = steady.seconds(UPKEEP);
        assert_eq!(steady.sink.relayed - before.relayed, UPKEEP * FRAMES);
        let captured = steady.sink.captured - before.captured;
        assert!((UPKEEP * 8..=UPKEEP * 10).contains(&captured), "a bundle for 100 ms");
        assert_eq!(allocations, UPKEEP * FRAMES + captured);
        allocations
    };
    assert_eq!(of(5), of(80));
}

#[test]
fn a_listener_takes_two_kilobytes_among_those_that_are_sent_to_whichever_cipher_it_has() {
    for kind in 0..2 {
        let mut world = World::default();
        let (begun, mut state) = (held(), 0);
        for number in 0..MANY {
            let id = 2 * number + kind;
            world.add(id, 0, Media::Subscribe(subscription(3, None)));
            drop(world.checked(id));
            let keys = keys(id);
            let before = held();
            world.engine.set_keys(SessionId(id), &keys).unwrap();
            state += held() - before;
        }
        world.net = Net::default();
        let (state, all) = (state / MANY as i64, (held() - begun) / MANY as i64);
        assert!(state <= 2_048, "{state} bytes");
        assert!(all <= 8_192, "{all} bytes, its session and what finds that included");
    }
}

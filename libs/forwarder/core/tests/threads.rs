//! Several threads seal and send one round: whatever happens in between, everybody hears what they would hear of one.

mod common;

use std::collections::HashMap;
use std::net::SocketAddr;

use common::{Client, World, credentials, frame};
use forwarder_core::engine::{Event, Tuning};
use forwarder_core::rtp::{SequenceNumber, Ssrc, Timestamp};
use forwarder_core::stun;
use proptest::prelude::*;

/// Several shards, the last one not full.
const CROWD: u64 = 150;
const SPEAKERS: [u64; 2] = [1001, 1002];

/// A listener, and where its one slot that is used stands: sequence, timestamp.
struct Ear {
    client: Client,
    last: HashMap<Ssrc, (SequenceNumber, Timestamp)>,
    /// The number of the newest frame it heard of each speaker.
    newest: HashMap<u64, u64>,
}

impl Ear {
    /// Every packet opens with the listener's key, once (a nonce used twice would be a replay), and follows the one
    /// before it. Returns the speaker of a frame, and its number.
    fn take(&mut self, bytes: Vec<u8>) -> Option<(u64, u64)> {
        let heard = self.client.open(bytes)?;
        let (sequence, timestamp) = (heard.header.sequence, heard.header.timestamp);
        if let Some((before, time)) = self.last.insert(heard.header.ssrc, (sequence, timestamp)) {
            assert_eq!(sequence, before.next(), "listener {}", self.client.id);
            assert!(timestamp.since(time) > 0);
        }
        let words: &[u8; 17] = heard.payload.as_slice().try_into().ok()?;
        let number = |at: usize| u64::from_be_bytes(words[at..at + 8].try_into().unwrap());
        let (speaker, number) = (number(1), number(9));
        let before = self.newest.insert(speaker, number);
        assert!(before.is_none_or(|before| before < number), "listener {}", self.client.id);
        Some((speaker, number))
    }
}

struct Crowd {
    world: World,
    ears: HashMap<SocketAddr, Ear>,
    speakers: Vec<(Client, bool)>,
    born: u64,
    moves: u64,
}

impl Crowd {
    fn new(threads: usize, tuning: Tuning) -> Self {
        let mut world = World { engine: forwarder_core::engine::Engine::new(tuning), ..World::default() };
        world.net.threads = threads;
        let speakers = SPEAKERS.map(|id| (world.speaker(id), false)).into();
        let mut crowd = Self { world, ears: HashMap::new(), speakers, born: 0, moves: 0 };
        (0..CROWD).for_each(|_| crowd.join());
        crowd
    }

    fn join(&mut self) {
        self.born += 1;
        // Some of the listeners are the speakers themselves.
        let owner = if self.born.is_multiple_of(40) { SPEAKERS[0] } else { 0 };
        let client = self.world.listener(self.born, owner, 3);
        self.ears.insert(client.address, Ear { client, last: HashMap::new(), newest: HashMap::new() });
    }

    fn chosen(&self, number: usize) -> Option<SocketAddr> {
        let mut all: Vec<(u64, SocketAddr)> =
            self.ears.values().map(|ear| (ear.client.id, ear.client.address)).collect();
        all.sort_unstable();
        all.get(number % all.len().max(1)).map(|(_, address)| *address)
    }

    fn leave(&mut self, number: usize) {
        if let Some(ear) = self.chosen(number).and_then(|address| self.ears.remove(&address)) {
            self.world.remove(&ear.client);
        }
    }

    /// A listener's media goes to another address, which answers the server's own check.
    fn relocate(&mut self, number: usize) {
        let Some(mut ear) = self.chosen(number).and_then(|address| self.ears.remove(&address)) else {
            return;
        };
        self.moves += 1;
        let new: SocketAddr = ([203, 0, (self.moves / 250) as u8, (self.moves % 250) as u8], 4000).into();
        let key = stun::integrity_key(&credentials(ear.client.id, "").local_pwd);
        let username = format!("local{0}:remote{0}", ear.client.id);
        let now = self.world.now();
        let mut check = stun::client_request(b"from outside", username.as_bytes(), true, &key);
        self.world.engine.datagram(now, new, &mut check, &mut self.world.net);
        self.world.engine.flush(now, &mut self.world.net);
        let asked = self.world.for_address(new).into_iter().find_map(|bytes| {
            let message = stun::Message::parse(&bytes).ok()?;
            (message.class == stun::Class::Request).then_some(message.transaction)
        });
        if let Some(transaction) = asked {
            let key = stun::integrity_key(&credentials(ear.client.id, "").remote_pwd);
            self.world.arrives(new, &stun::success(&transaction, new, &key));
            ear.client.address = new;
        }
        self.ears.insert(ear.client.address, ear);
        // Checks of ours keep a distance; so the next one, should the same listener move again, leaves at once. Nothing
        // that waits may leave during another move, for where that listener was.
        self.world.us += 50_000;
        let now = self.world.now();
        self.world.engine.flush(now, &mut self.world.net);
    }

    fn mute(&mut self, speaker: usize, muted: bool) {
        let (client, is) = &mut self.speakers[speaker % SPEAKERS.len()];
        *is = muted;
        self.world.muted(client, muted);
    }

    /// Everybody on stage says a frame; one burst, as the socket's thread reads it.
    fn talk(&mut self) {
        let now = self.world.now();
        for (speaker, _) in &mut self.speakers {
            let payload = frame(speaker.id, speaker.index.0);
            let mut packet = speaker.packet(&payload, Some(30));
            self.world.engine.datagram(now, speaker.address, &mut packet, &mut self.world.net);
        }
        self.world.engine.flush(now, &mut self.world.net);
    }

    /// What was sent, to whom, in the order of sending; each packet has been looked at. Nothing of those who were muted
    /// before is among it, and nothing for those who have left.
    fn hear(&mut self) -> Vec<(SocketAddr, u64)> {
        let sent: Vec<(SocketAddr, Vec<u8>)> = self.world.net.sent.drain(..).collect();
        let mut heard = Vec::new();
        for (to, bytes) in sent {
            if self.speakers.iter().any(|(speaker, _)| speaker.address == to) {
                continue;
            }
            let ear =
                self.ears.get_mut(&to).expect("nobody who has left, or was elsewhere, is sent anything");
            if let Some((speaker, _)) = ear.take(bytes) {
                heard.push((to, speaker));
            }
        }
        heard
    }
}

#[derive(Clone, Debug)]
enum Step {
    Talk,
    Join,
    Leave(usize),
    Move(usize),
    Mute(usize, bool),
    Pass,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Talk),
        1 => Just(Step::Join),
        1 => any::<usize>().prop_map(Step::Leave),
        1 => any::<usize>().prop_map(Step::Move),
        1 => (0..2usize, any::<bool>()).prop_map(|(who, muted)| Step::Mute(who, muted)),
        2 => Just(Step::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutes_leaves_moves_and_joins_between_rounds_are_heard_by_nobody(
        steps in prop::collection::vec(step(), 30..45),
        threads in 1..4usize,
        repacketise in any::<bool>(),
        coalesce in any::<bool>(),
    ) {
        let tuning = Tuning {
            coalesce_us: if coalesce { 8_000 } else { 0 },
            repacketise_from: if repacketise { 100 } else { 0 },
        };
        let mut crowd = Crowd::new(threads, tuning);
        crowd.hear();
        for step in steps {
            match step {
                Step::Talk => crowd.talk(),
                Step::Join => crowd.join(),
                Step::Leave(number) => crowd.leave(number),
                Step::Move(number) => crowd.relocate(number),
                Step::Mute(who, muted) => {
                    // What left before the mute may be heard after it.
                    crowd.hear();
                    crowd.mute(who, muted);
                }
                Step::Pass => crowd.world.pass(20_000),
            }
            let silent: Vec<u64> =
                crowd.speakers.iter().filter(|(_, muted)| *muted).map(|(speaker, _)| speaker.id).collect();
            let heard = crowd.hear();
            prop_assert!(heard.iter().all(|(_, speaker)| !silent.contains(speaker)));
        }
        let all_are_told = crowd.world.net.events.iter().filter(|event| matches!(event, Event::Closed { .. })).count();
        prop_assert_eq!(crowd.world.engine.counters().sessions as usize, crowd.ears.len() + SPEAKERS.len());
        prop_assert_eq!(all_are_told, crowd.born as usize - crowd.ears.len());
    }
}

#[test]
fn every_frame_reaches_everybody_once_and_nobody_is_always_last() {
    for threads in [1, 2, 3] {
        let mut crowd = Crowd::new(threads, Tuning::default());
        crowd.mute(1, true);
        crowd.hear();
        let mut last: HashMap<SocketAddr, usize> = HashMap::new();
        const ROUNDS: usize = 60;
        for _ in 0..ROUNDS {
            crowd.talk();
            let heard = crowd.hear();
            let themselves = CROWD as usize / 40;
            assert_eq!(heard.len(), CROWD as usize - themselves);
            for (to, _) in &heard[heard.len() * 9 / 10..] {
                *last.entry(*to).or_default() += 1;
            }
            crowd.world.us += 20_000;
        }
        let most = last.values().max().copied().unwrap_or_default();
        // With several threads the system has a say in the order.
        let bound = if threads == 1 { ROUNDS / 4 } else { ROUNDS * 3 / 4 };
        assert!(most <= bound, "{threads} threads: somebody was {most} of {ROUNDS} times in the last tenth");
    }
}

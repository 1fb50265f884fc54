//! Real sockets, several threads that send, and orders while they do.

mod common;

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use common::{FROM, LIMIT, TO, is_audio, listens, master, over_udp, packet, speaks};
use forwarder_core::engine::{Media, Tuning};
use forwarder_core::ids::SessionId;
use forwarder_core::rtp::{Header, MTU, SequenceNumber};
use forwarder_core::srtp::{Inbound, Outbound};
use forwarder_netloop::Forwarder;

/// Enough that a helper has its share of every round.
const LISTENERS: u64 = 300;
const SPEAKER: u64 = 1_000;

struct Client {
    id: u64,
    socket: UdpSocket,
    /// Opens what the forwarder sends.
    inbound: Inbound,
    next: Option<SequenceNumber>,
}

impl Client {
    /// One that has passed its check and has keys; it does not wait for what it reads.
    fn connected(forwarder: &Forwarder, id: u64, media: Media) -> Self {
        let socket = over_udp(forwarder, id, media);
        socket.set_nonblocking(true).unwrap();
        Self { id, socket, inbound: Inbound::new(&master(id, TO)).unwrap(), next: None }
    }

    fn listener(forwarder: &Forwarder, id: u64) -> Self {
        Self::connected(forwarder, id, listens(id))
    }

    /// Reads what is there: every packet opens, once, and follows the one before it. Returns the frames of speech.
    fn hear(&mut self) -> Vec<u64> {
        let (mut bytes, mut heard) = ([0; MTU], Vec::new());
        while let Ok(length) = self.socket.recv(&mut bytes) {
            let packet = &mut bytes[..length];
            if !is_audio(packet) {
                continue;
            }
            let header = Header::parse(packet).unwrap();
            let length = self.inbound.open_rtp(packet, &header).unwrap();
            assert!(self.next.is_none_or(|next| next == header.sequence), "listener {}", self.id);
            self.next = Some(header.sequence.next());
            // A single byte ends a slot.
            if let Some(number) = header.payload(&packet[..length]).unwrap()[1..].first_chunk() {
                heard.push(u64::from_be_bytes(*number));
            }
        }
        assert!(heard.is_sorted_by(|a, b| a < b));
        heard
    }
}

/// How far the talker may go: those who listen read what waits for them before it goes on.
#[derive(Default)]
struct Leash {
    frames: AtomicU64,
    over: AtomicBool,
}

impl Leash {
    /// So many more frames fit every receive buffer.
    fn lengthen(&self) {
        self.frames.fetch_add(50, Ordering::Relaxed);
    }
}

/// A frame every two milliseconds, as far as it may go.
fn talk(socket: &UdpSocket, leash: &Leash) {
    let outbound = Outbound::new(&master(SPEAKER, FROM)).unwrap();
    for number in 0u64.. {
        while number >= leash.frames.load(Ordering::Relaxed) {
            if leash.over.load(Ordering::Relaxed) {
                return;
            }
            sleep(Duration::from_millis(2));
        }
        let payload = [&[0x78][..], &number.to_be_bytes()].concat();
        socket.send(&packet(&outbound, number, &payload)).unwrap();
        sleep(Duration::from_millis(2));
    }
}

/// All orders given before have been obeyed, and what left has arrived.
fn obeyed(forwarder: &Forwarder) {
    assert!(!forwarder.reports().is_empty());
}

/// Waits until everybody has heard something.
fn everybody_hears(crowd: &mut [Client], leash: &Leash) {
    let begun = Instant::now();
    let mut deaf = vec![true; crowd.len()];
    while deaf.contains(&true) {
        assert!(begun.elapsed() < LIMIT);
        leash.lengthen();
        sleep(Duration::from_millis(20));
        for (deaf, client) in deaf.iter_mut().zip(&mut *crowd) {
            *deaf &= client.hear().is_empty();
        }
    }
}

fn orders_during_full_send(threads: usize) {
    let address: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
    let threads = NonZeroUsize::new(threads).unwrap();
    let forwarder = Forwarder::start(address, None, Tuning::default(), threads).unwrap();
    let mut crowd: Vec<Client> = (1..=LISTENERS).map(|id| Client::listener(&forwarder, id)).collect();
    let speaker = Client::connected(&forwarder, SPEAKER, speaks());
    let leash = Leash::default();
    scope(|scope| {
        scope.spawn(|| talk(&speaker.socket, &leash));
        for turn in 0..3 {
            everybody_hears(&mut crowd, &leash);
            let mut gone = crowd.swap_remove(turn * 90);
            forwarder.remove(SessionId(gone.id)).unwrap();
            obeyed(&forwarder);
            gone.hear();
            forwarder.set_muted(SessionId(SPEAKER), true).unwrap();
            obeyed(&forwarder);
            crowd.iter_mut().for_each(|client| drop(client.hear()));
            let muted = forwarder.stats().engine.muted;
            leash.lengthen();
            while forwarder.stats().engine.muted < muted + 5 {
                sleep(Duration::from_millis(5));
            }
            for client in &mut crowd {
                assert_eq!(client.hear(), [0u64; 0], "muted, and heard by {}", client.id);
            }
            assert_eq!(
                gone.socket.recv(&mut [0; MTU]).ok(),
                None,
                "somebody who had left was sent something"
            );
            forwarder.set_muted(SessionId(SPEAKER), false).unwrap();
            crowd.push(Client::listener(&forwarder, LISTENERS + 1 + turn as u64));
        }
        everybody_hears(&mut crowd, &leash);
        leash.over.store(true, Ordering::Relaxed);
    });
    let helped = std::fs::read_dir("/proc/self/task").unwrap().filter_map(Result::ok).any(|task| {
        let read = |name: &str| std::fs::read_to_string(task.path().join(name)).unwrap_or_default();
        read("comm").trim() == "forwarder-1" && !read("schedstat").starts_with("0 ")
    });
    assert_eq!(helped, threads.get() > 1);
    assert_eq!(forwarder.stats().unsent, 0);
    forwarder.stop();
}

#[test]
fn mutes_leaves_and_joins_hold_at_once_while_threads_send() {
    for threads in [1, 2] {
        orders_during_full_send(threads);
    }
}

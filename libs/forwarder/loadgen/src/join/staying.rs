//! What listeners do once they have joined: they listen, keep their consent alive and report.

use std::net::UdpSocket;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use forwarder_core::rtp::{Header, Ssrc, is_rtcp};
use forwarder_core::srtp::Outbound;
use forwarder_core::stun;
use ring::hmac;

use super::client::Joined;
use crate::payloads::Payloads;
use crate::readers::{Counted, Ear, SAMPLE};
use crate::sys::Reader;
use crate::upkeep;

struct Listening {
    socket: Arc<UdpSocket>,
    ear: Ear,
    ssrcs: Vec<Ssrc>,
}

struct Kept {
    socket: Arc<UdpSocket>,
    outbound: Outbound,
    username: Vec<u8>,
    key: hmac::Key,
    ssrc: Ssrc,
}

/// Everybody who is there.
pub struct Audience {
    pub counted: Arc<Counted>,
    newcomers: Sender<Listening>,
    kept: Arc<Mutex<Vec<Kept>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Audience {
    /// Nobody yet.
    pub fn new(payloads: Payloads) -> std::io::Result<Self> {
        let counted = Arc::<Counted>::default();
        let kept = Arc::<Mutex<Vec<Kept>>>::default();
        let (newcomers, arriving) = channel();
        let reader = Reader::new(&[])?;
        let (count, keep) = (Arc::clone(&counted), Arc::clone(&kept));
        let threads = vec![
            thread::spawn(move || listen(reader, &arriving, &payloads, &count)),
            thread::spawn({
                let counted = Arc::clone(&counted);
                move || upkeep::in_turns(&counted.stopping, |turn| look_after(&keep, turn))
            }),
        ];
        Ok(Self { counted, newcomers, kept, threads })
    }

    /// Takes somebody in; returns what to DELETE.
    pub fn stay(&self, joined: Joined) -> std::io::Result<String> {
        let Joined { socket, ear, outbound, username, key, ssrcs, resource } = joined;
        socket.set_nonblocking(true)?;
        let socket = Arc::new(socket);
        let ssrc = ssrcs.first().copied().unwrap_or_default();
        let kept = Kept { socket: Arc::clone(&socket), outbound, username, key, ssrc };
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
        // The reading thread ends after everybody who could send.
        let _ = self.newcomers.send(Listening { socket, ear, ssrcs });
        Ok(resource)
    }

    /// Nobody checks or reports any more; what still arrives is counted.
    pub fn fall_silent(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Ends both threads.
    pub fn end(self) {
        self.counted.stop();
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

fn look_after(kept: &Mutex<Vec<Kept>>, turn: upkeep::Turn) {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    for (_, client) in kept.iter_mut().enumerate().filter(|(number, _)| turn.is_of(*number)) {
        let report = upkeep::report(&mut client.outbound, Ssrc(client.ssrc.0 ^ 1), client.ssrc);
        let check = stun::client_request(&[0x5A; 12], &client.username, true, &client.key);
        for datagram in report.iter().map(|report| &report[..]).chain([&check[..]]) {
            // A refusal is what a server that is gone answers; whoever counts sees that nothing comes.
            let _ = client.socket.send(datagram);
        }
    }
}

fn listen(mut reader: Reader, arriving: &Receiver<Listening>, payloads: &Payloads, counted: &Counted) {
    let mut there: Vec<Listening> = Vec::new();
    let mut number = 0u64;
    while !counted.stopped() {
        for newcomer in arriving.try_iter() {
            if let Err(error) = reader.add(&newcomer.socket, there.len()) {
                eprintln!("loadgen: nobody reads a listener's socket: {error}");
            }
            there.push(newcomer);
        }
        for at in reader.ready() {
            let Listening { socket, ear, ssrcs } = &mut there[at];
            while reader.burst(socket, |bytes| {
                number += 1;
                datagram(ear, ssrcs, bytes, number.is_multiple_of(SAMPLE), payloads, counted);
            }) {}
        }
    }
}

fn datagram(
    ear: &mut Ear,
    ssrcs: &[Ssrc],
    bytes: &mut [u8],
    sample: bool,
    payloads: &Payloads,
    counted: &Counted,
) {
    match bytes.first() {
        Some(0..=3) => counted.answer(),
        // The server repeats its last flight where ours came late.
        Some(20..=63) => {}
        Some(128..=191) if is_rtcp(bytes) => counted.report(),
        _ => counted.packet(bytes, |bytes, counted| {
            let header = Header::parse(bytes).ok()?;
            let slot = ssrcs.iter().position(|ssrc| *ssrc == header.ssrc)?;
            if ear.in_order(slot, &header, counted) && sample {
                ear.decrypt(bytes, &header, payloads, counted)?;
            }
            Some(())
        }),
    }
}

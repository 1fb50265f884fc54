//! Listeners and talkers.
//!
//! Each line of the input is an order and gets a line of JSON as its answer: `check` (connectivity checks of everybody,
//! until each is answered), `talk MILLISECONDS TALKERS SEED SILENT` (seed 0: all in step; the last SILENT ones send
//! silence), `stats`, `ports`. The end of the input ends the program.

use std::error::Error;
use std::io::BufRead;
use std::net::{SocketAddrV4, UdpSocket};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use forwarder_core::rtp::{PacketIndex, Ssrc, Timestamp};
use forwarder_core::srtp::Outbound;
use forwarder_core::stun;

use crate::payloads::Payloads;
use crate::readers::{Counted, Part};
use crate::sys::{self, MTU};
use crate::{identity, pace, upkeep};

/// Audio level of speech (RFC 6464): -30 dBov with the voice bit.
const VOICE: u8 = 0x80 | 30;
const SILENCE: u8 = 127;
const CHECKED_WITHIN: Duration = Duration::from_secs(30);

struct Crowd {
    server: SocketAddrV4,
    listeners: u32,
    talkers: u32,
    sockets: Arc<Vec<UdpSocket>>,
    voices: Vec<Voice>,
    payloads: Arc<Payloads>,
    counted: Arc<Counted>,
    reachable: Arc<Mutex<Vec<bool>>>,
}

struct Voice {
    socket: UdpSocket,
    outbound: Outbound,
    next: PacketIndex,
}

/// See the module.
pub fn run(
    server: &str,
    listeners: &str,
    talkers: &str,
    sockets: &str,
    payloads: &str,
) -> Result<(), Box<dyn Error>> {
    let (listeners, talkers): (u32, u32) = (listeners.parse()?, talkers.parse()?);
    let sockets = (0..sockets.parse()?).map(|_| sys::reading_socket()).collect::<Result<Vec<_>, _>>()?;
    let voices = (0..talkers)
        .map(|talker| {
            Ok(Voice {
                socket: sys::reading_socket()?,
                outbound: Outbound::new(&identity::master(identity::TALKERS + talker, false))?,
                next: PacketIndex(1000),
            })
        })
        .collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    let mut crowd = Crowd {
        server: server.parse()?,
        listeners,
        talkers,
        sockets: Arc::new(sockets),
        voices,
        payloads: Arc::new(Payloads::read(payloads)?),
        counted: Arc::default(),
        reachable: Arc::new(Mutex::new(vec![false; listeners as usize])),
    };
    let threads = [crowd.read(), crowd.keep_alive()?];
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["check"] => crowd.check()?,
            ["talk", milliseconds, talkers, seed, silent] => {
                crowd.talk(milliseconds.parse()?, talkers.parse()?, seed.parse()?, silent.parse()?)?;
            }
            ["stats"] => {}
            ["ports"] => {
                let ports: Result<Vec<u16>, std::io::Error> =
                    crowd.sockets.iter().map(|socket| Ok(socket.local_addr()?.port())).collect();
                println!("{:?}", ports?);
                continue;
            }
            _ => return Err(format!("no such order: {line}").into()),
        }
        println!("{}", crowd.counted.json());
    }
    crowd.counted.stop();
    for thread in threads {
        let _ = thread.join();
    }
    Ok(())
}

impl Crowd {
    fn read(&self) -> JoinHandle<()> {
        let part = Part {
            sockets: Arc::clone(&self.sockets),
            payloads: Arc::clone(&self.payloads),
            counted: Arc::clone(&self.counted),
            reachable: Arc::clone(&self.reachable),
        };
        let listeners = self.listeners as usize;
        thread::spawn(move || {
            if let Err(error) = part.run(listeners) {
                eprintln!("loadgen: reading ended: {error}");
            }
        })
    }

    /// Checks and receiver reports of all listeners.
    fn keep_alive(&self) -> Result<JoinHandle<()>, Box<dyn Error>> {
        let (server, listeners) = (self.server, self.listeners);
        let (sockets, counted) = (Arc::clone(&self.sockets), Arc::clone(&self.counted));
        let reachable = Arc::clone(&self.reachable);
        let mut reporters = (0..listeners)
            .map(|number| Outbound::new(&identity::master(number, false)))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(thread::spawn(move || {
            upkeep::in_turns(&counted.stopping, |turn| {
                let keyed = reachable.lock().unwrap_or_else(PoisonError::into_inner).clone();
                for number in (0..listeners).filter(|number| turn.is_of(*number as usize)) {
                    if !keyed[number as usize] {
                        continue;
                    }
                    let socket = &sockets[number as usize % sockets.len()];
                    let about = identity::slot_ssrc(number, 0);
                    if let Some(report) =
                        upkeep::report(&mut reporters[number as usize], Ssrc(number + 1), about)
                    {
                        let _ = sys::send_from(socket, identity::address(number), server, &report);
                    }
                    let _ = request(socket, number, server);
                }
            });
        }))
    }

    fn check(&mut self) -> Result<(), Box<dyn Error>> {
        let end = Instant::now() + CHECKED_WITHIN;
        while self.counted.answered.load(Ordering::Relaxed) < u64::from(self.listeners) {
            let reached = self.reachable.lock().unwrap_or_else(PoisonError::into_inner).clone();
            for (number, _) in reached.iter().enumerate().filter(|(_, reached)| !**reached) {
                request(&self.sockets[number % self.sockets.len()], number as u32, self.server)?;
                if number % 200 == 199 {
                    sleep(Duration::from_millis(2));
                }
            }
            sleep(Duration::from_millis(100));
            if Instant::now() > end {
                return Err("not every check was answered".into());
            }
        }
        for (talker, voice) in self.voices.iter().enumerate() {
            request(&voice.socket, identity::TALKERS + talker as u32, self.server)?;
        }
        Ok(())
    }

    fn talk(
        &mut self,
        milliseconds: u64,
        talkers: usize,
        seed: u64,
        silent: usize,
    ) -> Result<(), Box<dyn Error>> {
        if talkers > self.talkers as usize {
            return Err("there are not so many talkers".into());
        }
        for (talker, voice) in self.voices.iter().enumerate() {
            request(&voice.socket, identity::TALKERS + talker as u32, self.server)?;
        }
        let began = Instant::now();
        for (due, talker, turn) in pace::turns(milliseconds, talkers, seed) {
            if let Some(wait) = Duration::from_nanos(due).checked_sub(began.elapsed()) {
                sleep(wait);
            }
            let payload = self.payloads.at(talker, turn);
            let level = if talker + silent >= talkers { SILENCE } else { VOICE };
            self.voices[talker].say(talker, payload, level, self.server)?;
        }
        // What is on its way arrives.
        sleep(Duration::from_millis(150));
        Ok(())
    }
}

fn request(socket: &UdpSocket, number: u32, server: SocketAddrV4) -> std::io::Result<()> {
    let (username, password) = identity::ice(number);
    let mut transaction = [0x5A; 12];
    transaction[..4].copy_from_slice(&number.to_be_bytes());
    let key = stun::integrity_key(&password);
    let request = stun::client_request(&transaction, &username, true, &key);
    sys::send_from(socket, identity::address(number), server, &request)
}

impl Voice {
    fn say(
        &mut self,
        talker: usize,
        payload: &[u8],
        level: u8,
        server: SocketAddrV4,
    ) -> Result<(), Box<dyn Error>> {
        let number = identity::TALKERS + talker as u32;
        let bytes = packet(number, self.next, payload, level, &self.outbound)?;
        self.next = self.next.next();
        sys::send_from(&self.socket, identity::address(number), server, &bytes)?;
        Ok(())
    }
}

/// A talker's sealed packet of 20 ms, the `index`th, with its audio level.
pub fn packet(
    number: u32,
    index: PacketIndex,
    payload: &[u8],
    level: u8,
    outbound: &Outbound,
) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut bytes = vec![0; MTU];
    bytes[0] = 0x90;
    let (ssrc, timestamp) = (Ssrc(number), Timestamp((index.0 as u32).wrapping_mul(960)));
    bytes[1] = identity::PAYLOAD_TYPE.0;
    bytes[2..4].copy_from_slice(&index.sequence().0.to_be_bytes());
    bytes[4..8].copy_from_slice(&timestamp.0.to_be_bytes());
    bytes[8..12].copy_from_slice(&ssrc.0.to_be_bytes());
    // One-byte extensions: the audio level.
    bytes[12..20].copy_from_slice(&[0xBE, 0xDE, 0, 1, identity::LEVEL.0 << 4, level, 0, 0]);
    bytes[20..20 + payload.len()].copy_from_slice(payload);
    let length = outbound.seal_rtp(&mut bytes, 20, payload.len(), ssrc, index)?;
    bytes.truncate(length);
    Ok(bytes)
}

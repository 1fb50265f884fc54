//! The listeners' ears: threads that read, check the order and decrypt a sample.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use forwarder_core::rtp::{Header, is_rtcp};
use forwarder_core::srtp::{Inbound, TAG};
use forwarder_core::stun::{Class, Message};

use crate::identity;
use crate::payloads::Payloads;
use crate::sys::Reader;

/// One packet in so many is decrypted.
const SAMPLE: u64 = 61;

/// What all readers count together.
#[derive(Default)]
pub struct Counted {
    pub packets: AtomicU64,
    pub bytes: AtomicU64,
    /// Packets that are missing before one that came.
    pub missing: AtomicU64,
    /// Packets that came after a later one, or twice.
    pub late: AtomicU64,
    /// Packets that were padded to the size of others.
    pub padded: AtomicU64,
    pub decrypted: AtomicU64,
    /// Decrypted ones that are no packet of the file (a silence's end excepted).
    pub other: AtomicU64,
    /// Packets that did not decrypt, or belong to nobody.
    pub bad: AtomicU64,
    pub reports: AtomicU64,
    /// Datagrams of the bare floor.
    pub bare: AtomicU64,
    pub answered: AtomicU64,
    pub stopping: AtomicBool,
}

struct Listener {
    expected: [Option<u16>; 4],
    /// Made when its first packet is decrypted.
    inbound: Option<Box<Inbound>>,
}

/// What the reading thread works with. Listener `n` uses socket `n` modulo their count.
pub struct Part {
    pub sockets: Arc<Vec<UdpSocket>>,
    pub payloads: Arc<Payloads>,
    pub counted: Arc<Counted>,
    pub reachable: Arc<Mutex<Vec<bool>>>,
}

impl Part {
    /// Reads until it is stopped.
    pub fn run(self, listeners: usize) -> std::io::Result<()> {
        let mut reader = Reader::new(&self.sockets)?;
        let mut ears: Vec<Listener> =
            (0..listeners).map(|_| Listener { expected: [None; 4], inbound: None }).collect();
        let mut number = 0u64;
        while !self.counted.stopping.load(Ordering::Relaxed) {
            for socket in reader.ready() {
                while reader.burst(&self.sockets[socket], |bytes| {
                    number += 1;
                    self.datagram(&mut ears, bytes, number);
                }) {}
            }
        }
        Ok(())
    }

    fn datagram(&self, ears: &mut [Listener], bytes: &mut [u8], number: u64) {
        let counted = &self.counted;
        match bytes.first() {
            Some(0..=3) => self.answer(bytes),
            Some(128..=191) if is_rtcp(bytes) => add(&counted.reports, 1),
            Some(128..=191) => match self.packet(ears, bytes, number.is_multiple_of(SAMPLE)) {
                Some(()) => {
                    add(&counted.packets, 1);
                    add(&counted.bytes, bytes.len() as u64);
                }
                None => add(&counted.bad, 1),
            },
            Some(0xFF) => add(&counted.bare, 1),
            _ => add(&counted.bad, 1),
        }
    }

    /// An answer to a check carries the session's number in its transaction id.
    fn answer(&self, bytes: &[u8]) {
        let Ok(message) = Message::parse(bytes) else { return add(&self.counted.bad, 1) };
        if message.class != Class::Success {
            return;
        }
        let id = message.transaction;
        let number = u32::from_be_bytes([id[0], id[1], id[2], id[3]]) as usize;
        let mut reachable = self.reachable.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reached) = reachable.get_mut(number)
            && !*reached
        {
            *reached = true;
            add(&self.counted.answered, 1);
        }
    }

    fn packet(&self, ears: &mut [Listener], bytes: &mut [u8], sample: bool) -> Option<()> {
        let header = Header::parse(bytes).ok()?;
        let (number, slot) = identity::of_ssrc(header.ssrc)?;
        let ear = ears.get_mut(number)?;
        let counted = &self.counted;
        if let Some(expected) = ear.expected[slot] {
            let step = header.sequence.wrapping_sub(expected);
            if step >= 1 << 15 {
                add(&counted.late, 1);
                return Some(());
            }
            add(&counted.missing, u64::from(step));
        }
        ear.expected[slot] = Some(header.sequence.wrapping_add(1));
        add(&counted.padded, u64::from(header.padding));
        if sample {
            if ear.inbound.is_none() {
                let key = identity::master(number as u32, true);
                ear.inbound = Some(Box::new(Inbound::new(&key).ok()?));
            }
            let length = ear.inbound.as_mut()?.open_rtp(bytes, &header).ok()?;
            debug_assert_eq!(length + TAG, bytes.len());
            let payload = header.payload(&bytes[..length]).ok()?;
            add(&counted.decrypted, 1);
            add(&counted.other, u64::from(payload.len() > 1 && !self.payloads.contains(payload)));
        }
        Some(())
    }
}

fn add(counter: &AtomicU64, value: u64) {
    // One thread writes; a plain load and store is cheaper than a locked addition.
    counter.store(counter.load(Ordering::Relaxed) + value, Ordering::Relaxed);
}

//! The listeners' ears: threads that read, check the order and decrypt a sample.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use forwarder_core::rtp::{Header, SequenceNumber, is_rtcp};
use forwarder_core::srtp::Inbound;
use forwarder_core::stun::{Class, Message};

use crate::identity;
use crate::payloads::Payloads;
use crate::sys::Reader;

/// One packet in so many is decrypted.
pub const SAMPLE: u64 = 61;

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

impl Counted {
    /// One datagram that is neither STUN nor RTCP: `take` says with None that it is bad.
    pub fn packet(&self, bytes: &mut [u8], take: impl FnOnce(&mut [u8], &Self) -> Option<()>) {
        match take(bytes, self) {
            Some(()) => {
                add(&self.packets, 1);
                add(&self.bytes, bytes.len() as u64);
            }
            None => add(&self.bad, 1),
        }
    }

    /// An RTCP packet came.
    pub fn report(&self) {
        add(&self.reports, 1);
    }

    /// A check was answered.
    pub fn answer(&self) {
        add(&self.answered, 1);
    }

    /// The threads that count are to end.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    pub fn stopped(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// One line.
    pub fn json(&self) -> String {
        let parts = [
            ("packets", &self.packets),
            ("bytes", &self.bytes),
            ("missing", &self.missing),
            ("late", &self.late),
            ("padded", &self.padded),
            ("decrypted", &self.decrypted),
            ("other", &self.other),
            ("bad", &self.bad),
            ("reports", &self.reports),
            ("bare", &self.bare),
            ("answered", &self.answered),
        ];
        let parts: Vec<String> = parts
            .iter()
            .map(|(name, counter)| format!("\"{name}\": {}", counter.load(Ordering::Relaxed)))
            .collect();
        format!("{{{}}}", parts.join(", "))
    }
}

/// What one listener expects in its slots.
#[derive(Default)]
pub struct Ear {
    expected: [Option<SequenceNumber>; 4],
    /// Whoever has none cannot decrypt.
    inbound: Option<Box<Inbound>>,
}

impl Ear {
    /// One that heard a first packet.
    pub fn hearing(inbound: Inbound, slot: usize, sequence: SequenceNumber) -> Self {
        let mut ear = Self { inbound: Some(Box::new(inbound)), ..Self::default() };
        ear.expected[slot] = Some(sequence.next());
        ear
    }

    /// Counts what is missing before a packet; whether the packet is new.
    pub fn in_order(&mut self, slot: usize, header: &Header, counted: &Counted) -> bool {
        if let Some(expected) = self.expected[slot] {
            let step = header.sequence.since(expected);
            if step < 0 {
                add(&counted.late, 1);
                return false;
            }
            add(&counted.missing, u64::from(step.unsigned_abs()));
        }
        self.expected[slot] = Some(header.sequence.next());
        add(&counted.padded, u64::from(header.padding));
        true
    }

    /// Decrypts in place and compares with what was said; None where it is not for this listener.
    pub fn decrypt(
        &mut self,
        bytes: &mut [u8],
        header: &Header,
        said: &Payloads,
        counted: &Counted,
    ) -> Option<()> {
        let length = self.inbound.as_mut()?.open_rtp(bytes, header).ok()?;
        let payload = header.payload(&bytes[..length]).ok()?;
        add(&counted.decrypted, 1);
        add(&counted.other, u64::from(payload.len() > 1 && !said.contains(payload)));
        Some(())
    }
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
        let mut ears: Vec<Ear> = (0..listeners).map(|_| Ear::default()).collect();
        let mut number = 0u64;
        while !self.counted.stopped() {
            for socket in reader.ready() {
                while reader.burst(&self.sockets[socket], |bytes| {
                    number += 1;
                    self.datagram(&mut ears, bytes, number);
                }) {}
            }
        }
        Ok(())
    }

    fn datagram(&self, ears: &mut [Ear], bytes: &mut [u8], number: u64) {
        let counted = &self.counted;
        match bytes.first() {
            Some(0..=3) => self.answer(bytes),
            Some(128..=191) if is_rtcp(bytes) => counted.report(),
            Some(128..=191) => {
                counted.packet(bytes, |bytes, _| self.packet(ears, bytes, number.is_multiple_of(SAMPLE)))
            }
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
            self.counted.answer();
        }
    }

    fn packet(&self, ears: &mut [Ear], bytes: &mut [u8], sample: bool) -> Option<()> {
        let header = Header::parse(bytes).ok()?;
        let (number, slot) = identity::of_ssrc(header.ssrc)?;
        let ear = ears.get_mut(number)?;
        if ear.in_order(slot, &header, &self.counted) && sample {
            if ear.inbound.is_none() {
                let key = identity::master(number as u32, true);
                ear.inbound = Some(Box::new(Inbound::new(&key).ok()?));
            }
            ear.decrypt(bytes, &header, &self.payloads, &self.counted)?;
        }
        Some(())
    }
}

fn add(counter: &AtomicU64, value: u64) {
    // One thread writes; a plain load and store is cheaper than a locked addition.
    counter.store(counter.load(Ordering::Relaxed) + value, Ordering::Relaxed);
}

//! Clients of an engine without a network: they do STUN and SRTP, and skip DTLS.
#![allow(dead_code, missing_docs)] // Each test uses a part of it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Mutex;

use forwarder_core::batch::Batch;
use forwarder_core::clock::Now;
use forwarder_core::engine::{
    Credentials, Engine, Event, Io, Media, Publication, Round, SessionConfig, SlotConfig, Subscription,
};
use forwarder_core::ids::{PersonId, SessionId, SpaceId};
use forwarder_core::rtcp::{self, Item};
use forwarder_core::rtp::{ExtensionId, Header, MTU, PacketIndex, PayloadType, Ssrc, Timestamp};
use forwarder_core::srtp::{Inbound, MASTER, MASTER_CM, MasterKeys, Outbound};
use forwarder_core::stun;

pub const OPUS: PayloadType = PayloadType(111);
pub const LEVEL: ExtensionId = ExtensionId(1);
pub const MID: ExtensionId = ExtensionId(4);
pub const SPACE: SpaceId = SpaceId(9);

pub struct Net {
    /// How many work on a round at once.
    pub threads: usize,
    pub sent: VecDeque<(SocketAddr, Vec<u8>)>,
    pub events: Vec<Event>,
    pub largest_batch: usize,
    /// Datagrams to one listener that left together.
    pub largest_train: usize,
}

impl Default for Net {
    fn default() -> Self {
        Self { threads: 1, sent: VecDeque::new(), events: Vec::new(), largest_batch: 0, largest_train: 0 }
    }
}

impl Io for Net {
    fn run(&mut self, round: &Round, batch: &mut Batch) {
        let threads = self.threads;
        let net = Mutex::new(self);
        let send = |batch: &Batch| {
            net.lock().unwrap().send(batch);
            std::thread::yield_now();
        };
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(|| round.work(&mut Batch::default(), send));
            }
            round.work(batch, send);
        });
        assert_eq!(round.left(), 0);
    }

    fn send(&mut self, batch: &Batch) {
        self.largest_batch = self.largest_batch.max(batch.entries().len());
        for entry in batch.entries() {
            let bytes = &batch.bytes()[entry.start..entry.start + entry.length];
            self.largest_train = self.largest_train.max(entry.datagrams());
            self.sent.extend(bytes.chunks(entry.segment).map(|bytes| (entry.to, bytes.to_vec())));
        }
    }

    fn event(&mut self, event: Event) {
        self.events.push(event);
    }
}

pub struct World {
    pub engine: Engine,
    pub net: Net,
    pub us: u64,
}

impl Default for World {
    fn default() -> Self {
        Self { engine: Engine::default(), net: Net::default(), us: 1_000_000 }
    }
}

impl World {
    pub fn now(&self) -> Now {
        Now { us: self.us, wall_ns: 1_800_000_000_000_000_000 + self.us * 1000 }
    }

    /// Lets time pass, with the ticks the loop would make.
    pub fn pass(&mut self, us: u64) {
        let end = self.us + us;
        while self.us < end {
            self.us = (self.us + 20_000).min(end);
            let now = self.now();
            self.engine.tick(now, &mut self.net);
        }
    }

    pub fn arrives(&mut self, from: SocketAddr, bytes: &[u8]) {
        let now = self.now();
        self.engine.datagram(now, from, &mut bytes.to_vec(), &mut self.net);
        self.engine.flush(now, &mut self.net);
    }

    /// Payloads of all captured bundles.
    pub fn captured(&self) -> Vec<Vec<u8>> {
        let mut payloads = Vec::new();
        for event in &self.net.events {
            let Event::Captured { bundle, packets, .. } = event else { continue };
            assert_eq!((bundle[0], u16::from_le_bytes([bundle[2], bundle[3]])), (1, *packets));
            let mut at = 16;
            while at < bundle.len() {
                let length = usize::from(u16::from_le_bytes([bundle[at + 10], bundle[at + 11]]));
                payloads.push(bundle[at + 12..at + 12 + length].to_vec());
                at += 12 + length;
            }
        }
        payloads
    }

    /// Takes what was sent to an address.
    pub fn for_address(&mut self, address: SocketAddr) -> Vec<Vec<u8>> {
        let (theirs, others) = self.net.sent.drain(..).partition(|(to, _)| *to == address);
        self.net.sent = others;
        let theirs: VecDeque<(SocketAddr, Vec<u8>)> = theirs;
        theirs.into_iter().map(|(_, bytes)| bytes).collect()
    }

    pub fn muted(&mut self, client: &Client, muted: bool) {
        let now = self.now();
        self.engine.set_muted(SessionId(client.id), muted, now, &mut self.net);
    }

    pub fn remove(&mut self, client: &Client) {
        let now = self.now();
        self.engine.remove(SessionId(client.id), now, &mut self.net);
    }

    pub fn add(&mut self, id: u64, owner: u64, media: Media) {
        let config = SessionConfig {
            id: SessionId(id),
            space: SPACE,
            owner: PersonId(owner),
            ice: credentials(id, ""),
            media,
        };
        let now = self.now();
        self.engine.add(config, now).unwrap();
    }

    /// A connected speaker.
    pub fn speaker(&mut self, id: u64) -> Client {
        self.speaker_with(id, None)
    }

    /// One whose packets may have copies of earlier ones, under this payload type.
    pub fn speaker_with(&mut self, id: u64, red: Option<PayloadType>) -> Client {
        self.add(
            id,
            id,
            Media::Publish(Publication {
                payload_type: OPUS,
                red,
                level_extension: Some(LEVEL),
                muted: false,
                capture: true,
            }),
        );
        self.client(id)
    }

    /// A connected listener with so many slots.
    pub fn listener(&mut self, id: u64, owner: u64, slots: u32) -> Client {
        self.listener_with(id, owner, slots, None)
    }

    /// One that may be sent packets with copies of earlier ones, under this payload type.
    pub fn listener_with(&mut self, id: u64, owner: u64, slots: u32, red: Option<PayloadType>) -> Client {
        self.add(id, owner, Media::Subscribe(subscription(slots, red)));
        self.client(id)
    }

    /// Passes a check for a session that was added.
    pub fn checked(&mut self, id: u64) -> Client {
        let address: SocketAddr = ([198, 51, 100, (id % 250) as u8], 10_000 + id as u16).into();
        let mut client = Client::new(id, address);
        assert!(client.check(self, address, true));
        client
    }

    fn client(&mut self, id: u64) -> Client {
        let client = self.checked(id);
        self.engine.set_keys(SessionId(id), &keys(id)).unwrap();
        client
    }
}

/// What a listener with so many slots agrees to.
pub fn subscription(slots: u32, red: Option<PayloadType>) -> Subscription {
    let slots = (0..slots)
        .map(|slot| SlotConfig { mid: slot.to_string().into_bytes(), ssrc: Ssrc(1000 + slot) })
        .collect();
    Subscription {
        payload_type: PayloadType(96),
        red,
        mid_extension: Some(MID),
        level_extension: Some(LEVEL),
        slots,
    }
}

/// Those of a client's first ICE session, or of one after that.
pub fn credentials(id: u64, generation: &str) -> Credentials {
    Credentials {
        local_ufrag: format!("local{id}{generation}").into_bytes(),
        local_pwd: format!("local password of {id}{generation}").into_bytes(),
        remote_ufrag: format!("remote{id}{generation}").into_bytes(),
        remote_pwd: format!("remote password of {id}{generation}").into_bytes(),
    }
}

/// Every other client does AES_CM_128_HMAC_SHA1_80, the others AEAD_AES_128_GCM.
pub fn keys(id: u64) -> MasterKeys {
    let length = if id.is_multiple_of(2) { MASTER } else { MASTER_CM };
    let key = |fill| [&id.to_be_bytes()[..], &vec![fill; length - 8]].concat();
    MasterKeys { receive: key(0x11), send: key(0x22) }
}

pub struct Client {
    pub id: u64,
    pub address: SocketAddr,
    /// Of its ICE credentials.
    pub generation: &'static str,
    outbound: Outbound,
    inbound: Inbound,
    /// Of what it says.
    pub payload_type: PayloadType,
    pub ssrc: Ssrc,
    /// Of the next packet.
    pub index: PacketIndex,
    pub timestamp: Timestamp,
    /// The next packet is marked: the first one is, as browsers do it (RFC 3551, section 4.1).
    pub marked: bool,
}

/// What a listener found in one packet.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    pub header: Header,
    pub payload: Vec<u8>,
    pub mid: Option<Vec<u8>>,
}

impl Client {
    pub fn new(id: u64, address: SocketAddr) -> Self {
        let keys = keys(id);
        Self {
            id,
            address,
            generation: "",
            outbound: Outbound::new(&keys.receive).unwrap(),
            inbound: Inbound::new(&keys.send).unwrap(),
            payload_type: OPUS,
            ssrc: Ssrc(0xA000_0000 + id as u32),
            index: PacketIndex(65_000),
            timestamp: Timestamp(0xFFFF_0000),
            marked: true,
        }
    }

    /// An authenticated Binding request.
    pub fn request(&self, nominate: bool) -> Vec<u8> {
        let ice = credentials(self.id, self.generation);
        let key = stun::integrity_key(&ice.local_pwd);
        let username = [ice.local_ufrag.as_slice(), b":", &ice.remote_ufrag].concat();
        stun::client_request(b"transaction!", &username, nominate, &key).to_vec()
    }

    /// Sends an authenticated Binding request from an address; whether it was answered.
    pub fn check(&mut self, world: &mut World, from: SocketAddr, nominate: bool) -> bool {
        let key = stun::integrity_key(&credentials(self.id, self.generation).local_pwd);
        world.arrives(from, &self.request(nominate));
        world.for_address(from).iter().any(|bytes| {
            stun::Message::parse(bytes).is_ok_and(|answer| {
                answer.class == stun::Class::Success && answer.mapped == Some(from) && answer.authentic(&key)
            })
        })
    }

    /// The next packet, sealed.
    pub fn packet(&mut self, payload: &[u8], level: Option<u8>) -> Vec<u8> {
        let mut bytes = vec![0; MTU];
        bytes[0] = 0x80;
        bytes[1] = u8::from(std::mem::take(&mut self.marked)) << 7 | self.payload_type.0;
        bytes[2..4].copy_from_slice(&self.index.sequence().0.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.timestamp.0.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.ssrc.0.to_be_bytes());
        let mut header = 12;
        if let Some(level) = level {
            bytes[0] |= 0x10;
            bytes[12..20].copy_from_slice(&[0xBE, 0xDE, 0, 1, LEVEL.0 << 4, 0x80 | level, 0, 0]);
            header = 20;
        }
        bytes[header..header + payload.len()].copy_from_slice(payload);
        let length =
            self.outbound.seal_rtp(&mut bytes, header, payload.len(), self.ssrc, self.index).unwrap();
        bytes.truncate(length);
        self.index = self.index.next();
        self.timestamp = self.timestamp.plus(960);
        bytes
    }

    /// Seals a packet of any shape; `None` where it has no header to speak of.
    pub fn seal_rtp(&mut self, plain: &[u8]) -> Option<Vec<u8>> {
        let header = Header::parse(plain).ok()?;
        let index = PacketIndex(self.index.0 & !0xFFFF | u64::from(header.sequence.0));
        let mut bytes = [plain, &[0; 16]].concat();
        let length = plain.len() - header.length;
        let sealed = self.outbound.seal_rtp(&mut bytes, header.length, length, header.ssrc, index).ok()?;
        bytes.truncate(sealed);
        self.index = self.index.next();
        Some(bytes)
    }

    /// Seals a report of any shape; `None` where it is too short to have a sender.
    pub fn seal_rtcp(&mut self, plain: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = [plain, &[0; 20]].concat();
        let sealed = self.outbound.seal_rtcp(&mut bytes, plain.len()).ok()?;
        bytes.truncate(sealed);
        Some(bytes)
    }

    /// Says one frame now.
    pub fn say(&mut self, world: &mut World, payload: &[u8], level: Option<u8>) {
        let packet = self.packet(payload, level);
        let address = self.address;
        world.arrives(address, &packet);
    }

    /// Says frames at their pace: one every 20 ms.
    pub fn talk(&mut self, world: &mut World, frames: usize, level: Option<u8>) -> Vec<Vec<u8>> {
        (0..frames)
            .map(|_| {
                let payload = frame(self.id, self.index.0);
                self.say(world, &payload, level);
                world.pass(20_000);
                payload
            })
            .collect()
    }

    /// What it was sent since the last time, decrypted; reports are left out.
    pub fn hear(&mut self, world: &mut World) -> Vec<Heard> {
        let mut heard = Vec::new();
        for bytes in world.for_address(self.address) {
            heard.extend(self.open(bytes));
        }
        heard
    }

    /// Decrypts what it was sent; nothing where that is no RTP.
    pub fn open(&mut self, mut bytes: Vec<u8>) -> Option<Heard> {
        if !(128..=191).contains(&bytes[0]) || forwarder_core::rtp::is_rtcp(&bytes) {
            return None;
        }
        let header = Header::parse(&bytes).unwrap();
        let length = self.inbound.open_rtp(&mut bytes, &header).unwrap();
        assert_eq!(length + self.outbound.rtp.tag(), bytes.len());
        let packet = &bytes[..length];
        let mid = header.extension(packet, MID).map(<[u8]>::to_vec);
        Some(Heard { payload: header.payload(packet).unwrap().to_vec(), mid, header })
    }

    /// What the reports say that it was sent since the last time; packets are left out.
    pub fn reports(&mut self, world: &mut World) -> Vec<Item> {
        let mut items = Vec::new();
        for mut bytes in world.for_address(self.address) {
            if (128..=191).contains(&bytes[0]) && forwarder_core::rtp::is_rtcp(&bytes) {
                let length = self.inbound.open_rtcp(&mut bytes).unwrap();
                assert!(rtcp::read(&bytes[..length], |item| items.push(item)));
            }
        }
        items
    }

    /// The payloads it was sent, without the frames that end a slot.
    pub fn words(&mut self, world: &mut World) -> Vec<Vec<u8>> {
        self.hear(world).into_iter().map(|heard| heard.payload).filter(|payload| payload.len() > 1).collect()
    }
}

/// A frame of 20 ms that nobody else sends.
pub fn frame(id: u64, number: u64) -> Vec<u8> {
    let mut payload = vec![0x78];
    payload.extend(id.to_be_bytes());
    payload.extend(number.to_be_bytes());
    payload
}

//! Clients of a running forwarder over UDP and over TCP: they do STUN and SRTP, and skip DTLS.
#![allow(dead_code)] // Each test uses a part of it.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::time::Duration;

use forwarder_core::engine::{Credentials, Media, Publication, SessionConfig, SlotConfig, Subscription};
use forwarder_core::ids::{PersonId, SessionId, SpaceId};
use forwarder_core::rtp::{MTU, PacketIndex, PayloadType, Ssrc, is_rtcp};
use forwarder_core::srtp::{MASTER, MasterKeys, Outbound};
use forwarder_core::stun;
use forwarder_netloop::Forwarder;

pub const LIMIT: Duration = Duration::from_secs(90);

pub fn credentials(id: u64) -> Credentials {
    let text = |what: &str| format!("{what} of {id}, long enough").into_bytes();
    Credentials {
        local_ufrag: format!("ours{id}").into_bytes(),
        local_pwd: text("our password"),
        remote_ufrag: b"theirs".to_vec(),
        remote_pwd: text("their password"),
    }
}

/// A Binding request for a session, authentic with its password.
pub fn check(id: u64, password: &[u8]) -> Vec<u8> {
    let username = format!("ours{id}:theirs");
    stun::client_request(b"transaction!", username.as_bytes(), true, &stun::integrity_key(password)).to_vec()
}

/// Key and salt: what a client seals with (`FROM`), or what is sealed for it (`TO`).
pub fn master(id: u64, direction: u8) -> Vec<u8> {
    [&id.to_be_bytes()[..], &[direction; MASTER - 8]].concat()
}

pub const FROM: u8 = 0x11;
pub const TO: u8 = 0x22;

pub fn listens(id: u64) -> Media {
    let slots = vec![SlotConfig { mid: b"0".to_vec(), ssrc: Ssrc(id as u32) }];
    Media::Subscribe(Subscription {
        payload_type: PayloadType(111),
        red: None,
        mid_extension: None,
        level_extension: None,
        slots,
    })
}

pub fn speaks() -> Media {
    Media::Publish(Publication {
        payload_type: PayloadType(111),
        red: None,
        level_extension: None,
        muted: false,
        capture: false,
    })
}

/// A sealed packet of a talker: the frame of so many 20 ms, with this payload.
pub fn packet(outbound: &Outbound, number: u64, payload: &[u8]) -> Vec<u8> {
    let mut bytes = [0; MTU];
    bytes[..2].copy_from_slice(&[0x80, 111]);
    bytes[2..4].copy_from_slice(&(number as u16).to_be_bytes());
    bytes[4..8].copy_from_slice(&(number as u32 * 960).to_be_bytes());
    bytes[8..12].copy_from_slice(&7u32.to_be_bytes());
    bytes[12..12 + payload.len()].copy_from_slice(payload);
    let length = outbound.seal_rtp(&mut bytes, 12, payload.len(), Ssrc(7), PacketIndex(number)).unwrap();
    bytes[..length].to_vec()
}

/// Whether what came is a packet of audio.
pub fn is_audio(bytes: &[u8]) -> bool {
    !is_rtcp(bytes) && !stun::is_stun(bytes)
}

fn add(forwarder: &Forwarder, id: u64, media: Media) {
    forwarder
        .add(SessionConfig {
            id: SessionId(id),
            space: SpaceId(1),
            owner: PersonId(id),
            ice: credentials(id),
            media,
        })
        .unwrap();
}

fn set_keys(forwarder: &Forwarder, id: u64) {
    let keys = MasterKeys { receive: master(id, FROM), send: master(id, TO) };
    forwarder.set_keys(SessionId(id), keys).unwrap();
}

/// The socket of a client that has passed its check and has keys. It waits for what it reads.
pub fn over_udp(forwarder: &Forwarder, id: u64, media: Media) -> UdpSocket {
    add(forwarder, id, media);
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.connect(forwarder.local_address()).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    socket.send(&check(id, &credentials(id).local_pwd)).unwrap();
    let mut answer = [0; MTU];
    let length = socket.recv(&mut answer).unwrap();
    assert_eq!(stun::Message::parse(&answer[..length]).unwrap().class, stun::Class::Success);
    set_keys(forwarder, id);
    socket
}

/// The same over TCP.
pub fn over_tcp(forwarder: &Forwarder, id: u64, media: Media) -> Framed {
    add(forwarder, id, media);
    let mut client = Framed::connected(forwarder);
    client.send(&check(id, &credentials(id).local_pwd));
    let answer = client.receive().unwrap();
    let answer = stun::Message::parse(&answer).unwrap();
    assert_eq!(answer.class, stun::Class::Success);
    assert_eq!(answer.mapped, Some(client.0.local_addr().unwrap()));
    set_keys(forwarder, id);
    client
}

/// A connection that sends and receives frames.
pub struct Framed(pub TcpStream);

impl Framed {
    pub fn connected(forwarder: &Forwarder) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, forwarder.tcp_port().unwrap())).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        Self(stream)
    }

    pub fn send(&mut self, packet: &[u8]) {
        let length = (packet.len() as u16).to_be_bytes();
        self.0.write_all(&[&length[..], packet].concat()).unwrap();
    }

    /// The next packet; `None` at the connection's end.
    pub fn receive(&mut self) -> Option<Vec<u8>> {
        let mut length = [0; 2];
        self.read(&mut length)?;
        let mut packet = vec![0; usize::from(u16::from_be_bytes(length))];
        self.read(&mut packet)?;
        Some(packet)
    }

    fn read(&mut self, to: &mut [u8]) -> Option<()> {
        match self.0.read_exact(to) {
            Ok(()) => Some(()),
            Err(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => {
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// The sequence number of the next packet of audio; `None` at the end.
    pub fn hear(&mut self) -> Option<u16> {
        loop {
            let packet = self.receive()?;
            if is_audio(&packet) {
                return Some(u16::from_be_bytes([packet[2], packet[3]]));
            }
        }
    }
}

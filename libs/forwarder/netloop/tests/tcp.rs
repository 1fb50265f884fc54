//! Clients without UDP, well-behaved ones and others, at the TCP port of a running forwarder.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::num::NonZeroUsize;
use std::thread::sleep;
use std::time::{Duration, Instant};

use forwarder_core::engine::{Credentials, Media, SessionConfig, SlotConfig, Subscription, Tuning};
use forwarder_core::rtp::MTU;
use forwarder_core::srtp::{MASTER, Outbound};
use forwarder_core::stun;
use forwarder_netloop::{Forwarder, Stats, TcpConfig};

const LIMIT: Duration = Duration::from_secs(10);
/// As the forwarder sends it: some of these fill every buffer on the way.
const PAYLOAD: usize = 1_000;

fn started(config: TcpConfig) -> Forwarder {
    Forwarder::start((Ipv4Addr::LOCALHOST, 0).into(), Some(config), Tuning::default(), NonZeroUsize::MIN)
        .unwrap()
}

fn until(forwarder: &Forwarder, what: impl Fn(Stats) -> bool) {
    let begun = Instant::now();
    while !what(forwarder.stats()) {
        assert!(begun.elapsed() < LIMIT, "{:?}", forwarder.stats());
        sleep(Duration::from_millis(5));
    }
}

fn credentials(id: u64) -> Credentials {
    let text = |what: &str| format!("{what} of {id}, long enough").into_bytes();
    Credentials {
        local_ufrag: format!("ours{id}").into_bytes(),
        local_pwd: text("our password"),
        remote_ufrag: b"theirs".to_vec(),
        remote_pwd: text("their password"),
    }
}

/// A connection that sends and receives frames.
struct Client(TcpStream);

impl Client {
    fn connected(forwarder: &Forwarder) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, forwarder.tcp_port().unwrap())).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        Self(stream)
    }

    /// One that has passed a check of a session.
    fn checked(forwarder: &Forwarder, id: u64) -> Self {
        let mut client = Self::connected(forwarder);
        client.send(&check(id, &credentials(id).local_pwd));
        let answer = client.receive().unwrap();
        let answer = stun::Message::parse(&answer).unwrap();
        assert_eq!(answer.class, stun::Class::Success);
        assert_eq!(answer.mapped, Some(client.0.local_addr().unwrap()));
        client
    }

    fn send(&mut self, packet: &[u8]) {
        let length = (packet.len() as u16).to_be_bytes();
        self.0.write_all(&[&length[..], packet].concat()).unwrap();
    }

    /// The next packet; `None` at the connection's end.
    fn receive(&mut self) -> Option<Vec<u8>> {
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

    /// The next packet of audio; `None` at the end.
    fn hear(&mut self) -> Option<u16> {
        loop {
            let packet = self.receive()?;
            if packet.len() > PAYLOAD {
                return Some(u16::from_be_bytes([packet[2], packet[3]]));
            }
        }
    }
}

fn check(id: u64, password: &[u8]) -> Vec<u8> {
    let username = format!("ours{id}:theirs");
    stun::client_request(b"transaction!", username.as_bytes(), true, &stun::integrity_key(password)).to_vec()
}

fn add(forwarder: &Forwarder, id: u64, media: Media) -> Client {
    let config = SessionConfig { id, space: 1, owner: id, ice: credentials(id), media };
    forwarder.add(config).unwrap();
    let client = Client::checked(forwarder, id);
    forwarder.set_keys(id, vec![id as u8; MASTER], vec![0xEE; MASTER]).unwrap();
    client
}

fn listener(forwarder: &Forwarder, id: u64) -> Client {
    let slots = vec![SlotConfig { mid: b"0".to_vec(), ssrc: id as u32 }];
    let media =
        Subscription { payload_type: 111, red: None, mid_extension: None, level_extension: None, slots };
    add(forwarder, id, Media::Subscribe(media))
}

#[test]
fn a_reader_that_is_stuck_loses_packets_and_its_connection_and_nobody_else_loses_anything() {
    let forwarder = started(TcpConfig { stuck_for: Duration::from_millis(400), ..TcpConfig::default() });
    let mut stuck = listener(&forwarder, 1);
    let mut well = listener(&forwarder, 2);
    let speaks =
        Media::Publish { payload_type: 111, red: None, level_extension: None, muted: false, capture: false };
    let mut speaker = add(&forwarder, 3, speaks);
    let seal = Outbound::new(&[3; MASTER]).unwrap();
    let begun = Instant::now();
    let mut heard: Vec<u16> = Vec::new();
    let mut sent = 0u16;
    while forwarder.stats().tcp.cut_off == 0 {
        assert!(begun.elapsed() < LIMIT, "{:?}", forwarder.stats());
        let mut packet = [0u8; MTU];
        packet[..2].copy_from_slice(&[0x80, 111]);
        packet[2..4].copy_from_slice(&sent.to_be_bytes());
        packet[4..8].copy_from_slice(&(u32::from(sent) * 960).to_be_bytes());
        packet[11] = 3;
        packet[12] = 0x78;
        let length = seal.seal_rtp(&mut packet, 12, PAYLOAD, 3, u64::from(sent)).unwrap();
        let said = Instant::now();
        speaker.send(&packet[..length]);
        sent += 1;
        heard.push(well.hear().unwrap());
        assert!(said.elapsed() < Duration::from_secs(1), "the other one does not wait");
        sleep(Duration::from_millis(1));
    }
    assert!(heard.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)), "nothing is lost");
    let got = std::iter::from_fn(|| stuck.hear()).count();
    assert!(got < usize::from(sent), "{got} of {sent} fit the buffers");
    assert!(forwarder.stats().unsent > 0);
    until(&forwarder, |stats| stats.tcp.open == 2);
    forwarder.stop();
}

#[test]
fn who_passes_no_check_in_time_is_cut_off() {
    let config = TcpConfig { check_within: Duration::from_millis(200), ..TcpConfig::default() };
    let forwarder = started(config);
    let mut silent = Client::connected(&forwarder);
    let mut slow = Client::connected(&forwarder);
    slow.0.write_all(&[0]).unwrap();
    let mut guesses = Client::connected(&forwarder);
    let media =
        Media::Publish { payload_type: 111, red: None, level_extension: None, muted: false, capture: false };
    let mut well = add(&forwarder, 7, media);
    guesses.send(&check(7, b"a password that is wrong"));
    for client in [&mut silent, &mut slow, &mut guesses] {
        assert_eq!(client.receive(), None);
    }
    until(&forwarder, |stats| stats.tcp.refused == 3 && stats.tcp.open == 1);
    well.send(&check(7, &credentials(7).local_pwd));
    assert!(well.receive().is_some());
    forwarder.remove(7).unwrap();
    assert_eq!(well.receive(), None, "its session is gone");
    forwarder.stop();
}

#[test]
fn more_connections_than_there_may_be_are_closed_at_once() {
    let forwarder = started(TcpConfig { connections: 3, ..TcpConfig::default() });
    let first: Vec<Client> = (0..3).map(|_| Client::connected(&forwarder)).collect();
    until(&forwarder, |stats| stats.tcp.open == 3);
    assert_eq!(Client::connected(&forwarder).receive(), None);
    for client in first {
        client.0.shutdown(Shutdown::Both).unwrap();
    }
    until(&forwarder, |stats| stats.tcp.open == 0);
    let _again = Client::connected(&forwarder);
    until(&forwarder, |stats| stats.tcp.open == 1);
    forwarder.stop();
}

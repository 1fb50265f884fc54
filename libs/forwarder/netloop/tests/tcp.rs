//! Clients without UDP, well-behaved ones and others, at the TCP port of a running forwarder.

mod common;

use std::io::Write;
use std::net::{Ipv4Addr, Shutdown};
use std::num::NonZeroUsize;
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::{FROM, Framed, LIMIT, check, credentials, listens, master, over_tcp, packet, speaks};
use forwarder_core::engine::Tuning;
use forwarder_core::ids::SessionId;
use forwarder_core::srtp::Outbound;
use forwarder_netloop::{Forwarder, Stats, TcpConfig};

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

#[test]
fn a_reader_that_is_stuck_loses_packets_and_its_connection_and_nobody_else_loses_anything() {
    let forwarder = started(TcpConfig { stuck_for: Duration::from_millis(400), ..TcpConfig::default() });
    let mut stuck = over_tcp(&forwarder, 1, listens(1));
    let mut well = over_tcp(&forwarder, 2, listens(2));
    let mut speaker = over_tcp(&forwarder, 3, speaks());
    let seal = Outbound::new(&master(3, FROM)).unwrap();
    let begun = Instant::now();
    let mut heard: Vec<u16> = Vec::new();
    let mut sent = 0u16;
    while forwarder.stats().tcp.cut_off == 0 {
        assert!(begun.elapsed() < LIMIT, "{:?}", forwarder.stats());
        let packet = packet(&seal, u64::from(sent), &[0x78; PAYLOAD]);
        speaker.send(&packet);
        sent += 1;
        heard.push(well.hear().unwrap());
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
    let mut silent = Framed::connected(&forwarder);
    let mut slow = Framed::connected(&forwarder);
    slow.0.write_all(&[0]).unwrap();
    let mut guesses = Framed::connected(&forwarder);
    let mut well = over_tcp(&forwarder, 7, speaks());
    guesses.send(&check(7, b"a password that is wrong"));
    for client in [&mut silent, &mut slow, &mut guesses] {
        assert_eq!(client.receive(), None);
    }
    until(&forwarder, |stats| stats.tcp.refused == 3 && stats.tcp.open == 1);
    well.send(&check(7, &credentials(7).local_pwd));
    assert!(well.receive().is_some());
    forwarder.remove(SessionId(7)).unwrap();
    assert_eq!(well.receive(), None, "its session is gone");
    forwarder.stop();
}

#[test]
fn more_connections_than_there_may_be_are_closed_at_once() {
    let forwarder = started(TcpConfig { connections: 3, ..TcpConfig::default() });
    let first: Vec<Framed> = (0..3).map(|_| Framed::connected(&forwarder)).collect();
    until(&forwarder, |stats| stats.tcp.open == 3);
    assert_eq!(Framed::connected(&forwarder).receive(), None);
    for client in first {
        client.0.shutdown(Shutdown::Both).unwrap();
    }
    until(&forwarder, |stats| stats.tcp.open == 0);
    let _again = Framed::connected(&forwarder);
    until(&forwarder, |stats| stats.tcp.open == 1);
    forwarder.stop();
}

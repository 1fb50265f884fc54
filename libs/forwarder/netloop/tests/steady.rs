//! The steady state of a running forwarder, on real sockets: none of its threads takes memory.

mod common;
#[path = "../../core/tests/counting/mod.rs"]
mod counting;

use std::net::{Ipv4Addr, UdpSocket};
use std::num::NonZeroUsize;

use common::{
    FROM, Framed, check, credentials, is_audio, listens, master, over_tcp, over_udp, packet, speaks,
};
use counting::{Counting, elsewhere};
use forwarder_core::engine::{Event, Tuning};
use forwarder_core::rtcp::{self, Block};
use forwarder_core::rtp::{MTU, Ssrc};
use forwarder_core::srtp::Outbound;
use forwarder_netloop::{Forwarder, TcpConfig};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Enough that a helper has its share of every round.
const OVER_UDP: u64 = 300;
const OVER_TCP: u64 = 4;
const SPEAKER: u64 = 1_000;
/// What [`Event::Talking`] takes. Nobody starts or stops talking in the steady state but where this machine lets us wait
/// for longer than a pause may last.
const TALKING: u64 = 2;

enum Path {
    Udp(UdpSocket),
    Tcp(Framed),
}

struct Ear {
    id: u64,
    path: Path,
    outbound: Outbound,
}

impl Ear {
    fn new(id: u64, path: Path) -> Self {
        Self { id, path, outbound: Outbound::new(&master(id, FROM)).unwrap() }
    }

    fn send(&mut self, bytes: &[u8]) {
        match &mut self.path {
            Path::Udp(socket) => drop(socket.send(bytes).unwrap()),
            Path::Tcp(connection) => connection.send(bytes),
        }
    }

    /// Sends a check and a receiver report.
    fn upkeep(&mut self) {
        self.send(&check(self.id, &credentials(self.id).local_pwd));
        let mut report = [0; MTU];
        let block = Block { ssrc: Ssrc(self.id as u32), jitter: 48, ..Block::default() };
        let length = rtcp::receiver_report(&mut report, Ssrc(77), &block);
        let length = self.outbound.seal_rtcp(&mut report, length).unwrap();
        self.send(&report[..length]);
    }

    /// Waits for the next packet of audio.
    fn hear(&mut self) {
        match &mut self.path {
            Path::Udp(socket) => {
                let mut bytes = [0; MTU];
                while {
                    let length = socket.recv(&mut bytes).unwrap();
                    !is_audio(&bytes[..length])
                } {}
            }
            Path::Tcp(connection) => drop(connection.hear().unwrap()),
        }
    }
}

struct Crowd {
    forwarder: Forwarder,
    speaker: UdpSocket,
    ears: Vec<Ear>,
    said: u64,
}

impl Crowd {
    fn new(threads: usize) -> Self {
        let (address, tcp) = ((Ipv4Addr::LOCALHOST, 0).into(), Some(TcpConfig::default()));
        let threads = NonZeroUsize::new(threads).unwrap();
        let forwarder = Forwarder::start(address, tcp, Tuning::default(), threads).unwrap();
        let udp = (0..OVER_UDP).map(|id| Ear::new(id, Path::Udp(over_udp(&forwarder, id, listens(id)))));
        let tcp = (OVER_UDP..OVER_UDP + OVER_TCP)
            .map(|id| Ear::new(id, Path::Tcp(over_tcp(&forwarder, id, listens(id)))));
        let ears = udp.chain(tcp).collect();
        let speaker = over_udp(&forwarder, SPEAKER, speaks());
        Self { forwarder, speaker, ears, said: 0 }
    }

    /// 76 packets, each heard by everybody before the next, while everybody sends a check and a report. Returns how often
    /// other threads than this one, the forwarder's, asked for memory.
    fn goes_on(&mut self) -> u64 {
        let outbound = Outbound::new(&master(SPEAKER, FROM)).unwrap();
        let before = elsewhere();
        for first in (0..self.ears.len()).step_by(4) {
            self.ears[first..first + 4].iter_mut().for_each(Ear::upkeep);
            self.speaker.send(&packet(&outbound, self.said, &[0x78; 80])).unwrap();
            self.said += 1;
            self.ears.iter_mut().for_each(Ear::hear);
        }
        elsewhere() - before
    }

    fn changes_of_talkers(&self) -> u64 {
        self.forwarder.poll(10_000).iter().filter(|event| matches!(event, Event::Talking { .. })).count()
            as u64
    }
}

#[test]
fn no_thread_of_a_forwarder_takes_memory_for_packets_checks_and_reports_over_udp_and_tcp() {
    for threads in [1, 2] {
        let mut crowd = Crowd::new(threads);
        // Twice: the first report of the last ones may be opened when the first time is over, and its window takes memory.
        crowd.goes_on();
        crowd.goes_on();
        crowd.changes_of_talkers();
        let taken = crowd.goes_on();
        assert!(taken <= TALKING * crowd.changes_of_talkers(), "{taken} pieces");
        let stats = crowd.forwarder.stats();
        assert_eq!((stats.engine.stun_refused, stats.engine.unauthentic, stats.engine.replayed), (0, 0, 0));
        crowd.forwarder.stop();
    }
}

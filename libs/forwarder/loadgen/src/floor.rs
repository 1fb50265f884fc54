//! The bare floor: the same bytes at the same pace to the same reading sockets, with nothing else to do.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::payloads::Payloads;
use crate::sys::{Bare, cpu_ns, never_fragment, widen_send_buffer};
use crate::{identity, pace};

/// Header with CSRC and audio level, and the tag, around every payload.
const AROUND: usize = 24 + 16;

/// Prints one line of JSON: datagrams sent, CPU nanoseconds, and milliseconds until the last one of a turn was sent.
/// With `segments` 1 the talkers' packets of the same turn leave together; with `whole` 1 the socket never fragments.
#[allow(clippy::too_many_arguments)]
pub fn run(
    ports: &str,
    listeners: &str,
    payloads: &str,
    milliseconds: &str,
    talkers: &str,
    phases: &str,
    segments: &str,
    whole: &str,
) -> Result<(), Box<dyn Error>> {
    let ports: Vec<u16> = ports.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let listeners: u32 = listeners.parse()?;
    let payloads = Payloads::read(payloads)?;
    let talkers: usize = talkers.parse()?;
    let together = segments == "1";
    let destinations: Vec<SocketAddrV4> = (0..listeners)
        .map(|number| SocketAddrV4::new(identity::address(number), ports[number as usize % ports.len()]))
        .collect();
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    widen_send_buffer(&socket);
    if whole == "1" {
        never_fragment(&socket);
    }
    let mut bare = Bare::new(&destinations);
    let turns = pace::turns(milliseconds.parse()?, talkers, phases.parse()?);
    // Pages and caches are warm before the clock starts.
    bare.send(&socket, 100, 1);
    let (began, cpu) = (Instant::now(), cpu_ns());
    let (mut sent, mut slowest) = (0, 0);
    for (due, talker, turn) in turns {
        let due = Duration::from_nanos(due);
        if let Some(wait) = due.checked_sub(began.elapsed()) {
            sleep(wait);
        }
        if together {
            if talker == 0 {
                let longest = (0..talkers).map(|talker| payloads.at(talker, turn).len()).max().unwrap_or(0);
                sent += bare.send(&socket, AROUND + longest, talkers);
            }
        } else {
            sent += bare.send(&socket, AROUND + payloads.at(talker, turn).len(), 1);
        }
        slowest = slowest.max((began.elapsed() - due).as_micros());
    }
    let cpu = cpu_ns() - cpu;
    println!(r#"{{"sent": {sent}, "cpu_ns": {cpu}, "slowest_us": {slowest}}}"#);
    Ok(())
}

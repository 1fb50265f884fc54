//! Open connections as the threads that send see them: addresses that packets can be sent to.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Ipv6Addr, Shutdown, SocketAddr, SocketAddrV6, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use forwarder_core::batch::Entry;

use super::framing;

/// Marks the addresses of connections. What comes from the network never has it: [`crate::sys`] reads no flow labels.
const MARK: u32 = 1;

/// The address by which the engine knows a connection. It is never used again, and no datagram can have it. Its IP
/// address is from the discard prefix 100::/64 (RFC 6666).
pub fn address_of(number: u64) -> SocketAddr {
    let ip = Ipv6Addr::from((0x0100_u128 << 112) | u128::from(number));
    SocketAddrV6::new(ip, 9, MARK, 0).into()
}

/// The number of the connection with this address; `None` for an address of the network.
#[inline]
fn number_of(address: SocketAddr) -> Option<u64> {
    match address {
        SocketAddr::V6(address) if address.flowinfo() == MARK => Some(u128::from(*address.ip()) as u64),
        _ => None,
    }
}

/// Whether packets for this address go over a connection.
#[inline]
pub fn is_connection(address: SocketAddr) -> bool {
    number_of(address).is_some()
}

/// A thread that panicked with the lock in hand left plain data behind, which is still sound.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What one send left over, because the kernel's buffer is full.
#[derive(Default)]
struct Rest {
    bytes: Vec<u8>,
    /// When the kernel first took nothing.
    stuck: Option<Instant>,
}

impl Rest {
    /// Passes to the kernel as much as it takes. A broken connection takes everything; reading from it tells that it
    /// ended.
    fn flush(&mut self, mut stream: &TcpStream) {
        let mut sent = 0;
        while sent < self.bytes.len() {
            match stream.write(&self.bytes[sent..]) {
                Ok(count) if count > 0 => {
                    sent += count;
                    self.stuck = None;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => sent = self.bytes.len(),
            }
        }
        self.bytes.drain(..sent);
        if self.bytes.is_empty() {
            self.stuck = None;
        } else {
            self.stuck.get_or_insert_with(Instant::now);
        }
    }
}

/// One open connection.
pub struct Connection {
    stream: TcpStream,
    /// The peer's real address.
    pub peer: SocketAddr,
    rest: Mutex<Rest>,
}

impl Connection {
    pub fn new(stream: TcpStream, peer: SocketAddr) -> Self {
        Self { stream, peer, rest: Mutex::default() }
    }

    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub fn read(&self, to: &mut [u8]) -> io::Result<usize> {
        (&self.stream).read(to)
    }

    /// Sends packets; returns how many were dropped because those before them have not left yet.
    fn send<'a>(&self, packets: impl ExactSizeIterator<Item = &'a [u8]>) -> u64 {
        let mut rest = lock(&self.rest);
        rest.flush(&self.stream);
        if !rest.bytes.is_empty() {
            return packets.len() as u64;
        }
        for packet in packets {
            framing::write(packet, &mut rest.bytes);
        }
        rest.flush(&self.stream);
        0
    }

    /// Sends what was left over; returns for how long the kernel has taken nothing.
    pub fn flush(&self) -> Duration {
        let mut rest = lock(&self.rest);
        rest.flush(&self.stream);
        rest.stuck.map_or(Duration::ZERO, |since| since.elapsed())
    }

    pub fn close(&self) {
        // It may have broken already.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

/// The open connections. Shared by the thread that reads from them and those that send.
#[derive(Default)]
pub struct Connections(RwLock<HashMap<u64, Arc<Connection>>>);

impl Connections {
    pub fn insert(&self, number: u64, connection: Arc<Connection>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(number, connection);
    }

    pub fn remove(&self, number: u64) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }

    fn get(&self, address: SocketAddr) -> Option<Arc<Connection>> {
        let number = number_of(address)?;
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&number).cloned()
    }

    /// A peer's real address.
    pub fn seen(&self, address: SocketAddr) -> SocketAddr {
        self.get(address).map_or(address, |connection| connection.peer)
    }

    /// Sends entries of a batch, whose buffer is `bytes`; returns how many packets were dropped. It never waits.
    pub fn send(&self, entries: &[Entry], bytes: &[u8]) -> u64 {
        let mut dropped = 0;
        for entry in entries {
            let packets = bytes[entry.start..entry.start + entry.length].chunks(entry.segment.max(1));
            dropped += match self.get(entry.to) {
                Some(connection) => connection.send(packets),
                None => packets.len() as u64,
            };
        }
        dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_connection_is_its_own_and_none_of_the_network() {
        for number in [0, 1, 7, u64::MAX] {
            let address = address_of(number);
            assert_eq!(number_of(address), Some(number));
            let forged: SocketAddr = SocketAddrV6::new(
                match address.ip() {
                    std::net::IpAddr::V6(ip) => ip,
                    std::net::IpAddr::V4(_) => unreachable!(),
                },
                address.port(),
                0,
                0,
            )
            .into();
            assert!(!is_connection(forged), "a datagram with that source address is another peer");
            assert_ne!(forged, address);
        }
        assert!(!is_connection(([127, 0, 0, 1], 9).into()));
    }
}

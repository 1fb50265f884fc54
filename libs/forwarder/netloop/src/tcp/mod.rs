//! The TCP port: for clients in networks without UDP (passive candidates of RFC 6544).
//!
//! To the engine a connection is one more address, of a kind that no datagram can come from. So its rules for addresses
//! hold here too: DTLS and SRTP only after an authenticated check, and consent. A connection is closed when the engine
//! does not know its address: its session is gone, has moved, or never existed. All this costs sessions over UDP one
//! comparison a packet.
//!
//! Bounds of what a stranger, a client or a slow reader can make grow:
//!
//! | What | At most | Then |
//! |---|---|---|
//! | connections | `Config::connections` | closed at once |
//! | those without an authenticated check | 256 | the oldest is closed |
//! | of one IPv4 address, or one /64 of IPv6 | 64 | closed at once |
//! | time until that check | `Config::check_within` | closed |
//! | anything but STUN before it | nothing | closed |
//! | a frame | 1,500 bytes | closed |
//! | read from a connection in one turn | 4 KiB, of 16 connections | the others have their turn |
//! | written and not taken by the peer | 16 KiB asked of the kernel, and one send | packets are dropped |
//! | time in which it takes nothing | `Config::stuck_for` | closed |

mod connections;
mod framing;
mod half_open;

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use forwarder_core::stun::is_stun;

use crate::sys::{Epoll, set_buffers};
use connections::{Connection, address_of};
pub use connections::{Connections, is_connection};
use framing::{Frames, Misfit};
use half_open::HalfOpen;

/// Bytes of speech on their way in either direction: about a second of three talkers.
const SOCKET_BUFFER: libc::c_int = 16 * 1024;
const READ: usize = 4 * 1024;
/// Connections read from, or accepted, in one turn.
const TURN: usize = 16;
/// How often all connections are looked at.
const SWEEP: Duration = Duration::from_millis(200);
/// The listening socket's number; connections count from 1.
const LISTENER: u64 = 0;

/// How the TCP port is used.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// At the IP address of the UDP port; 0: any free one.
    pub port: u16,
    /// Open at once at most; each has a file descriptor.
    pub connections: usize,
    /// A connection that has passed no authenticated check by then is closed.
    pub check_within: Duration,
    /// One that takes nothing of what it is sent for so long is closed.
    pub stuck_for: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: 0,
            connections: 1_000,
            check_within: Duration::from_secs(5),
            stuck_for: Duration::from_secs(5),
        }
    }
}

/// What happened at the TCP port.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    /// Connections that are open.
    pub open: u64,
    /// Those that passed an authenticated check.
    pub admitted: u64,
    /// Those that did not: there were too many, or they took too long, or sent something else.
    pub refused: u64,
    /// Those that took nothing of what they were sent, or sent what is no frame.
    pub cut_off: u64,
}

/// A connection as the thread that reads from it sees it.
struct Reading {
    connection: Arc<Connection>,
    frames: Frames,
    opened: Instant,
    /// It passed an authenticated check.
    admitted: bool,
}

/// The port and its connections. One thread owns it.
pub struct Tcp {
    config: Config,
    listener: TcpListener,
    /// Whether the listener is watched. It is not while the system has no descriptors for new connections.
    accepting: bool,
    epoll: Epoll,
    readings: HashMap<u64, Reading>,
    half_open: HalfOpen,
    connections: Arc<Connections>,
    last: u64,
    swept: Instant,
    buffer: Box<[u8; READ]>,
    counters: Counters,
}

impl Tcp {
    /// Listens at `address`. `connections` will have the open connections.
    pub fn listen(address: SocketAddr, config: Config, connections: Arc<Connections>) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        // Connections inherit it.
        set_buffers(&listener, SOCKET_BUFFER);
        let epoll = Epoll::new()?;
        epoll.add(&listener, LISTENER)?;
        Ok(Self {
            config,
            listener,
            accepting: true,
            epoll,
            readings: HashMap::new(),
            half_open: HalfOpen::default(),
            connections,
            last: LISTENER,
            swept: Instant::now(),
            buffer: Box::new([0; READ]),
            counters: Counters::default(),
        })
    }

    pub fn port(&self) -> io::Result<u16> {
        Ok(self.listener.local_addr()?.port())
    }

    pub fn counters(&self) -> Counters {
        Counters { open: self.readings.len() as u64, ..self.counters }
    }

    /// Accepts and reads what is there, up to a bound. `arrived` takes each packet with the address it came from, and
    /// says whether that is now a session's.
    pub fn turn(&mut self, mut arrived: impl FnMut(SocketAddr, &mut [u8]) -> bool) {
        for number in self.epoll.wait::<TURN>(0) {
            if number == LISTENER {
                self.accept();
            } else {
                self.read(number, &mut arrived);
            }
        }
    }

    fn accept(&mut self) {
        for _ in 0..TURN {
            match self.listener.accept() {
                Ok((stream, peer)) => {
                    if self.open(stream, peer).is_err() {
                        self.counters.refused += 1;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // No descriptors (or no memory): others need them more. Asked again at once, it would say the same.
                Err(error)
                    if matches!(
                        error.raw_os_error(),
                        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
                    ) =>
                {
                    self.epoll.remove(&self.listener);
                    self.accepting = false;
                    return;
                }
                // The peer was gone before we came.
                Err(_) => {}
            }
        }
    }

    fn open(&mut self, stream: std::net::TcpStream, peer: SocketAddr) -> io::Result<()> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        if self.half_open.full() {
            let waiting = self.readings.iter().filter(|(_, reading)| !reading.admitted);
            let oldest = waiting.min_by_key(|(number, _)| **number).map(|(number, _)| *number);
            oldest.into_iter().for_each(|number| self.close(number));
        }
        if self.readings.len() >= self.config.connections || !self.half_open.add(peer.ip()) {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        self.last += 1;
        let connection = Arc::new(Connection::new(stream, peer));
        self.connections.insert(self.last, Arc::clone(&connection));
        let (frames, opened) = (Frames::default(), Instant::now());
        let watched = self.epoll.add(connection.stream(), self.last);
        self.readings.insert(self.last, Reading { connection, frames, opened, admitted: false });
        if watched.is_err() {
            self.close(self.last);
        }
        Ok(())
    }

    fn read(&mut self, number: u64, arrived: &mut impl FnMut(SocketAddr, &mut [u8]) -> bool) {
        let Some(reading) = self.readings.get_mut(&number) else { return };
        let count = match reading.connection.read(&mut self.buffer[..]) {
            Ok(count) if count > 0 => count,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return;
            }
            // Its end, or it broke.
            _ => {
                self.close(number);
                return;
            }
        };
        let (before, address) = (reading.admitted, address_of(number));
        let mut admitted = before;
        let fed = reading.frames.feed(&mut self.buffer[..count], |packet| {
            if !admitted && !is_stun(packet) {
                return Err(Misfit);
            }
            admitted |= arrived(address, packet);
            Ok(())
        });
        reading.admitted = admitted;
        if admitted && !before {
            self.half_open.remove(reading.connection.peer.ip());
            self.counters.admitted += 1;
        }
        if fed.is_err() {
            self.counters.cut_off += u64::from(admitted);
            self.close(number);
        }
    }

    /// Closes connections that are stuck or serve no session. `known`: whether an address is a session's.
    pub fn sweep(&mut self, known: impl Fn(SocketAddr) -> bool) {
        let now = Instant::now();
        if now - self.swept < SWEEP {
            return;
        }
        self.swept = now;
        let mut gone = Vec::new();
        for (number, reading) in &self.readings {
            let stuck = reading.connection.flush() > self.config.stuck_for;
            self.counters.cut_off += u64::from(stuck);
            let over = if reading.admitted {
                !known(address_of(*number))
            } else {
                now - reading.opened > self.config.check_within
            };
            if stuck || over {
                gone.push(*number);
            }
        }
        gone.into_iter().for_each(|number| self.close(number));
        if !self.accepting {
            self.accepting = self.epoll.add(&self.listener, LISTENER).is_ok();
        }
    }

    fn close(&mut self, number: u64) {
        let Some(reading) = self.readings.remove(&number) else { return };
        if !reading.admitted {
            self.half_open.remove(reading.connection.peer.ip());
            self.counters.refused += 1;
        }
        self.connections.remove(number);
        self.epoll.remove(reading.connection.stream());
        reading.connection.close();
    }
}

impl AsRawFd for Tcp {
    fn as_raw_fd(&self) -> RawFd {
        self.epoll.as_raw_fd()
    }
}

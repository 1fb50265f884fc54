//! The thread that owns the media socket, and those that help it to send.
//!
//! Everything else talks to it through two bounded queues: commands in, events out, each with an eventfd to wake the
//! reader. It never waits for anybody, except for its helpers while a round leaves (see `team`). What does not fit a
//! queue is dropped and counted.
//!
//! Everything that a stranger, a client or a slow neighbour could make grow is bounded:
//!
//! | What waits | At most | Then |
//! |---|---|---|
//! | datagrams of the socket | the kernel's receive buffer | the kernel drops |
//! | DTLS for Python | 24 a session, 8,192 in all, from checked addresses only | dropped, the peer repeats |
//! | captured bundles | 4,096 | dropped, counted as holes |
//! | packets for other nodes | 4,096 | dropped, counted |
//! | other events | 65,536 | dropped, counted |
//! | commands | 16,384 | refused (`QueueFull`) |
//! | datagrams to send | one batch a thread: 64 trains, 160 KiB | sent before more is written |
//! | what a listener's packets wait for | three frames a slot, `coalesce_ms` | sent |
//! | addresses of a session | 4 | the oldest unused one goes |
//! | SSRCs of a session | 4 | refused |
//! | packets behind the newest | 128 | refused as replays |
//! | our own checks of a session | 4, begun 50 ms apart, each sent 7 times in 32 s | the oldest path goes |
//! | sessions that are not connected yet | 10 a person, 200 an address (`half_open_*`), 30 s | 429, expired |
//! | sessions | the node's `capacity` | 503 |
//! | what TCP connections may use | see `tcp` | |

mod delays;
mod lane;
mod queue;
mod stats;
mod sys;
mod tcp;
mod team;
mod worker;

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::num::NonZeroUsize;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use forwarder_core::engine::{Credentials, Event, Relayed, SessionConfig, SessionReport, Tuning};
use forwarder_core::ids::{PersonId, SessionId, SpaceId};
use forwarder_core::srtp::MasterKeys;

pub use delays::Delays;

use lane::Wire;
pub use queue::QueueFull;
use queue::{Command, Shared};
pub use stats::{Dropped, Stats};
use tcp::Tcp;
pub use tcp::{Config as TcpConfig, Counters as TcpCounters};

/// The forwarder: a UDP port, optionally a TCP port, and the threads that serve them.
#[derive(Debug)]
pub struct Forwarder {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    local: SocketAddr,
    tcp_port: Option<u16>,
}

impl Forwarder {
    /// Binds `address` (port 0: any free one), optionally a TCP port there too, and starts the thread that serves them,
    /// with helpers so that `threads` seal and send.
    ///
    /// # Errors
    /// The operating system's, such as an address in use, with the address it is about.
    pub fn start(
        address: SocketAddr,
        tcp: Option<TcpConfig>,
        tuning: Tuning,
        threads: NonZeroUsize,
    ) -> io::Result<Self> {
        let socket = UdpSocket::bind(address).map_err(|error| about("UDP", address, &error))?;
        socket.set_nonblocking(true)?;
        sys::widen_buffers(&socket);
        sys::let_fragment(&socket, false);
        let local = socket.local_addr()?;
        let connections = Arc::new(tcp::Connections::default());
        let listen = |config: TcpConfig| {
            let address = SocketAddr::new(address.ip(), config.port);
            Tcp::listen(address, config, Arc::clone(&connections))
                .map_err(|error| about("TCP", address, &error))
        };
        let tcp = tcp.map(listen).transpose()?;
        let tcp_port = tcp.as_ref().map(Tcp::port).transpose()?;
        let shared = Arc::new(Shared::new()?);
        let wire = Wire { socket: Arc::new(socket), connections, began: Instant::now() };
        let worker = worker::Worker::new(wire, tcp, Arc::clone(&shared), tuning, threads)?;
        let thread = std::thread::Builder::new().name("forwarder".into()).spawn(move || worker.run())?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)), local, tcp_port })
    }

    /// Where it listens for datagrams.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// Where it listens for connections, at the same IP address.
    #[must_use]
    pub fn tcp_port(&self) -> Option<u16> {
        self.tcp_port
    }

    /// Becomes readable when [`Forwarder::poll`] has something. Only `poll` reads it.
    #[must_use]
    pub fn event_fd(&self) -> RawFd {
        self.shared.events_ready.as_raw_fd()
    }

    /// Adds a session. One whose id or ICE fragment is in use is counted and ignored.
    ///
    /// # Errors
    /// [`QueueFull`] when the thread does not keep up.
    pub fn add(&self, config: SessionConfig) -> Result<(), QueueFull> {
        self.shared.command(Command::Add(Box::new(config)))
    }

    /// Removes a session; a [`Event::Closed`] follows.
    ///
    /// # Errors
    /// [`QueueFull`] when the thread does not keep up.
    pub fn remove(&self, session: SessionId) -> Result<(), QueueFull> {
        self.shared.command(Command::Remove(session))
    }

    /// Begins another ICE session with other credentials. A local fragment in use is counted and ignored.
    ///
    /// # Errors
    /// [`QueueFull`] when the thread does not keep up.
    pub fn restart(&self, session: SessionId, ice: Credentials) -> Result<(), QueueFull> {
        self.shared.command(Command::Restart(session, Box::new(ice)))
    }

    /// Gives a session its SRTP keys.
    ///
    /// # Errors
    /// [`QueueFull`] when the thread does not keep up.
    pub fn set_keys(&self, session: SessionId, keys: MasterKeys) -> Result<(), QueueFull> {
        self.shared.command(Command::Keys(session, keys))
    }

    /// Mutes or unmutes; obeyed before the next datagrams are read.
    ///
    /// # Errors
    /// [`QueueFull`] when the thread does not keep up.
    pub fn set_muted(&self, session: SessionId, muted: bool) -> Result<(), QueueFull> {
        self.shared.command(Command::Mute(session, muted))
    }

    /// Starts or stops capturing.
    ///
    /// # Errors
    /// [`QueueFull`] when the thread does not keep up.
    pub fn set_capture(&self, session: SessionId, capture: bool) -> Result<(), QueueFull> {
        self.shared.command(Command::Capture(session, capture))
    }

    /// Sends a DTLS datagram to the session's address.
    ///
    /// # Errors
    /// [`QueueFull`] when the thread does not keep up.
    pub fn send_dtls(&self, session: SessionId, datagram: Vec<u8>) -> Result<(), QueueFull> {
        self.shared.command(Command::Dtls(session, datagram))
    }

    /// Whether other nodes want a Space's packets; forgotten with its last session.
    ///
    /// # Errors
    /// [`QueueFull`] when the thread does not keep up.
    pub fn set_shared(&self, space: SpaceId, shared: bool) -> Result<(), QueueFull> {
        self.shared.command(Command::Share(space, shared))
    }

    /// Takes in a packet from another node; `source` is no session's id.
    ///
    /// # Errors
    /// [`QueueFull`] when the thread does not keep up.
    pub fn inject(
        &self,
        space: SpaceId,
        source: SessionId,
        owner: PersonId,
        packet: Relayed,
    ) -> Result<(), QueueFull> {
        self.shared.command(Command::Inject(space, source, owner, Box::new(packet)))
    }

    /// Lets somebody who speaks at another node fall silent at once.
    ///
    /// # Errors
    /// [`QueueFull`] when the thread does not keep up.
    pub fn hush(&self, space: SpaceId, source: SessionId) -> Result<(), QueueFull> {
        self.shared.command(Command::Hush(space, source))
    }

    /// Takes up to `most` events, oldest first.
    #[must_use]
    pub fn poll(&self, most: usize) -> Vec<Event> {
        self.shared.poll(most)
    }

    /// Totals, at most one tick old.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }

    /// The numbers of every session; waits for the thread, a second at most, and is empty when it does not answer.
    #[must_use]
    pub fn reports(&self) -> Vec<(SessionId, SessionReport)> {
        let (reply, answer) = sync_channel(1);
        if self.shared.command(Command::Reports(reply)).is_err() {
            return Vec::new();
        }
        answer.recv_timeout(Duration::from_secs(1)).unwrap_or_default()
    }

    /// Stops the thread and closes the socket. A second call does nothing.
    pub fn stop(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            self.shared.stop();
            // A panic of the thread has been printed by then; there is nothing left to stop.
            let _ = thread.join();
        }
    }
}

fn about(protocol: &str, address: SocketAddr, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{protocol} {address}: {error}"))
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.stop();
    }
}

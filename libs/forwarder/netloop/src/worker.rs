//! The loop: commands first, then datagrams in bursts, then what time brings.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use forwarder_core::batch::{Batch, Entry};
use forwarder_core::engine::{Engine, Event, Io, Now, TICK_US, Tuning};

use crate::Stats;
use crate::delays::Delays;
use crate::poller::Poller;
use crate::queue::{Command, Shared};
use crate::sys::{Receiver, Sender};
use crate::tcp::{self, Tcp};

/// Bursts read before time and commands are looked at again.
const BURSTS: usize = 8;
/// A wait shorter than this, in microseconds, was none: something was there already.
const AWAKE_US: u64 = 20;

struct Outlet {
    socket: UdpSocket,
    sender: Sender,
    connections: Arc<tcp::Peers>,
    shared: Arc<Shared>,
    unsent: u64,
    began: Instant,
    /// How long the packets being forwarded may have lain in the socket, in microseconds.
    lay_us: u64,
    delays: Delays,
}

impl Io for Outlet {
    fn send(&mut self, batch: &Batch) {
        let over_tcp = |entry: &Entry| tcp::is_connection(entry.to);
        for entries in batch.entries().chunk_by(|one, next| over_tcp(one) == over_tcp(next)) {
            self.unsent += if entries.first().is_some_and(over_tcp) {
                self.connections.send(entries, batch.bytes())
            } else {
                self.sender.send(&self.socket, entries, batch.bytes())
            };
        }
        if let Some(arrived_us) = batch.arrived_us() {
            let now_us = self.began.elapsed().as_micros() as u64;
            let datagrams = batch.entries().iter().map(|entry| entry.datagrams() as u64).sum();
            self.delays.add(now_us.saturating_sub(arrived_us) + self.lay_us, datagrams);
        }
    }

    fn event(&mut self, event: Event) {
        self.shared.event(event);
    }

    fn seen(&self, from: SocketAddr) -> SocketAddr {
        self.connections.seen(from)
    }
}

pub(crate) struct Worker {
    engine: Engine,
    outlet: Outlet,
    receiver: Receiver,
    tcp: Option<Tcp>,
    poller: Poller,
    shared: Arc<Shared>,
    began: Instant,
    refused_commands: u64,
    read_us: u64,
}

impl Worker {
    pub fn new(
        socket: UdpSocket,
        tcp: Option<Tcp>,
        connections: Arc<tcp::Peers>,
        shared: Arc<Shared>,
        tuning: Tuning,
    ) -> io::Result<Self> {
        let began = Instant::now();
        let poller = Poller::new(&socket, &shared.commands_ready, tcp.as_ref())?;
        Ok(Self {
            engine: Engine::new(tuning),
            outlet: Outlet {
                socket,
                sender: Sender::default(),
                connections,
                shared: Arc::clone(&shared),
                unsent: 0,
                began,
                lay_us: 0,
                delays: Delays::default(),
            },
            receiver: Receiver::default(),
            tcp,
            poller,
            shared,
            began,
            refused_commands: 0,
            read_us: 0,
        })
    }

    fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { us: self.began.elapsed().as_micros() as u64, wall_ns: wall.as_nanos() as u64 }
    }

    pub fn run(mut self) {
        let mut tick_us = 0u64;
        while !self.shared.stopping() {
            let before = self.now().us;
            let due_us = self.engine.due_us().map_or(tick_us, |due| due.min(tick_us));
            let tcp_ready = self.poller.wait(due_us.saturating_sub(before), &self.shared.commands_ready);
            // What is there after sleeping has just arrived; otherwise it may have come while the last was being sent.
            self.outlet.lay_us = 0;
            if self.now().us - before < AWAKE_US {
                self.outlet.lay_us = before.saturating_sub(self.read_us);
            }
            for _ in 0..BURSTS {
                self.obey();
                if !self.burst() {
                    break;
                }
            }
            if tcp_ready {
                self.turn();
            }
            let now = self.now();
            if now.us >= tick_us {
                self.engine.tick(now, &mut self.outlet);
                if let Some(tcp) = &mut self.tcp {
                    tcp.sweep(|address| self.engine.knows(address));
                }
                self.shared.publish(Stats {
                    engine: self.engine.counters(),
                    tcp: self.tcp.as_ref().map(Tcp::counters).unwrap_or_default(),
                    unsent: self.outlet.unsent,
                    refused_commands: self.refused_commands,
                    delays: self.outlet.delays,
                    ..Stats::default()
                });
                tick_us = now.us + TICK_US;
            }
        }
    }

    /// Reads one burst; whether there may be more.
    fn burst(&mut self) -> bool {
        let count = self.receiver.receive(&self.outlet.socket);
        let now = self.now();
        self.read_us = now.us;
        for number in 0..count {
            let (from, bytes) = self.receiver.datagram(number);
            if let Some(from) = from {
                self.engine.datagram(now, from, bytes, &mut self.outlet);
            }
        }
        self.engine.flush(now, &mut self.outlet);
        count == Receiver::BURST
    }

    /// Takes what came over TCP, up to a bound.
    fn turn(&mut self) {
        self.obey();
        let now = self.now();
        let Some(tcp) = &mut self.tcp else { return };
        tcp.turn(|from, packet| {
            self.engine.datagram(now, from, packet, &mut self.outlet);
            self.engine.knows(from)
        });
        self.engine.flush(now, &mut self.outlet);
    }

    fn obey(&mut self) {
        for command in self.shared.take_commands() {
            let now = self.now();
            let io = &mut self.outlet;
            let done = match command {
                Command::Add(config) => self.engine.add(*config, now).is_ok(),
                Command::Remove(session) => {
                    self.engine.remove(session, now, io);
                    true
                }
                Command::Restart(session, ice) => self.engine.restart(session, &ice).is_ok(),
                Command::Keys(session, receive, send) => {
                    self.engine.set_keys(session, &receive, &send).is_ok()
                }
                Command::Mute(session, muted) => {
                    self.engine.set_muted(session, muted, now, io);
                    true
                }
                Command::Capture(session, capture) => {
                    self.engine.set_capture(session, capture, io);
                    true
                }
                Command::Dtls(session, datagram) => {
                    self.engine.send_dtls(session, &datagram, io);
                    true
                }
                Command::Share(space, shared) => {
                    self.engine.set_shared(space, shared);
                    true
                }
                // A Space may have lost its last session meanwhile.
                Command::Inject(space, source, owner, packet) => {
                    self.engine.inject(space, source, owner, &packet, now, io);
                    true
                }
                Command::Hush(space, source) => {
                    self.engine.hush(space, source, now, io);
                    true
                }
                // Whoever asked may have given up waiting.
                Command::Reports(reply) => {
                    let _ = reply.try_send(self.engine.reports(now));
                    true
                }
            };
            self.refused_commands += u64::from(!done);
        }
    }
}

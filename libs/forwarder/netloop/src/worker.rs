//! The loop: commands first, then datagrams in bursts, then what time brings.

use std::io;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use forwarder_core::batch::Batch;
use forwarder_core::engine::{Engine, Event, Io, Now, TICK_US};

use crate::Stats;
use crate::queue::{Command, Shared};
use crate::sys::{Poller, Receiver, Sender};

/// Bursts read before time and commands are looked at again.
const BURSTS: usize = 8;

struct Outlet {
    socket: UdpSocket,
    sender: Sender,
    shared: Arc<Shared>,
    unsent: u64,
}

impl Io for Outlet {
    fn send(&mut self, batch: &Batch) {
        self.unsent += self.sender.send(&self.socket, batch);
    }

    fn event(&mut self, event: Event) {
        self.shared.event(event);
    }
}

pub(crate) struct Worker {
    engine: Engine,
    outlet: Outlet,
    receiver: Receiver,
    poller: Poller,
    shared: Arc<Shared>,
    began: Instant,
    refused_commands: u64,
}

impl Worker {
    pub fn new(socket: UdpSocket, shared: Arc<Shared>) -> io::Result<Self> {
        let poller = Poller::new(&socket, &shared.commands_ready)?;
        Ok(Self {
            engine: Engine::default(),
            outlet: Outlet { socket, sender: Sender::default(), shared: Arc::clone(&shared), unsent: 0 },
            receiver: Receiver::default(),
            poller,
            shared,
            began: Instant::now(),
            refused_commands: 0,
        })
    }

    fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { us: self.began.elapsed().as_micros() as u64, wall_ns: wall.as_nanos() as u64 }
    }

    pub fn run(mut self) {
        let mut tick_us = 0u64;
        while !self.shared.stopping() {
            let wait_us = tick_us.saturating_sub(self.now().us);
            self.poller.wait(wait_us, &self.shared.commands_ready);
            for _ in 0..BURSTS {
                self.obey();
                if !self.burst() {
                    break;
                }
            }
            let now = self.now();
            if now.us >= tick_us {
                self.engine.tick(now, &mut self.outlet);
                self.shared.publish(Stats {
                    engine: self.engine.counters(),
                    unsent: self.outlet.unsent,
                    refused_commands: self.refused_commands,
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
        for number in 0..count {
            let (from, bytes) = self.receiver.datagram(number);
            if let Some(from) = from {
                self.engine.datagram(now, from, bytes, &mut self.outlet);
            }
        }
        self.engine.flush(&mut self.outlet);
        count == Receiver::BURST
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
                // Whoever asked may have given up waiting.
                Command::Reports(reply) => {
                    let _ = reply.try_send(self.engine.reports());
                    true
                }
            };
            self.refused_commands += u64::from(!done);
        }
    }
}

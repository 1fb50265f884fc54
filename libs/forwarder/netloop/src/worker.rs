//! The loop: first commands, then datagrams in bursts, then what is due.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use forwarder_core::batch::Batch;
use forwarder_core::clock::{Now, TICK_US};
use forwarder_core::engine::{Engine, Event, Io, Round, Tuning};

use crate::lane::{Lane, Wire};
use crate::queue::{Command, Shared};
use crate::stats::Stats;
use crate::sys::{self, Receiver};
use crate::tcp::Tcp;
use crate::team::Team;

/// How many bursts are read before clock and commands are checked again.
const BURSTS: usize = 8;
/// After a wait shorter than this, in microseconds, something had been there already.
const AWAKE_US: u64 = 20;

struct Outlet {
    lane: Lane,
    team: Team,
    shared: Arc<Shared>,
    /// For how long the packets being forwarded may have waited in the socket, in microseconds.
    lay_us: u64,
}

impl Io for Outlet {
    fn send(&mut self, batch: &Batch) {
        self.lane.send(batch, self.lay_us);
    }

    fn run(&mut self, _: &Round, batch: &mut Batch) {
        self.team.run(batch, &mut self.lane, self.lay_us);
    }

    fn event(&mut self, event: Event) {
        self.shared.event(event);
    }

    fn seen(&self, from: SocketAddr) -> SocketAddr {
        self.lane.wire.connections.seen(from)
    }
}

pub(crate) struct Worker {
    engine: Engine,
    outlet: Outlet,
    receiver: Receiver,
    tcp: Option<Tcp>,
    shared: Arc<Shared>,
    began: Instant,
    refused_commands: u64,
    read_us: u64,
}

impl Worker {
    /// `threads`: how many seal and send, the worker's own included.
    pub fn new(
        wire: Wire,
        tcp: Option<Tcp>,
        shared: Arc<Shared>,
        tuning: Tuning,
        threads: NonZeroUsize,
    ) -> io::Result<Self> {
        let (engine, began) = (Engine::new(tuning), wire.began);
        let lane = || Lane::new(wire.clone());
        let team = Team::start(engine.round(), threads.get() - 1, lane)?;
        Ok(Self {
            engine,
            outlet: Outlet { lane: lane(), team, shared: Arc::clone(&shared), lay_us: 0 },
            receiver: Receiver::default(),
            tcp,
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
            let tcp_ready = self.wait(due_us.saturating_sub(before));
            // What is there after sleeping has just arrived; otherwise it may have come while the last was being sent.
            self.outlet.lay_us = 0;
            if self.now().us - before < AWAKE_US {
                self.outlet.lay_us = before.saturating_sub(self.read_us);
            }
            for _ in 0..BURSTS {
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
                let mut tally = self.outlet.team.tally();
                tally.add(&self.outlet.lane.tally);
                self.shared.publish(Stats {
                    engine: self.engine.counters(),
                    tcp: self.tcp.as_ref().map(Tcp::counters).unwrap_or_default(),
                    unsent: tally.unsent,
                    refused_commands: self.refused_commands,
                    delays: tally.delays,
                    ..Stats::default()
                });
                tick_us = now.us + TICK_US;
            }
        }
    }

    /// Waits for datagrams, commands or something at the TCP port, at most so many microseconds; returns whether
    /// something happened at the TCP port.
    fn wait(&self, wait_us: u64) -> bool {
        let commands = &self.shared.commands_ready;
        let [_, ordered, tcp] = sys::wait(
            [
                Some(self.outlet.lane.wire.socket.as_raw_fd()),
                Some(commands.as_raw_fd()),
                self.tcp.as_ref().map(AsRawFd::as_raw_fd),
            ],
            wait_us.min(1_000_000),
        );
        if ordered {
            sys::clear(commands);
        }
        tcp
    }

    /// Reads one burst; returns whether there may be more. Commands given before its datagrams were sent are obeyed
    /// before the datagrams are processed.
    fn burst(&mut self) -> bool {
        let count = self.receiver.receive(&self.outlet.lane.wire.socket);
        self.obey();
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

    /// Takes what came over TCP, up to a bound; commands are obeyed in the same way.
    fn turn(&mut self) {
        let Some(mut tcp) = self.tcp.take() else { return };
        tcp.turn(|from, packet| {
            self.obey();
            self.engine.datagram(self.now(), from, packet, &mut self.outlet);
            self.engine.knows(from)
        });
        self.tcp = Some(tcp);
        self.engine.flush(self.now(), &mut self.outlet);
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
                Command::Keys(session, keys) => self.engine.set_keys(session, &keys).is_ok(),
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

//! What one thread sends with, and what it counts.

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Instant;

use forwarder_core::batch::{Batch, Entry};

use crate::delays::Delays;
use crate::sys::Sender;
use crate::tcp;

/// The sockets, which all threads share.
#[derive(Clone)]
pub(crate) struct Wire {
    pub socket: Arc<UdpSocket>,
    pub connections: Arc<tcp::Connections>,
    /// Where the engine's clock begins.
    pub began: Instant,
}

/// See the module.
pub(crate) struct Lane {
    pub wire: Wire,
    sender: Sender,
    pub tally: Tally,
}

/// What one thread counts.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    /// Packets that the kernel, or a connection, did not take.
    pub unsent: u64,
    /// How long forwarded packets were in here.
    pub delays: Delays,
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        self.unsent += other.unsent;
        self.delays.merge(&other.delays);
    }
}

impl Lane {
    pub fn new(wire: Wire) -> Self {
        Self { wire, sender: Sender::default(), tally: Tally::default() }
    }

    /// Sends a batch. `lay_us`: for how long its packets may have waited in the socket before they were read.
    pub fn send(&mut self, batch: &Batch, lay_us: u64) {
        let over_tcp = |entry: &Entry| tcp::is_connection(entry.to);
        for entries in batch.entries().chunk_by(|one, next| over_tcp(one) == over_tcp(next)) {
            self.tally.unsent += if entries.first().is_some_and(over_tcp) {
                self.wire.connections.send(entries, batch.bytes())
            } else {
                self.sender.send(&self.wire.socket, entries, batch.bytes())
            };
        }
        if let Some(arrived_us) = batch.arrived_us() {
            let now_us = self.wire.began.elapsed().as_micros() as u64;
            let datagrams = batch.entries().iter().map(|entry| entry.datagrams() as u64).sum();
            self.tally.delays.add(now_us.saturating_sub(arrived_us) + lay_us, datagrams);
        }
    }
}

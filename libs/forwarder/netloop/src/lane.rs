//! One thread's way to the network.

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Instant;

use forwarder_core::batch::Batch;

use crate::delays::Delays;
use crate::sys::Sender;

/// See the module.
pub(crate) struct Lane {
    socket: Arc<UdpSocket>,
    sender: Sender,
    began: Instant,
    pub tally: Tally,
}

/// What became of what was sent.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    /// Datagrams that the kernel did not take.
    pub unsent: u64,
    /// Of forwarded packets.
    pub delays: Delays,
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        self.unsent += other.unsent;
        self.delays.merge(&other.delays);
    }
}

impl Lane {
    /// `began` is where the engine's clock begins.
    pub fn new(socket: Arc<UdpSocket>, began: Instant) -> Self {
        Self { socket, sender: Sender::default(), began, tally: Tally::default() }
    }

    pub fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// Sends a batch. `lay_us`: for how long what is forwarded may have lain in the socket before it was read.
    pub fn send(&mut self, batch: &Batch, lay_us: u64) {
        self.tally.unsent += self.sender.send(&self.socket, batch);
        if let Some(arrived_us) = batch.arrived_us() {
            let now_us = self.began.elapsed().as_micros() as u64;
            let datagrams = batch.entries().iter().map(|entry| entry.datagrams() as u64).sum();
            self.tally.delays.add(now_us.saturating_sub(arrived_us) + lay_us, datagrams);
        }
    }
}

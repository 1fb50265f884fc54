//! What is counted.

use forwarder_core::engine::Counters;

use crate::delays::Delays;
use crate::tcp;

/// Totals of the engine, of the socket and of the queues.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stats {
    /// The engine's.
    pub engine: Counters,
    /// The TCP port's.
    pub tcp: tcp::Counters,
    /// Packets that the kernel, or a connection, did not take.
    pub unsent: u64,
    /// Events that did not fit their queue.
    pub dropped: Dropped,
    /// Commands that could not be obeyed, such as for an id in use.
    pub refused_commands: u64,
    /// How long forwarded packets were in here.
    pub delays: Delays,
}

/// Events that were dropped because their queue was full.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dropped {
    /// DTLS datagrams; the peer repeats them.
    pub dtls: u64,
    /// Captured packets: holes in recordings.
    pub captured: u64,
    /// Packets for other nodes: what their listeners miss.
    pub relayed: u64,
    /// Anything else.
    pub others: u64,
}

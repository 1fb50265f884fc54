//! Threads that help the engine's thread to seal and send a round.
//!
//! They sleep between rounds. A helper that wakes takes one part after another until none is left. So one that gets no
//! CPU time leaves its share to the others, and the round is over when the last part that was taken has left.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle, Thread};

use forwarder_core::batch::Batch;
use forwarder_core::engine::Round;

use crate::lane::{Lane, Tally};

/// A helper is woken for at least this many parts of a round: waking it costs as much as sending some packets.
const PARTS: usize = 4;

struct Common {
    round: Arc<Round>,
    /// See [`Lane::send`]; of the current round.
    lay_us: AtomicU64,
    /// Whom to wake when a round is over.
    leader: OnceLock<Thread>,
    stopping: AtomicBool,
}

struct Helper {
    /// Locked by its own thread during a round, otherwise to read the tally.
    lane: Arc<Mutex<Lane>>,
    thread: Option<JoinHandle<()>>,
}

/// The helpers of one engine; none where it does everything itself.
pub(crate) struct Team {
    common: Arc<Common>,
    helpers: Vec<Helper>,
}

impl Team {
    /// Starts `helpers` threads, each with a lane of its own.
    ///
    /// # Errors
    /// The operating system gives no more threads.
    pub fn start(round: Arc<Round>, helpers: usize, lane: impl Fn() -> Lane) -> io::Result<Self> {
        let common = Common {
            round,
            lay_us: AtomicU64::new(0),
            leader: OnceLock::new(),
            stopping: AtomicBool::new(false),
        };
        let mut team = Self { common: Arc::new(common), helpers: Vec::new() };
        for number in 1..=helpers {
            let lane = Arc::new(Mutex::new(lane()));
            let (common, own) = (Arc::clone(&team.common), Arc::clone(&lane));
            let thread = thread::Builder::new().name(format!("forwarder-{number}"));
            let thread = Some(thread.spawn(move || common.help(&own))?);
            team.helpers.push(Helper { lane, thread });
        }
        Ok(team)
    }

    /// Has the round done; `lane` and `batch` are the caller's own.
    pub fn run(&self, batch: &mut Batch, lane: &mut Lane, lay_us: u64) {
        let round = &self.common.round;
        let helpers = &self.helpers[..self.helpers.len().min(round.left() / PARTS)];
        if !helpers.is_empty() {
            self.common.leader.get_or_init(thread::current);
            self.common.lay_us.store(lay_us, Ordering::Relaxed);
            for thread in helpers.iter().filter_map(|helper| helper.thread.as_ref()) {
                thread.thread().unpark();
            }
        }
        round.work(batch, |batch| lane.send(batch, lay_us));
        while round.left() > 0 {
            thread::park();
        }
    }

    /// What the helpers sent, since the start.
    pub fn tally(&self) -> Tally {
        let mut all = Tally::default();
        for helper in &self.helpers {
            all.add(&helper.lane.lock().unwrap_or_else(PoisonError::into_inner).tally);
        }
        all
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.common.stopping.store(true, Ordering::Release);
        for thread in self.helpers.iter_mut().filter_map(|helper| helper.thread.take()) {
            thread.thread().unpark();
            // A panic of the thread has been printed by then.
            let _ = thread.join();
        }
    }
}

impl Common {
    fn help(&self, lane: &Mutex<Lane>) {
        let mut batch = Batch::default();
        loop {
            thread::park();
            if self.stopping.load(Ordering::Acquire) {
                return;
            }
            let mut lane = lane.lock().unwrap_or_else(PoisonError::into_inner);
            let lay_us = self.lay_us.load(Ordering::Relaxed);
            if self.round.work(&mut batch, |batch| lane.send(batch, lay_us))
                && let Some(leader) = self.leader.get()
            {
                leader.unpark();
            }
        }
    }
}

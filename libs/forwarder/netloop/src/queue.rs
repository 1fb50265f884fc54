//! The queues between the forwarder's thread and everybody else.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, MutexGuard, PoisonError};

use forwarder_core::engine::{Credentials, Event, Relayed, SessionConfig, SessionReport};
use forwarder_core::ids::{PersonId, SessionId, SpaceId};
use forwarder_core::srtp::MasterKeys;

use crate::stats::{Dropped, Stats};
use crate::sys;

const COMMANDS: usize = 16_384;
const BUNDLES: usize = 4_096;
const DATAGRAMS: usize = 8_192;
/// The most DTLS datagrams of one session that wait: one flight and its repetitions.
const DATAGRAMS_PER_SESSION: u8 = 24;
const RELAYED: usize = 4_096;
const OTHERS: usize = 65_536;

pub(crate) enum Command {
    Add(Box<SessionConfig>),
    Remove(SessionId),
    Restart(SessionId, Box<Credentials>),
    Keys(SessionId, MasterKeys),
    Mute(SessionId, bool),
    Capture(SessionId, bool),
    Dtls(SessionId, Vec<u8>),
    Share(SpaceId, bool),
    Inject(SpaceId, SessionId, PersonId, Box<Relayed>),
    Hush(SpaceId, SessionId),
    Reports(SyncSender<Vec<(SessionId, SessionReport)>>),
}

/// The thread does not keep up with the commands it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueFull;

impl fmt::Display for QueueFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the forwarder's command queue is full")
    }
}

impl std::error::Error for QueueFull {}

#[derive(Default)]
struct Events {
    waiting: VecDeque<Event>,
    dtls: HashMap<SessionId, u8>,
    dtls_count: usize,
    bundles: usize,
    relayed: usize,
    dropped: Dropped,
}

impl Events {
    fn push(&mut self, event: Event) {
        match &event {
            Event::Dtls { session, .. } => {
                let waiting = self.dtls.entry(*session).or_insert(0);
                if *waiting >= DATAGRAMS_PER_SESSION || self.dtls_count >= DATAGRAMS {
                    self.dropped.dtls += 1;
                    return;
                }
                *waiting += 1;
                self.dtls_count += 1;
            }
            Event::Captured { packets, .. } => {
                if self.bundles >= BUNDLES {
                    self.dropped.captured += u64::from(*packets);
                    return;
                }
                self.bundles += 1;
            }
            Event::Relayed { .. } => {
                if self.relayed >= RELAYED {
                    self.dropped.relayed += 1;
                    return;
                }
                self.relayed += 1;
            }
            _ => {
                if self.waiting.len() >= OTHERS {
                    self.dropped.others += 1;
                    return;
                }
            }
        }
        self.waiting.push_back(event);
    }

    fn pop(&mut self) -> Option<Event> {
        let event = self.waiting.pop_front()?;
        match &event {
            Event::Dtls { session, .. } => {
                self.dtls_count -= 1;
                if let Some(waiting) = self.dtls.get_mut(session) {
                    *waiting -= 1;
                    if *waiting == 0 {
                        self.dtls.remove(session);
                    }
                }
            }
            Event::Captured { .. } => self.bundles -= 1,
            Event::Relayed { .. } => self.relayed -= 1,
            _ => {}
        }
        Some(event)
    }
}

pub(crate) struct Shared {
    commands: Mutex<VecDeque<Command>>,
    /// Lets the thread look without taking the lock.
    commands_waiting: AtomicBool,
    pub commands_ready: OwnedFd,
    events: Mutex<Events>,
    pub events_ready: OwnedFd,
    stats: Mutex<Stats>,
    stopping: AtomicBool,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

/// A thread that panicked with a lock in hand left plain data behind, which is still sound.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            commands: Mutex::default(),
            commands_waiting: AtomicBool::new(false),
            commands_ready: sys::eventfd()?,
            events: Mutex::default(),
            events_ready: sys::eventfd()?,
            stats: Mutex::default(),
            stopping: AtomicBool::new(false),
        })
    }

    pub fn command(&self, command: Command) -> Result<(), QueueFull> {
        let mut commands = lock(&self.commands);
        if commands.len() >= COMMANDS {
            return Err(QueueFull);
        }
        commands.push_back(command);
        self.commands_waiting.store(true, Ordering::Release);
        drop(commands);
        sys::signal(&self.commands_ready);
        Ok(())
    }

    pub fn take_commands(&self) -> VecDeque<Command> {
        if !self.commands_waiting.swap(false, Ordering::AcqRel) {
            return VecDeque::new();
        }
        std::mem::take(&mut *lock(&self.commands))
    }

    pub fn event(&self, event: Event) {
        let mut events = lock(&self.events);
        let idle = events.waiting.is_empty();
        events.push(event);
        let wake = idle && !events.waiting.is_empty();
        drop(events);
        if wake {
            sys::signal(&self.events_ready);
        }
    }

    pub fn poll(&self, most: usize) -> Vec<Event> {
        let mut events = lock(&self.events);
        // Cleared under the lock: an event pushed after this signals again.
        sys::clear(&self.events_ready);
        let taken = std::iter::from_fn(|| events.pop()).take(most).collect();
        if !events.waiting.is_empty() {
            sys::signal(&self.events_ready);
        }
        taken
    }

    pub fn publish(&self, stats: Stats) {
        *lock(&self.stats) = stats;
    }

    pub fn stats(&self) -> Stats {
        let dropped = lock(&self.events).dropped;
        Stats { dropped, ..*lock(&self.stats) }
    }

    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        sys::signal(&self.commands_ready);
    }

    pub fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}

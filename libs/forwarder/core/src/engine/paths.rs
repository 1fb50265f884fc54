//! The ways to one peer, and which of them media takes (RFC 8445 calls them candidate pairs).

use std::net::SocketAddr;

use crate::clock::Now;
use crate::stun::TransactionId;

/// A session that sends no authenticated Binding request for this long is closed (RFC 7675, section 5.1), in us.
pub const CONSENT_US: u64 = 30_000_000;
/// How many paths of one peer are remembered; a client tries several at first.
const PATHS: usize = 4;
/// A request is repeated after this long at first, and then each time after twice as long, in microseconds.
const RTO_US: u64 = 500_000;
/// How often a request is sent (Rc), and how many times `RTO_US` the last one is waited for (Rm).
const SENDS: u32 = 7;
const LAST_WAIT: u64 = 16;
/// A session's checks leave so far apart, in microseconds (RFC 8445, section 14.2).
const PACE_US: u64 = 50_000;
/// Clients check the pair they use every 5 s (RFC 7675, section 5.1), give or take a fifth. One that has not done so for
/// this long, in microseconds, and checks another pair, uses that one.
const SILENT_US: u64 = 7_000_000;
/// The highest priority that counts over TCP, in which our own candidate is the worse one (RFC 6544, section 4.2).
const TCP_PRIORITY: u32 = (90 << 24) | 0xFF_FFFF;

/// Our own Binding request on its way.
#[derive(Clone, Copy, Debug)]
struct Check {
    transaction: TransactionId,
    sends: u32,
    sent_us: u64,
    /// When it is sent again, or given up.
    due_us: u64,
}

/// An address of the peer that passed an authenticated check.
#[derive(Clone, Copy, Debug)]
struct Path {
    address: SocketAddr,
    reliable: bool,
    /// Of the peer's candidate, as its latest check says.
    priority: u32,
    /// When the peer last nominated it in this ICE session.
    nominated_us: Option<u64>,
    heard_us: u64,
    /// When it last answered a check of ours in this ICE session.
    answered_us: Option<u64>,
    /// It left a check of ours unanswered, and has answered none since.
    lost: bool,
    check: Option<Check>,
}

impl Path {
    fn answered_within(&self, us: u64, now: Now) -> bool {
        self.answered_us.is_some_and(|at| now.us.saturating_sub(at) < us)
    }

    fn heard_within(&self, us: u64, now: Now) -> bool {
        now.us.saturating_sub(self.heard_us) < us
    }

    /// Whether media leaves `current` for this path once it answers. Among nominated paths the one of the highest
    /// priority is taken (RFC 8445, section 8.1.1); among equals, the one nominated last.
    fn beats(&self, current: &Path) -> bool {
        match (self.nominated_us, current.nominated_us) {
            _ if current.lost => true,
            (Some(_), None) => true,
            (Some(at), Some(than)) => (self.priority, at) >= (current.priority, than),
            (None, _) => false,
        }
    }
}

/// What the peer's request asks of us.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub from: SocketAddr,
    /// Whether it came over TCP, where nothing is sent twice.
    pub reliable: bool,
    pub priority: u32,
    pub nominates: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Paths {
    paths: [Option<Path>; PATHS],
    /// No check of ours begins before this.
    next_us: u64,
}

impl Paths {
    /// All addresses.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.paths.iter().flatten().map(|path| path.address)
    }

    fn get(&self, address: SocketAddr) -> Option<&Path> {
        self.paths.iter().flatten().find(|path| path.address == address)
    }

    fn get_mut(&mut self, address: SocketAddr) -> Option<&mut Path> {
        self.paths.iter_mut().flatten().find(|path| path.address == address)
    }

    /// Takes note of an authenticated request; returns the address that was forgotten for its one.
    pub fn heard(&mut self, request: Request, current: Option<SocketAddr>, now: Now) -> Option<SocketAddr> {
        let gone = if self.get(request.from).is_none() { self.add(request, current, now) } else { None };
        if let Some(path) = self.get_mut(request.from) {
            path.heard_us = now.us;
            path.priority =
                if request.reliable { request.priority.min(TCP_PRIORITY) } else { request.priority };
            if request.nominates {
                path.nominated_us = Some(now.us);
            }
        }
        gone
    }

    /// In place of none, or of the one whose loss harms least: never the current one, and what the peer nominated last.
    fn add(&mut self, request: Request, current: Option<SocketAddr>, now: Now) -> Option<SocketAddr> {
        let worth =
            |path: &Option<Path>| path.map(|path| (path.nominated_us, path.answered_us, path.heard_us));
        let place = self
            .paths
            .iter_mut()
            .filter(|path| path.is_none_or(|path| Some(path.address) != current))
            .min_by_key(|path| worth(path))?;
        let added = Path {
            address: request.from,
            reliable: request.reliable,
            priority: request.priority,
            nominated_us: None,
            heard_us: now.us,
            answered_us: None,
            lost: false,
            check: None,
        };
        place.replace(added).map(|path| path.address)
    }

    /// Whether a request from there says that the peer wants to be sent media: it is sent there, or has lately shown
    /// that it is there by an answer (RFC 7675, section 5.1).
    pub fn consents(&self, from: SocketAddr, current: Option<SocketAddr>, now: Now) -> bool {
        Some(from) == current || self.get(from).is_some_and(|path| path.answered_within(CONSENT_US, now))
    }

    /// The paths that are to be checked after a request from one of them.
    pub fn doubtful(&self, from: SocketAddr, current: SocketAddr, now: Now) -> [Option<SocketAddr>; 2] {
        let (Some(path), Some(used)) = (self.get(from), self.get(current)) else { return [None, None] };
        if from == current {
            return [used.lost.then_some(current), None];
        }
        let abandoned = !used.heard_within(SILENT_US, now);
        let nominated = path.nominated_us.is_some();
        let wins = nominated && path.beats(used);
        let asks = wins || ((nominated || abandoned) && !path.answered_within(SILENT_US, now));
        // A nomination of what is worse than what media takes may mean that this one is gone.
        let doubts = abandoned || (nominated && !wins && !used.heard_within(RTO_US, now));
        [asks.then_some(from), doubts.then_some(current)]
    }

    /// Begins a check, or repeats the one on its way if that was sent a while ago.
    pub fn ask(&mut self, address: SocketAddr, transaction: TransactionId, now: Now) {
        let next_us = self.next_us.max(now.us);
        let Some(path) = self.get_mut(address) else { return };
        match &mut path.check {
            Some(check) if now.us >= check.sent_us + RTO_US => {
                check.due_us = now.us;
                check.sends = check.sends.min(SENDS - 1);
            }
            Some(_) => {}
            None => {
                path.check = Some(Check { transaction, sends: 0, sent_us: now.us, due_us: next_us });
                self.next_us = next_us + PACE_US;
            }
        }
    }

    /// The checks that are to be sent now, for the first time or again (RFC 8489, section 6.2.1); those that have waited
    /// long enough are given up.
    pub fn due(&mut self, now: Now) -> [Option<(SocketAddr, TransactionId)>; PATHS] {
        let mut due = [None; PATHS];
        for (path, due) in self.paths.iter_mut().flatten().zip(&mut due) {
            let Some(check) = &mut path.check else { continue };
            if now.us < check.due_us {
                continue;
            }
            path.lost |= check.sends > 0;
            if check.sends == SENDS {
                path.check = None;
                continue;
            }
            // Over TCP nothing is sent twice, and as long waited for (RFC 8489, section 6.2.2).
            if !path.reliable || check.sends == 0 {
                *due = Some((path.address, check.transaction));
            }
            check.sends += 1;
            check.sent_us = now.us;
            check.due_us =
                now.us + RTO_US * if check.sends == SENDS { LAST_WAIT } else { 1 << (check.sends - 1) };
        }
        due
    }

    /// Whether a check is on its way.
    pub fn checking(&self) -> bool {
        self.paths.iter().flatten().any(|path| path.check.is_some())
    }

    /// Whether a response is one to our check of the path.
    pub fn expects(&self, from: SocketAddr, transaction: &TransactionId) -> bool {
        let check = self.get(from).and_then(|path| path.check.as_ref());
        check.is_some_and(|check| check.sends > 0 && check.transaction == *transaction)
    }

    /// Takes note of an authentic answer; returns whether media moves there.
    pub fn answered(&mut self, from: SocketAddr, current: Option<SocketAddr>, now: Now) -> bool {
        let used = current.and_then(|address| self.get(address)).copied();
        let Some(path) = self.get_mut(from) else { return false };
        path.check = None;
        path.answered_us = Some(now.us);
        path.heard_us = now.us;
        path.lost = false;
        current != Some(from) && used.is_none_or(|used| path.beats(&used))
    }

    /// Where media goes if the current path is lost: to one that answered lately, better nominated than not.
    pub fn instead_of(&self, current: SocketAddr, now: Now) -> Option<SocketAddr> {
        if !self.get(current).is_some_and(|used| used.lost) {
            return None;
        }
        let alive =
            |path: &&Path| path.address != current && !path.lost && path.answered_within(SILENT_US, now);
        let best = self.paths.iter().flatten().filter(alive);
        best.max_by_key(|path| (path.nominated_us.is_some(), path.priority, path.nominated_us))
            .map(|path| path.address)
    }

    /// Takes an address away, which another session has now; returns the one to use instead.
    pub fn forget(&mut self, address: SocketAddr) -> Option<SocketAddr> {
        for path in &mut self.paths {
            if path.is_some_and(|path| path.address == address) {
                *path = None;
            }
        }
        self.addresses().next()
    }

    /// Another ICE session begins: what the last one agreed to counts no more.
    pub fn restart(&mut self) {
        for path in self.paths.iter_mut().flatten() {
            *path = Path { nominated_us: None, answered_us: None, lost: false, check: None, ..*path };
        }
    }
}

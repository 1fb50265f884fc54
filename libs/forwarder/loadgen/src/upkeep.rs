//! What keeps a listener alive at the server: checks (consent, RFC 7675) and receiver reports.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use forwarder_core::rtcp::{self, Block};
use forwarder_core::rtp::Ssrc;
use forwarder_core::srtp::Outbound;

/// Everybody repeats the check, and reports what they received, this often.
const AGAIN: Duration = Duration::from_secs(5);
const TURNS: u32 = 250;

/// Whose turn it is: everybody's once in five seconds, spread evenly as those of real listeners are.
#[derive(Clone, Copy)]
pub struct Turn(u32);

impl Turn {
    pub fn is_of(self, number: usize) -> bool {
        number % TURNS as usize == self.0 as usize
    }
}

/// Turn after turn until it is stopped.
pub fn in_turns(stopping: &AtomicBool, mut each: impl FnMut(Turn)) {
    for turn in (0..TURNS).cycle() {
        sleep(AGAIN / TURNS);
        if stopping.load(Ordering::Relaxed) {
            return;
        }
        each(Turn(turn));
    }
}

/// A sealed receiver report from `ssrc` about a stream; None where the key is used up.
pub fn report(outbound: &mut Outbound, ssrc: Ssrc, about: Ssrc) -> Option<Vec<u8>> {
    let mut report = vec![0; 128];
    let length = rtcp::receiver_report(&mut report, ssrc, &Block { ssrc: about, ..Block::default() });
    let length = outbound.seal_rtcp(&mut report, length).ok()?;
    report.truncate(length);
    Some(report)
}

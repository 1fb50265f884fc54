//! From the slots to the listeners: one timeline per slot, own header and seal per listener.

use super::audience::Audience;
use super::frame::{Frame, Out, PAYLOAD, Payload};
use super::hold::Hold;
use super::{Io, Now, Owner, SessionId, Tuning};
use crate::opus;
use crate::rtp::{AudioLevel, Header};
use crate::select::{SLOTS, Selector};

/// One packet on its way to a group.
pub(super) struct Arrived<'a> {
    pub header: &'a Header,
    pub payload: Payload<'a>,
    pub level: Option<AudioLevel>,
    pub owner: Owner,
    pub source: SessionId,
    pub slot: usize,
    pub fresh: bool,
}

/// What is the same for all listeners of one slot.
#[derive(Clone, Copy, Debug, Default)]
struct Stream {
    /// Added to the source's timestamps.
    offset: u32,
    timestamp: u32,
    duration: u32,
    sent_us: u64,
    csrc: u32,
    toc: u8,
    owner: Owner,
    source: SessionId,
    audible: bool,
}

impl Stream {
    fn elapsed(&self, now: Now) -> u32 {
        (now.us.saturating_sub(self.sent_us) * 48 / 1000) as u32
    }

    /// The slot's timeline at this moment: the last packet's end, or the wall clock where that is later.
    fn project(&self, now: Now) -> u32 {
        self.timestamp.wrapping_add(self.elapsed(now).max(self.duration))
    }
}

/// Where a listener stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Among those on stage, who hear every frame at once.
    pub on_stage: bool,
    pub at: usize,
}

/// The listeners of one Space that have the same number of slots.
pub struct Group {
    pub(super) selector: Selector,
    slots: usize,
    streams: [Stream; SLOTS],
    stage: Audience,
    crowd: Audience,
    holds: [Hold; SLOTS],
}

impl Group {
    pub(super) fn new(slots: usize, seed: u32) -> Self {
        let stream = Stream { timestamp: seed, ..Stream::default() };
        Self {
            selector: Selector::new(slots),
            slots,
            streams: [stream; SLOTS],
            stage: Audience::default(),
            crowd: Audience::default(),
            holds: Default::default(),
        }
    }

    pub(super) fn audience(&mut self, on_stage: bool) -> &mut Audience {
        if on_stage { &mut self.stage } else { &mut self.crowd }
    }

    pub(super) fn seen(&self, on_stage: bool) -> &Audience {
        if on_stage { &self.stage } else { &self.crowd }
    }

    /// Takes a packet; it leaves with the next [`Group::send`].
    pub(super) fn forward(
        &mut self,
        packet: &Arrived<'_>,
        now: Now,
        tuning: &Tuning,
        out: &mut Out<'_, impl Io>,
    ) {
        if packet.payload.opus.len() > PAYLOAD {
            out.counters.junk += 1;
            return;
        }
        let stream = &mut self.streams[packet.slot];
        if packet.fresh {
            stream.offset = stream.project(now).wrapping_sub(packet.header.timestamp);
        }
        let timestamp = packet.header.timestamp.wrapping_add(stream.offset);
        // The slot's sequence has no gaps to put a late packet into.
        if !packet.fresh && (timestamp.wrapping_sub(stream.timestamp) as i32) <= 0 {
            out.counters.late += u64::from(!self.stage.is_empty() || !self.crowd.is_empty());
            return;
        }
        *stream = Stream {
            offset: stream.offset,
            timestamp,
            duration: opus::duration(packet.payload.opus).unwrap_or(960),
            sent_us: now.us,
            csrc: packet.header.ssrc,
            toc: packet.payload.opus[0],
            owner: packet.owner,
            source: packet.source,
            audible: true,
        };
        let frame = Frame {
            slot: packet.slot,
            marker: packet.fresh,
            timestamp,
            csrc: packet.header.ssrc,
            owner: packet.owner,
            source: packet.source,
            level: packet.level,
            arrived_us: now.us,
        };
        self.add(frame, packet.payload, tuning, out);
    }

    fn add(&mut self, frame: Frame, payload: Payload<'_>, tuning: &Tuning, out: &mut Out<'_, impl Io>) {
        self.stage.add(frame, payload, out);
        let large = tuning.repacketise_from > 0 && self.crowd.len() >= tuning.repacketise_from;
        let (hold, crowd) = (&mut self.holds[frame.slot], &mut self.crowd);
        let mut each = |frame, opus: &[u8]| crowd.add(frame, Payload::plain(opus), out);
        if large {
            hold.feed(frame, payload.opus, each);
        } else {
            hold.take(&mut each);
            crowd.add(frame, payload, out);
        }
    }

    /// Ends a slot that fell silent with one discontinuous-transmission frame, so that receivers do not conceal.
    pub(super) fn end_slot(&mut self, slot: usize, now: Now, tuning: &Tuning, out: &mut Out<'_, impl Io>) {
        let stream = &mut self.streams[slot];
        if !stream.audible {
            return;
        }
        stream.audible = false;
        stream.timestamp = stream.project(now);
        stream.sent_us = now.us;
        let frame = Frame {
            slot,
            marker: false,
            timestamp: stream.timestamp,
            csrc: stream.csrc,
            owner: stream.owner,
            source: stream.source,
            level: Some(AudioLevel { voice: false, minus_dbov: 127 }),
            arrived_us: now.us,
        };
        let payload = opus::dtx_after(stream.toc);
        self.add(frame, Payload::plain(&payload), tuning, out);
    }

    /// Nothing of this source leaves any more, not even what waited.
    pub(super) fn withdraw(&mut self, source: SessionId) {
        self.stage.withdraw(source);
        self.crowd.withdraw(source);
        for hold in &mut self.holds {
            hold.withdraw(source);
        }
    }

    /// Sends what has waited long enough; returns when the next is due, in microseconds.
    pub(super) fn send(&mut self, now_us: u64, tuning: &Tuning, out: &mut Out<'_, impl Io>) -> Option<u64> {
        let mut due = None;
        for hold in &mut self.holds {
            let Some(at) = hold.due_us() else { continue };
            if at <= now_us {
                hold.take(&mut |frame, opus: &[u8]| self.crowd.add(frame, Payload::plain(opus), out));
            } else {
                due = earlier(due, at);
            }
        }
        for audience in [&mut self.stage, &mut self.crowd] {
            let Some(at) = audience.since_us().map(|since| since + tuning.coalesce_us) else { continue };
            if at <= now_us || tuning.coalesce_us == 0 {
                audience.send(out);
            } else {
                due = earlier(due, at);
            }
        }
        due
    }

    pub(super) fn send_reports(&mut self, now: Now, out: &mut Out<'_, impl Io>) {
        let times: [u32; SLOTS] = std::array::from_fn(|slot| {
            self.streams[slot].timestamp.wrapping_add(self.streams[slot].elapsed(now))
        });
        self.stage.send_reports(&times[..self.slots], now, out);
        self.crowd.send_reports(&times[..self.slots], now, out);
    }
}

fn earlier(due: Option<u64>, at: u64) -> Option<u64> {
    Some(due.map_or(at, |due| due.min(at)))
}

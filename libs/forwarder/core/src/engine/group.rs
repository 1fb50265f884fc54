//! From the slots to the listeners: one timeline per slot, own header and seal per listener.

use super::audience::Audience;
use super::config::Tuning;
use super::frame::{Frame, PAYLOAD, Payload};
use super::io::Io;
use super::numbering::Numbering;
use super::out::Out;
use super::repacketise::Repacketiser;
use crate::clock::Now;
use crate::ids::{PersonId, SessionId};
use crate::opus;
use crate::rtp::{AudioLevel, Header, SequenceNumber, Ssrc, Timestamp};
use crate::select::{SLOTS, Selector};

/// One packet on its way to a group.
pub(super) struct Arrived<'a> {
    pub header: &'a Header,
    pub payload: Payload<'a>,
    pub level: Option<AudioLevel>,
    pub owner: PersonId,
    pub source: SessionId,
    pub slot: usize,
    pub fresh: bool,
    /// So many packets right before it may still come.
    pub missing: u8,
}

/// What is the same for all listeners of one slot.
#[derive(Clone, Copy, Debug)]
struct Stream {
    /// Added to the source's timestamps.
    offset: u32,
    /// The source's number of the newest packet.
    sequence: SequenceNumber,
    timestamp: Timestamp,
    duration: u32,
    sent_us: u64,
    csrc: Ssrc,
    toc: u8,
    owner: PersonId,
    source: SessionId,
    audible: bool,
}

impl Stream {
    /// A slot in which nobody has spoken yet; its timestamps begin at `start`.
    fn new(start: Timestamp) -> Self {
        Self {
            offset: 0,
            sequence: SequenceNumber(0),
            timestamp: start,
            duration: 0,
            sent_us: 0,
            csrc: Ssrc(0),
            toc: 0,
            owner: PersonId::NOBODY,
            source: SessionId(0),
            audible: false,
        }
    }

    fn elapsed(&self, now: Now) -> u32 {
        (now.us.saturating_sub(self.sent_us) * 48 / 1000) as u32
    }

    /// The slot's current timestamp: the end of its last packet, or later if more time than that has passed.
    fn project(&self, now: Now) -> Timestamp {
        self.timestamp.plus(self.elapsed(now).max(self.duration))
    }
}

/// The listeners of one Space that have the same number of slots.
pub struct Group {
    pub(super) selector: Selector,
    slots: usize,
    streams: [Stream; SLOTS],
    stage: Audience,
    crowd: Audience,
    stage_numbers: [Numbering; SLOTS],
    crowd_numbers: [Numbering; SLOTS],
    repacketisers: [Repacketiser; SLOTS],
}

impl Group {
    pub(super) fn new(slots: usize, start: Timestamp) -> Self {
        Self {
            selector: Selector::new(slots),
            slots,
            streams: [Stream::new(start); SLOTS],
            stage: Audience::default(),
            crowd: Audience::default(),
            stage_numbers: Default::default(),
            crowd_numbers: Default::default(),
            repacketisers: Default::default(),
        }
    }

    pub(super) fn audience_mut(&mut self, on_stage: bool) -> &mut Audience {
        if on_stage { &mut self.stage } else { &mut self.crowd }
    }

    pub(super) fn audience(&self, on_stage: bool) -> &Audience {
        if on_stage { &self.stage } else { &self.crowd }
    }

    /// Adds a packet, which leaves with the next [`Group::send`].
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
        let header = packet.header;
        let stream = &mut self.streams[packet.slot];
        let late = !packet.fresh && header.sequence.since(stream.sequence) <= 0;
        let ahead = header.timestamp.plus(stream.offset).since(stream.timestamp);
        if packet.fresh || (!late && ahead <= 0) {
            stream.offset = stream.project(now).since(header.timestamp) as u32;
        }
        let timestamp = header.timestamp.plus(stream.offset);
        let frame = Frame {
            slot: packet.slot,
            marker: packet.fresh,
            sequence: header.sequence,
            merged: 1,
            gap: if packet.fresh { packet.missing } else { 0 },
            back: 0,
            timestamp,
            csrc: header.ssrc,
            owner: packet.owner,
            source: packet.source,
            level: packet.level,
            arrived_us: now.us,
        };
        if late && ahead >= 0 || !self.add(frame, packet.payload, tuning, out) {
            out.counters.late += u64::from(!self.stage.is_empty() || !self.crowd.is_empty());
            return;
        }
        if late {
            return;
        }
        let stream = &mut self.streams[packet.slot];
        *stream = Stream {
            offset: stream.offset,
            sequence: header.sequence,
            timestamp,
            duration: opus::duration(packet.payload.opus).unwrap_or(960),
            sent_us: now.us,
            csrc: header.ssrc,
            toc: packet.payload.opus[0],
            owner: packet.owner,
            source: packet.source,
            audible: true,
        };
    }

    /// Adds a frame to what waits; returns false if it came too late.
    fn add(
        &mut self,
        frame: Frame,
        payload: Payload<'_>,
        tuning: &Tuning,
        out: &mut Out<'_, impl Io>,
    ) -> bool {
        // Of all frames this one alone knows, for no frame waits here.
        let Some(placed) = self.stage_numbers[frame.slot].place(frame) else { return false };
        self.stage.add(placed, payload, out);
        let large = tuning.repacketise_from > 0 && self.crowd.len() >= tuning.repacketise_from;
        let (repacketiser, numbers) =
            (&mut self.repacketisers[frame.slot], &mut self.crowd_numbers[frame.slot]);
        let crowd = &mut self.crowd;
        let mut each = |frame, payload: Payload<'_>| {
            if let Some(placed) = numbers.place(frame) {
                crowd.add(placed, payload, out);
            }
        };
        if large {
            repacketiser.feed(frame, payload.opus, |frame, opus| each(frame, Payload::plain(opus)));
        } else {
            repacketiser.take(&mut |frame, opus| each(frame, Payload::plain(opus)));
            each(frame, payload);
        }
        true
    }

    /// Ends a slot that fell silent with one frame of discontinuous transmission, so that receivers conceal nothing.
    pub(super) fn end_slot(&mut self, slot: usize, now: Now, tuning: &Tuning, out: &mut Out<'_, impl Io>) {
        let stream = &mut self.streams[slot];
        if !stream.audible {
            return;
        }
        stream.audible = false;
        stream.timestamp = stream.project(now);
        stream.sent_us = now.us;
        stream.sequence = stream.sequence.next();
        let frame = Frame {
            slot,
            marker: false,
            sequence: stream.sequence,
            merged: 1,
            gap: 0,
            back: 0,
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

    /// Drops everything of a source that has not been sent.
    pub(super) fn withdraw(&mut self, source: SessionId) {
        self.stage.withdraw(source);
        self.crowd.withdraw(source);
        for (slot, repacketiser) in self.repacketisers.iter_mut().enumerate() {
            if repacketiser.withdraw(source) {
                self.crowd_numbers[slot].pass_over(self.streams[slot].sequence);
            }
        }
    }

    /// Sends what has waited long enough; returns when the next frames are due, in microseconds.
    pub(super) fn send(&mut self, now_us: u64, tuning: &Tuning, out: &mut Out<'_, impl Io>) -> Option<u64> {
        let mut due = None;
        for (repacketiser, numbers) in self.repacketisers.iter_mut().zip(&mut self.crowd_numbers) {
            let Some(at) = repacketiser.due_us() else { continue };
            if at <= now_us {
                repacketiser.take(&mut |frame, opus: &[u8]| {
                    if let Some(placed) = numbers.place(frame) {
                        self.crowd.add(placed, Payload::plain(opus), out);
                    }
                });
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
        let times: [Timestamp; SLOTS] =
            std::array::from_fn(|slot| self.streams[slot].timestamp.plus(self.streams[slot].elapsed(now)));
        self.stage.send_reports(&times[..self.slots], now, out);
        self.crowd.send_reports(&times[..self.slots], now, out);
    }
}

fn earlier(due: Option<u64>, at: u64) -> Option<u64> {
    Some(due.map_or(at, |due| due.min(at)))
}

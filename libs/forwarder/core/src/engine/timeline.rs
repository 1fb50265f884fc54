//! One speaker's clock and numbering, put right where the sender's jump.
//!
//! A timestamp is the sampling instant, by a clock that runs monotonically and linearly (RFC 3550, section 5.1), and a
//! new stream (SSRC) begins anywhere. Senders break the former, and both would break the listeners' clock. When a packet
//! arrives tells a jump from a pause: nothing is heard before it was said, so media time cannot pass faster than time,
//! and a later packet is never older. Packets that the network held back come late and together, in their own time: that
//! is no jump. What cannot be is projected anew, from the time that passed.

use crate::rtp::{Header, SequenceNumber, Ssrc, Timestamp};

/// A packet that was overtaken by no more than this many is put in its place; a gap is left no larger.
pub(super) const REORDER: u16 = 16;
/// So many packets may come after the first one that were sent before it.
pub(super) const BEFORE: u16 = 4;
/// Differences are counted in thousandths of a sample, so that no drift is lost in rounding. This is a millisecond.
const MS: i64 = 48_000;
/// A pause in the timestamps may be longer than the time that passed by this: packets come unevenly.
const AHEAD: i64 = 200 * MS;
/// ... and shorter by this: no network holds packets back for longer, so the clock stood still.
const BEHIND: i64 = 5_000 * MS;
/// Somebody whose clock jumped has paused if more time than this passed beyond what was said.
const PAUSE: i64 = 100 * MS;
/// The earliest arrivals are forgotten at 1 ms per second, faster than any sound card drifts.
const FORGET: i64 = 1000;
/// ... and that pauses were too long for the time that passed, at 2 ms per second.
const FORGIVE: i64 = 500;
/// The longest Opus packet, in samples.
const LONGEST: u32 = 5760;
/// Places remembered: those that late packets may have, and their neighbours.
const PLACES: usize = 32;

/// Where a packet belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// In a numbering that goes on where the stream changes.
    pub number: SequenceNumber,
    /// On a clock that goes on where the sender's jumps.
    pub time: Timestamp,
    /// No packet after it has arrived yet.
    pub newest: bool,
    /// So many right before it have not arrived, and may still.
    pub missing: u8,
    /// The sender's clock jumped before it.
    pub jumped: bool,
}

/// See the module.
#[derive(Default)]
pub(super) struct Timeline {
    started: bool,
    /// The newest packet's header, as it was sent.
    ssrc: Ssrc,
    sequence: SequenceNumber,
    timestamp: Timestamp,
    duration: u32,
    arrived_us: u64,
    /// Where the newest packet belongs.
    number: SequenceNumber,
    time: Timestamp,
    /// What was added to timestamps before the last jump.
    former: u32,
    /// How far the newest packet is ahead of the first one's pace, in 1/1000 samples; negative: it is late.
    lead: i64,
    /// The lead of the packets that were delayed least.
    most: i64,
    /// How much of `most` comes of pauses that would not have fitted in the time that passed, had nothing been delayed.
    doubtful: i64,
    /// Which of the numbers before the newest have arrived, from the newest (bit 0) on, and their times.
    arrived: u32,
    times: [Timestamp; PLACES],
    /// The stream before this one.
    gone: Option<Gone>,
}

/// A stream that another one followed.
struct Gone {
    ssrc: Ssrc,
    /// Of its newest packet, as it was sent.
    sequence: SequenceNumber,
    /// Where that belongs; `None`: nothing of it has a place any more.
    number: Option<SequenceNumber>,
}

impl Timeline {
    /// Takes a packet of so many samples that arrives now; `None`: it comes too late.
    pub fn take(&mut self, header: &Header, duration: u32, now_us: u64) -> Option<Place> {
        if !self.started {
            return Some(self.begin(header, duration, now_us));
        }
        let elapsed = now_us.saturating_sub(self.arrived_us) as i64 * 48;
        let same = header.ssrc == self.ssrc;
        let step = header.sequence.since(self.sequence);
        if same && step <= 0 {
            return self.late(header, step.unsigned_abs());
        }
        if let Some(gone) = self.gone.as_ref().filter(|gone| !same && gone.ssrc == header.ssrc) {
            let step = header.sequence.since(gone.sequence);
            let back = gone.number.map(|number| self.number.since(number).wrapping_sub(step));
            // Whoever goes back to a stream does not do so within a packet's time.
            let overtaken = step <= 0 || elapsed <= i64::from(self.duration) * 1000;
            let place = back.filter(|back| overtaken && *back > 0);
            let place = place.and_then(|back| self.late(header, back.unsigned_abs()));
            if place.is_some() || step <= 0 {
                return place;
            }
        }
        let steps = if same { step.unsigned_abs().min(REORDER + 1) } else { 1 + self.room(elapsed) };
        self.most -= elapsed / FORGET;
        let spoken = i64::from(steps) * i64::from(self.duration) * 1000;
        let claimed = i64::from(header.timestamp.since(self.timestamp)) * 1000;
        let ahead = self.lead + claimed - elapsed - self.most;
        // A clock that runs too fast makes many short pauses of which no one is too long.
        self.doubtful = (self.doubtful - elapsed / FORGIVE).max(0);
        let doubtful = if claimed > spoken { ahead.max(0) } else { 0 };
        let fast = doubtful > 0 && self.doubtful + doubtful > AHEAD;
        let jumped = !same || claimed < i64::from(self.duration) * 500 || fast;
        let stood = !jumped && ahead < -BEHIND;
        // One that runs too slowly lets packets overlap.
        let slow = !jumped && !stood && steps == 1 && claimed < spoken && ahead < -AHEAD;
        if fast && doubtful <= AHEAD {
            // As long as it goes on, nothing is forgiven, or the clock would still be too fast.
            self.doubtful = AHEAD;
        } else if !jumped {
            self.doubtful += doubtful;
        }
        if slow {
            self.most += elapsed / FORGET;
        }
        let thousandths = if stood {
            claimed - ahead
        } else if slow {
            spoken
        } else if !jumped {
            claimed
        } else if elapsed <= spoken + PAUSE {
            spoken
        } else {
            elapsed
        };
        let passed = thousandths / 1000;
        let jumped = jumped || stood || slow;
        if jumped {
            self.former = self.time.since(self.timestamp) as u32;
            if !same {
                self.gone =
                    Some(Gone { ssrc: self.ssrc, sequence: self.sequence, number: Some(self.number) });
            }
        }
        self.lead += passed * 1000 - elapsed;
        self.most = self.most.max(self.lead);
        self.ssrc = header.ssrc;
        self.sequence = header.sequence;
        self.timestamp = header.timestamp;
        self.arrived_us = now_us;
        self.duration = duration.clamp(1, LONGEST);
        self.number = self.number.plus(steps);
        self.time = self.time.plus(passed as u32);
        self.arrived = self.arrived.checked_shl(u32::from(steps)).unwrap_or(0) | 1;
        self.note(self.number, self.time);
        let missing = if same { (steps - 1).min(BEFORE) as u8 } else { overtaken(header, steps - 1) };
        Some(Place { number: self.number, time: self.time, newest: true, missing, jumped })
    }

    /// How many numbers are left free before the first packet of another stream: so many were sent in the time that
    /// passed, and may have been overtaken by it.
    fn room(&self, elapsed: i64) -> u16 {
        let packets = (elapsed / 500 / i64::from(self.duration) + 1) / 2;
        packets.clamp(1, i64::from(BEFORE) + 1) as u16 - 1
    }

    fn begin(&mut self, header: &Header, duration: u32, now_us: u64) -> Place {
        *self = Self {
            started: true,
            ssrc: header.ssrc,
            sequence: header.sequence,
            timestamp: header.timestamp,
            duration: duration.clamp(1, LONGEST),
            arrived_us: now_us,
            number: header.sequence,
            time: header.timestamp,
            // As if one had come long before: a few in between may have been overtaken by the first.
            arrived: 1 | 1 << (BEFORE + 1),
            ..Self::default()
        };
        self.note(self.number, self.time);
        let long_before = u32::from(BEFORE + 1) * LONGEST;
        self.note(self.number.plus((BEFORE + 1).wrapping_neg()), self.time.plus(long_before.wrapping_neg()));
        Place {
            number: self.number,
            time: self.time,
            newest: true,
            missing: overtaken(header, 1),
            jumped: false,
        }
    }

    /// Cuts off what was sent before the newest packet: nothing of it has a place any more. Numbers go on after `last`;
    /// returns the newest one.
    pub fn renumber(&mut self, last: Option<SequenceNumber>) -> SequenceNumber {
        self.number = last.map_or(self.number, SequenceNumber::next);
        self.arrived = 1;
        if let Some(gone) = &mut self.gone {
            gone.number = None;
        }
        self.note(self.number, self.time);
        self.number
    }

    fn note(&mut self, number: SequenceNumber, time: Timestamp) {
        self.times[usize::from(number.0) % PLACES] = time;
    }

    /// The place of a packet that `back` later ones have overtaken.
    fn late(&mut self, header: &Header, back: u16) -> Option<Place> {
        if !(1..=REORDER).contains(&back) || self.arrived & (1 << back) != 0 {
            return None;
        }
        let at = |back: u32| self.number.plus((back as u16).wrapping_neg());
        let time_at = |back: u32| self.times[usize::from(at(back).0) % PLACES];
        let back = u32::from(back);
        let after = (0..back).rev().find(|other| self.arrived & (1 << other) != 0)?;
        let before = (back + 1..PLACES as u32).find(|other| self.arrived & (1 << other) != 0)?;
        let (first, last) = (time_at(before), time_at(after));
        let fits = |time: &Timestamp| time.since(first) > 0 && last.since(*time) > 0;
        // It may have been sent before the last jump or after it.
        let current = self.time.since(self.timestamp) as u32;
        let candidates = [header.timestamp.plus(current), header.timestamp.plus(self.former)];
        let room = i64::from(last.since(first));
        let between = first.plus((room * i64::from(before - back) / i64::from(before - after)) as u32);
        let time = candidates.into_iter().find(fits).unwrap_or(between);
        let number = at(back);
        self.arrived |= 1 << back;
        self.note(number, time);
        Some(Place { number, time, newest: false, missing: 0, jumped: false })
    }
}

/// How many packets of a stream the first one to arrive has overtaken, of so many at most.
///
/// The packet that begins a talkspurt is marked (RFC 3551, section 4.1; RFC 7587, section 4.1), and browsers mark a
/// stream's first one. One that is not marked has overtaken it. So nobody waits, and no number is left free for what was
/// never sent.
///
/// Some senders mark every packet (FFmpeg, aiortc), which tells nothing. Of their first two, swapped, whoever has heard
/// somebody in that slot before misses one. To save those 20 ms of a connection, what new speakers say would have to be
/// held back, or a number left free before each of them: clients that wait for missing numbers (aiortc: until 16 more
/// packets have come) would hear everybody's first words late.
fn overtaken(header: &Header, most: u16) -> u8 {
    if header.marker { 0 } else { most.min(BEFORE) as u8 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rtp::PayloadType;

    fn header(number: u64, samples: u64) -> Header {
        Header {
            marker: false,
            padding: false,
            payload_type: PayloadType(111),
            sequence: SequenceNumber(number as u16),
            timestamp: Timestamp(samples as u32),
            ssrc: Ssrc(7),
            csrc: None,
            extension: None,
            length: 12,
        }
    }

    /// Takes packets of 20 ms, each (number, samples, arrival in us), all of which have a place by their own clock.
    fn takes_as_they_are(packets: impl Iterator<Item = (u64, u64, u64)>) {
        let mut timeline = Timeline::default();
        for (number, samples, at) in packets {
            let place = timeline.take(&header(number, samples), 960, at);
            let place = place.unwrap_or_else(|| panic!("{number} has no place"));
            assert!(!place.jumped, "{number} is taken for a jump");
            let own = (SequenceNumber(number as u16), Timestamp(samples as u32));
            assert_eq!((place.number, place.time), own);
        }
    }

    #[test]
    fn a_sound_card_that_drifts_does_not_jump() {
        const HOURS: u64 = 12 * 3600 * 50;
        for ppm in [0, 200] {
            takes_as_they_are((0..HOURS).map(|n| (n, n * 960, n * 20_000 + n * 20_000 * ppm / 1_000_000)));
            takes_as_they_are((0..HOURS).map(|n| (n, n * 960, n * 20_000 - n * 20_000 * ppm / 1_000_000)));
        }
    }

    #[test]
    fn what_was_held_back_comes_at_its_time_also_if_much_of_it_is_lost_or_was_a_pause() {
        let held = |at: u64| if (2_000_000..5_000_000).contains(&at) { 5_000_000 + at / 1000 } else { at };
        let all = || (0..500u64).map(|n| (n, n * 960, held(n * 20_000)));
        takes_as_they_are(all());
        takes_as_they_are(all().filter(|(n, ..)| !(110..140).contains(n)).map(|(n, samples, at)| {
            // The numbering leaves no more than so many free.
            (if n < 140 { n } else { n - 30 + u64::from(REORDER) }, samples, at)
        }));
        takes_as_they_are(all().map(|(n, samples, at)| {
            let pause = if n > 120 { 80 } else { 0 };
            (n, samples + pause * 960, at.max((n + pause) * 20_000))
        }));
    }

    #[test]
    fn a_clock_that_stands_still_for_longer_than_networks_hold_back_goes_on_with_time() {
        let mut timeline = Timeline::default();
        timeline.take(&header(0, 0), 960, 0);
        let place = timeline.take(&header(1, 960), 960, 60_000_000).unwrap();
        assert!((60 * 48_000i32 - 3000..=60 * 48_000).contains(&place.time.since(Timestamp(0))), "{place:?}");
        // Nor does it fall behind by many short pauses.
        for number in 2..1000 {
            let now = 60_000_000 + number * 500_000;
            let place = timeline.take(&header(number, number * 960), 960, now).unwrap();
            let behind = (now * 48 / 1000) as i64 - i64::from(place.time.0);
            assert!((0..=BEHIND / 1000 + 48_000).contains(&behind), "{behind} samples");
        }
    }

    /// The largest step of the corrected clock, and where it is after packets of 20 ms, one every 20 ms.
    fn runs(samples: impl Fn(u64) -> u64) -> (i32, i64) {
        let (mut timeline, mut last, mut largest) = (Timeline::default(), None, 0);
        for number in 0..10_000 {
            let place = timeline.take(&header(number, samples(number)), 960, number * 20_000).unwrap();
            let step = last.map_or(960, |last: Timestamp| place.time.since(last));
            assert!(step > 0);
            largest = step.max(largest);
            last = Some(place.time);
        }
        (largest, i64::from(last.unwrap().0) - samples(0) as i64)
    }

    #[test]
    fn a_clock_of_another_rate_runs_with_time_and_does_not_leap() {
        const END: i64 = 9_999 * 960;
        for step in [1920, 1056, 1000, 930, 882, 490, 480, 441] {
            let (largest, end) = runs(|number| number * step);
            assert!(largest <= 1920, "{step} samples in 20 ms: {largest}");
            assert!((end - END).abs() <= 300 * 48, "{step} samples in 20 ms: {}", end - END);
        }
        // Short jumps that might be pauses, but for their number.
        let (largest, end) = runs(|number| number * 960 + number / 5 * 7200);
        assert!(largest <= 960 + 7200);
        assert!((end - END).abs() <= 400 * 48, "{}", end - END);
    }

    #[test]
    fn timestamps_that_were_rounded_are_taken_as_they_are() {
        let uneven = |number: u64| number * 960 + [0, 40, 3, 25][number as usize % 4];
        takes_as_they_are((0..50_000).map(|n| (n, uneven(n), n * 20_000 + n % 7 * 3_000)));
    }

    #[test]
    fn a_sender_faster_than_time_does_not_jump() {
        takes_as_they_are((0..5_000).map(|n| (n, n * 960, n * 1_000)));
    }

    proptest! {
        #[test]
        fn whatever_comes_time_and_numbers_rise_and_no_place_is_given_twice(
            packets in prop::collection::vec((0u32..3, any::<u16>(), any::<u32>(), 0u64..400_000, 0u32..6000), 1..300),
            close in any::<bool>(),
        ) {
            let mut timeline = Timeline::default();
            let (mut now, mut places) = (0, Vec::<Place>::new());
            for (at, (ssrc, sequence, timestamp, wait, duration)) in packets.into_iter().enumerate() {
                now += wait;
                let sequence = if close { (at as u16).wrapping_add(sequence % 9) } else { sequence };
                let mut header = header(sequence.into(), timestamp.into());
                header.ssrc = Ssrc(ssrc);
                let Some(place) = timeline.take(&header, duration, now) else { continue };
                if let Some(newest) = places.iter().rev().find(|place| place.newest) {
                    let (number, time) = (place.number.since(newest.number), place.time.since(newest.time));
                    prop_assert_eq!(place.newest, number > 0);
                    prop_assert_eq!(place.newest, time > 0);
                    prop_assert!((-(REORDER as i16)..=REORDER as i16 + 1).contains(&number));
                    // No more than passed, or than was said.
                    prop_assert!(i64::from(time) <= 48 * 400 + i64::from(REORDER + 1) * 5760 + now as i64 * 48 / 1000);
                }
                let before = places.len().saturating_sub(40);
                prop_assert!(places[before..].iter().all(|other| other.number != place.number));
                places.push(place);
            }
        }
    }
}

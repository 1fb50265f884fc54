//! RTCP sender and receiver reports (RFC 3550, section 6.4); everything else is skipped.

use crate::rtp::{PacketIndex, SequenceNumber, Ssrc, Timestamp};

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const DESCRIPTION: u8 = 202;
const BYE: u8 = 203;

/// One report block: how a receiver fares with one of our streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// The stream it is about.
    pub ssrc: Ssrc,
    /// Lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Lost since the beginning; duplicates can make it negative.
    pub lost: i32,
    /// Rollovers and sequence of the newest packet.
    pub highest: u32,
    /// Interarrival jitter in units of the clock rate.
    pub jitter: u32,
    /// The middle 32 bits of the NTP time of the last sender report, 0 for none.
    pub last_report: u32,
    /// Since that report arrived, in 1/65536 s.
    pub delay: u32,
}

/// One thing a compound packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// A sender report's own part.
    Sender {
        /// Who sends.
        ssrc: Ssrc,
        /// When.
        ntp: NtpTime,
        /// The same moment in the stream.
        timestamp: Timestamp,
    },
    /// A report block of either report.
    Report(Block),
    /// The stream has ended.
    Bye(Ssrc),
}

/// A wall-clock time of NTP: seconds since 1900, 32.32 fixed point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct NtpTime(pub u64);

impl NtpTime {
    /// That of nanoseconds since the Unix epoch.
    #[must_use]
    pub fn of_unix_ns(unix_ns: u64) -> Self {
        const EPOCHS: u64 = 2_208_988_800;
        let seconds = unix_ns / 1_000_000_000 + EPOCHS;
        let fraction = ((unix_ns % 1_000_000_000) << 32) / 1_000_000_000;
        Self((seconds << 32) | fraction)
    }

    /// Its middle 32 bits, by which a receiver report mentions a sender report.
    #[must_use]
    pub fn middle(self) -> u32 {
        (self.0 >> 16) as u32
    }
}

/// What a sender says of one stream (RFC 3550, section 6.4.1).
#[derive(Clone, Copy, Debug)]
pub struct SenderReport {
    /// The stream.
    pub ssrc: Ssrc,
    /// Now.
    pub ntp: NtpTime,
    /// The same moment in the stream.
    pub timestamp: Timestamp,
    /// Packets sent so far, modulo 2^32.
    pub packets: u32,
    /// Bytes of payload sent so far, modulo 2^32.
    pub octets: u32,
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn block(bytes: &[u8], at: usize) -> Option<Block> {
    let loss = u32_at(bytes, at + 4)?;
    Some(Block {
        ssrc: Ssrc(u32_at(bytes, at)?),
        fraction_lost: (loss >> 24) as u8,
        lost: ((loss << 8) as i32) >> 8,
        highest: u32_at(bytes, at + 8)?,
        jitter: u32_at(bytes, at + 12)?,
        last_report: u32_at(bytes, at + 16)?,
        delay: u32_at(bytes, at + 20)?,
    })
}

/// Calls `each` for what a compound packet says; returns false when it is malformed (what came before is reported).
pub fn read(mut bytes: &[u8], mut each: impl FnMut(Item)) -> bool {
    while !bytes.is_empty() {
        let Some(head) = bytes.first_chunk::<4>() else { return false };
        let length = 4 + 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
        if head[0] >> 6 != 2 || bytes.len() < length {
            return false;
        }
        let (packet, rest) = bytes.split_at(length);
        let count = usize::from(head[0] & 0x1F);
        let blocks = match head[1] {
            SENDER_REPORT => {
                let (Some(ssrc), Some(high), Some(low), Some(timestamp)) =
                    (u32_at(packet, 4), u32_at(packet, 8), u32_at(packet, 12), u32_at(packet, 16))
                else {
                    return false;
                };
                each(Item::Sender {
                    ssrc: Ssrc(ssrc),
                    ntp: NtpTime((u64::from(high) << 32) | u64::from(low)),
                    timestamp: Timestamp(timestamp),
                });
                28
            }
            RECEIVER_REPORT => 8,
            BYE => {
                for source in 0..count {
                    match u32_at(packet, 4 + 4 * source) {
                        Some(ssrc) => each(Item::Bye(Ssrc(ssrc))),
                        None => return false,
                    }
                }
                usize::MAX
            }
            _ => usize::MAX,
        };
        if blocks != usize::MAX {
            for number in 0..count {
                match block(packet, blocks + 24 * number) {
                    Some(block) => each(Item::Report(block)),
                    None => return false,
                }
            }
        }
        bytes = rest;
    }
    true
}

fn description(to: &mut [u8], ssrc: Ssrc) -> usize {
    // One chunk: SSRC, CNAME item of 7 bytes, its end and padding.
    to[..4].copy_from_slice(&[0x81, DESCRIPTION, 0, 4]);
    to[4..8].copy_from_slice(&ssrc.0.to_be_bytes());
    to[8..10].copy_from_slice(&[1, 7]);
    to[10..17].copy_from_slice(b"rostrum");
    to[17..20].fill(0);
    20
}

impl SenderReport {
    /// Writes the report and the source description; returns the length, 48 bytes.
    pub fn write(&self, to: &mut [u8]) -> usize {
        to[..4].copy_from_slice(&[0x80, SENDER_REPORT, 0, 6]);
        to[4..8].copy_from_slice(&self.ssrc.0.to_be_bytes());
        to[8..16].copy_from_slice(&self.ntp.0.to_be_bytes());
        to[16..20].copy_from_slice(&self.timestamp.0.to_be_bytes());
        to[20..24].copy_from_slice(&self.packets.to_be_bytes());
        to[24..28].copy_from_slice(&self.octets.to_be_bytes());
        28 + description(&mut to[28..], self.ssrc)
    }
}

/// Writes a receiver report of `ssrc` with one block; returns the length, 32 bytes.
pub fn receiver_report(to: &mut [u8], ssrc: Ssrc, block: &Block) -> usize {
    to[..4].copy_from_slice(&[0x81, RECEIVER_REPORT, 0, 7]);
    to[4..8].copy_from_slice(&ssrc.0.to_be_bytes());
    to[8..12].copy_from_slice(&block.ssrc.0.to_be_bytes());
    let loss = (u32::from(block.fraction_lost) << 24)
        | (block.lost.clamp(-0x80_0000, 0x7F_FFFF) as u32 & 0x00FF_FFFF);
    to[12..16].copy_from_slice(&loss.to_be_bytes());
    to[16..20].copy_from_slice(&block.highest.to_be_bytes());
    to[20..24].copy_from_slice(&block.jitter.to_be_bytes());
    to[24..28].copy_from_slice(&block.last_report.to_be_bytes());
    to[28..32].copy_from_slice(&block.delay.to_be_bytes());
    32
}

/// Counts what arrives of one stream, for the receiver reports we send (RFC 3550, appendix A).
#[derive(Clone, Copy, Debug, Default)]
pub struct Reception {
    started: bool,
    timed: bool,
    base: PacketIndex,
    highest: PacketIndex,
    received: u64,
    expected_before: u64,
    received_before: u64,
    jitter_x16: u64,
    transit: i32,
    last_report: u32,
    last_report_us: u64,
}

impl Reception {
    /// A packet with this timestamp arrived at this time, in microseconds.
    pub fn transit(&mut self, timestamp: Timestamp, now_us: u64) {
        let arrival = Timestamp((now_us * 48 / 1000) as u32);
        let transit = arrival.since(timestamp);
        if self.timed {
            let change = u64::from(transit.wrapping_sub(self.transit).unsigned_abs());
            self.jitter_x16 = self.jitter_x16 + change.min(1 << 20) - ((self.jitter_x16 + 8) >> 4);
        }
        (self.timed, self.transit) = (true, transit);
    }

    /// A packet arrived.
    pub fn packet(&mut self, sequence: SequenceNumber) {
        if self.started {
            let step = sequence.since(self.highest.sequence());
            if step > 0 {
                self.highest.0 += u64::from(step.unsigned_abs());
            }
        } else {
            self.started = true;
            self.base = sequence.into();
            self.highest = self.base;
        }
        self.received += 1;
    }

    /// The sender's own report arrived.
    pub fn sender_report(&mut self, ntp: NtpTime, now_us: u64) {
        self.last_report = ntp.middle();
        self.last_report_us = now_us;
    }

    /// Packets lost since the beginning, 0 at least.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.expected().saturating_sub(self.received)
    }

    /// Packets from the first one to the newest.
    fn expected(&self) -> u64 {
        if self.started { self.highest.0 + 1 - self.base.0 } else { 0 }
    }

    /// Interarrival jitter in 1/48000 s.
    #[must_use]
    pub fn jitter(&self) -> u32 {
        (self.jitter_x16 >> 4) as u32
    }

    /// The report block since the last one.
    pub fn block(&mut self, ssrc: Ssrc, now_us: u64) -> Block {
        let expected = self.expected();
        let new = expected - self.expected_before;
        let lost = new.saturating_sub(self.received - self.received_before);
        self.expected_before = expected;
        self.received_before = self.received;
        Block {
            ssrc,
            fraction_lost: (lost * 256).checked_div(new).map_or(0, |fraction| fraction.min(255) as u8),
            lost: self.lost().min(0x7F_FFFF) as i32,
            highest: self.highest.0 as u32,
            jitter: self.jitter(),
            last_report: self.last_report,
            delay: if self.last_report == 0 {
                0
            } else {
                ((now_us - self.last_report_us) * 65_536 / 1_000_000) as u32
            },
        }
    }
}

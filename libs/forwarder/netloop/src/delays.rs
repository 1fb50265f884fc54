//! A histogram of how long packets are in the forwarder.

/// Buckets; the last one has no upper end.
pub const BUCKETS: usize = 48;

/// Forwarded packets by their delay: from when the packet was read (or could have been, had the thread not been sending)
/// to when the kernel had taken the listener's copy.
#[derive(Clone, Copy, Debug)]
pub struct Delays {
    counts: [u64; BUCKETS],
    sum_us: u64,
}

impl Default for Delays {
    fn default() -> Self {
        Self { counts: [0; BUCKETS], sum_us: 0 }
    }
}

/// The upper end of a bucket in microseconds: four buckets to each doubling, from 64 us on.
const fn end_us(bucket: usize) -> u64 {
    let octave = 64u64 << (bucket / 4);
    octave + octave / 4 * (bucket as u64 % 4)
}

impl Delays {
    /// Counts packets.
    pub fn add(&mut self, delay_us: u64, packets: u64) {
        let bucket = (0..BUCKETS - 1).find(|bucket| delay_us <= end_us(*bucket)).unwrap_or(BUCKETS - 1);
        self.counts[bucket] += packets;
        self.sum_us += delay_us * packets;
    }

    /// Adds what another has counted.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
        self.sum_us += other.sum_us;
    }

    /// (upper end in microseconds, packets) of each bucket; the last one's end is the largest number.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> {
        let end = |bucket| if bucket == BUCKETS - 1 { u64::MAX } else { end_us(bucket) };
        self.counts.into_iter().enumerate().map(move |(bucket, count)| (end(bucket), count))
    }

    /// All delays together, in microseconds.
    #[must_use]
    pub fn sum_us(&self) -> u64 {
        self.sum_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_counted_in_the_first_bucket_that_reaches_it() {
        let mut delays = Delays::default();
        for (delay, packets) in [(0, 1), (64, 2), (65, 4), (1500, 8), (u64::MAX / 16, 1)] {
            delays.add(delay, packets);
        }
        let filled: Vec<(u64, u64)> = delays.buckets().filter(|(_, count)| *count > 0).collect();
        assert_eq!(filled, [(64, 3), (80, 4), (1536, 8), (u64::MAX, 1)]);
        let ends: Vec<u64> = delays.buckets().map(|(end, _)| end).collect();
        assert!(ends.windows(2).all(|pair| pair[0] < pair[1]));
    }
}

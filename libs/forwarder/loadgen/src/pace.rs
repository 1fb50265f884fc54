//! When which talker sends.

/// A packet every 20 ms.
pub const PERIOD_NS: u64 = 20_000_000;

/// Where in the period a talker sends, in nanoseconds: at its start (`aligned`), or anywhere, by a fixed seed, so that
/// two runs with the same seed send alike.
pub fn phase(talker: usize, seed: u64) -> u64 {
    if seed == 0 {
        return 0;
    }
    // splitmix64
    let mut x = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(talker as u64 + 1);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (x ^ (x >> 31)) % PERIOD_NS
}

/// Turns of all talkers in the order of time: (nanoseconds from the start, talker, turn).
pub fn turns(milliseconds: u64, talkers: usize, seed: u64) -> Vec<(u64, usize, usize)> {
    let mut turns: Vec<(u64, usize, usize)> = (0..milliseconds * 1_000_000 / PERIOD_NS)
        .flat_map(|turn| {
            (0..talkers).map(move |talker| (turn * PERIOD_NS + phase(talker, seed), talker, turn as usize))
        })
        .collect();
    turns.sort_unstable();
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_lets_talkers_speak_at_the_same_times() {
        let times = turns(100, 3, 7);
        assert_eq!((times.len(), &times), (15, &turns(100, 3, 7)));
        assert!(times.windows(2).all(|pair| pair[0].0 <= pair[1].0));
        assert!(
            turns(100, 3, 0).iter().all(|(at, _, turn)| *at == *turn as u64 * PERIOD_NS),
            "seed 0: in step"
        );
    }
}

//! A small seeded generator for jitter and ragged chunks (SplitMix64, Steele et al. 2014).

/// The same seed gives the same numbers.
#[derive(Clone, Debug)]
pub(super) struct Rng(u64);

impl Rng {
    /// The `n`-th stream of one seed: streams opened in the same order get the same numbers.
    pub(super) fn stream(seed: u64, n: u64) -> Self {
        Self(seed ^ n.wrapping_mul(0xD1B5_4A32_D192_ED03))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `limit`, both included.
    pub(super) fn up_to(&mut self, limit: u64) -> u64 {
        self.next() % limit.saturating_add(1).max(1)
    }
}

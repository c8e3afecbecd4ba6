//! The real server as a process that can be killed, callers that write down what they were told, and the comparison of
//! that with what the store has.
#![allow(dead_code, reason = "each test binary uses a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::time::Duration;

pub(crate) mod caller;
pub(crate) mod process;
pub(crate) mod tenants;
pub(crate) mod told;

/// Nothing takes so long unless it hangs.
const HANG: Duration = Duration::from_secs(300);

async fn no_hang<F: Future>(what: F) -> F::Output {
    tokio::time::timeout(HANG, what).await.expect("hangs")
}

/// Numbers that look random and are the same again for the same seed.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// From 0 to one less than `sides`.
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % sides
    }
}

/// A number from the environment, or the one for a short run.
pub(crate) fn wanted(variable: &str, short: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {text}")),
        Err(_) => short,
    }
}

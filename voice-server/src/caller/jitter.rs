//! How late frames arrive, against the earliest of their reply.
//!
//! A frame's delay is its arrival less its position; its lateness is that delay less the smallest one so far of the
//! same stretch of the reply. A burst sent ahead thus counts as early, not as jitter, and a steady delay as none.

use voice_core::units::SampleRate;

/// The most frames remembered: more than an hour of them.
const MAX_FRAMES: usize = 200_000;

/// The lateness of every frame so far.
#[derive(Debug)]
pub(super) struct Jitter {
    rate: SampleRate,
    /// The reply being measured and the smallest delay of it, in samples.
    base: Option<(u32, i64)>,
    lateness: Vec<u32>,
}

impl Jitter {
    pub(super) fn new(rate: SampleRate) -> Self {
        Self { rate, base: None, lateness: Vec::new() }
    }

    pub(super) fn arrived(&mut self, reply: u32, at: u64, position: u64) {
        let delay = i64::try_from(at).unwrap_or(i64::MAX).saturating_sub_unsigned(position);
        let base = match self.base {
            Some((same, base)) if same == reply => base.min(delay),
            _ => delay,
        };
        self.base = Some((reply, base));
        if self.lateness.len() < MAX_FRAMES {
            self.lateness.push(u32::try_from(delay - base).unwrap_or(u32::MAX));
        }
    }

    /// The reply was held: what comes now is measured afresh.
    pub(super) fn restart(&mut self) {
        self.base = None;
    }

    /// The lateness that `percent` of the frames stayed at or below, in milliseconds; 0 where none arrived.
    pub(super) fn percentile_ms(&self, percent: u8) -> f64 {
        let mut sorted = self.lateness.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * usize::from(percent.min(100))).div_ceil(100).max(1);
        let samples = sorted.get(rank - 1).copied().unwrap_or(0);
        f64::from(samples) * 1_000.0 / f64::from(self.rate.hz())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_ahead_and_a_steady_delay_are_no_jitter() {
        let mut jitter = Jitter::new(SampleRate::Hz8000);
        for frame in 0..5 {
            jitter.arrived(1, 1_000, frame * 160);
        }
        for frame in 5..100 {
            jitter.arrived(1, 1_000 + (frame - 4) * 160, frame * 160);
        }
        jitter.arrived(2, 99_000, 0);
        assert_eq!((jitter.percentile_ms(50), jitter.percentile_ms(100)), (0.0, 0.0));
    }

    #[test]
    fn a_late_frame_is_measured_against_the_earliest() {
        let mut jitter = Jitter::new(SampleRate::Hz8000);
        for frame in 0..99 {
            jitter.arrived(1, frame * 160, frame * 160);
        }
        jitter.arrived(1, 99 * 160 + 80, 99 * 160);
        assert_eq!((jitter.percentile_ms(50), jitter.percentile_ms(99), jitter.percentile_ms(100)), (0.0, 0.0, 10.0));
        assert_eq!(Jitter::new(SampleRate::Hz8000).percentile_ms(99), 0.0);
    }
}

//! How fast audio may follow: live audio at once, a replay a little faster than it was spoken.
//!
//! Deepgram allows about 1.25 times real time to whoever catches up. Invariant: over any stretch no more leaves than
//! that rate gives, beyond a short burst. It reads no clock.

use std::time::Duration;
use tokio::time::Instant;

/// What may leave at once after a rest: more than a line's hiccup holds back.
const BURST: Duration = Duration::from_millis(500);

/// The pace of one connection.
#[derive(Debug)]
pub(super) struct Pacer {
    /// Of real time; 0 is without a limit.
    percent: u32,
    /// When all that was sent would have been spoken at this pace.
    spoken_at: Option<Instant>,
}

impl Pacer {
    pub(super) fn new(percent: u32) -> Self {
        Self { percent, spoken_at: None }
    }

    /// From when on the next block may leave; none where it may at any time.
    pub(super) fn ready_at(&self) -> Option<Instant> {
        self.spoken_at?.checked_sub(BURST)
    }

    /// Audio of `duration` leaves at `now`.
    pub(super) fn sent(&mut self, duration: Duration, now: Instant) {
        if let Some(taken) = (duration * 100).checked_div(self.percent) {
            let from = self.spoken_at.map_or(now, |spoken_at| spoken_at.max(now));
            self.spoken_at = Some(from + taken);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::clock;

    const BLOCK: Duration = Duration::from_millis(80);

    /// When each of `count` blocks that are all there at `start` leaves.
    fn replay(pacer: &mut Pacer, count: u32, start: Instant) -> Vec<Duration> {
        let mut now = start;
        let blocks = (0..count).map(|_| {
            now = pacer.ready_at().map_or(now, |ready| ready.max(now));
            pacer.sent(BLOCK, now);
            now - start
        });
        blocks.collect()
    }

    #[test]
    fn ten_seconds_at_once_take_eight_less_the_burst() {
        let mut pacer = Pacer::new(125);
        let left = replay(&mut pacer, 125, clock::now());
        assert_eq!(left.iter().filter(|at| at.is_zero()).count(), 8, "a burst of 500 ms is eight blocks of 64 ms");
        // 125 blocks take 8 s; the last leaves its own 64 ms and the burst before.
        assert_eq!(left.last(), Some(&Duration::from_millis(8_000 - 64 - 500)));
        for (first, pair) in left.windows(20).enumerate() {
            let stretch = pair[19] - pair[0];
            assert!(stretch + BURST >= BLOCK * 19 * 100 / 125, "too fast from block {first}");
        }
    }

    #[test]
    fn live_audio_never_waits_not_even_after_a_hiccup() {
        let mut pacer = Pacer::new(125);
        let start = clock::now();
        for number in 0..100 {
            let now = start + BLOCK * number;
            assert!(pacer.ready_at().is_none_or(|ready| ready <= now), "block {number}");
            pacer.sent(BLOCK, now);
        }
        let late = start + BLOCK * 105;
        for number in 0..5 {
            assert!(pacer.ready_at().is_none_or(|ready| ready <= late), "block {number} after the hiccup");
            pacer.sent(BLOCK, late);
        }
    }

    #[test]
    fn without_a_limit_all_leaves_at_once() {
        assert!(replay(&mut Pacer::new(0), 1_000, clock::now()).iter().all(Duration::is_zero));
    }
}

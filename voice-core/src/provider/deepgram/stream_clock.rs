//! Deepgram's seconds and the call's positions.
//!
//! Deepgram counts only the audio it was sent, from zero at each connection. Invariant: a time is told as the position
//! whose audio it was, also where audio was left out in between.

use super::chunker::Block;
use crate::stage::LISTEN_RATE;
use crate::units::Position;
use std::collections::VecDeque;

/// Gaps that are remembered; a time before the oldest is reckoned from it.
const ANCHORS: usize = 32;

/// Where a stretch of audio without a gap begins.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    sent_samples: u64,
    position: Position,
}

/// The clock of one connection.
#[derive(Debug, Default)]
pub(super) struct StreamClock {
    anchors: VecDeque<Anchor>,
    sent_samples: u64,
    next: Position,
}

impl StreamClock {
    /// `block` follows what was sent before.
    pub(super) fn sent(&mut self, block: &Block) {
        if self.anchors.is_empty() || block.from != self.next {
            if self.anchors.len() == ANCHORS {
                self.anchors.pop_front();
            }
            self.anchors.push_back(Anchor { sent_samples: self.sent_samples, position: block.from });
        }
        self.sent_samples += block.samples();
        self.next = block.from.plus(block.samples());
    }

    /// The position of `seconds` of stream audio, to the nearest sample; what is no time counts as the start.
    pub(super) fn position(&self, seconds: f64) -> Position {
        // A float beyond the range of u64 is cut to it; NaN is 0.
        let at = (seconds * f64::from(LISTEN_RATE.hz())).round() as u64;
        let anchor = self.anchors.iter().rev().find(|anchor| anchor.sent_samples <= at).or(self.anchors.front());
        match anchor {
            Some(anchor) => anchor.position.plus(at.saturating_sub(anchor.sent_samples)),
            None => Position(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn block(from: u64, samples: usize) -> Block {
        Block { bytes: Bytes::from(vec![0; samples * 2]), from: Position(from) }
    }

    #[test]
    fn times_count_from_the_first_sample_that_was_sent() {
        let mut clock = StreamClock::default();
        clock.sent(&block(48_000, 16_000));
        clock.sent(&block(64_000, 16_000));
        assert_eq!(clock.position(0.0), Position(48_000));
        assert_eq!(clock.position(1.680_000_1), Position(48_000 + 26_880));
        assert_eq!(clock.position(2.639_999_9), Position(48_000 + 42_240));
    }

    #[test]
    fn audio_left_out_shifts_only_what_follows() {
        let mut clock = StreamClock::default();
        clock.sent(&block(0, 16_000));
        clock.sent(&block(40_000, 16_000));
        assert_eq!(clock.position(0.5), Position(8_000));
        assert_eq!(clock.position(1.5), Position(48_000));
    }

    #[test]
    fn no_number_is_too_odd() {
        let mut clock = StreamClock::default();
        assert_eq!(clock.position(1.0), Position(16_000));
        for number in 0..100 {
            clock.sent(&block(number * 10_000, 10));
        }
        assert_eq!(clock.anchors.len(), ANCHORS);
        assert_eq!(clock.position(f64::NAN), clock.position(-5.0));
        assert_eq!(clock.position(f64::INFINITY), Position(u64::MAX));
    }
}

//! The caller's recent audio, addressed by position.

use std::collections::VecDeque;

/// Samples that are the quietest moment together: 20 ms.
const MOMENT: usize = 320;

/// Consecutive samples, the first of them at `start`.
#[derive(Default)]
pub(super) struct AudioBuffer {
    samples: VecDeque<i16>,
    start: u64,
}

impl AudioBuffer {
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    pub(super) fn end(&self) -> u64 {
        self.start + self.samples.len() as u64
    }

    /// Forgets everything; the next sample is at `position`.
    pub(super) fn restart(&mut self, position: u64) {
        self.samples.clear();
        self.start = position;
    }

    /// Appends `samples`, the first of them at `position`: what is there already is skipped, a gap is silence.
    pub(super) fn append(&mut self, samples: &[i16], position: u64) {
        let gap = usize::try_from(position.saturating_sub(self.end())).unwrap_or(0);
        let known = usize::try_from(self.end().saturating_sub(position)).unwrap_or(usize::MAX);
        self.samples.resize(self.samples.len() + gap, 0);
        self.samples.extend(samples.get(known..).unwrap_or_default());
    }

    /// Forgets what is before `position`.
    pub(super) fn forget(&mut self, position: u64) {
        let count = self.index(position);
        self.samples.drain(..count);
        self.start += count as u64;
    }

    /// The samples from `from` to `to`, as far as they are there.
    pub(super) fn range(&self, from: u64, to: u64) -> impl Iterator<Item = i16> + '_ {
        let (from, to) = (self.index(from), self.index(to));
        self.samples.range(from..to.max(from)).copied()
    }

    /// As [`AudioBuffer::range`], in a vector.
    pub(super) fn copy(&self, from: u64, to: u64) -> Vec<i16> {
        self.range(from, to).collect()
    }

    /// The middle of the quietest moment between `from` and `to`; the latest of equals. `to` if there is none.
    pub(super) fn quietest(&self, from: u64, to: u64) -> u64 {
        let moments = (from..to).step_by(MOMENT).take_while(|at| at + MOMENT as u64 <= to);
        let quietest = moments.min_by_key(|at| (energy(self.range(*at, at + MOMENT as u64)), u64::MAX - at));
        quietest.map_or(to, |at| at + MOMENT as u64 / 2)
    }

    fn index(&self, position: u64) -> usize {
        usize::try_from(position.saturating_sub(self.start)).unwrap_or(usize::MAX).min(self.samples.len())
    }
}

/// The sum of the squares.
pub(super) fn energy(samples: impl Iterator<Item = i16>) -> u64 {
    samples.map(|sample| u64::from(sample.unsigned_abs()).pow(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps_are_skipped_and_gaps_are_silence() {
        let mut buffer = AudioBuffer::default();
        buffer.restart(100);
        buffer.append(&[1, 2, 3], 100);
        buffer.append(&[9, 9, 4], 101);
        buffer.append(&[5], 105);
        buffer.append(&[7, 7], 100);
        assert_eq!(buffer.copy(0, 1_000), [1, 2, 3, 4, 0, 5]);
        buffer.forget(103);
        assert_eq!((buffer.start(), buffer.copy(0, 105)), (103, vec![4, 0]));
        assert!(buffer.copy(105, 104).is_empty());
    }

    #[test]
    fn the_quietest_moment_is_found() {
        let mut buffer = AudioBuffer::default();
        buffer.append(&[500; 3_200], 0);
        buffer.append(&[5; 320], 3_200);
        buffer.append(&[500; 3_200], 3_520);
        assert_eq!(buffer.quietest(0, 6_720), 3_360);
        assert_eq!(buffer.quietest(0, 100), 100);
    }
}

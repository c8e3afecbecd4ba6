//! How loud a segment is, in steps of 10 ms: where its speech ends for now, and how much of it there is.
//!
//! No voice detector: it only tells the speech of one segment from the pauses within it.

use super::buffer::{AudioBuffer, energy};

/// Samples measured together.
const STEP: u64 = 160;
/// Root mean square below which nothing is speech: −52 dB of full scale.
const FLOOR: u64 = 80;
/// A step is quiet if its energy is below this part of the loudest: −22 dB.
const QUIET_PART: u64 = 160;

/// The loudness of a segment so far.
pub(super) struct Loudness {
    measured: u64,
    loudest: u64,
    loud_until: u64,
    loud_samples: u64,
}

impl Loudness {
    /// Of a segment that begins at `start`.
    pub(super) fn from(start: u64) -> Self {
        Self { measured: start, loudest: 0, loud_until: start, loud_samples: 0 }
    }

    /// Measures what is new in `audio`.
    pub(super) fn measure(&mut self, audio: &AudioBuffer) {
        while self.measured + STEP <= audio.end() {
            let next = self.measured + STEP;
            self.step(energy(audio.range(self.measured, next)) / STEP, next);
            self.measured = next;
        }
    }

    fn step(&mut self, energy: u64, end: u64) {
        self.loudest = self.loudest.max(energy);
        if energy >= (self.loudest / QUIET_PART).max(FLOOR * FLOOR) {
            self.loud_until = end;
            self.loud_samples += STEP;
        }
    }

    /// Just after the last loud step; the segment's start if there is none.
    pub(super) fn loud_until(&self) -> u64 {
        self.loud_until
    }

    /// How many samples were loud.
    pub(super) fn loud_samples(&self) -> u64 {
        self.loud_samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_is_relative_to_the_loudest() {
        let mut audio = AudioBuffer::default();
        let mut loudness = Loudness::from(0);
        audio.append(&[4_000; 1_600], 0);
        audio.append(&[250; 1_600], 1_600);
        loudness.measure(&audio);
        assert_eq!((loudness.loud_until(), loudness.loud_samples()), (1_600, 1_600));
        audio.append(&[500; 100], 3_200);
        loudness.measure(&audio);
        assert_eq!(loudness.loud_until(), 1_600, "a step is measured when it is complete");
        audio.append(&[500; 60], 3_300);
        loudness.measure(&audio);
        assert_eq!(loudness.loud_until(), 3_360);
    }
}

//! Loud or not, in blocks of 20 ms; and the stretch of sound they make.

use super::BLOCK_MS;

/// A stretch with less loud sound than this is a blip: a cough, a click.
const SPEECH_MS: u64 = 120;
/// Quiet after which a blip is forgotten.
const FORGET_MS: u64 = 300;

/// Cuts samples into blocks and tells which are loud.
#[derive(Clone, Debug)]
pub(super) struct Blocks {
    block_samples: usize,
    loud_rms: u16,
    count: usize,
    energy: u64,
}

impl Blocks {
    pub(super) fn new(hz: u32, loud_rms: u16) -> Self {
        let block_samples = hz as usize * BLOCK_MS as usize / 1_000;
        Self { block_samples: block_samples.max(1), loud_rms, count: 0, energy: 0 }
    }

    /// Whether each block that `samples` complete is loud.
    pub(super) fn push(&mut self, samples: &[i16]) -> Vec<bool> {
        let mut loud = Vec::with_capacity(samples.len() / self.block_samples + 1);
        for sample in samples {
            self.energy += u64::from(sample.unsigned_abs()).pow(2);
            self.count += 1;
            if self.count == self.block_samples {
                loud.push(self.energy >= u64::from(self.loud_rms).pow(2) * self.block_samples as u64);
                (self.count, self.energy) = (0, 0);
            }
        }
        loud
    }
}

/// A stretch of sound, with the pauses in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stretch {
    /// How much audio there was.
    pub(crate) now_ms: u64,
    /// Where the stretch began, if there is one.
    pub(crate) onset_ms: Option<u64>,
    /// Just after its last loud block.
    pub(crate) loud_end_ms: u64,
    /// How much of it is loud.
    pub(crate) loud_ms: u64,
}

impl Stretch {
    pub(super) fn block(&mut self, is_loud: bool) {
        self.now_ms += BLOCK_MS;
        if is_loud {
            self.onset_ms.get_or_insert(self.now_ms - BLOCK_MS);
            self.loud_ms += BLOCK_MS;
            self.loud_end_ms = self.now_ms;
        } else if !self.is_speech() && self.quiet_ms() >= FORGET_MS {
            self.forget();
        }
    }

    /// Long enough to be a voice.
    pub(crate) fn is_speech(&self) -> bool {
        self.loud_ms >= SPEECH_MS
    }

    /// How long it has been quiet.
    pub(crate) fn quiet_ms(&self) -> u64 {
        self.now_ms - self.loud_end_ms
    }

    /// What follows is another stretch.
    pub(super) fn forget(&mut self) {
        (self.onset_ms, self.loud_ms) = (None, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(blocks: &[(bool, u64)]) -> Stretch {
        let mut stretch = Stretch::default();
        for (is_loud, ms) in blocks {
            (0..ms / BLOCK_MS).for_each(|_| stretch.block(*is_loud));
        }
        stretch
    }

    #[test]
    fn a_blip_is_forgotten_and_speech_is_not() {
        let blip = stretch(&[(false, 200), (true, 100), (false, 300)]);
        assert_eq!((blip.onset_ms, blip.is_speech()), (None, false));
        let word = stretch(&[(false, 200), (true, 80), (false, 100), (true, 40), (false, 900)]);
        assert_eq!((word.onset_ms, word.is_speech(), word.quiet_ms()), (Some(200), true, 900));
    }

    #[test]
    fn blocks_are_found_across_pushes_of_any_size() {
        let samples: Vec<i16> = (0..1_600).map(|n| if (320..640).contains(&n) { 3_000 } else { 20 }).collect();
        for size in [1, 7, 320, 1_000] {
            let mut blocks = Blocks::new(16_000, 250);
            let loud: Vec<bool> = samples.chunks(size).flat_map(|chunk| blocks.push(chunk)).collect();
            assert_eq!(loud, [false, true, false, false, false]);
        }
    }
}

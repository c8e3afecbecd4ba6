//! Loudness over time: the noise floor, and where sound rose out of it.
//!
//! Invariant: blocks of 4 ms since the start of the stream, numbered from 0; the last [`HISTORY_BLOCKS`] are kept.
//! The floor is the quietest stretch of the last 1.5 to 2 s, so that speech, which has gaps, does not lift it and a
//! noise that stays does.

use crate::units::Position;

/// Samples per block: 4 ms at 16 kHz, the grain of onset positions.
pub(super) const BLOCK_SAMPLES: usize = 64;
/// Blocks remembered: about half a second.
pub(super) const HISTORY_BLOCKS: usize = 128;
/// A pause within a sound that does not divide it, such as the closure of a stop consonant: 24 ms.
const MAX_GAP_BLOCKS: u64 = 6;
/// Blocks averaged for the floor, 16 ms, so that a zero crossing is not taken for silence.
const SMOOTHED_BLOCKS: usize = 4;
/// Minima of the floor: four stretches of 0.5 s.
const FLOOR_BUCKETS: usize = 4;
const BUCKET_BLOCKS: u64 = 125;
/// The floor is never taken to be below this: digital silence must not make dither a sound.
const MIN_FLOOR_DBFS: f32 = -72.0;

/// What is this far below the loudest block remembered is a sound dying away.
const TAIL_DB: f32 = -40.0;

/// Power of a full-scale square wave in PCM16.
const FULL_SCALE_POWER: f32 = 32_768.0 * 32_768.0;

/// The mean square of PCM16 samples with that RMS level.
pub(super) fn power_of_dbfs(dbfs: f32) -> f32 {
    FULL_SCALE_POWER * 10_f32.powf(dbfs / 10.0)
}

/// The mean square of `samples`; 0 for none.
pub(super) fn mean_square(samples: &[i16]) -> f32 {
    let sum: i64 = samples.iter().map(|sample| i64::from(*sample) * i64::from(*sample)).sum();
    sum as f32 / samples.len().max(1) as f32
}

/// The loudness of the recent past, and what counts as sound against it.
pub(super) struct EnergyTrack {
    sound_over_floor: f32,
    min_floor: f32,
    tail_of_loudest: f32,
    blocks: [f32; HISTORY_BLOCKS],
    next_block: u64,
    partial: [i16; BLOCK_SAMPLES],
    partial_len: usize,
    minima: [f32; FLOOR_BUCKETS],
}

impl EnergyTrack {
    pub(super) fn new(sound_over_floor_db: f32) -> Self {
        Self {
            sound_over_floor: 10_f32.powf(sound_over_floor_db / 10.0),
            min_floor: power_of_dbfs(MIN_FLOOR_DBFS),
            tail_of_loudest: 10_f32.powf(TAIL_DB / 10.0),
            blocks: [0.0; HISTORY_BLOCKS],
            next_block: 0,
            partial: [0; BLOCK_SAMPLES],
            partial_len: 0,
            minima: [f32::INFINITY; FLOOR_BUCKETS],
        }
    }

    pub(super) fn push(&mut self, mut samples: &[i16]) {
        while !samples.is_empty() {
            let (now, later) = samples.split_at(samples.len().min(BLOCK_SAMPLES - self.partial_len));
            self.partial[self.partial_len..self.partial_len + now.len()].copy_from_slice(now);
            self.partial_len += now.len();
            samples = later;
            if self.partial_len == BLOCK_SAMPLES {
                self.partial_len = 0;
                self.push_block(mean_square(&self.partial));
            }
        }
    }

    /// The first sample of the sound that goes on at the newest block, looked for no further back than `earliest`.
    /// None where there is no sound since then.
    pub(super) fn sound_onset(&self, earliest: Position) -> Option<Position> {
        let mut first = None;
        let mut gap = 0;
        for block in self.blocks_since(earliest).rev() {
            if self.is_sound(block) {
                first = Some(block);
                gap = 0;
            } else if first.is_some() {
                gap += 1;
                if gap > MAX_GAP_BLOCKS {
                    break;
                }
            }
        }
        first.map(|block| Position(block * BLOCK_SAMPLES as u64))
    }

    /// Just after the last block of sound since `earliest`, if there is one. The tail of a room is not sound here.
    pub(super) fn sound_end(&self, earliest: Position) -> Option<Position> {
        let tail = self.blocks.iter().copied().fold(0.0, f32::max) * self.tail_of_loudest;
        let is_sound = |block: &u64| self.is_sound(*block) && self.power(*block) > tail;
        let last = self.blocks_since(earliest).rev().find(is_sound);
        last.map(|block| Position((block + 1) * BLOCK_SAMPLES as u64))
    }

    /// How many samples of sound there are since `earliest`.
    pub(super) fn sound_samples(&self, earliest: Position) -> u64 {
        self.blocks_since(earliest).filter(|block| self.is_sound(*block)).count() as u64 * BLOCK_SAMPLES as u64
    }

    fn blocks_since(&self, earliest: Position) -> std::ops::Range<u64> {
        let kept = self.next_block.saturating_sub(HISTORY_BLOCKS as u64);
        kept.max(earliest.0 / BLOCK_SAMPLES as u64)..self.next_block
    }

    fn is_sound(&self, block: u64) -> bool {
        self.power(block) > self.floor() * self.sound_over_floor
    }

    fn power(&self, block: u64) -> f32 {
        self.blocks[(block % HISTORY_BLOCKS as u64) as usize]
    }

    fn floor(&self) -> f32 {
        let quietest = self.minima.iter().copied().fold(f32::INFINITY, f32::min);
        if quietest.is_finite() { quietest.max(self.min_floor) } else { self.min_floor }
    }

    fn push_block(&mut self, power: f32) {
        self.blocks[(self.next_block % HISTORY_BLOCKS as u64) as usize] = power;
        self.next_block += 1;
        if self.next_block.is_multiple_of(BUCKET_BLOCKS) {
            self.minima.rotate_right(1);
            self.minima[0] = f32::INFINITY;
        }
        if self.next_block >= SMOOTHED_BLOCKS as u64 {
            let smoothed = (1..=SMOOTHED_BLOCKS as u64).map(|ago| self.power(self.next_block - ago)).sum::<f32>();
            self.minima[0] = self.minima[0].min(smoothed / SMOOTHED_BLOCKS as f32);
        }
    }
}

//! Pushed samples become blocks of the size Deepgram likes, as bytes.
//!
//! Invariant: every block holds at least one sample, its samples are consecutive, and blocks leave in order. How many a
//! push will fill can be asked before. It allocates only when the room for the next few blocks is used up.

use crate::stage::LISTEN_RATE;
use crate::units::Position;
use bytes::{Bytes, BytesMut};

/// Bytes of one sample of PCM16.
const SAMPLE_BYTES: usize = 2;
/// Blocks whose room is made at once.
const BLOCKS_AT_ONCE: usize = 8;

/// One binary message of audio: PCM16, little-endian, at [`LISTEN_RATE`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) bytes: Bytes,
    /// Of its first sample, in the call.
    pub(super) from: Position,
}

impl Block {
    pub(super) fn samples(&self) -> u64 {
        (self.bytes.len() / SAMPLE_BYTES) as u64
    }
}

/// Collects samples until a block is full.
#[derive(Debug)]
pub(super) struct Chunker {
    partial: BytesMut,
    from: Position,
    block_bytes: usize,
}

impl Chunker {
    /// Blocks of `block_ms`, at least of one millisecond.
    pub(super) fn new(block_ms: u64) -> Self {
        let block_bytes = LISTEN_RATE.samples_in_ms(block_ms.max(1)) as usize * SAMPLE_BYTES;
        Self { partial: BytesMut::new(), from: Position::ZERO, block_bytes }
    }

    /// How many blocks `samples` more from `position` on will fill.
    pub(super) fn fills(&self, samples: usize, position: Position) -> usize {
        let follows = position == self.next();
        let before = if follows { self.partial.len() } else { 0 };
        let cut_off = usize::from(!follows && !self.partial.is_empty());
        cut_off + (before + samples * SAMPLE_BYTES) / self.block_bytes
    }

    /// Takes the samples from `position` on and gives each block that is full to `send`. Samples that do not follow the
    /// earlier ones begin a block of their own.
    pub(super) fn push(&mut self, samples: &[i16], position: Position, mut send: impl FnMut(Block)) {
        if position != self.next() {
            self.flush().into_iter().for_each(&mut send);
        }
        let mut at = position;
        let mut rest = samples;
        while !rest.is_empty() {
            let room = (self.block_bytes - self.partial.len()) / SAMPLE_BYTES;
            let (taken, later) = rest.split_at(room.min(rest.len()));
            self.append(taken, at);
            (at, rest) = (at.plus(taken.len() as u64), later);
            if self.partial.len() >= self.block_bytes {
                self.flush().into_iter().for_each(&mut send);
            }
        }
    }

    /// What is collected, if there is anything: a block shorter than the others.
    pub(super) fn flush(&mut self) -> Option<Block> {
        let block =
            (!self.partial.is_empty()).then(|| Block { bytes: self.partial.split().freeze(), from: self.from })?;
        self.from = block.from.plus(block.samples());
        Some(block)
    }

    /// Whether nothing is collected.
    pub(super) fn is_empty(&self) -> bool {
        self.partial.is_empty()
    }

    /// The position that follows what was taken.
    fn next(&self) -> Position {
        self.from.plus((self.partial.len() / SAMPLE_BYTES) as u64)
    }

    fn append(&mut self, samples: &[i16], at: Position) {
        if self.partial.is_empty() {
            self.from = at;
            if self.partial.capacity() < self.block_bytes {
                self.partial.reserve(self.block_bytes * BLOCKS_AT_ONCE);
            }
        }
        for sample in samples {
            self.partial.extend_from_slice(&sample.to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(chunker: &mut Chunker, samples: &[i16], at: u64) -> Vec<Block> {
        let expected = chunker.fills(samples.len(), Position(at));
        let mut blocks = Vec::new();
        chunker.push(samples, Position(at), |block| blocks.push(block));
        assert_eq!(blocks.len(), expected, "what was foretold");
        blocks
    }

    #[test]
    fn four_frames_make_a_block_of_2560_bytes() {
        let mut chunker = Chunker::new(80);
        let frame: Vec<i16> = (0..320).collect();
        for number in 0..3 {
            assert_eq!(pushed(&mut chunker, &frame, 1_000 + number * 320), []);
        }
        let blocks = pushed(&mut chunker, &frame, 1_960);
        assert_eq!((blocks.len(), blocks[0].bytes.len(), blocks[0].from), (1, 2_560, Position(1_000)));
        assert_eq!(&blocks[0].bytes[..6], &[0, 0, 1, 0, 2, 0]);
        assert_eq!(chunker.flush(), None, "nothing is left, and an empty block ends the stream at the vendor");
    }

    #[test]
    fn any_cut_gives_the_same_audio() {
        let samples: Vec<i16> = (0..5_000).map(|n| (n * 7) as i16).collect();
        for cut in [1, 3, 319, 1_279, 1_280, 1_281, 5_000] {
            let mut chunker = Chunker::new(80);
            let mut blocks = Vec::new();
            for (number, part) in samples.chunks(cut).enumerate() {
                blocks.extend(pushed(&mut chunker, part, (number * cut) as u64));
            }
            blocks.extend(chunker.flush());
            let bytes: Vec<u8> = blocks.iter().flat_map(|block| block.bytes.to_vec()).collect();
            let expected: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            assert_eq!(bytes, expected, "cut at {cut}");
            let mut at = 0;
            for block in &blocks {
                assert!(block.samples() > 0 && block.samples() <= 1_280);
                assert_eq!(block.from, Position(at));
                at += block.samples();
            }
        }
    }

    #[test]
    fn samples_after_a_gap_begin_a_block_of_their_own() {
        let mut chunker = Chunker::new(80);
        assert_eq!(pushed(&mut chunker, &[1; 100], 0), []);
        let blocks = pushed(&mut chunker, &[2; 1_280], 900);
        let spans: Vec<_> = blocks.iter().map(|block| (block.from.0, block.samples())).collect();
        assert_eq!(spans, [(0, 100), (900, 1_280)]);
    }

    #[test]
    fn room_is_made_for_several_blocks_at_once() {
        let mut chunker = Chunker::new(80);
        let block = [0; 1_280];
        let starts: Vec<_> = (0..BLOCKS_AT_ONCE as u64)
            .flat_map(|number| pushed(&mut chunker, &block, number * 1_280))
            .map(|block| block.bytes)
            .collect();
        let first = starts[0].as_ptr() as usize;
        let offsets: Vec<_> = starts.iter().map(|bytes| bytes.as_ptr() as usize - first).collect();
        assert_eq!(offsets, (0..BLOCKS_AT_ONCE).map(|number| number * 2_560).collect::<Vec<_>>());
    }
}

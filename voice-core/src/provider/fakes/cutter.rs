//! Cuts a stream of encoded audio where no client expects it.

/// The sizes of the pieces a stream of audio is cut into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkSizes {
    /// So many bytes are collected before a piece goes out; 0 is as they come.
    pub least_bytes: usize,
    /// The most a piece has.
    pub most_bytes: usize,
    /// Where it is cut.
    pub cuts: Cuts,
}

impl Default for ChunkSizes {
    fn default() -> Self {
        Self { least_bytes: 0, most_bytes: 16_384, cuts: Cuts::Odd }
    }
}

/// Where audio is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cuts {
    /// Between samples, if the sizes have it so.
    Even,
    /// After an odd number of bytes: inside a sample of more than one.
    #[default]
    Odd,
}

/// Collects and cuts.
#[derive(Debug)]
pub(super) struct Cutter {
    sizes: ChunkSizes,
    held: Vec<u8>,
}

impl Cutter {
    pub(super) fn new(sizes: ChunkSizes) -> Self {
        Self { sizes, held: Vec::new() }
    }

    /// The pieces that are complete with `bytes`.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        self.held.extend_from_slice(bytes);
        if self.held.len() < self.sizes.least_bytes.max(1) {
            return Vec::new();
        }
        let is_even = self.held.len().is_multiple_of(2);
        let left = usize::from(self.sizes.cuts == Cuts::Odd && is_even);
        let rest = self.held.split_off(self.held.len() - left);
        self.pieces_of(rest)
    }

    /// What was held back.
    pub(super) fn flush(&mut self) -> Vec<Vec<u8>> {
        self.pieces_of(Vec::new())
    }

    /// The pieces of what is held; `rest` is held from here on.
    fn pieces_of(&mut self, rest: Vec<u8>) -> Vec<Vec<u8>> {
        let whole = std::mem::replace(&mut self.held, rest);
        let most = match self.sizes.cuts {
            Cuts::Even => self.sizes.most_bytes,
            Cuts::Odd => self.sizes.most_bytes.saturating_sub(1) | 1,
        };
        whole.chunks(most.max(1)).map(<[u8]>::to_vec).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_and_cuts_fall_inside_samples() {
        let mut cutter = Cutter::new(ChunkSizes { most_bytes: 64, ..ChunkSizes::default() });
        let bytes: Vec<u8> = (0..=255).collect();
        let mut pieces = cutter.push(&bytes[..100]);
        assert_eq!((pieces[0].len(), pieces.concat().len()), (63, 99));
        pieces.extend(cutter.push(&bytes[100..]));
        assert!(pieces.iter().all(|piece| piece.len() <= 64), "{pieces:?}");
        pieces.extend(cutter.flush());
        assert_eq!((pieces.concat(), cutter.flush().len()), (bytes, 0));
    }

    #[test]
    fn small_pieces_are_collected() {
        let sizes = ChunkSizes { least_bytes: 100, most_bytes: 1_000, cuts: Cuts::Even };
        let mut cutter = Cutter::new(sizes);
        assert!(cutter.push(&[0; 99]).is_empty());
        assert_eq!(cutter.push(&[0; 1]), [vec![0; 100]]);
    }
}

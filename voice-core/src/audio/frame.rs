//! A frame of audio: a fixed block of mono PCM16 that knows its position.
//!
//! Invariant: a frame carries its samples inline, so moving one through a queue allocates nothing.

use crate::units::{Position, SampleRate};
use std::fmt;

/// The duration of a frame on the line, in milliseconds.
pub const FRAME_MS: u64 = 20;

/// The most samples a frame holds: 20 ms at 48 kHz.
pub const MAX_FRAME_SAMPLES: usize = 960;

/// Up to 20 ms of mono PCM16 audio at the line's rate.
///
/// A frame of the line is exactly 20 ms long; only the last one before a pause or the end of a reply is shorter.
#[derive(Clone)]
pub struct Frame {
    position: Position,
    len: u16,
    samples: [i16; MAX_FRAME_SAMPLES],
}

impl Frame {
    /// A frame that begins at `position`. Takes as many of `samples` as fit, so the rest is lost: give it at most
    /// [`MAX_FRAME_SAMPLES`].
    pub fn new(position: Position, samples: &[i16]) -> Self {
        let len = samples.len().min(MAX_FRAME_SAMPLES);
        let mut frame = Self { position, len: len as u16, samples: [0; MAX_FRAME_SAMPLES] };
        frame.samples[..len].copy_from_slice(&samples[..len]);
        frame
    }

    /// 20 ms of silence at `rate`.
    pub fn silence(position: Position, rate: SampleRate) -> Self {
        let len = rate.samples_in_ms(FRAME_MS) as u16;
        Self { position, len, samples: [0; MAX_FRAME_SAMPLES] }
    }

    /// Where its first sample is.
    pub fn position(&self) -> Position {
        self.position
    }

    /// The position just after its last sample.
    pub fn end(&self) -> Position {
        self.position.plus(u64::from(self.len))
    }

    /// The samples, mono PCM16.
    pub fn samples(&self) -> &[i16] {
        &self.samples[..usize::from(self.len)]
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame").field("position", &self.position).field("len", &self.len).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_knows_where_it_ends() {
        let frame = Frame::new(Position(40), &[1, 2, 3]);
        assert_eq!((frame.position(), frame.end(), frame.samples()), (Position(40), Position(43), &[1, 2, 3][..]));
    }

    #[test]
    fn silence_lasts_20_ms_at_every_rate() {
        for rate in [SampleRate::Hz8000, SampleRate::Hz16000, SampleRate::Hz24000, SampleRate::Hz48000] {
            assert_eq!(Frame::silence(Position::ZERO, rate).samples().len() as u32, rate.hz() / 50);
        }
    }
}

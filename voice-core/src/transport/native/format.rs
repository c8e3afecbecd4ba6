//! Which encodings and rates go together.

use super::message::{AudioFormat, Encoding};
use crate::units::SampleRate;

/// Why a format cannot be agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The rate is not spoken.
    #[error("the rate {0} is not spoken here; use 8000, 16000, 24000 or 48000")]
    Rate(u32),
    /// µ-law is a telephone's encoding.
    #[error("mulaw is spoken at 8000 only, not at {0}")]
    MulawRate(u32),
    /// The Opus codec was left out of this build or could not be opened.
    #[error("opus is not spoken here; use pcm16")]
    NoOpus,
}

impl AudioFormat {
    /// The line's rate, if the rate is spoken and goes with the encoding.
    ///
    /// # Errors
    /// [`FormatError`] says what to use instead.
    pub fn line_rate(self) -> Result<SampleRate, FormatError> {
        let rate = SampleRate::from_hz(self.rate).ok_or(FormatError::Rate(self.rate))?;
        match self.encoding {
            Encoding::Mulaw if rate != SampleRate::Hz8000 => Err(FormatError::MulawRate(self.rate)),
            Encoding::Opus if cfg!(not(feature = "opus")) => Err(FormatError::NoOpus),
            _ => Ok(rate),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_pairs_are_agreed_on() {
        let rate = |encoding, rate| AudioFormat { encoding, rate }.line_rate();
        assert_eq!(rate(Encoding::Pcm16, 24_000), Ok(SampleRate::Hz24000));
        assert_eq!(rate(Encoding::Pcm16, 44_100), Err(FormatError::Rate(44_100)));
        assert_eq!(rate(Encoding::Mulaw, 8_000), Ok(SampleRate::Hz8000));
        assert_eq!(rate(Encoding::Mulaw, 16_000), Err(FormatError::MulawRate(16_000)));
    }
}

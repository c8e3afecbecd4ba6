//! PCM16 as bytes: little-endian, mono.
//!
//! Invariant: caller-owned buffers are appended to and keep their capacity, so a warm path allocates nothing.

/// Bytes that cannot be PCM16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PcmError {
    /// Half a sample is left over.
    #[error("PCM16 audio has an odd length of {bytes} bytes; a sample is two bytes, so send whole samples")]
    OddLength {
        /// How many bytes were given.
        bytes: usize,
    },
}

/// Appends the samples that the little-endian `bytes` hold to `samples`.
///
/// # Errors
/// [`PcmError::OddLength`]; nothing is appended then.
pub fn pcm16_from_le_bytes(bytes: &[u8], samples: &mut Vec<i16>) -> Result<(), PcmError> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(PcmError::OddLength { bytes: bytes.len() });
    }
    samples.extend(pairs.iter().map(|pair| i16::from_le_bytes(*pair)));
    Ok(())
}

/// Appends `samples` to `bytes`, two little-endian bytes each.
pub fn pcm16_to_le_bytes(samples: &[i16], bytes: &mut Vec<u8>) {
    bytes.reserve(samples.len() * 2);
    for sample in samples {
        bytes.extend_from_slice(&sample.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_value_survives_the_round_trip() {
        let samples: Vec<i16> = (i16::MIN..=i16::MAX).collect();
        let (mut bytes, mut back) = (Vec::new(), Vec::new());
        pcm16_to_le_bytes(&samples, &mut bytes);
        pcm16_from_le_bytes(&bytes, &mut back).expect("an even length");
        assert_eq!(back, samples);
    }

    #[test]
    fn the_low_byte_comes_first_and_buffers_are_appended_to() {
        let mut samples = vec![9];
        pcm16_from_le_bytes(&[0x34, 0x12, 0xff, 0xff], &mut samples).expect("an even length");
        assert_eq!(samples, [9, 0x1234, -1]);
        let mut bytes = vec![9];
        pcm16_to_le_bytes(&[-2], &mut bytes);
        assert_eq!(bytes, [9, 0xfe, 0xff]);
    }

    #[test]
    fn an_odd_length_is_an_error_that_says_so_and_appends_nothing() {
        let mut samples = Vec::new();
        let error = pcm16_from_le_bytes(&[1, 2, 3], &mut samples).expect_err("three bytes");
        assert_eq!(error, PcmError::OddLength { bytes: 3 });
        assert!(error.to_string().contains("odd length of 3 bytes"), "{error}");
        assert!(samples.is_empty());
    }
}

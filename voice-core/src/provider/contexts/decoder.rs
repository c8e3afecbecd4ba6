//! From a vendor's audio bytes to whole samples of PCM16.
//!
//! Invariant: chunks of any size give the same samples as the whole; of a sample that is split between two chunks the
//! first part waits here.

use super::Garbled;
use crate::audio::{G711, pcm16_to_le_bytes};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;

/// With or without padding: vendors' encoders differ.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The audio of a message.
///
/// # Errors
/// [`Garbled`] where it is not base64.
pub(crate) fn audio_from_base64(text: &str) -> Result<Vec<u8>, Garbled> {
    BASE64.decode(text).map_err(|_| Garbled("its audio is not base64"))
}

/// How a vendor writes a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WireEncoding {
    /// Two bytes, little-endian.
    S16,
    /// Four bytes, little-endian, full scale at ±1.
    F32,
    /// One byte.
    G711(G711),
}

/// The decoder of one stream of audio.
#[derive(Debug)]
pub(crate) struct PcmDecoder {
    encoding: WireEncoding,
    carry: Vec<u8>,
}

impl PcmDecoder {
    pub(crate) fn new(encoding: WireEncoding) -> Self {
        Self { encoding, carry: Vec::new() }
    }

    /// Takes the next bytes; gives the whole samples there are by now, as PCM16 little-endian.
    pub(crate) fn decode(&mut self, data: Vec<u8>) -> Bytes {
        let mut data = self.after_carry(data);
        match self.encoding {
            WireEncoding::S16 => {
                self.carry = data.split_off(data.len() & !1);
                Bytes::from(data)
            }
            WireEncoding::F32 => {
                let (quads, rest) = data.as_chunks::<4>();
                self.carry = rest.to_vec();
                pcm16(quads.iter().map(|quad| sample_of(f32::from_le_bytes(*quad))))
            }
            WireEncoding::G711(law) => pcm16(data.iter().map(|code| law.decode_sample(*code))),
        }
    }

    fn after_carry(&mut self, data: Vec<u8>) -> Vec<u8> {
        if self.carry.is_empty() {
            return data;
        }
        let mut whole = std::mem::take(&mut self.carry);
        whole.extend(data);
        whole
    }
}

fn pcm16(samples: impl Iterator<Item = i16>) -> Bytes {
    let samples: Vec<i16> = samples.collect();
    let mut bytes = Vec::new();
    pcm16_to_le_bytes(&samples, &mut bytes);
    Bytes::from(bytes)
}

/// Beyond full scale it clips; what is no number is silence.
fn sample_of(value: f32) -> i16 {
    (value * 32_767.0) as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encodings() -> [WireEncoding; 4] {
        [WireEncoding::S16, WireEncoding::F32, WireEncoding::G711(G711::MuLaw), WireEncoding::G711(G711::ALaw)]
    }

    #[test]
    fn every_encoding_becomes_pcm16() {
        let mut floats = Vec::new();
        for value in [0.0_f32, 0.5, -1.0, 7.0, f32::NAN] {
            floats.extend(value.to_le_bytes());
        }
        let expected: Vec<u8> = [0_i16, 16_383, -32_767, 32_767, 0].iter().flat_map(|s| s.to_le_bytes()).collect();
        assert_eq!(PcmDecoder::new(WireEncoding::F32).decode(floats), expected);
        assert_eq!(PcmDecoder::new(WireEncoding::S16).decode(vec![1, 2, 3, 4]), vec![1, 2, 3, 4]);
        for law in [G711::MuLaw, G711::ALaw] {
            let codes = vec![law.encode_sample(0), law.encode_sample(12_000)];
            let pcm = PcmDecoder::new(WireEncoding::G711(law)).decode(codes);
            let second = i16::from_le_bytes([pcm[2], pcm[3]]);
            assert!(pcm.len() == 4 && second.abs_diff(12_000) < 400, "{law:?}: {second}");
        }
    }

    #[test]
    fn base64_needs_no_padding_and_nothing_else_is_taken() {
        assert_eq!(audio_from_base64("AAE="), Ok(vec![0, 1]));
        assert_eq!(audio_from_base64("AAE"), Ok(vec![0, 1]));
        assert_eq!(audio_from_base64(""), Ok(vec![]));
        assert!(audio_from_base64("not audio!").is_err());
    }

    proptest! {
        #[test]
        fn chunk_sizes_do_not_change_a_sample(data in proptest::collection::vec(any::<u8>(), 0..400), cuts in proptest::collection::vec(0_usize..9, 1..60)) {
            for encoding in encodings() {
                let whole = PcmDecoder::new(encoding).decode(data.clone());
                let (mut decoder, mut rest, mut pieces) = (PcmDecoder::new(encoding), data.as_slice(), Vec::new());
                for cut in cuts.iter().cycle().take(1_000) {
                    let (head, tail) = rest.split_at((*cut).min(rest.len()));
                    pieces.extend(decoder.decode(head.to_vec()));
                    rest = tail;
                    if cuts.iter().all(|cut| *cut == 0) {
                        break;
                    }
                }
                pieces.extend(decoder.decode(rest.to_vec()));
                prop_assert_eq!(&whole[..], &pieces[..]);
            }
        }
    }
}

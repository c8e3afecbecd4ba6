//! What fuzzing asks of the reader of audio.

use super::audio::{AudioDecoder, AudioFault};
use bytes::Bytes;

/// Where the bytes are cut changes nothing, samples come whole, and there are no more of them than bytes came.
pub(in crate::provider) fn speech(bytes: &[u8]) {
    let Some((cut, body)) = bytes.split_first() else { return };
    let whole = heard(std::iter::once(body));
    assert_eq!(heard(body.chunks(usize::from(*cut).max(1))), whole);
    assert_eq!(heard(body.chunks(1)), whole);
    assert!(whole.0.len() <= body.len());
}

fn heard<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, Option<AudioFault>) {
    let mut audio = AudioDecoder::new(24_000, None);
    let mut heard = Vec::new();
    for piece in pieces {
        match audio.push(Bytes::copy_from_slice(piece)) {
            Ok(samples) => heard.extend_from_slice(whole_samples(&samples)),
            Err(fault) => return (heard, Some(fault)),
        }
    }
    match audio.end() {
        Ok(rest) => heard.extend_from_slice(whole_samples(&rest)),
        Err(fault) => return (heard, Some(fault)),
    }
    (heard, None)
}

fn whole_samples(samples: &[u8]) -> &[u8] {
    assert_eq!(samples.len() % 2, 0);
    samples
}

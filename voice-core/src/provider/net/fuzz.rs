//! What fuzzing asks of the shared drivers.

use super::{ApiKey, Refusal, Vendor, said_in};

/// Whatever a vendor says, an error is short, on one line, and without the key.
pub(in crate::provider) fn said(bytes: &[u8]) {
    const KEY: &str = "sk-key";
    let vendor = Vendor { name: "V", key: Some(ApiKey::new(KEY, "SET")), url_setting: "URL" };
    let said = vendor.scrub(&said_in(bytes));
    assert!(said.chars().count() <= 301 && !said.contains(char::is_control), "{said:?}");
    assert!(!said.contains(KEY), "{said}");
    let status = bytes.first().map_or(0, |byte| u16::from(*byte) * 4);
    let error = vendor.refused(Refusal { status, request_id: Some(&said), said: &said });
    assert!(!error.to_string().contains(KEY), "{error}");
}

/// Where the bytes are cut changes nothing, and no event is larger than its bound.
#[cfg(feature = "net-http")]
pub(in crate::provider) fn sse(bytes: &[u8]) {
    use super::{SseDecoder, SseEvent, sse::SseError};
    const MAX: usize = 256;

    fn decode<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Result<SseEvent, SseError>> {
        let mut decoder = SseDecoder::new(MAX);
        let mut events = Vec::new();
        for piece in pieces {
            decoder.push(piece);
            events.extend(std::iter::from_fn(|| decoder.next()));
        }
        events
    }

    let Some((cut, stream)) = bytes.split_first() else { return };
    let whole = decode(std::iter::once(stream));
    assert!(whole.iter().flatten().all(|event| event.data.len() <= MAX && event.event.len() <= MAX));
    assert_eq!(decode(stream.chunks(usize::from(*cut).max(1))), whole);
    assert_eq!(decode(stream.chunks(1)), whole);
}

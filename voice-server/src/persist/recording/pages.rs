//! How long an Ogg Opus file is, read off its last whole page.

/// What every page begins with.
const CAPTURE: &[u8] = b"OggS";

/// Where in a page its position stands.
const POSITION_AT: usize = 6;

/// The length of the audio in `bytes`; `None` where there is none.
pub(super) fn duration_ms(bytes: &[u8]) -> Option<i64> {
    let starts = bytes.windows(CAPTURE.len()).rposition(|window| window == CAPTURE)?;
    let position = bytes.get(starts + POSITION_AT..)?.first_chunk::<8>()?;
    let samples = i64::from_le_bytes(*position);
    (samples > 0).then_some(samples / 48)
}

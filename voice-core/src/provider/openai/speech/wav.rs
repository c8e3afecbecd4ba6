//! The header of a WAV stream, so that its samples can be taken while it still arrives.
//!
//! Lengths may be placeholders: a server that streams does not know them when it writes the header.

/// A header longer than this is none.
const MAX_HEADER_BYTES: usize = 64 * 1024;
/// From here on a length is a placeholder: 2 GiB of speech is half a day.
const PLACEHOLDER: u32 = 0x7fff_0000;
const PCM: u16 = 1;
const EXTENSIBLE: u16 = 0xfffe;

/// What the first bytes of a WAV stream tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WavStart {
    /// The header goes on.
    Incomplete,
    Header(WavHeader),
    /// It is no mono PCM16; why.
    Wrong(String),
}

/// Where the samples are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WavHeader {
    pub(super) hz: u32,
    /// The first byte of the samples.
    pub(super) data_at: usize,
    /// How many bytes of them there are, where the header knows.
    pub(super) data_bytes: Option<u64>,
}

/// Reads the header at the start of `bytes`, which begin with `RIFF`.
pub(super) fn wav_start(bytes: &[u8]) -> WavStart {
    match header(bytes) {
        Some(Ok(header)) => WavStart::Header(header),
        Some(Err(what)) => WavStart::Wrong(what),
        None if bytes.len() >= MAX_HEADER_BYTES => WavStart::Wrong("a WAV header without an end".to_owned()),
        None => WavStart::Incomplete,
    }
}

fn header(bytes: &[u8]) -> Option<Result<WavHeader, String>> {
    if bytes.get(8..12)? != b"WAVE" {
        return Some(Err("a RIFF stream that is no WAV".to_owned()));
    }
    let (mut at, mut hz) = (12_usize, None);
    loop {
        let (name, length) = (bytes.get(at..at + 4)?, u32_at(bytes, at + 4)?);
        let body_at = at + 8;
        match (name, hz) {
            (b"data", Some(hz)) => {
                let data_bytes = (length != 0 && length < PLACEHOLDER).then_some(u64::from(length));
                return Some(Ok(WavHeader { hz, data_at: body_at, data_bytes }));
            }
            (b"data", None) => return Some(Err("a WAV stream without a format".to_owned())),
            (b"fmt ", _) => match format(bytes.get(body_at..)?, length)? {
                Ok(rate) => hz = Some(rate),
                Err(what) => return Some(Err(what)),
            },
            _ => {}
        }
        // Chunks begin at even places.
        at = body_at.checked_add(length as usize)?.checked_add(length as usize % 2)?;
    }
}

/// The sample rate, if it is mono PCM16.
fn format(bytes: &[u8], length: u32) -> Option<Result<u32, String>> {
    let (tag, channels, hz, bits) = (u16_at(bytes, 0)?, u16_at(bytes, 2)?, u32_at(bytes, 4)?, u16_at(bytes, 14)?);
    let tag = if tag == EXTENSIBLE && length >= 26 { u16_at(bytes, 24)? } else { tag };
    if (tag, channels, bits) == (PCM, 1, 16) {
        return Some(Ok(hz));
    }
    Some(Err(format!(
        "WAV of format {tag} with {channels} channels of {bits} bits, where mono PCM of 16 bits is wanted"
    )))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A header as servers write it, `extra` between its format and its data.
    pub(in super::super) fn wav_header(format: (u16, u16, u32, u16), extra: &[u8], data_bytes: u32) -> Vec<u8> {
        let (tag, channels, hz, bits) = format;
        let mut bytes = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0".to_vec();
        bytes.extend([tag.to_le_bytes(), channels.to_le_bytes()].concat());
        bytes.extend([hz, hz * u32::from(channels) * u32::from(bits) / 8].map(u32::to_le_bytes).concat());
        bytes.extend([(channels * bits / 8).to_le_bytes(), bits.to_le_bytes()].concat());
        bytes.extend_from_slice(extra);
        bytes.extend_from_slice(b"data");
        bytes.extend(data_bytes.to_le_bytes());
        bytes
    }

    #[test]
    fn the_header_ends_where_the_samples_begin() {
        let plain = wav_header((1, 1, 24_000, 16), b"", 480);
        let expected = WavHeader { hz: 24_000, data_at: 44, data_bytes: Some(480) };
        assert_eq!(wav_start(&plain), WavStart::Header(expected));
        for length in 0..plain.len() {
            assert_eq!(wav_start(&plain[..length]), WavStart::Incomplete, "{length} bytes");
        }
    }

    #[test]
    fn a_length_that_nobody_knew_is_none() {
        for placeholder in [0, u32::MAX, 0x7fff_ffff, 0x7fff_f000] {
            let WavStart::Header(header) = wav_start(&wav_header((1, 1, 24_000, 16), b"", placeholder)) else {
                panic!()
            };
            assert_eq!(header.data_bytes, None, "{placeholder:x}");
        }
    }

    #[test]
    fn other_chunks_are_passed_over() {
        let header = wav_header((1, 1, 8_000, 16), b"LIST\x03\0\0\0abc\0fact\x04\0\0\0\0\0\0\0", 2);
        assert_eq!(
            wav_start(&header),
            WavStart::Header(WavHeader { hz: 8_000, data_at: header.len(), data_bytes: Some(2) })
        );
    }

    #[test]
    fn what_is_no_mono_pcm16_is_wrong() {
        for format in [(1, 2, 24_000, 16), (3, 1, 24_000, 32), (1, 1, 24_000, 8), (0x55, 1, 24_000, 16)] {
            assert!(matches!(wav_start(&wav_header(format, b"", 0)), WavStart::Wrong(_)), "{format:?}");
        }
        assert!(matches!(wav_start(b"RIFF\0\0\0\0AVI LIST"), WavStart::Wrong(_)));
        assert!(matches!(wav_start(b"RIFF\0\0\0\0WAVEdata\0\0\0\0"), WavStart::Wrong(_)));
        let endless = [&b"RIFF\0\0\0\0WAVELIST\xff\xff\xff\x7f"[..], &[0; MAX_HEADER_BYTES]].concat();
        assert!(matches!(wav_start(&endless), WavStart::Wrong(_)));
    }

    #[test]
    fn an_extensible_format_names_its_own_inside() {
        let mut fmt =
            b"RIFF\0\0\0\0WAVEfmt \x28\0\0\0\xfe\xff\x01\0\xc0\x5d\0\0\x80\xbb\0\0\x02\0\x10\0\x16\0\x10\0\0\0\0\0"
                .to_vec();
        fmt.extend(b"\x01\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71data\x02\0\0\0");
        assert_eq!(
            wav_start(&fmt),
            WavStart::Header(WavHeader { hz: 24_000, data_at: fmt.len(), data_bytes: Some(2) })
        );
    }
}

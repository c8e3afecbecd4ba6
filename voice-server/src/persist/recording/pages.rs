//! How long an Ogg Opus file is, read off its last whole page.
//!
//! Invariant: pure. A page that broke off, or that ends within a sound, says nothing: the one before it does.

/// What every page begins with, its version included.
const CAPTURE: &[u8] = b"OggS\0";

/// Where in a page its position stands.
const POSITION_AT: usize = 6;

/// Where it says how many segments it has; their lengths follow, then they themselves (RFC 3533, section 6).
const SEGMENTS_AT: usize = 26;

/// The end of a file that has its last whole page, whatever broke off after it: the longest page twice, and more.
pub(super) const TAIL_BYTES: u64 = 256 << 10;

/// Both headers with their pages have fewer bytes: in a longer file there is sound.
pub(super) const HEADERS_BYTES: u64 = 256;

/// The length of the audio of a file that ends in `bytes`; `None` where no whole page with sound is in them.
pub(super) fn duration_ms(bytes: &[u8]) -> Option<i64> {
    let starts = (0..bytes.len()).rev().filter(|at| bytes.get(*at..).is_some_and(|rest| rest.starts_with(CAPTURE)));
    let samples = starts.filter_map(|at| position(bytes.get(at..)?)).find(|samples| *samples > 0)?;
    Some(samples / 48)
}

/// The position of the page at the start of `bytes`, if all of it is there; -1 if no sound ends in it.
fn position(page: &[u8]) -> Option<i64> {
    let lengths = page.get(SEGMENTS_AT + 1..)?.get(..usize::from(*page.get(SEGMENTS_AT)?))?;
    let bytes = SEGMENTS_AT + 1 + lengths.len() + lengths.iter().copied().map(usize::from).sum::<usize>();
    page.get(..bytes)?;
    Some(i64::from_le_bytes(*page.get(POSITION_AT..)?.first_chunk::<8>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(samples: i64, sound: &[u8]) -> Vec<u8> {
        let mut page = [CAPTURE, &[0]].concat();
        page.extend(samples.to_le_bytes());
        page.extend([0; 12]);
        page.extend([1, sound.len() as u8]);
        page.extend(sound);
        page
    }

    #[test]
    fn a_page_that_broke_off_or_ends_in_a_sound_gives_way_to_the_one_before_it() {
        let (headers, whole, last) =
            (page(0, b"tags"), page(48_000, b"sound"), page(96_000, b"OggS\0, says the sound"));
        assert_eq!(duration_ms(&[headers.clone(), whole.clone(), last.clone()].concat()), Some(2_000));
        for length in 0..last.len() {
            assert_eq!(duration_ms(&[&headers, &whole, &last[..length]].concat()), Some(1_000), "{length}");
        }
        assert_eq!(duration_ms(&[headers.clone(), whole, page(-1, b"sound")].concat()), Some(1_000));
        assert_eq!((duration_ms(&headers), duration_ms(b"")), (None, None));
    }
}

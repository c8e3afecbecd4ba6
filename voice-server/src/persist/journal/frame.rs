//! How a record lies in a segment: length, checksum, payload.
//!
//! Invariant: pure. Whatever the bytes, a record is given only if its checksum is right, and what is damaged is left
//! out up to the next sound record: a scan never fails and never ends early because of damage before its end.

/// Length and checksum, both little-endian.
const HEADER_BYTES: usize = 8;

/// The longest payload: many times the conversation of the longest call.
pub(in crate::persist) const MAX_PAYLOAD_BYTES: usize = 4 * 1024 * 1024;

/// The longest record.
pub(super) const MAX_RECORD_BYTES: usize = HEADER_BYTES + MAX_PAYLOAD_BYTES;

/// Appends a record that holds `payload`, which is at most [`MAX_PAYLOAD_BYTES`].
pub(super) fn write(payload: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes();
    out.extend_from_slice(&length);
    out.extend_from_slice(&checksum(length, payload).to_le_bytes());
    out.extend_from_slice(payload);
}

/// The length is part of it, so that a stretch of zeros is no row of empty records.
fn checksum(length: [u8; 4], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(payload);
    hasher.finalize()
}

/// What lies at the start of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found<'b> {
    /// Nothing: there are no bytes.
    End,
    /// A sound record.
    Record {
        /// What it holds.
        payload: &'b [u8],
        /// Its length in all.
        bytes: usize,
    },
    /// The beginning of a record whose end was never written. Nothing sound follows.
    Torn,
    /// Something else, this long: after it comes a sound record, or the end.
    Damaged {
        /// How long.
        bytes: usize,
    },
}

/// Looks at the start of `bytes`, which go to the end of what was written.
pub(super) fn find(bytes: &[u8]) -> Found<'_> {
    if bytes.is_empty() {
        return Found::End;
    }
    if let Some((payload, length)) = sound(bytes) {
        return Found::Record { payload, bytes: length };
    }
    match (1..bytes.len()).find(|at| bytes.get(*at..).and_then(sound).is_some()) {
        Some(at) => Found::Damaged { bytes: at },
        None if is_cut(bytes) => Found::Torn,
        None => Found::Damaged { bytes: bytes.len() },
    }
}

/// The sound record at the start of `bytes`, looking no further.
pub(super) fn sound(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let (length, expected) = header.split_first_chunk::<4>()?;
    let payload = rest.get(..payload_bytes(*length)?)?;
    let is_sound = checksum(*length, payload).to_le_bytes() == expected;
    is_sound.then_some((payload, HEADER_BYTES + payload.len()))
}

fn payload_bytes(length: [u8; 4]) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(length)).ok().filter(|bytes| *bytes <= MAX_PAYLOAD_BYTES)
}

/// Whether these bytes end before their record would.
fn is_cut(bytes: &[u8]) -> bool {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() else { return true };
    let length = header.first_chunk::<4>().copied().and_then(payload_bytes);
    length.is_some_and(|length| rest.len() < length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn segment(payloads: &[Vec<u8>]) -> Vec<u8> {
        let mut out = Vec::new();
        payloads.iter().for_each(|payload| write(payload, &mut out));
        out
    }

    /// All sound records, and how many bytes were damaged.
    fn scan(mut bytes: &[u8]) -> (Vec<Vec<u8>>, usize) {
        let (mut found, mut damaged) = (Vec::new(), 0);
        loop {
            let length = match find(bytes) {
                Found::End | Found::Torn => return (found, damaged),
                Found::Record { payload, bytes } => {
                    found.push(payload.to_vec());
                    bytes
                }
                Found::Damaged { bytes } => {
                    damaged += bytes;
                    bytes
                }
            };
            bytes = &bytes[length..];
        }
    }

    #[test]
    fn a_tail_torn_at_any_byte_costs_the_torn_record_only() {
        let payloads = [b"{\"first\":1}".to_vec(), Vec::new(), b"{\"second\":[2,3]}".to_vec()];
        let whole = segment(&payloads);
        let ends: Vec<_> = (1..=payloads.len()).map(|count| segment(&payloads[..count]).len()).collect();
        for cut in 0..whole.len() {
            let complete = ends.iter().filter(|end| **end <= cut).count();
            assert_eq!(scan(&whole[..cut]), (payloads[..complete].to_vec(), 0), "cut at {cut}");
        }
    }

    #[test]
    fn zeros_are_damage_and_no_records() {
        assert_eq!(find(&[0; 64]), Found::Damaged { bytes: 64 });
        let mut bytes = vec![0; 64];
        write(b"after", &mut bytes);
        assert_eq!(scan(&bytes), (vec![b"after".to_vec()], 64));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20)) {
            prop_assert_eq!(scan(&segment(&payloads)), (payloads, 0));
        }

        #[test]
        fn a_changed_byte_costs_its_own_record_only(
            payloads in prop::collection::vec(prop::collection::vec(b' '..b'~', 1..100), 1..12),
            at in any::<prop::sample::Index>(),
            flip in 1_u8..,
        ) {
            let mut bytes = segment(&payloads);
            let at = at.index(bytes.len());
            let hit = (1..=payloads.len()).find(|count| segment(&payloads[..*count]).len() > at).unwrap() - 1;
            bytes[at] ^= flip;
            let mut expected = payloads.clone();
            expected.remove(hit);
            prop_assert_eq!(scan(&bytes).0, expected);
        }

        #[test]
        fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            scan(&bytes);
        }
    }
}

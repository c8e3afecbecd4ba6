//! Moonshine's vocabulary: token ids to text.
//!
//! The file holds one entry a token, in order: its length as one byte, or, if that is 128 or more, as `first − 128 +
//! 128 × second`; then that many bytes. A space is U+2581, a byte that is no letter stands as itself, entries without
//! length and those in angle brackets are marks and have no text.

/// A space in the vocabulary.
const SPACE: &str = "\u{2581}";

/// The vocabulary.
pub(super) struct Tokens {
    entries: Vec<Box<[u8]>>,
}

impl Tokens {
    /// Reads the file.
    ///
    /// # Errors
    /// A sentence if it ends within an entry.
    pub(super) fn parse(mut file: &[u8]) -> Result<Self, String> {
        let mut entries = Vec::with_capacity(32_768);
        while let Some((&first, rest)) = file.split_first() {
            let (length, rest) = match (first, rest.split_first()) {
                (0..128, _) => (usize::from(first), rest),
                (_, Some((&second, rest))) => (usize::from(first) - 128 + 128 * usize::from(second), rest),
                (_, None) => return Err("the tokenizer's file ends within an entry".to_owned()),
            };
            let (entry, rest) = rest.split_at_checked(length).ok_or("the tokenizer's file ends within an entry")?;
            entries.push(if is_mark(entry) { Box::default() } else { entry.into() });
            file = rest;
        }
        Ok(Self { entries })
    }

    /// The text of `ids`, without space around it. Ids outside the vocabulary have none.
    pub(super) fn text(&self, ids: &[i64]) -> String {
        let entry = |id: &i64| usize::try_from(*id).ok().and_then(|id| self.entries.get(id));
        let bytes: Vec<u8> = ids.iter().filter_map(entry).flat_map(|entry| entry.iter().copied()).collect();
        String::from_utf8_lossy(&bytes).replace(SPACE, " ").trim().to_owned()
    }
}

fn is_mark(entry: &[u8]) -> bool {
    entry.len() > 2 && entry.starts_with(b"<") && entry.ends_with(b">")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_become_text_and_marks_none() {
        let mut file = b"\x05<unk>\x08\xe2\x96\x81Hello\x06\xe2\x96\x81you\x00\x01\xc3\x01\xa9\x01!".to_vec();
        file.extend_from_slice(&[128 + 2, 1]);
        file.extend_from_slice(&[b'x'; 130]);
        let tokens = Tokens::parse(&file).unwrap();
        assert_eq!(tokens.text(&[0, 1, 2, 3, 6]), "Hello you!");
        assert_eq!(tokens.text(&[1, 4, 5, -1, 99]), "Hello\u{e9}");
        assert_eq!(tokens.text(&[7]), "x".repeat(130));
        assert_eq!(tokens.text(&[]), "");
    }

    #[test]
    fn a_file_that_breaks_off_is_refused() {
        for file in [&b"\x05<un"[..], b"\x81"] {
            assert!(Tokens::parse(file).is_err());
        }
    }
}

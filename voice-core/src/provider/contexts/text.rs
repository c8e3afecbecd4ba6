//! Clauses on their way to a vendor.

/// Text that was submitted at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Clause {
    /// What the vendor is to speak.
    pub(crate) text: String,
    /// How many clauses of the reply are complete once it is spoken.
    pub(crate) clauses: u32,
}

/// Whether anything of `text` can be heard. Punctuation alone is not sent by itself: vendors answer it with nothing at
/// all, and the reply would be taken for stalled.
pub(crate) fn is_speakable(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_any_script_are_speakable_and_punctuation_is_not() {
        for text in ["a", "7 ", "はい。", "да", "안녕"] {
            assert!(is_speakable(text), "{text}");
        }
        for text in ["", " ", "… ", "—", "?!", "👍"] {
            assert!(!is_speakable(text), "{text}");
        }
    }
}

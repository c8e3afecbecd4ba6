//! Words: counting and comparing them.
//!
//! Invariant: allocates nothing. A word is what Unicode's word boundaries (UAX #29) find with a letter or digit in it:
//! "don't", "3.50" and "example.com" are one word each, "twenty-five" is two, a Chinese character is one.

use unicode_segmentation::UnicodeSegmentation;

/// How many words `text` has. Allocates nothing.
pub fn word_count(text: &str) -> usize {
    text.unicode_words().count()
}

/// Whether two texts have the same words, whatever their case, punctuation and spacing. Allocates nothing.
///
/// A point or comma between two digits is part of a number, so "3.5" is not "35". Numbers in words and numbers in digits
/// are different words.
pub fn same_words(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (a.unicode_words(), b.unicode_words());
    loop {
        match (a.next(), b.next()) {
            (None, None) => return true,
            (Some(x), Some(y)) if same_word(x, y) => {}
            _ => return false,
        }
    }
}

/// Whether two single words are the same but for case and apostrophes.
pub(super) fn same_word(a: &str, b: &str) -> bool {
    significant(a).eq(significant(b))
}

/// Whether `word` is one of `list`, which is in lower case.
pub(super) fn is_one_of(word: &str, list: &[&str]) -> bool {
    list.iter().any(|known| same_word(known, word))
}

/// Where `word` ends in `text` if it stands at the byte `start`, as a whole word.
pub(super) fn match_at(text: &str, start: usize, word: &str) -> Option<usize> {
    let mut wanted = word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).peekable();
    wanted.peek()?;
    let rest = text.get(start..).filter(|rest| rest.starts_with(char::is_alphanumeric))?;
    let mut end = start;
    for (at, c) in rest.char_indices().filter(|(_, c)| c.is_alphanumeric()) {
        if wanted.peek().is_none() {
            break;
        }
        if !c.to_lowercase().all(|lower| wanted.next() == Some(lower)) {
            return None;
        }
        end = start + at + c.len_utf8();
    }
    (wanted.next().is_none() && is_word_end(text, end)).then_some(end)
}

/// Whether no word of `text` spans the byte `end`, which follows a letter or digit.
fn is_word_end(text: &str, end: usize) -> bool {
    let mut next = text.get(end..).unwrap_or_default().chars();
    match (next.next(), next.next()) {
        (Some(c), _) if c.is_alphanumeric() => is_ideograph(c),
        (Some(c), Some(after)) if joins(c) => !after.is_alphanumeric(),
        _ => true,
    }
}

/// Whether a character is written without spaces around its words.
fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

/// Whether a mark between two letters or digits keeps them one word.
fn joins(c: char) -> bool {
    matches!(c, '\'' | '’' | '‘' | 'ʼ' | '.' | ',' | ':' | '_')
}

/// The characters of one word that tell it from others, in lower case.
fn significant(word: &str) -> impl Iterator<Item = char> + '_ {
    let mut previous = ' ';
    let mut rest = word.chars();
    std::iter::from_fn(move || {
        loop {
            let c = rest.next()?;
            let next = rest.clone().next().unwrap_or(' ');
            let keep = !joins(c) || (previous.is_numeric() && next.is_numeric());
            previous = c;
            if keep {
                return Some(c);
            }
        }
    })
    .flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted_as_unicode_finds_them() {
        let table = [
            ("", 0),
            (" \t…!? ", 0),
            ("Yes.", 1),
            ("I don't know", 3),
            ("It's $3.50, okay?", 3),
            ("twenty-five", 2),
            ("write to bob@example.com", 4),
            ("你好吗", 3),
            ("¿Qué tal?", 2),
            ("नमस्ते दुनिया", 2),
        ];
        for (text, count) in table {
            assert_eq!(word_count(text), count, "{text:?}");
        }
    }

    #[test]
    fn the_same_words_in_another_dress_are_the_same() {
        let table = [
            ("", "  ...  "),
            ("Hello, world!", "hello world"),
            ("I'd like to, um, cancel.", "Id like to um cancel"),
            ("don’t", "don't"),
            ("twenty-five", "Twenty five"),
            ("U.S.", "us"),
            ("at 3.50", "At 3.50!"),
            ("0 7 9", "0, 7, 9."),
            ("ÉTÉ à Paris", "été à paris."),
            ("STRAẞE", "straße"),
            ("你好。", "你好"),
        ];
        for (a, b) in table {
            assert!(same_words(a, b) && same_words(b, a), "{a:?} {b:?}");
        }
    }

    #[test]
    fn other_words_are_not_the_same() {
        let table = [
            ("", "a"),
            ("3.5", "35"),
            ("1,5", "15"),
            ("1 5", "15"),
            ("at 3", "at three"),
            ("now here", "nowhere"),
            ("book it", "book it now"),
            ("on Tuesday", "on Thursday"),
            ("ja", "já"),
            ("10:30", "1030"),
        ];
        for (a, b) in table {
            assert!(!same_words(a, b) && !same_words(b, a), "{a:?} {b:?}");
        }
    }

    #[test]
    fn a_word_is_matched_whole() {
        assert_eq!(match_at("can't stop", 0, "can"), None);
        assert_eq!(match_at("can’t stop", 0, "can't"), Some(7));
        assert_eq!(match_at("banana", 0, "ban"), None);
        assert_eq!(match_at("banana", 0, "bananas"), None);
        assert_eq!(match_at("say “Hi”!", 4, "hi"), None);
        assert_eq!(match_at("say “Hi”!", 7, "hi,"), Some(9));
        assert_eq!(match_at("New York.", 0, "New York"), Some(8));
        assert_eq!(match_at("你好吗", 0, "你好"), Some(6));
        assert_eq!(match_at("x", 0, "—"), None);
        assert_eq!(match_at("x", 9, "x"), None);
    }
}

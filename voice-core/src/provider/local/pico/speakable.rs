//! Text as a model writes it made into text that Pico can speak, in pieces.
//!
//! Pure functions. Pico reads `<…>` as marks of its own and knows the letters of Western Europe only.

/// The longest piece of text given to an engine at once, in bytes: about 13 s of speech.
pub(super) const PIECE_BYTES: usize = 200;

/// `clause` without markup and without what has no sound; empty if nothing is left to speak.
pub(super) fn speakable(clause: &str) -> String {
    let mut text = String::with_capacity(clause.len());
    for c in without_tags(clause).chars() {
        match plain(c) {
            Some(' ') if text.is_empty() || text.ends_with(' ') => {}
            Some(c) => text.push(c),
            None => {}
        }
    }
    text.truncate(text.trim_end().len());
    if text.chars().any(has_sound) { text } else { String::new() }
}

/// Cuts `text` into pieces of at most [`PIECE_BYTES`], after punctuation if there is some, else at a space.
pub(super) fn pieces(mut text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    while text.len() > PIECE_BYTES {
        let (piece, rest) = text.split_at(cut(text));
        pieces.push(piece);
        text = rest;
    }
    pieces.push(text);
    pieces.retain(|piece| piece.chars().any(has_sound));
    pieces
}

fn cut(text: &str) -> usize {
    let window = text.get(..text.floor_char_boundary(PIECE_BYTES)).unwrap_or(text);
    let after_punctuation = window.rmatch_indices([',', ';', ':', '.', '!', '?']).map(|(at, mark)| at + mark.len());
    let after_space = window.rfind(' ').map(|at| at + 1);
    after_punctuation
        .into_iter()
        .find(|at| window.get(*at..).is_some_and(|rest| rest.starts_with(' ')))
        .or(after_space)
        .unwrap_or(window.len())
}

/// Removes `<tag …>` and `</tag>`; a lone `<` or `>` stays for [`plain`] to drop.
fn without_tags(clause: &str) -> String {
    let mut text = String::with_capacity(clause.len());
    let mut rest = clause;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        let is_tag = tag.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
        rest = match tag.split_once('>') {
            Some((_, after)) if is_tag => after,
            _ => tag,
        };
        text.push(' ');
    }
    text.push_str(rest);
    text
}

/// The character Pico should read for `c`, or none.
fn plain(c: char) -> Option<char> {
    match c {
        '\u{2018}' | '\u{2019}' | '\u{2032}' => Some('\''),
        '\u{2013}' | '\u{2014}' | '\u{2015}' | '\u{3001}' | '\u{ff0c}' => Some(','),
        '\u{2026}' | '\u{3002}' | '\u{ff0e}' => Some('.'),
        '\u{2010}' | '\u{2011}' => Some('-'),
        '\u{20ac}' => Some(c),
        '<' | '>' | '*' | '_' | '#' | '`' | '~' | '|' | '\\' | '^' | '[' | ']' | '{' | '}' => None,
        '"' | '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{ab}' | '\u{bb}' => None,
        c if c.is_whitespace() => Some(' '),
        c if c.is_control() => None,
        c if u32::from(c) <= 0x17f => Some(c),
        _ => None,
    }
}

fn has_sound(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '%' | '$' | '\u{20ac}' | '\u{a3}' | '&' | '+' | '@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_signs_without_sound_are_dropped() {
        assert_eq!(
            speakable("<speed level='500'>Hello</speed> *there*, it\u{2019}s\u{a0}me \u{1f600}! "),
            "Hello there, it's me !"
        );
        assert_eq!(speakable("a < b and c > d"), "a b and c d");
        assert_eq!(speakable("for <ever"), "for ever");
        assert_eq!(speakable("Caf\u{e9} \u{2014} 5 \u{20ac}\u{2026}"), "Caf\u{e9} , 5 \u{20ac}.");
        assert_eq!(speakable("zero\0byte\u{7}"), "zerobyte");
    }

    #[test]
    fn a_clause_without_sound_is_empty() {
        for clause in ["", " ", "...", "\u{1f600}\u{1f389}", "**", "<break/>", "\u{4f60}\u{597d}"] {
            assert_eq!(speakable(clause), "", "{clause:?}");
        }
    }

    #[test]
    fn pieces_lose_nothing_and_end_at_words() {
        let text = "The quick brown fox, it seems, jumps over the lazy dog. ".repeat(20);
        let pieces = pieces(&text);
        assert_eq!(pieces.concat(), text);
        assert!(pieces.iter().all(|piece| piece.len() <= PIECE_BYTES && piece.ends_with([' ', ',', '.'])));
    }

    #[test]
    fn a_word_without_end_is_cut_at_a_character() {
        let text = "\u{e9}".repeat(333);
        let pieces = pieces(&text);
        assert_eq!(pieces.concat(), text);
        assert!(pieces.iter().all(|piece| piece.len() <= PIECE_BYTES));
    }
}

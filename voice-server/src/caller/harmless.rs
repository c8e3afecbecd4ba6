//! Makes text from elsewhere safe to print on a terminal.

/// The most characters of one text that are printed.
const MAX_CHARS: usize = 400;

/// The text on one line, without anything that a terminal would obey: control characters and escape sequences lose
/// their lead-in, and marks that turn the direction of writing are dropped.
pub(super) fn harmless(text: &str) -> String {
    let mut shown: String = text.chars().take(MAX_CHARS).map(harmless_char).collect();
    if text.chars().nth(MAX_CHARS).is_some() {
        shown.push('…');
    }
    shown
}

fn harmless_char(c: char) -> char {
    match c {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
        c if c.is_control() || turns_direction(c) => '\u{fffd}',
        c => c,
    }
}

fn turns_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_terminal_obeys_is_left() {
        let hostile = "a\u{1b}[2J\u{9b}31m\u{7}\u{8}\r\nb\u{202e}c\u{0}\u{7f}";
        let shown = harmless(hostile);
        assert!(!shown.chars().any(|c| c.is_control() || turns_direction(c)), "{shown:?}");
        assert!(shown.starts_with('a') && shown.contains("[2J") && shown.contains("  b"));
        assert_eq!(harmless("Grüße, 你好 \u{1f600}"), "Grüße, 你好 \u{1f600}");
    }

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(harmless(&"x".repeat(1_000_000)).chars().count(), MAX_CHARS + 1);
    }
}

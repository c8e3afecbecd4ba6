//! How many words of a transcript are wrong.

/// The words of `text`: small letters, digits as words, no punctuation.
pub fn words(text: &str) -> Vec<String> {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '0'..='9' => plain.push_str(&format!(" {} ", digit(c))),
            '\'' | '\u{2019}' | '-' => {}
            c if c.is_alphanumeric() => plain.extend(c.to_lowercase()),
            _ => plain.push(' '),
        }
    }
    plain.split_whitespace().map(str::to_owned).collect()
}

/// The fewest words to insert, delete or replace to make `heard` of `said` (Levenshtein's distance).
pub fn word_errors(said: &[String], heard: &[String]) -> usize {
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for word in said {
        let mut before = row.first().copied().unwrap_or(0);
        let mut left = before + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, other) in row.iter_mut().skip(1).zip(heard) {
            let replaced = before + usize::from(word != other);
            before = *cell;
            left = replaced.min(before + 1).min(left + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

fn digit(c: char) -> &'static str {
    match c {
        '1' => "one",
        '2' => "two",
        '3' => "three",
        '4' => "four",
        '5' => "five",
        '6' => "six",
        '7' => "seven",
        '8' => "eight",
        '9' => "nine",
        _ => "zero",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_counted() {
        let errors = |said: &str, heard: &str| word_errors(&words(said), &words(heard));
        assert_eq!(errors("Press 1, now.", "press one now"), 0);
        assert_eq!(errors("one two three", "one three four"), 2);
        assert_eq!(errors("", "a b"), 2);
        assert_eq!(errors("a b c", ""), 3);
        assert_eq!(errors("I can't re-record it", "i cant rerecord"), 1);
    }
}

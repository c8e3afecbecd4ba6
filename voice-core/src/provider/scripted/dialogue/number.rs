//! Spoken numbers: digits and English words from 0 to 999.

use super::words::Words;

const SMALL: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 10] = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

fn position_in(list: &[&str], word: &str) -> Option<u32> {
    let index = list.iter().position(|own| *own == word && !word.is_empty())?;
    u32::try_from(index).ok()
}

fn digit_word(word: &str) -> Option<u32> {
    let is_digits = !word.is_empty() && word.len() <= 3 && word.bytes().all(|byte| byte.is_ascii_digit());
    is_digits.then(|| word.parse().ok()).flatten()
}

/// A number under 100 that begins at `index`, and how many words it takes.
fn under_hundred(words: &Words, index: usize) -> Option<(u32, usize)> {
    let word = words.at(index);
    if let Some(small) = position_in(&SMALL, word) {
        return Some((small, 1));
    }
    let tens = position_in(&TENS, word)? * 10;
    match position_in(&SMALL, words.at(index + 1)).filter(|unit| (1..10).contains(unit)) {
        Some(unit) => Some((tens + unit, 2)),
        None => Some((tens, 1)),
    }
}

/// The number that begins at `index`, and how many words it takes.
pub(super) fn number_at(words: &Words, index: usize) -> Option<(u32, usize)> {
    if let Some(number) = digit_word(words.at(index)) {
        return Some((number, 1));
    }
    let (first, used) = under_hundred(words, index)?;
    if !(1..10).contains(&first) || words.at(index + 1) != "hundred" {
        return Some((first, used));
    }
    let rest = index + 2 + usize::from(words.at(index + 2) == "and");
    match under_hundred(words, rest) {
        Some((low, used)) => Some((first * 100 + low, rest + used - index)),
        None => Some((first * 100, 2)),
    }
}

/// `number` from 0 to 99 in words.
pub(super) fn in_words(number: u32) -> String {
    let small = |number: u32| SMALL.get(number as usize).copied().unwrap_or_default();
    let tens = TENS.get(number as usize / 10).copied().unwrap_or_default();
    match (number, number % 10) {
        (0..20, _) => small(number).into(),
        (_, 0) => tens.into(),
        (_, unit) => format!("{tens} {}", small(unit)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_and_said() {
        let cases = [
            ("7", 7, 1),
            ("twelve", 12, 1),
            ("twenty", 20, 1),
            ("forty two people", 42, 2),
            ("three hundred", 300, 2),
            ("two hundred and five", 205, 4),
            ("thirty zero", 30, 1),
        ];
        for (text, number, used) in cases {
            assert_eq!(number_at(&Words::of(text), 0), Some((number, used)), "{text}");
        }
        assert_eq!(number_at(&Words::of("tuesday"), 0), None);
        for number in 0..100 {
            assert_eq!(number_at(&Words::of(&in_words(number)), 0).map(|read| read.0), Some(number));
        }
    }
}

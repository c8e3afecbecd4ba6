use super::*;
use proptest::prelude::*;

const RATE: SampleRate = SampleRate::Hz16000;
const SECOND: u64 = 16_000;

fn heard(ledger: &ReplyLedger, played_samples: u64) -> &str {
    ledger.text().get(..ledger.heard_bytes(played_samples)).unwrap()
}

fn ledger(clauses: &[&str]) -> ReplyLedger {
    let mut ledger = ReplyLedger::new(RATE);
    for clause in clauses {
        ledger.push_clause(clause);
    }
    ledger
}

#[test]
fn word_times_are_exact() {
    let mut ledger = ledger(&["Hello, ", "\"dear\" caller! "]);
    ledger.push_audio(3 * SECOND);
    ledger.push_word("Hello,", 100, 8_000);
    ledger.push_word("dear", 9_000, 12_000);
    ledger.push_word("caller", 12_000, 20_000);
    for (played, text) in [
        (0, ""),
        (7_999, ""),
        (8_000, "Hello,"),
        (11_999, "Hello,"),
        (12_000, "Hello, \"dear\""),
        (19_999, "Hello, \"dear\""),
        (20_000, "Hello, \"dear\" caller!"),
        (u64::MAX, "Hello, \"dear\" caller!"),
    ] {
        assert_eq!(heard(&ledger, played), text, "{played}");
    }
    ledger.end_audio();
    assert_eq!(heard(&ledger, 3 * SECOND - 1), "Hello, \"dear\" caller!");
    assert_eq!(heard(&ledger, 3 * SECOND), "Hello, \"dear\" caller! ");
}

#[test]
fn a_word_the_tts_reads_otherwise_waits_for_the_next_it_has_in_common() {
    let mut ledger = ledger(&["Dr. Smith costs $3 or five dollars."]);
    ledger.push_audio(10 * SECOND);
    let read = ["doctor", "Smith", "costs", "three", "dollars", "or", "five", "dollars"];
    for (word, start) in read.into_iter().zip((0..).step_by(4_000)) {
        ledger.push_word(word, start, start + 4_000);
    }
    assert_eq!(heard(&ledger, 4_000), "");
    assert_eq!(heard(&ledger, 8_000), "Dr. Smith");
    assert_eq!(heard(&ledger, 12_000), "Dr. Smith costs");
    assert_eq!(heard(&ledger, 23_999), "Dr. Smith costs");
    assert_eq!(heard(&ledger, 24_000), "Dr. Smith costs $3 or");
    assert_eq!(heard(&ledger, 32_000), "Dr. Smith costs $3 or five dollars.");
}

#[test]
fn a_finished_clause_is_shared_out_by_its_letters() {
    let mut ledger = ledger(&["aaaa bbbb cc. ", "And more."]);
    ledger.push_audio(10 * SECOND);
    ledger.end_clause(1);
    let margin = RATE.samples_in_ms(ESTIMATE_MARGIN_MS);
    for (tenths, text) in [(4, "aaaa"), (8, "aaaa bbbb")] {
        let due = tenths * SECOND + margin;
        assert_ne!(heard(&ledger, due - 1), text, "{tenths}");
        assert_eq!(heard(&ledger, due), text, "{tenths}");
    }
    assert_eq!(heard(&ledger, 10 * SECOND - 1), "aaaa bbbb");
    assert_eq!(heard(&ledger, 10 * SECOND), "aaaa bbbb cc.");
    ledger.push_audio(SECOND);
    ledger.end_audio();
    assert_eq!(heard(&ledger, 11 * SECOND), "aaaa bbbb cc. And more.");
}

#[test]
fn an_unfinished_clause_is_heard_no_faster_than_slow_speech() {
    let mut ledger = ledger(&["one two 345 "]);
    ledger.push_audio(60 * SECOND);
    let margin = RATE.samples_in_ms(ESTIMATE_MARGIN_MS);
    let letters = |count: u64| count * SECOND / SLOW_LETTERS_PER_S + margin;
    assert_eq!(heard(&ledger, letters(3) - 1), "");
    assert_eq!(heard(&ledger, letters(3)), "one");
    assert_eq!(heard(&ledger, letters(6)), "one two");
    assert_eq!(heard(&ledger, letters(18) - 1), "one two");
    assert_eq!(heard(&ledger, letters(18)), "one two 345");
}

#[test]
fn audio_that_is_not_there_is_not_heard() {
    let mut ledger = ledger(&["Hello there."]);
    assert_eq!(heard(&ledger, u64::MAX), "");
    ledger.end_clause(1);
    ledger.end_clause(7);
    ledger.end_clause(0);
    ledger.end_audio();
    ledger.push_audio(5);
    assert_eq!(ledger.audio_samples(), 0);
    assert_eq!(heard(&ledger, u64::MAX), "");
    assert_eq!(ledger.into_text(), "Hello there.");
}

#[test]
fn text_without_spaces_is_heard_by_the_word() {
    let mut ledger = ledger(&["你好，我是助手。"]);
    ledger.push_audio(2 * SECOND);
    ledger.push_word("你好", 0, 8_000);
    assert_eq!(heard(&ledger, 8_000), "你好，");
}

/// One call to a ledger.
#[derive(Clone, Debug)]
enum Step {
    Clause(String),
    Audio(u64),
    NextWords(u64),
    Word(String, u64, u64),
    EndClause(u32),
    End,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let clause = prop_oneof![
        "([a-z]{1,9}[,.!?]? ){1,8}",
        "[a-zA-Z0-9 .,!?$%’\"()\\-]{0,30}",
        "\\PC{0,12}",
        Just("你好，世界。".to_owned()),
        Just("สวัสดีครับ ".to_owned()),
        Just("👩‍👩‍👧 🇩🇪🇫🇷 e\u{301}te\u{301} ".to_owned()),
    ];
    let step = prop_oneof![
        4 => clause.prop_map(Step::Clause),
        4 => (0..60_000_u64).prop_map(Step::Audio),
        3 => (1..6_u64).prop_map(Step::NextWords),
        1 => ("\\PC{0,6}", any::<u64>(), any::<u64>()).prop_map(|(word, a, b)| Step::Word(word, a, b)),
        2 => (0..9_u32).prop_map(Step::EndClause),
        1 => Just(Step::End),
    ];
    prop::collection::vec(step, 1..24)
}

fn apply(ledger: &mut ReplyLedger, step: &Step) {
    match step {
        Step::Clause(text) => ledger.push_clause(text),
        Step::Audio(samples) => ledger.push_audio(*samples),
        Step::NextWords(count) => push_next_words(ledger, *count),
        Step::Word(word, start, end) => ledger.push_word(word, *start, *end),
        Step::EndClause(clauses) => ledger.end_clause(*clauses),
        Step::End => ledger.end_audio(),
    }
}

/// Reports the true next words, 0.3 s each.
fn push_next_words(ledger: &mut ReplyLedger, count: u64) {
    for _ in 0..count {
        let (from, time) = ledger.marks.last().map_or((0, 0), |mark| (mark.text_end, mark.end_samples.min(1 << 40)));
        let rest = ledger.text().get(from..).unwrap().to_owned();
        let Some(word) = rest.unicode_words().next() else { return };
        ledger.push_word(word, time, time + 4_800);
    }
}

fn check(ledger: &ReplyLedger, end: Option<usize>) -> Result<(), TestCaseError> {
    let audio = ledger.audio_samples();
    let mut points: Vec<u64> = (0..40).map(|n| n * audio / 32).chain([1, u64::MAX, audio]).collect();
    points.extend(ledger.marks.iter().flat_map(|mark| [mark.end_samples.saturating_sub(1), mark.end_samples]));
    points.sort_unstable();
    let mut least = 0;
    for played in points {
        let bytes = ledger.heard_bytes(played);
        prop_assert!(bytes >= least, "shrinks at {played}");
        least = bytes;
        let heard = ledger.text().get(..bytes);
        prop_assert!(heard.is_some(), "{bytes} is no char boundary");
        let whole = Some(bytes) == end && played >= audio;
        prop_assert!(whole || heard.unwrap().trim_end().len() == bytes, "ends in space at {played}");
        let unheard = ledger.marks.iter().find(|mark| mark.end_samples > played);
        prop_assert!(unheard.is_none_or(|mark| bytes <= mark.text_start), "an unplayed word is heard at {played}");
        prop_assert!(played > 0 || bytes == 0);
    }
    if let Some(end) = end.filter(|_| audio > 0) {
        prop_assert_eq!(ledger.heard_bytes(audio), end, "not all is heard");
    }
    Ok(())
}

/// Whether a letter word of ASCII is cut in two by `at`.
fn cuts_a_word(text: &str, at: usize) -> bool {
    let is_letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphabetic());
    is_letter(text[..at].chars().next_back()) && is_letter(text[at..].chars().next())
}

proptest! {
    #[test]
    fn whatever_happens_heard_text_is_an_honest_prefix(steps in steps()) {
        let mut ledger = ReplyLedger::new(RATE);
        let mut end = None;
        for step in &steps {
            if matches!(step, Step::End) && end.is_none() {
                end = Some(ledger.text().len());
            }
            apply(&mut ledger, step);
            check(&ledger, end)?;
        }
    }

    #[test]
    fn estimates_end_at_words(
        clauses in prop::collection::vec("([a-z]{1,9}[,.!?]? ){1,8}", 1..5),
        audio in 1..200_000_u64,
        known in 0..5_u32,
        share in 0..100_u64,
    ) {
        let mut ledger = ReplyLedger::new(RATE);
        for clause in &clauses {
            ledger.push_clause(clause);
        }
        ledger.push_audio(audio);
        ledger.end_clause(known);
        ledger.push_audio(audio);
        let bytes = ledger.heard_bytes(2 * audio * share / 100);
        prop_assert!(!cuts_a_word(ledger.text(), bytes), "{:?}", heard(&ledger, 2 * audio * share / 100));
    }
}

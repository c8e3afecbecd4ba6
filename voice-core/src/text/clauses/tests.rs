use super::*;
use proptest::prelude::*;

/// What comes out after each token, and at last.
fn stream<'a>(tokens: impl IntoIterator<Item = &'a str>) -> Vec<Vec<String>> {
    let mut splitter = ClauseSplitter::default();
    let mut out: Vec<Vec<String>> = Vec::new();
    for token in tokens {
        splitter.push(token);
        out.push(std::iter::from_fn(|| splitter.next_clause()).collect());
    }
    out.push(splitter.finish().into_iter().collect());
    out
}

fn split<'a>(tokens: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    stream(tokens).concat()
}

/// The clauses of a text that is pushed whole, by the character, and as given.
#[track_caller]
fn assert_clauses(table: &[&[&str]]) {
    for clauses in table {
        let text = clauses.concat();
        assert_eq!(split([text.as_str()]), *clauses, "whole");
        assert_eq!(split(text.split_inclusive(|_| true)), *clauses, "by the character");
    }
}

/// The first clause is out when the last of `tokens` is in, and no sooner.
#[track_caller]
fn assert_first_after(tokens: &[&str], clause: &str) {
    let out = stream(tokens.iter().copied());
    let (last, before) = out[..tokens.len()].split_last().unwrap();
    assert!(before.iter().all(Vec::is_empty), "{tokens:?}: too soon: {before:?}");
    assert_eq!(last.first().map(String::as_str), Some(clause), "{tokens:?}");
}

#[test]
fn the_first_clause_goes_out_with_the_token_that_ends_it() {
    assert_first_after(&["Yes", "!"], "Yes!");
    assert_first_after(&["Really", "?"], "Really?");
    assert_first_after(&["Well", "…"], "Well…");
    assert_first_after(&["我", "可以", "。"], "我可以。");
    assert_first_after(&["نعم", "؟"], "نعم؟");
    assert_first_after(&["ठीक", " है", "।"], "ठीक है।");
    assert_first_after(&["Of", " course", ","], "Of course,");
    assert_first_after(&["当然可以", "，"], "当然可以，");
    assert_first_after(&["We", " have", " time", " tomorrow", "."], "We have time tomorrow.");
    assert_first_after(&["Here it is:", "\n"], "Here it is:\n");
    assert_first_after(&["1", ".", " Open the door", ".", "\n"], "1. Open the door.\n");
}

#[test]
fn a_full_stop_that_may_be_something_else_waits() {
    assert_first_after(&["Please", " visit", " our", " example", ".", " Then"], "Please visit our example. ");
    assert_first_after(&["It", " costs", " 3", ".", "50", " now", ".", " O"], "It costs 3.50 now. ");
    assert_first_after(&["One", " moment", ".", ".", ".", " "], "One moment... ");
    assert_first_after(&["Yes", ".", " "], "Yes. ");
    assert_first_after(&["I asked Dr", ".", " Smith", "!"], "I asked Dr. Smith!");
    assert_first_after(&["He said", " \"", "no", "!", "\"", " And"], "He said \"no!\"");
}

#[test]
fn a_first_clause_is_cut_at_a_comma_or_before_a_conjunction_once_it_is_long_enough() {
    assert_clauses(&[
        &["Sure, I can do that for you,", " right away."],
        &["I can check the calendar ", "and then I will call you back."],
        &["Of course,", " and I can see that you have called before, and that is fine."],
        &["The android phone is on the shelf by the door."],
    ]);
}

#[test]
fn later_clauses_are_whole_sentences_of_some_length() {
    assert_clauses(&[
        &["Hello!", " I am here. You are there. We are both on the phone now. ", "What can I do?"],
        &["Hello!", " Yes. No. Maybe."],
        &[
            "Hello!",
            " We could meet on Monday, on Tuesday, or on Wednesday, if that suits you, or in the week after that one, when it is calm here,",
            " as you like.",
        ],
    ]);
}

#[test]
fn abbreviations_numbers_times_and_addresses_are_not_cut() {
    for text in [
        "Dr. Smith and Mrs. Jones vs. Mr. Brown",
        "fruit, e.g. apples, i.e. not pears",
        "J. R. R. Tolkien",
        "He lives in the U.S. Government",
        "No. 5 is alive",
        "etc. and so on",
        "approx. five",
        "bob.smith@example.com",
        "https://example.com/a.b?q=1,2!x",
        "www.example.com?a=b",
        "am 3. Mai",
        "Prof. Dr. Müller",
        "$1,000.50 3.30 10:30 1,5",
        "v1.2.3",
    ] {
        let later = format!("Hello! This sentence is long enough to be cut {text} end");
        let clauses = split([later.as_str()]);
        assert_eq!(clauses.len(), 2, "{clauses:?}");
    }
}

#[test]
fn sentences_end_after_abbreviations_that_a_capital_follows() {
    assert_clauses(&[
        &["Hello!", " The shop opens tomorrow morning at nine a.m. ", "Would that work for you at all?"],
        &["Hello!", " The shop opens tomorrow morning at 3.30 p.m. and closes at 5 p.m. ", "Okay?"],
        &["Hello!", " We are open every day of the week at 9. ", "Shall I book it?"],
        &["Hello!", " You can write to me any time at bob@example.com. ", "Shall I spell it?"],
        &["Hello!", " It costs exactly $3.50 for each of the 1,000.5 pieces. ", "Good?"],
        &["Hello!", " I do not think that I can do that, but so do I. ", "Good?"],
    ]);
}

#[test]
fn quotes_and_brackets_stay_with_their_sentence() {
    assert_clauses(&[
        &["He said \"Hello there!\"", " Then he went."],
        &["(You can do that online.) ", "Then call us."],
        &["**Hello there!**", " What now?"],
        &["«Bonjour !»", " dit-il."],
        &["„Guten Tag!“", " sagte er."],
        &["「こんにちは。」", "と言いました。"],
        &["She said “yes.” ", "And then she left."],
    ]);
}

#[test]
fn other_scripts_have_sentences_too() {
    assert_clauses(&[
        &["¡Hola!", " ¿Cómo está usted?"],
        &["你好！", "我是您的助手，今天我能帮您做些什么呢？", "请说。"],
        &["مرحبا!", " كيف حالك؟"],
        &["नमस्ते।", " आप कैसे हैं?"],
        &["Guten Tag!", " Der Termin ist am 3. Mai um zehn Uhr in der Praxis. ", "Passt das?"],
    ]);
}

#[test]
fn signs_without_words_join_their_neighbour() {
    assert_clauses(&[
        &["😀! Hello!", " 😀"],
        &["--- \n\n# Title\n", "Text"],
        &["\u{0}\u{7}Yes!", "\u{0}"],
        &["...!?... Yes!"],
        &["   "],
    ]);
    assert!(is_speakable("😀 1") && !is_speakable("😀 —"));
}

#[test]
fn text_without_end_is_cut_at_words() {
    let words = "word ".repeat(200);
    let clauses = split([words.as_str()]);
    assert_eq!(clauses[0].len(), 80);
    assert!(clauses.iter().all(|clause| clause.len() <= 240 && clause.ends_with(' ')));

    for unspaced in
        ["你好世界".repeat(100), "สวัสดีครับ".repeat(100), "e\u{301}".repeat(400), "x".repeat(1_000), "👩‍👩‍👧".repeat(200)]
    {
        let clauses = split([unspaced.as_str()]);
        assert_eq!(clauses.concat(), unspaced);
        assert!(clauses.len() > 2 && clauses.iter().all(|clause| clause.chars().count() <= 240), "{clauses:?}");
        assert!(!clauses.iter().any(|clause| clause.starts_with(['\u{301}', '\u{200d}'])), "{clauses:?}");
    }
}

#[test]
fn settings_that_make_no_sense_do_no_harm() {
    let config =
        ClauseConfig { first_clause_min_chars: 0, first_clause_max_chars: 0, min_chars: usize::MAX, max_chars: 0 };
    let mut splitter = ClauseSplitter::new(config);
    splitter.push(&"some words, and more. ".repeat(20));
    let clauses: Vec<String> = std::iter::from_fn(|| splitter.next_clause()).collect();
    assert!(clauses.iter().all(|clause| !clause.is_empty() && clause.len() <= LEAST_MAX_CHARS), "{clauses:?}");
}

#[test]
fn a_huge_text_takes_time_in_proportion() {
    let text = "This is a sentence of an ordinary length, I would say. ".repeat(10_000);
    assert_eq!(split([text.as_str()]).concat(), text);
}

fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => "[a-zA-Z]{1,8}",
        3 => Just(" ".to_owned()),
        3 => "[.,!?:;\"'()*\\-…\n ]{1,4}",
        1 => "[0-9]{1,3}[.,]?",
        1 => prop::sample::select(vec![
            "Dr. ", "e.g. ", "U.S. ", "a.m. ", "www.example.com", "a@b.co", "https://x.y/z?q=1", "。", "，你好", "؟ نعم", "।", "สวัสดี",
            "👩‍👩‍👧", "🇩🇪🇫🇷", "e\u{301}", " and ", " because ", "3. Mai", "\"Yes.\" ",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,6}",
        1 => "\\p{Any}{0,3}",
        1 => "[a-z ]{0,120}",
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// The text in pieces of such lengths, in characters.
fn cut_into(text: &str, lengths: &[usize]) -> Vec<String> {
    let mut chars = text.chars().peekable();
    let mut lengths = lengths.iter().cycle();
    let mut tokens = Vec::new();
    while chars.peek().is_some() {
        tokens.push(chars.by_ref().take(*lengths.next().unwrap_or(&1)).collect());
    }
    tokens
}

proptest! {
    #[test]
    fn clauses_joined_are_the_text_however_it_was_cut(
        text in any_text(),
        lengths in prop::collection::vec(0..9_usize, 1..12),
    ) {
        let lengths: Vec<usize> = lengths.into_iter().chain([1]).collect();
        let clauses = split(cut_into(&text, &lengths).iter().map(String::as_str));
        prop_assert_eq!(clauses.concat(), text.clone());
        prop_assert_eq!(&clauses, &split([text.as_str()]), "the tokens changed the clauses");
        prop_assert!(clauses.iter().all(|clause| !clause.is_empty()));
        let Some((_, all_but_last)) = clauses.split_last() else { return Ok(()) };
        for clause in all_but_last {
            prop_assert!(is_speakable(clause) || clause.chars().count() >= 40, "{:?}", clause);
            prop_assert!(clause.chars().count() <= 240 + 20, "{:?}", clause);
        }
    }
}

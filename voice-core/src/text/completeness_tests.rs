use super::*;

#[track_caller]
fn assert_all(expected: Completeness, texts: &[&str]) {
    for text in texts {
        assert_eq!(completeness(text), expected, "{text:?}");
    }
}

#[test]
fn finished_sentences_and_answers_are_complete() {
    assert_all(
        Completeness::Complete,
        &[
            "I'd like to book an appointment.",
            "Yes",
            "yes.",
            "No",
            "okay",
            "Okay, thanks.",
            "thank you",
            "Yes, please.",
            "that's right",
            "That's all.",
            "No, thank you.",
            "of course",
            "What time do you open?",
            "What are you waiting for?",
            "And you?",
            "Stop!",
            "Please turn it on.",
            "I can't log in.",
            "Do you think so?",
            "On Tuesday.",
            "At 10 30.",
            "It costs $3.50.",
            "A table for 2.",
            "Vitamin C.",
            "my e-mail is bob@example.com.",
            "My number is 0 7 9 1 2 3 4 5 6 7.",
            "She said \"fine.\"",
            "I don't know",
            "I am not well.",
            "是的。",
            "你好吗？",
            "¿Qué hora es?",
            "هل أنت هنا؟",
            "मैं ठीक हूँ।",
            "Das ist gut.",
            "So do I.",
            "no not really.",
        ],
    );
}

#[test]
fn open_ends_are_incomplete() {
    assert_all(
        Completeness::Incomplete,
        &[
            "and",
            "And.",
            "I'd like to book a",
            "I would like the.",
            "because",
            "I want to come on Tuesday, but.",
            "um",
            "Um.",
            "So, uh",
            "I'd like to",
            "I live in",
            "It is about",
            "I'm",
            "it's.",
            "my",
            "I was thinking...",
            "well…",
            "On Tuesday,",
            "I need -",
            "then I",
            "the?",
            "I want to talk with.",
            "a double",
        ],
    );
}

#[test]
fn half_numbers_spellings_and_addresses_are_incomplete() {
    assert_all(
        Completeness::Incomplete,
        &[
            "my number is 0 7 9",
            "four one five",
            "415 555",
            "my number is 10 30",
            "yes I",
            "My number is 0 7 9.",
            "my phone number is 079",
            "zero seven nine",
            "oh seven nine double",
            "it's 4 1 5, 5",
            "b as in",
            "B as in boy",
            "B as in boy.",
            "b for boy",
            "j o h n",
            "J. O. H.",
            "A B 3 X",
            "john at gmail",
            "john at gmail dot",
            "John at Gmail.",
            "my email is john dot smith",
            "my e-mail address is",
            "my email is john underscore",
        ],
    );
}

#[test]
fn the_rest_is_unclear() {
    assert_all(
        Completeness::Unclear,
        &[
            "",
            "   ",
            "?!",
            "I'd like to book an appointment",
            "on Tuesday",
            "a table for 2",
            "please turn it on",
            "I would love to.",
            "the number is 0 7 9 1 2 3 4 5 6 7",
            "john at gmail dot com",
            "voy a la tienda",
            "我想预约",
            "option B",
            "at 10 30",
            "what do you have",
            "at 5",
        ],
    );
}

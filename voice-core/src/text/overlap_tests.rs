use super::*;

const AGENT: &str =
    "We have a free appointment on Tuesday at three, or wait, also one on Friday morning. Which do you prefer?";

#[track_caller]
fn assert_all(expected: Overlap, texts: &[&str]) {
    for text in texts {
        assert_eq!(classify_overlap(text, AGENT), expected, "{text:?}");
    }
}

#[test]
fn sounds_without_words_are_nothing() {
    assert_all(
        Overlap::Nothing,
        &[
            "",
            "   ",
            "...",
            "…?!",
            "[cough]",
            "(laughs)",
            "[BLANK_AUDIO]",
            "*sighs*",
            "<noise>",
            "[cough] (sniffs).",
            "♪ la la ♪",
        ],
    );
}

#[test]
fn listening_is_a_backchannel() {
    assert_all(
        Overlap::Backchannel,
        &[
            "mm-hmm",
            "Mhm.",
            "hm",
            "Hmm…",
            "uh-huh",
            "Uh huh.",
            "um",
            "uhm",
            "er",
            "yeah",
            "Yeah, okay.",
            "uh-huh right",
            "Okay, okay.",
            "right",
            "I see.",
            "got it",
            "oh, I see",
            "yeah yeah yeah",
            "Of course.",
            "All right, thank you.",
            "that's right",
            "makes sense, yeah",
            "[cough] okay",
            "haha",
            "oh wow",
            "Ja, genau.",
            "Oui.",
            "sí, sí",
            "嗯嗯",
        ],
    );
}

#[test]
fn anything_more_is_a_bid() {
    assert_all(
        Overlap::Bid,
        &[
            "wait",
            "Stop.",
            "no",
            "No, no.",
            "hold on",
            "actually",
            "but",
            "what?",
            "Tuesday",
            "hello?",
            "sorry",
            "um I",
            "Okay wait.",
            "yeah but",
            "right, and the other thing",
            "I see a problem",
            "of course not",
            "got it wrong",
            "yeah yeah yeah yeah yeah yeah",
            "can I ask something",
            "(laughs) no",
            "是的但是",
            "moment mal",
            "excuse me",
            "go on then I will",
        ],
    );
}

#[test]
fn the_agents_words_in_their_order_are_an_echo() {
    assert_all(
        Overlap::Echo,
        &[
            "free appointment on Tuesday",
            "appointment on Tuesday at",
            "We have a free appointment on Tuesday at three or wait also one on Friday",
            "have free appointment Tuesday",
            "a free ointment on Tuesday at",
            "also one on Friday morning which do you",
            "which do you prefer?",
            "[noise] on Friday morning",
        ],
    );
}

#[test]
fn an_answer_made_of_the_agents_words_is_a_bid() {
    assert_all(
        Overlap::Bid,
        &[
            "Tuesday at",
            "Friday morning",
            "on Friday please",
            "morning Friday on",
            "not on Friday morning",
            "no Tuesday at three",
            "three at Tuesday on appointment",
            "I would like the free one on Tuesday",
            "wait wait on Friday morning",
            "do you have one on Monday morning",
        ],
    );
    assert_eq!(classify_overlap("on Tuesday at three?", "I have put you down on Tuesday at three."), Overlap::Bid);
    assert_eq!(classify_overlap("on Tuesday at three", ""), Overlap::Bid);
}

#[test]
fn a_stop_word_is_meant_however_short() {
    for text in ["No!", "Wait, what", "please stop."] {
        assert!(has_stop_word(text), "{text}");
    }
    for text in ["Tuesday.", "Oh,", "", "[no]"] {
        assert!(!has_stop_word(text), "{text}");
    }
}

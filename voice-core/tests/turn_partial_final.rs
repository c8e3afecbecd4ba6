//! Finals that end before the speech does: the words of the rest are still to come.

mod turn_support;

use turn_support::{over_agent, play};

#[test]
fn the_turn_waits_for_the_final_of_its_last_words() {
    play(
        "
        60 speech
        900 interim yes please
        1990 quiet
        1995 final-to 1100 Yes, please.
        2000 - => finalize; guess 1 to 1: Yes, please.
        2500 final-to 1850 For two. => discard 1; cancel 1; turn 1 Silence 0-1900: Yes, please. For two.; answer 2 to 1: Yes, please. For two.; release 2
        ",
    );
}

#[test]
fn a_final_that_ends_a_little_before_the_vads_end_covers_the_speech() {
    play(
        "
        60 speech
        900 interim yes please
        1990 quiet
        1995 final-to 1600 Yes, please.
        2000 - => guess 1 to 1: Yes, please.
        2350 - => turn 1 Silence 0-1900: Yes, please.; release 1
        ",
    );
}

#[test]
fn a_final_that_came_before_the_end_of_speech_is_known_to_cover_it() {
    play(
        "
        60 speech
        1895 final-to 1900 Yes, please.
        1990 quiet
        2000 - => guess 1 to 1: Yes, please.
        2350 - => turn 1 Silence 0-1900: Yes, please.; release 1
        ",
    );
}

#[test]
fn the_rest_that_comes_after_the_turn_was_committed_is_of_that_turn() {
    let partial = "
        60 speech
        900 interim yes please
        1990 quiet
        1995 final-to 1100 Yes, please.
        2000 - => finalize; guess 1 to 1: Yes, please.
        2650 - => turn 1 Silence 0-1900: Yes, please.; release 1
        ";
    play(&format!(
        "{partial}
        2700 final-to 1900 For two. => clear 1; end 1 Superseded:; cancel 1; turn 1 Silence 0-1900: Yes, please. For two.; answer 2 to 1: Yes, please. For two.; release 2
        "
    ));
    play(&format!(
        "{partial}
        2660 r1 clause Certainly. => speak 1 Certainly.
        2670 r1 audio 1000
        2690 r1 played 20
        2700 final-to 1900 For two. => turn 1 Silence 0-1900: Yes, please. For two.
        "
    ));
}

#[test]
fn over_the_agent_a_part_that_is_no_bid_is_no_verdict_on_the_rest() {
    over_agent(
        "
        3000 speech => pause 1
        3700 quiet => finalize
        3710 final-to 3200 mm-hmm
        3800 final-to 3600 wait a minute => clear 1; barge-in 1 Words from 2940: We are open from nine.; cancel 1; guess 2 to 2: mm-hmm wait a minute
        ",
    );
}

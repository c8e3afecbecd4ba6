//! Turns that the STT finds and ends itself: silence is only the backstop.

mod turn_support;

use turn_support::{play, play_with};
use voice_core::turn::TurnConfig;

#[test]
fn silence_neither_guesses_nor_ends_what_the_stt_will_end() {
    play(
        "
        60 speech
        500 start what are
        900 interim what are your opening hours?
        1000 quiet
        2100 eager What are your opening hours? => guess 1 to 1: What are your opening hours?
        2300 eot What are your opening hours? => turn 1 Stt 0-910: What are your opening hours?; release 1
        ",
    );
}

#[test]
fn a_turn_that_the_stt_does_not_end_is_ended_by_the_backstop() {
    play(
        "
        60 speech
        500 start what are your opening hours?
        1000 quiet
        3410 - => finalize
        3710 - => turn 1 Silence 0-910: what are your opening hours?; answer 1 to 1: what are your opening hours?; release 1
        ",
    );
    play_with(
        TurnConfig { eot_backstop_ms: 1_000, ..TurnConfig::default() },
        "
        60 speech
        500 start what are your opening hours?
        1000 quiet
        1910 - => finalize
        2000 eot What are your opening hours? => turn 1 Stt 0-910: What are your opening hours?; answer 1 to 1: What are your opening hours?; release 1
        ",
    );
}

#[test]
fn a_pause_within_the_stts_turn_costs_nothing() {
    play(
        "
        60 speech
        500 start my number is
        900 interim my number is five five
        1000 quiet
        1800 speech
        2300 interim my number is five five nine two
        2400 quiet
        2650 eot My number is five five nine two. => turn 1 Stt 0-2310: My number is five five nine two.; answer 1 to 1: My number is five five nine two.; release 1
        ",
    );
}

#[test]
fn a_guess_on_its_eager_end_is_taken_back_with_it() {
    play(
        "
        60 speech
        500 start a table
        1000 quiet
        1100 eager a table for two => guess 1 to 1: a table for two
        1200 resumed => discard 1; cancel 1
        1600 interim a table for two please
        1800 eot a table for two please => turn 1 Stt 0-910: a table for two please; answer 2 to 1: a table for two please; release 2
        ",
    );
}

#[test]
fn after_its_end_silence_rules_again() {
    play(
        "
        60 speech
        500 start hello
        900 quiet
        1100 eot Hello. => turn 1 Stt 0-810: Hello.; answer 1 to 1: Hello.; release 1
        1200 r1 clause Yes? => speak 1 Yes?
        1210 r1 done => finish 1
        1220 r1 audio 300
        1230 r1 spoken
        1530 r1 played 300 => end 1 Completed: Yes?
        2000 speech
        2500 interim what are your opening hours?
        2600 quiet
        2610 - => finalize; guess 2 to 2: what are your opening hours?
        2700 final what are your opening hours?
        2960 - => turn 2 Silence 1940-2510: what are your opening hours?; release 2
        ",
    );
}

#[test]
fn a_stream_that_breaks_owes_no_end_and_the_next_may_find_the_turn_anew() {
    for broke in ["stt-broke", "stt-failed"] {
        play(&format!(
            "
            60 speech
            500 start what are your opening hours?
            1000 quiet
            1005 {broke}
            1010 - => {}guess 1 to 1: what are your opening hours?
            ",
            if broke == "stt-broke" { "finalize; " } else { "" }
        ));
    }
    play(
        "
        60 speech
        500 start what are your
        700 stt-broke
        900 start what are your opening hours?
        1000 quiet
        1300 eot What are your opening hours? => turn 1 Stt 0-910: What are your opening hours?; answer 1 to 1: What are your opening hours?; release 1
        ",
    );
}

#[test]
fn a_turn_that_it_finds_late_is_not_ended_by_silence_any_more() {
    play(
        "
        60 speech
        600 quiet
        610 - => finalize
        1300 start four
        1400 interim four people
        1500 eot Four people. => turn 1 Stt 0-510: Four people.; answer 1 to 1: Four people.; release 1
        ",
    );
    play(
        "
        60 speech
        500 interim four people.
        600 quiet
        610 - => finalize; guess 1 to 1: four people.
        960 -
        1000 start four people.
        1300 eot Four people. => turn 1 Stt 0-510: Four people.; release 1
        ",
    );
}

#[test]
fn other_sources_end_it_as_ever() {
    play_with(
        TurnConfig { max_turn_ms: 3_000, ..TurnConfig::default() },
        "
        60 speech
        500 start and then
        3060 - => finalize
        3200 eot and then => turn 1 Timeout 0-3200: and then; answer 1 to 1: and then; release 1
        ",
    );
    play(
        "
        60 speech
        500 start four people
        1000 quiet
        1050 verdict 0.9
        1110 - => finalize
        1200 eot Four people. => turn 1 Model 0-910: Four people.; answer 1 to 1: Four people.; release 1
        ",
    );
}

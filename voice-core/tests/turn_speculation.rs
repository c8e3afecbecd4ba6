//! Guesses: replies started before the end of turn is certain.

mod turn_support;

use turn_support::{play, play_with};
use voice_core::turn::{Speculation, TurnConfig};

#[test]
fn an_eager_end_of_turn_starts_a_guess_that_the_end_of_turn_releases() {
    play(
        "
        60 speech
        900 eager what are your opening hours => guess 1 to 1: what are your opening hours
        1000 r1 clause From nine. => speak 1 From nine.
        1100 eot What are your opening hours? => turn 1 Stt 0-1100: What are your opening hours?; release 1
        ",
    );
}

#[test]
fn an_eager_end_of_turn_that_was_none_discards_its_guess() {
    play(
        "
        60 speech
        900 eager what are your opening hours => guess 1 to 1: what are your opening hours
        1000 resumed => discard 1; cancel 1
        1200 interim what are your opening hours on Sundays
        1300 eot What are your opening hours on Sundays? => turn 1 Stt 0-1300: What are your opening hours on Sundays?; answer 2 to 1: What are your opening hours on Sundays?; release 2
        ",
    );
}

#[test]
fn a_final_with_other_words_discards_the_guess() {
    play(
        "
        60 speech
        900 interim what are your opening ours?
        1000 quiet
        1010 - => finalize; guess 1 to 1: what are your opening ours?
        1360 -
        1400 final What are your opening hours? => discard 1; cancel 1; turn 1 Silence 0-910: What are your opening hours?; answer 2 to 1: What are your opening hours?; release 2
        ",
    );
}

#[test]
fn words_over_the_guess_are_a_new_guess_when_they_are_stable() {
    play(
        "
        60 speech
        900 interim a table
        1000 quiet
        1010 - => finalize; guess 1 to 1: a table
        1050 interim a table for two => discard 1; cancel 1
        1150 - => guess 2 to 1: a table for two
        1200 final A table for two.
        1360 - => turn 1 Silence 0-910: A table for two.; release 2
        ",
    );
}

#[test]
fn a_turn_costs_only_so_many_guesses() {
    play(
        "
        60 speech
        900 eager one => guess 1 to 1: one
        1000 eager one two => discard 1; cancel 1; guess 2 to 1: one two
        1100 eager one two three => discard 2; cancel 2; guess 3 to 1: one two three
        1200 eager one two three four => discard 3; cancel 3
        1300 eot one two three four => turn 1 Stt 0-1300: one two three four; answer 4 to 1: one two three four; release 4
        ",
    );
}

#[test]
fn without_speculation_the_reply_starts_at_the_end_of_turn() {
    play_with(TurnConfig { speculation: Speculation::Off, ..TurnConfig::default() },
        "
        60 speech
        900 interim what are your opening hours?
        1000 quiet
        1010 - => finalize
        1100 final What are your opening hours?
        1360 - => turn 1 Silence 0-910: What are your opening hours?; answer 1 to 1: What are your opening hours?; release 1
        ",
    );
}

#[test]
fn a_guess_that_fails_is_tried_again_at_the_end_of_turn() {
    play(
        "
        60 speech
        900 interim what are your opening hours?
        1000 quiet
        1010 - => finalize; guess 1 to 1: what are your opening hours?
        1100 r1 failed => discard 1; cancel 1
        1200 final What are your opening hours? => guess 2 to 1: What are your opening hours?
        1210 r2 mute => discard 2; cancel 2
        1360 - => turn 1 Silence 0-910: What are your opening hours?; answer 3 to 1: What are your opening hours?; release 3
        ",
    );
}

//! Words that come after the end of turn was decided.

mod turn_support;

use turn_support::play;

#[test]
fn a_late_final_with_more_words_restarts_an_unheard_reply() {
    play(
        "
        60 speech
        900 interim a table for
        1000 quiet
        1010 - => finalize; guess 1 to 1: a table for
        2610 - => turn 1 Silence 0-910: a table for; release 1
        2700 final a table for two please. => clear 1; end 1 Superseded:; cancel 1; turn 1 Silence 0-910: a table for two please.; answer 2 to 1: a table for two please.; release 2
        ",
    );
}

#[test]
fn a_late_final_with_the_same_words_changes_nothing() {
    play(
        "
        60 speech
        900 interim a table for two.
        1000 quiet
        1010 - => finalize; guess 1 to 1: a table for two.
        1660 - => turn 1 Silence 0-910: a table for two.; release 1
        1700 final A table for two.
        3000 speech => pause 1
        ",
    );
}

#[test]
fn a_late_final_only_corrects_the_turn_once_the_reply_is_heard() {
    play(
        "
        60 speech
        900 interim a table for two.
        1000 quiet
        1010 - => finalize; guess 1 to 1: a table for two.
        1100 r1 clause Certainly. => speak 1 Certainly.
        1200 r1 audio 1000
        1660 - => turn 1 Silence 0-910: a table for two.; release 1
        1700 r1 played 20
        1710 final A cable for two. => turn 1 Silence 0-910: A cable for two.
        ",
    );
}

#[test]
fn a_late_interim_with_more_words_means_the_turn_goes_on() {
    play(
        "
        60 speech
        900 interim a table for two.
        1000 quiet
        1010 - => finalize; guess 1 to 1: a table for two.
        1660 - => turn 1 Silence 0-910: a table for two.; release 1
        1700 interim a table for two. Or three. => clear 1; end 1 Superseded:; cancel 1
        1800 - => guess 2 to 1: a table for two. Or three.
        1900 final A table for two. Or three.
        2150 - => turn 1 Silence 0-910: A table for two. Or three.; release 2
        ",
    );
}

#[test]
fn words_of_a_segment_left_open_are_not_said_twice() {
    play(
        "
        60 speech
        900 interim a table for two.
        1000 quiet
        1010 - => finalize; guess 1 to 1: a table for two.
        1100 r1 clause Certainly. => speak 1 Certainly.
        1200 r1 audio 2000
        1660 - => turn 1 Silence 0-910: a table for two.; release 1
        2000 r1 played 300
        2100 speech => pause 1
        2400 interim a table for two. no make it three => clear 1; barge-in 1 Words from 2040:; cancel 1
        2700 quiet
        2710 - => finalize; guess 2 to 2: no make it three
        2900 final A table for two. No, make it three.
        3060 - => turn 2 Silence 2040-2610: No, make it three.; release 2
        ",
    );
}

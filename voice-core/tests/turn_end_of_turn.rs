//! The end of the caller's turn: every source, no words, keys.

mod turn_support;

use turn_support::{play, play_with};
use voice_core::turn::TurnConfig;

#[test]
fn silence_ends_a_turn_and_the_guess_is_released() {
    play(
        "
        60 speech
        900 interim what are your opening hours?
        1000 quiet
        1010 - => finalize; guess 1 to 1: what are your opening hours?
        1100 r1 clause From nine to five. => speak 1 From nine to five.
        1200 r1 audio 1000
        1250 final What are your opening hours?
        1360 - => turn 1 Silence 0-910: What are your opening hours?; release 1
        ",
    );
}

#[test]
fn the_limit_of_silence_depends_on_how_complete_the_words_look() {
    play(
        "
        60 speech
        900 interim I would like to book a table and
        1000 quiet
        1010 - => finalize; guess 1 to 1: I would like to book a table and
        1100 final I would like to book a table and
        2310 - => turn 1 Silence 0-910: I would like to book a table and; release 1
        ",
    );
}

#[test]
fn digits_being_dictated_are_not_cut_off() {
    play(
        "
        60 speech
        900 interim my number is five five
        1000 quiet
        1010 - => finalize; guess 1 to 1: my number is five five
        1100 final my number is five five
        2000 speech => discard 1; cancel 1
        2600 interim nine two one
        2700 quiet
        2710 - => finalize; guess 2 to 1: my number is five five nine two one
        2800 final nine two one
        4010 - => turn 1 Silence 0-2610: my number is five five nine two one; release 2
        ",
    );
}

#[test]
fn speech_that_resumes_cancels_the_silence() {
    play(
        "
        60 speech
        900 interim a table for two.
        1000 quiet
        1010 - => finalize; guess 1 to 1: a table for two.
        1100 final a table for two.
        1350 speech => discard 1; cancel 1
        1700 interim please.
        1800 quiet
        1810 - => finalize; guess 2 to 1: a table for two. please.
        1900 final please.
        2160 - => turn 1 Silence 0-1710: a table for two. please.; release 2
        ",
    );
}

#[test]
fn no_limit_of_silence_at_all_cuts_no_one_who_still_speaks() {
    play_with(TurnConfig { eot_complete_ms: 0, eot_unclear_ms: 0, eot_incomplete_ms: 0, ..TurnConfig::default() },
        "
        60 speech
        500 interim a table
        700 interim a table for two please
        900 final a table for two please
        1000 interim tonight
        1200 quiet 0 => finalize
        1250 final tonight => turn 1 Silence 0-1200: a table for two please tonight; answer 1 to 1: a table for two please tonight; release 1
        ",
    );
}

#[test]
fn the_stts_end_of_turn_decides_at_once() {
    play(
        "
        60 speech
        900 interim what are your opening hours
        950 eot What are your opening hours? => turn 1 Stt 0-950: What are your opening hours?; answer 1 to 1: What are your opening hours?; release 1
        1000 quiet
        ",
    );
}

#[test]
fn an_end_of_turn_without_words_takes_those_there_are() {
    play(
        "
        60 speech
        900 interim what are your opening hours
        950 eot => turn 1 Stt 0-950: what are your opening hours; answer 1 to 1: what are your opening hours; release 1
        ",
    );
}

#[test]
fn speech_only_the_stt_heard_is_a_turn() {
    play(
        "
        900 interim hello
        1000 - => finalize; guess 1 to 1: hello
        1200 interim hello is anybody there? => discard 1; cancel 1
        1300 - => guess 2 to 1: hello is anybody there?
        1400 final Hello, is anybody there?
        1650 - => turn 1 Silence 900-1200: Hello, is anybody there?; release 2
        ",
    );
}

#[test]
fn a_turn_model_decides_before_silence_does() {
    play(
        "
        60 speech
        900 interim what are your opening hours?
        1000 quiet
        1010 - => finalize; guess 1 to 1: what are your opening hours?
        1050 final what are your opening hours?
        1060 verdict 0.3
        1150 verdict 0.8 => turn 1 Model 0-910: what are your opening hours?; release 1
        ",
    );
}

#[test]
fn a_verdict_of_an_earlier_silence_does_not_count() {
    play(
        "
        60 speech
        900 interim what are your
        1000 quiet
        1005 verdict 0.8
        1010 - => finalize; guess 1 to 1: what are your
        1050 speech => discard 1; cancel 1
        1500 quiet
        1510 - => finalize; guess 2 to 1: what are your
        ",
    );
}

#[test]
fn the_longest_turn_ends_by_timeout() {
    play_with(TurnConfig { max_turn_ms: 5_000, ..TurnConfig::default() },
        "
        60 speech
        900 interim so then I said
        5060 - => finalize
        5200 final so then I said to him => turn 1 Timeout 0-5200: so then I said to him; answer 1 to 1: so then I said to him; release 1
        5300 quiet
        ",
    );
}

#[test]
fn without_the_final_the_interim_counts() {
    play(
        "
        60 speech
        900 interim what are your opening hours?
        1000 quiet
        1010 - => finalize; guess 1 to 1: what are your opening hours?
        1660 - => turn 1 Silence 0-910: what are your opening hours?; release 1
        ",
    );
}

#[test]
fn speech_while_the_final_is_awaited_means_the_turn_goes_on() {
    play(
        "
        60 speech
        900 interim what are your opening hours?
        1000 quiet
        1010 - => finalize; guess 1 to 1: what are your opening hours?
        1500 speech => discard 1; cancel 1
        1900 interim what are your opening hours? on Sundays?
        2000 quiet
        2010 - => finalize; guess 2 to 1: what are your opening hours? on Sundays?
        2100 final What are your opening hours on Sundays?
        2360 - => turn 1 Silence 0-1910: What are your opening hours on Sundays?; release 2
        ",
    );
}

#[test]
fn a_caller_who_stops_sending_audio_is_answered() {
    play(
        "
        60 speech
        900 interim what are your opening hours?
        1000 mute
        1100 - => finalize; guess 1 to 1: what are your opening hours?
        1150 final What are your opening hours?
        1200 speech
        1300 interim not for you
        1450 - => turn 1 Silence 0-1000: What are your opening hours?; release 1
        1500 unmute
        ",
    );
}

#[test]
fn without_an_stt_the_stand_ins_words_are_a_turn() {
    play(
        "
        60 speech
        500 stt-failed
        1000 quiet
        1100 final what are your opening hours? => guess 1 to 1: what are your opening hours?
        1360 - => turn 1 Silence 0-910: what are your opening hours?; release 1
        ",
    );
}

#[test]
fn sound_without_words_is_asked_about_once() {
    play(
        "
        60 speech
        1000 quiet
        1010 - => finalize
        1910 - => say 1 in 1: Sorry, I did not catch that. Could you say it again?; release 1
        1950 r1 clause Sorry. => speak 1 Sorry.
        1960 r1 done => finish 1
        1970 r1 audio 1000
        1980 r1 spoken
        2980 r1 drained 1000 => end 1 Completed: Sorry.
        4060 speech
        5000 quiet
        5010 - => finalize
        5100 final
        ",
    );
}

#[test]
fn a_cough_is_not_asked_about() {
    play(
        "
        60 speech
        500 quiet
        510 - => finalize
        600 final
        9000 hang-up => over CallerHungUp
        ",
    );
}

#[test]
fn keys_are_a_turn() {
    play(
        "
        1000 key 1
        2000 key 2
        3500 - => turn 1 Dtmf 3500-3500: keys 1 2; answer 1 to 1: keys 1 2; release 1
        ",
    );
}

#[test]
fn keys_and_words_are_one_turn() {
    play(
        "
        60 speech
        900 interim my number is
        1000 quiet
        1010 - => finalize; guess 1 to 1: my number is
        1100 key 5 => discard 1; cancel 1
        1200 final my number is
        1300 key 7
        1400 key # => turn 1 Dtmf 0-910: my number is keys 5 7 #; answer 2 to 1: my number is keys 5 7 #; release 2
        ",
    );
}

#[test]
fn new_thresholds_apply_at_once() {
    play_with(
        TurnConfig { eot_complete_ms: 5_000, eot_unclear_ms: 5_000, eot_incomplete_ms: 5_000, ..TurnConfig::default() },
        "
        60 speech
        900 interim a table for two
        1000 quiet
        1010 - => finalize; guess 1 to 1: a table for two
        1100 final a table for two
        1150 eot-after 200 => turn 1 Silence 0-910: a table for two; release 1
        ",
    );
}

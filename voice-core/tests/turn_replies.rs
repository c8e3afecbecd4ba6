//! A reply's life, and what the agent says of itself: texts, tools, failures, idle callers, the end of the call.

mod turn_support;

use turn_support::{play, play_with};
use voice_core::turn::TurnConfig;

#[test]
fn a_text_is_said_when_the_floor_is_free() {
    play(
        "
        60 speech
        100 say Your taxi is here.
        900 interim what are your opening hours?
        1000 quiet
        1010 - => finalize; guess 1 to 1: what are your opening hours?
        1100 final What are your opening hours?
        1360 - => turn 1 Silence 0-910: What are your opening hours?; release 1
        1400 r1 clause From nine. => speak 1 From nine.
        1410 r1 done => finish 1
        1420 r1 audio 500
        1430 r1 spoken
        2000 r1 drained 500 => end 1 Completed: From nine.; say 2 in 2: Your taxi is here.; release 2
        ",
    );
}

#[test]
fn a_text_too_many_drops_the_oldest() {
    play(
        "
        60 speech
        100 say 1
        100 say 2
        100 say 3
        100 say 4
        100 say 5
        100 say 6
        100 say 7
        100 say 8
        100 say 9 => dropped 1
        200 hang-up => dropped 2; dropped 3; dropped 4; dropped 5; dropped 6; dropped 7; dropped 8; dropped 9; over CallerHungUp
        ",
    );
}

#[test]
fn a_protected_text_is_finished() {
    play(
        "
        0 say-protected This call is recorded. => say 1 in 1: This call is recorded.; release 1
        10 r1 clause This call is recorded. => speak 1 This call is recorded.
        20 r1 audio 1000
        500 speech
        600 interim stop that please
        700 unprotect => pause 1
        800 protect => resume 1
        900 interrupt => clear 1; barge-in 1 Command from 440:; cancel 1
        ",
    );
}

#[test]
fn a_tool_runs_only_once_its_reply_is_released() {
    play(
        "
        60 speech
        900 interim book a table for two.
        1000 quiet
        1010 - => finalize; guess 1 to 1: book a table for two.
        1100 r1 tool 7
        1150 final Book a table for two.
        1360 - => turn 1 Silence 0-910: Book a table for two.; release 1; tool 1 7
        1400 r1 tool 8 => tool 1 8
        ",
    );
}

#[test]
fn a_reply_that_runs_a_tool_has_not_stalled() {
    play(
        "
        0 say x => say 1 in 1: x; release 1
        10 r1 tool 7 => tool 1 7
        20000 r1 tool-done 7
        28000 - => end 1 Failed:; cancel 1; say 2 in 2: Sorry, something went wrong on my side. Could you say that again?; release 2
        36000 - => end 2 Failed:; cancel 2
        46000 - => idle; say 3 in 3: Are you still there?; release 3
        ",
    );
}

#[test]
fn a_reply_whose_audio_still_plays_has_not_stalled() {
    play(
        "
        0 say x => say 1 in 1: x; release 1
        10 r1 clause One two three. => speak 1 One two three.
        20 r1 audio 20000
        28020 - => clear 1; end 1 Failed:; cancel 1; say 2 in 2: Sorry, something went wrong on my side. Could you say that again?; release 2
        ",
    );
}

#[test]
fn a_failed_generation_still_plays_what_it_gave() {
    play(
        "
        0 say x => say 1 in 1: x; release 1
        10 r1 clause We are open. => speak 1 We are open.
        20 r1 failed => finish 1
        30 r1 audio 1000
        40 r1 spoken
        900 r1 played 900
        1030 r1 drained 1000 => end 1 Failed: We are open.; cancel 1
        ",
    );
}

#[test]
fn a_failed_voice_still_plays_what_it_gave() {
    play(
        "
        0 say x => say 1 in 1: x; release 1
        10 r1 clause We are open. => speak 1 We are open.
        20 r1 audio 1000
        25 r1 clause-end 1
        30 r1 clause Come in. => speak 1 Come in.
        40 r1 mute
        50 r1 clause Now.
        1030 r1 played 1000 => end 1 Failed: We are open.; cancel 1
        ",
    );
}

#[test]
fn a_reply_that_failed_unheard_is_apologised_for_once() {
    play(
        "
        0 say x => say 1 in 1: x; release 1
        10 r1 failed => end 1 Failed:; cancel 1; say 2 in 2: Sorry, something went wrong on my side. Could you say that again?; release 2
        20 r2 mute => end 2 Failed:; cancel 2
        100 speech
        900 eot hello there => turn 3 Stt 40-900: hello there; answer 3 to 3: hello there; release 3
        1000 quiet
        1100 r3 failed => end 3 Failed:; cancel 3
        ",
    );
}

#[test]
fn a_reply_without_a_word_completes() {
    play(
        "
        60 speech
        900 eot thanks => turn 1 Stt 0-900: thanks; answer 1 to 1: thanks; release 1
        950 quiet
        1000 r1 done => finish 1
        1010 r1 spoken => end 1 Completed:
        ",
    );
}

#[test]
fn an_idle_caller_is_asked_twice_and_then_let_go() {
    play(
        "
        0 say Hello. => say 1 in 1: Hello.; release 1
        10 r1 clause Hello. => speak 1 Hello.
        20 r1 done => finish 1
        30 r1 audio 500
        40 r1 spoken
        1000 r1 drained 500 => end 1 Completed: Hello.
        11000 - => idle; say 2 in 2: Are you still there?; release 2
        11010 r2 clause Still there? => speak 2 Still there?
        11020 r2 done => finish 2
        11030 r2 audio 500
        11040 r2 spoken
        12000 r2 drained 500 => end 2 Completed: Still there?
        22000 - => idle; say 3 in 3: Are you still there?; release 3
        22020 r3 done => finish 3
        22040 r3 spoken => end 3 Completed:
        32040 - => idle; over CallerIdle
        33000 say Hello?
        ",
    );
}

#[test]
fn a_hang_up_loses_no_word() {
    play(
        "
        60 speech
        900 interim what are your opening hours?
        1000 quiet
        1010 - => finalize; guess 1 to 1: what are your opening hours?
        1100 hang-up => discard 1; cancel 1; turn 1 CallEnded 0-910: what are your opening hours?; over CallerHungUp
        1200 hang-up
        1300 speech
        ",
    );
}

#[test]
fn a_hang_up_during_a_pause_tells_what_was_heard() {
    play(
        "
        0 say x => say 1 in 1: x; release 1
        10 r1 clause We are open. => speak 1 We are open.
        20 r1 audio 1000
        25 r1 clause-end 1
        30 r1 clause Come in. => speak 1 Come in.
        40 r1 audio 1000
        1100 r1 played 1100
        1200 speech => pause 1
        1300 interim mm-hmm
        1400 hang-up => turn 2 CallEnded 1140-1400: mm-hmm; clear 1; end 1 CallEnded: We are open.; cancel 1; over CallerHungUp
        ",
    );
}

#[test]
fn the_longest_call_ends() {
    play_with(
        TurnConfig { max_call_ms: 5_000, ..TurnConfig::default() },
        "
        1000 say Hello. => say 1 in 1: Hello.; release 1
        5000 - => clear 1; end 1 CallEnded:; cancel 1; over MaxDuration
        ",
    );
}

#[test]
fn events_of_dead_and_unknown_replies_are_ignored() {
    play(
        "
        0 say x => say 1 in 1: x; release 1
        10 r2 clause Who? 
        20 r1 failed => end 1 Failed:; cancel 1; say 2 in 2: Sorry, something went wrong on my side. Could you say that again?; release 2
        30 r1 clause Me.
        40 r1 audio 1000
        50 r1 drained 1000
        ",
    );
}

#[test]
fn what_a_custom_line_never_played_was_not_heard() {
    play(
        "
        0 say x => say 1 in 1: x; release 1
        10 r1 clause We are open from nine to five. => speak 1 We are open from nine to five.
        20 r1 done => finish 1
        30 r1 audio 2000
        40 r1 spoken
        1000 speech => pause 1
        1500 interim what about Monday => clear 1; barge-in 1 Words from 940:; cancel 1
        ",
    );
}

#[test]
fn a_reply_that_ends_while_it_is_paused_is_cleared() {
    for (ends, how) in [("mute", "Failed"), ("spoken", "Completed")] {
        let rest = if ends == "mute" { "; cancel 1" } else { "" };
        play(&format!(
            "
            0 say Yes. => say 1 in 1: Yes.; release 1
            10 r1 clause Yes. => speak 1 Yes.
            20 r1 done => finish 1
            30 r1 audio 500
            400 speech => pause 1
            410 r1 played 500
            420 r1 {ends} => clear 1; end 1 {how}: Yes.{rest}
            "
        ));
    }
}

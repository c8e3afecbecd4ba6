//! Speech over the agent: what pauses it, what takes the floor, what lets it go on.

mod turn_support;

use turn_support::{over_agent, play_with, policy};
use voice_core::turn::{BargeInPolicy, TurnConfig};

/// The turn is over; of its answer there is no audio yet.
const UNHEARD: &str = "
    60   speech
    900  interim what are your opening hours?
    1000 quiet
    1010 -                                   => finalize; guess 1 to 1: what are your opening hours?
    1100 final What are your opening hours?
    1200 r1 clause We are open from nine.    => speak 1 We are open from nine.
    1360 -                                   => turn 1 Silence 0-910: What are your opening hours?; release 1
";

#[test]
fn words_that_bid_take_the_floor_and_keep_their_first_word() {
    over_agent(
        "
        3000 speech => pause 1
        3010 r1 played 1600
        3200 interim no what about Monday? => clear 1; barge-in 1 Words from 2940: We are open from nine. On; cancel 1
        3900 quiet
        3910 - => finalize; guess 2 to 2: no what about Monday?
        4000 final No, what about Monday?
        4260 - => turn 2 Silence 2940-3810: No, what about Monday?; release 2
        ",
    );
}

#[test]
fn a_start_of_turn_with_a_bid_takes_the_floor() {
    over_agent(
        "
        3000 speech => pause 1
        3100 start wait a minute => clear 1; barge-in 1 StartOfTurn from 2940: We are open from nine.; cancel 1
        ",
    );
}

#[test]
fn a_start_of_turn_without_a_bid_does_not() {
    over_agent(
        "
        3000 speech => pause 1
        3100 start mm-hmm
        3500 quiet => finalize
        3550 final mm-hmm => resume 1
        ",
    );
}

#[test]
fn a_cough_resumes_once_its_verdict_is_in() {
    over_agent(
        "
        3000 speech => pause 1
        3300 quiet => finalize
        3400 final => resume 1
        4000 r1 played 2000
        6000 r1 drained 4000 => end 1 Completed: We are open from nine. On Sundays we are closed.
        ",
    );
}

#[test]
fn a_cough_resumes_without_a_verdict() {
    over_agent(
        "
        3000 speech => pause 1
        3300 quiet => finalize
        3550 - => resume 1
        ",
    );
}

#[test]
fn a_cough_resumes_at_once_when_no_stt_works() {
    over_agent(
        "
        2900 stt-failed
        3000 speech => pause 1
        3300 quiet => resume 1
        ",
    );
}

#[test]
fn a_backchannel_is_not_the_next_turn() {
    over_agent(
        "
        3000 speech => pause 1
        3400 interim mm-hmm
        3600 quiet => finalize
        3700 final Mm-hmm. => resume 1
        6000 r1 drained 4000 => end 1 Completed: We are open from nine. On Sundays we are closed.
        16000 - => idle; say 2 in 3: Are you still there?; release 2
        ",
    );
}

#[test]
fn a_backchannel_that_goes_on_is_a_bid_in_the_end() {
    over_agent(
        "
        3000 speech => pause 1
        3400 interim yeah
        3800 - => clear 1; barge-in 1 Duration from 2940: We are open from nine.; cancel 1
        ",
    );
}

#[test]
fn final_words_decide_while_the_vad_still_hears_speech() {
    over_agent(
        "
        # The STT's end came before the VAD's: the reply is not left paused.
        3000 speech => pause 1
        3400 final mm-hmm => resume 1
        3700 quiet
        3710 - => finalize
        6000 r1 drained 4000 => end 1 Completed: We are open from nine. On Sundays we are closed.
        16000 - => idle; say 2 in 2: Are you still there?; release 2
        ",
    );
}

#[test]
fn an_end_of_turn_before_the_vads_end_takes_the_floor_and_is_answered() {
    over_agent(
        "
        3000 speech => pause 1
        3400 eot what about Monday? => clear 1; barge-in 1 Words from 2940: We are open from nine.; cancel 1; turn 2 Stt 2940-3400: what about Monday?; answer 2 to 2: what about Monday?; release 2
        3700 quiet
        ",
    );
}

#[test]
fn an_end_of_turn_without_a_bid_resumes() {
    over_agent(
        "
        3000 speech => pause 1
        3400 eot okay => resume 1
        3700 quiet
        ",
    );
}

#[test]
fn a_bid_that_comes_after_the_resume_takes_the_floor() {
    over_agent(
        "
        3000 speech => pause 1
        3300 quiet => finalize
        3550 - => resume 1
        3700 final no stop please => clear 1; barge-in 1 Words from 2940: We are open from nine.; cancel 1; guess 2 to 2: no stop please
        3910 - => turn 2 Silence 2940-3210: no stop please; release 2
        ",
    );
}

#[test]
fn a_bid_the_vad_never_noticed_takes_the_floor() {
    over_agent(
        "
        3000 interim wait I meant Monday => clear 1; barge-in 1 Words from 3000: We are open from nine.; cancel 1
        3100 - => finalize; guess 2 to 2: wait I meant Monday
        3200 final wait I meant Monday
        3700 - => turn 2 Silence 3000-3000: wait I meant Monday; release 2
        ",
    );
}

#[test]
fn speech_that_lasts_takes_the_floor_without_words() {
    over_agent(
        "
        3000 speech => pause 1
        3800 - => clear 1; barge-in 1 Duration from 2940: We are open from nine.; cancel 1
        ",
    );
}

#[test]
fn two_coughs_are_not_speech_that_lasts() {
    over_agent(
        "
        3000 speech => pause 1
        3500 quiet => finalize
        3600 speech
        4100 quiet => finalize
        4350 - => resume 1
        ",
    );
}

#[test]
fn a_pause_ends_at_its_longest() {
    over_agent(
        "
        3000 speech => pause 1
        3700 quiet => finalize
        3900 speech
        4600 quiet => finalize
        4800 speech
        5000 - => clear 1; barge-in 1 Duration from 4740: We are open from nine.; cancel 1
        ",
    );
}

#[test]
fn a_key_takes_the_floor() {
    over_agent(
        "
        3000 key 1 => clear 1; barge-in 1 Command from 3000: We are open from nine.; cancel 1
        3500 key # => turn 2 Dtmf 3500-3500: keys 1 #; answer 2 to 2: keys 1 #; release 2
        ",
    );
}

#[test]
fn words_and_the_drained_report_at_the_same_instant_end_the_reply_once() {
    over_agent(
        "
        3000 speech => pause 1
        3200 r1 drained 4000 => clear 1; end 1 Completed: We are open from nine. On Sundays we are closed.
        3200 interim what about Monday?
        3800 quiet
        3810 - => finalize; guess 2 to 2: what about Monday?
        ",
    );
}

#[test]
fn the_drained_report_after_the_bid_at_the_same_instant_is_ignored() {
    over_agent(
        "
        3000 speech => pause 1
        3200 interim no what about Monday? => clear 1; barge-in 1 Words from 2940: We are open from nine.; cancel 1
        3200 r1 drained 4000
        3200 r1 clause And more.
        3200 r1 audio 500
        ",
    );
}

#[test]
fn what_was_played_before_the_cut_counts_as_heard() {
    over_agent(
        "
        # The report of what was played comes right before the cut.
        2510 r1 played 990
        3000 speech => pause 1
        3199 r1 played 3980
        3200 interim no what about Monday? => clear 1; barge-in 1 Words from 2940: We are open from nine. On Sundays we are; cancel 1
        ",
    );
}

#[test]
fn muting_over_the_agent_is_the_end_of_the_speech() {
    over_agent(
        "
        3000 speech => pause 1
        3200 mute => finalize
        3450 - => resume 1
        3500 speech
        3600 interim what about Monday?
        ",
    );
}

#[test]
fn speech_before_the_first_audio_joins_the_turn() {
    play_with(
        TurnConfig::default(),
        &(UNHEARD.to_owned()
            + "
        1500 speech => pause 1
        1700 interim on Sundays => clear 1; end 1 Superseded:; cancel 1
        2000 quiet
        2010 - => finalize; guess 2 to 1: What are your opening hours? on Sundays
        2100 final on Sundays?
        2360 - => turn 1 Silence 0-1910: What are your opening hours? on Sundays?; release 2
        "),
    );
}

#[test]
fn a_cough_before_the_first_audio_holds_the_reply_and_lets_it_go() {
    play_with(
        TurnConfig::default(),
        &(UNHEARD.to_owned()
            + "
        1500 speech => pause 1
        1600 r1 audio 1000
        1800 quiet => finalize
        1900 final => resume 1
        2900 r1 played 1000
        "),
    );
}

#[test]
fn lasting_speech_before_the_first_audio_takes_the_floor_without_a_signal() {
    play_with(
        policy(BargeInPolicy::Immediate),
        &(UNHEARD.to_owned()
            + "
        1500 speech => pause 1
        1600 r1 audio 1000
        2300 - => clear 1; end 1 Superseded:; cancel 1
        "),
    );
}

#[test]
fn a_word_made_of_a_cough_does_not_take_the_floor() {
    over_agent(
        "
        3000 speech => pause 1
        3010 r1 played 1600
        3160 interim Billy.
        3240 quiet => finalize
        3300 final Billy. => resume 1
        6000 r1 drained 4000 => end 1 Completed: We are open from nine. On Sundays we are closed.
        ",
    );
}

#[test]
fn a_stop_word_takes_the_floor_however_short_it_was() {
    over_agent(
        "
        3000 speech => pause 1
        3160 interim Stop. => clear 1; barge-in 1 Words from 2940: We are open from nine.; cancel 1
        ",
    );
}

#[test]
fn interim_words_of_the_first_moment_wait_for_more_sound() {
    over_agent(
        "
        3000 speech => pause 1
        3010 r1 played 1600
        3160 interim let us let
        3460 interim Let us talk about => clear 1; barge-in 1 Words from 2940: We are open from nine. On; cancel 1
        ",
    );
}

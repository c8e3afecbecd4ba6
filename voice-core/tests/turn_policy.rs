//! Who may interrupt: barge-in policies and protected replies.

mod turn_support;

use turn_support::{over_agent, over_agent_with, policy};
use voice_core::turn::BargeInPolicy;

#[test]
fn immediate_takes_the_floor_at_once() {
    over_agent_with(
        policy(BargeInPolicy::Immediate),
        "
        3000 speech => clear 1; barge-in 1 Policy from 2940: We are open from nine.; cancel 1
        ",
    );
}

#[test]
fn min_words_counts_words_and_not_time() {
    over_agent_with(
        policy(BargeInPolicy::MinWords(3)),
        "
        3000 speech => pause 1
        3300 interim stop
        4500 interim stop that please => clear 1; barge-in 1 Words from 2940: We are open from nine.; cancel 1
        ",
    );
}

#[test]
fn too_few_words_for_the_policy_are_the_next_turn() {
    over_agent_with(policy(BargeInPolicy::MinWords(3)),
        "
        3000 speech => pause 1
        3300 quiet => finalize
        3400 final stop => resume 1
        6000 r1 drained 4000 => end 1 Completed: We are open from nine. On Sundays we are closed.; turn 2 Silence 2940-3210: stop; answer 2 to 2: stop; release 2
        ",
    );
}

#[test]
fn never_lets_the_agent_finish_and_answers_after() {
    over_agent_with(policy(BargeInPolicy::Never),
        "
        3000 speech
        3200 interim what about Monday?
        3900 quiet
        3910 - => finalize
        4000 final What about Monday?
        6000 r1 drained 4000 => end 1 Completed: We are open from nine. On Sundays we are closed.; turn 2 Silence 2940-3810: What about Monday?; answer 2 to 2: What about Monday?; release 2
        ",
    );
}

#[test]
fn a_protected_reply_is_finished() {
    over_agent(
        "
        2900 protect
        3000 speech
        3400 eot what about Monday?
        3700 quiet
        3710 - => finalize
        6000 r1 drained 4000 => end 1 Completed: We are open from nine. On Sundays we are closed.; turn 2 Stt 2940-3610: what about Monday?; answer 2 to 2: what about Monday?; release 2
        ",
    );
}

#[test]
fn protection_that_comes_during_the_pause_resumes() {
    over_agent(
        "
        3000 speech => pause 1
        3100 protect => resume 1
        3200 unprotect => pause 1
        3300 never => resume 1
        ",
    );
}

#[test]
fn stop_is_obeyed_even_by_a_protected_reply() {
    over_agent(
        "
        2900 protect
        3000 interrupt => clear 1; barge-in 1 Command from 3000: We are open from nine.; cancel 1
        3010 interrupt
        ",
    );
}

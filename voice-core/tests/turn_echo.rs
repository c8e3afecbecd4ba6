//! The agent's own words coming back as the caller's.

mod turn_support;

use turn_support::over_agent;

#[test]
fn the_agents_own_words_are_an_echo() {
    over_agent(
        "
        3000 speech => pause 1
        3300 interim we are open from
        3500 quiet => finalize
        3600 final we are open from nine => resume 1
        6000 r1 drained 4000 => end 1 Completed: We are open from nine. On Sundays we are closed.
        ",
    );
}

#[test]
fn an_echo_the_vad_never_noticed_is_dropped() {
    over_agent(
        "
        3300 interim we are open from
        3400 - => finalize
        6000 r1 drained 4000 => end 1 Completed: We are open from nine. On Sundays we are closed.
        16000 - => idle; say 2 in 3: Are you still there?; release 2
        ",
    );
}

#[test]
fn an_echo_that_comes_after_the_agent_fell_silent_is_no_turn() {
    over_agent(
        "
        5300 r1 drained 4000 => end 1 Completed: We are open from nine. On Sundays we are closed.
        5400 speech
        5600 interim on Sundays we are closed
        5700 quiet
        5710 - => finalize
        5800 final On Sundays we are closed.
        16060 - => idle; say 2 in 3: Are you still there?; release 2
        ",
    );
}

#[test]
fn a_yes_over_the_last_syllable_is_an_answer() {
    over_agent(
        "
        4900 r1 played 3600
        5000 speech => pause 1
        5300 quiet => finalize
        5400 final yes => resume 1
        5800 r1 drained 4000 => end 1 Completed: We are open from nine. On Sundays we are closed.; turn 2 Silence 4940-5210: yes; answer 2 to 2: yes; release 2
        ",
    );
}

//! An agent that speaks, for tests of what is said over it.

use super::play_with;
use voice_core::turn::{BargeInPolicy, TurnConfig};

/// The caller asks, and hears the first second of a four-second answer.
const AUDIBLE: &str = "
    60   speech
    900  interim what are your opening hours?
    1000 quiet
    1010 -                                   => finalize; guess 1 to 1: what are your opening hours?
    1100 final What are your opening hours?
    1200 r1 clause We are open from nine.    => speak 1 We are open from nine.
    1210 r1 audio 1000
    1220 r1 clause-end 1
    1230 r1 clause On Sundays we are closed. => speak 1 On Sundays we are closed.
    1240 r1 done                             => finish 1
    1250 r1 audio 3000
    1260 r1 spoken
    1360 -                                   => turn 1 Silence 0-910: What are your opening hours?; release 1
    2500 r1 played 1100
";

/// The default thresholds, but for the policy.
pub fn policy(barge_in: BargeInPolicy) -> TurnConfig {
    TurnConfig { barge_in, ..TurnConfig::default() }
}

/// Plays `rows` after the agent has become audible.
pub fn over_agent(rows: &str) {
    over_agent_with(TurnConfig::default(), rows);
}

/// As [`over_agent`], with other thresholds.
pub fn over_agent_with(config: TurnConfig, rows: &str) {
    play_with(config, &(AUDIBLE.to_owned() + rows));
}

//! Every threshold of the turn machine in one place.

use super::probability;
use serde::{Deserialize, Serialize};

/// When caller speech takes the turn from a speaking agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BargeInPolicy {
    /// Any speech, as soon as it is noticed: pause and commit in one step.
    Immediate,
    /// Pause at once; commit when the words are a bid for the turn or the speech lasts. The default.
    Confirmed,
    /// As `Confirmed`, but only this many words are a bid, and lasting speech without words is not.
    MinWords(u32),
    /// The agent finishes; what the caller said meanwhile is their next turn.
    Never,
}

/// Whether a reply may be interrupted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protection {
    /// The call's policy decides.
    #[default]
    Interruptible,
    /// It is finished whatever the caller says (legal text, a goodbye).
    Protected,
}

/// Whether a reply may be started before the end of the turn is certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speculation {
    /// Replies start on an eager end of turn and are held until it is confirmed.
    On,
    /// Replies start at the end of turn.
    Off,
}

/// The policy of a call. The defaults suit a phone call; all of it can be changed during the call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TurnConfig {
    /// When caller speech takes the turn.
    pub barge_in: BargeInPolicy,
    /// Speech that lasts this long over the agent is a bid even without words. A cough lasts under half a second and
    /// a backchannel under 0.7 s.
    pub commit_speech_ms: u64,
    /// Words over the agent in a sound shorter than this are what an STT makes of a cough, unless a word like "no" or
    /// "stop" is among them: interim ones are not yet a bid, and a single final one is none. A syllable takes about
    /// 200 ms.
    pub bid_speech_ms: u64,
    /// After overlapping speech ended without a bid: how long to wait for the STT's word on it before resuming.
    pub verdict_wait_ms: u64,
    /// The longest pause without a decision; then speech that still goes on commits, and anything else resumes.
    pub max_pause_ms: u64,
    /// Silence that ends a turn whose words look complete.
    pub eot_complete_ms: u64,
    /// Silence that ends a turn whose words say nothing either way.
    pub eot_unclear_ms: u64,
    /// Silence that ends a turn whose words look unfinished, or that is being spelled or dictated.
    pub eot_incomplete_ms: u64,
    /// Silence that ends a turn which the STT has found (`StartOfTurn`) and does not end. Until then such a turn is the
    /// STT's: the three limits above do not end it, and silence alone starts no guess in it. Such STTs usually say so
    /// after a quarter of a second, 1.6 s at the worst that was recorded, and by themselves after 5 s.
    pub eot_backstop_ms: u64,
    /// Silence before a turn model's verdict of "complete" ends the turn. Without verdicts
    /// ([`Input::TurnVerdict`](super::Input::TurnVerdict)) it has no effect, and the session gives none.
    pub eot_model_ms: u64,
    /// A verdict at or above this probability is "complete".
    #[serde(with = "probability")]
    pub eot_model_probability: f32,
    /// After the end of turn: how long to wait for the final transcript before the last interim is taken instead.
    pub final_wait_ms: u64,
    /// The longest turn of a caller who never pauses; then it ends by timeout.
    pub max_turn_ms: u64,
    /// Whether replies start before the end of turn is certain.
    pub speculation: Speculation,
    /// Silence after which a stable interim is worth a speculative reply, and the STT is asked for its final.
    pub speculate_ms: u64,
    /// How many speculative replies one turn may cost.
    pub max_speculations: u32,
    /// Nobody spoke for this long after the agent finished: the caller is idle.
    pub caller_idle_ms: u64,
    /// How often an idle caller is prompted before the call ends.
    pub max_idle_prompts: u32,
    /// What an idle caller is asked; without it idleness only ends the call.
    pub idle_prompt: Option<String>,
    /// Said once when sound but no words came through.
    pub not_heard_prompt: Option<String>,
    /// Speech shorter than this without words is not worth that prompt: a cough lasts under half a second.
    pub not_heard_speech_ms: u64,
    /// A reply that makes no progress for this long has failed.
    pub reply_stall_ms: u64,
    /// Said when a reply failed before a word of it was heard.
    pub failure_apology: Option<String>,
    /// The longest call.
    pub max_call_ms: u64,
    /// Keys pressed within this time of each other are one entry; `#` ends it at once.
    pub dtmf_gap_ms: u64,
}

impl Default for TurnConfig {
    fn default() -> Self {
        Self {
            barge_in: BargeInPolicy::Confirmed,
            commit_speech_ms: 800,
            bid_speech_ms: 400,
            verdict_wait_ms: 250,
            max_pause_ms: 2_000,
            eot_complete_ms: 450,
            eot_unclear_ms: 700,
            eot_incomplete_ms: 1_400,
            eot_backstop_ms: 2_500,
            eot_model_ms: 200,
            eot_model_probability: 0.6,
            final_wait_ms: 300,
            max_turn_ms: 60_000,
            speculation: Speculation::On,
            speculate_ms: 100,
            max_speculations: 3,
            caller_idle_ms: 10_000,
            max_idle_prompts: 2,
            idle_prompt: Some("Are you still there?".into()),
            not_heard_prompt: Some("Sorry, I did not catch that. Could you say it again?".into()),
            not_heard_speech_ms: 500,
            reply_stall_ms: 8_000,
            failure_apology: Some("Sorry, something went wrong on my side. Could you say that again?".into()),
            max_call_ms: 3_600_000,
            dtmf_gap_ms: 1_500,
        }
    }
}

//! What users of conversation engines complain about most, as tests of whole calls in simulated time.
//!
//! | | complaint | module |
//! |---|---|---|
//! | 1 | several calls in one process disturb each other | `calls_disturb` |
//! | 2 | timers that add a second before the answer | `timers` |
//! | 3 | barge-in slow, absent, or the client's buffer plays on | `barge_in` |
//! | 4 | stopped by a cough, then silence | `cough` |
//! | 5 | history and transcript hold words never heard, or lose words that were | `heard_words` |
//! | 6 | the caller's first word is lost on an interruption | `heard_words` |
//! | 7 | the agent hears itself | `echo` |
//! | 8 | numbers, addresses and spelling are cut off | `heard_words` |
//! | 9 | gaps in the audio over WebSocket | `audio_gaps` |
//! | 10 | a tool runs on after the reply was cut | `tools` |
//! | 11 | a provider's socket drops in mid-call | `drops` |
//! | 12 | nobody can tell where the time went | `whose_time` |
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]
#![allow(clippy::disallowed_methods, reason = "the test owns its clock")]

mod complaints {
    mod audio_gaps;
    mod barge_in;
    mod calls_disturb;
    mod cough;
    mod drops;
    mod echo;
    mod heard_words;
    mod timers;
    mod tools;
    mod whose_time;
}
mod support;

use support::agent;
use voice_core::provider::scripted::{LlmConfig, LlmLog, LlmReply, ScriptedLlm, ScriptedStt, ScriptedTts, SttConfig};
use voice_core::provider::scripted::{TtsConfig, Utterance};
use voice_core::session::Agent;
use voice_core::stage::Role;

fn hears(utterances: Vec<Utterance>) -> ScriptedStt {
    ScriptedStt::new(SttConfig { utterances, ..SttConfig::default() })
}

fn says(replies: &[&str]) -> ScriptedLlm {
    ScriptedLlm::new(LlmConfig::default(), replies.iter().map(|reply| LlmReply::text(reply)).collect())
}

fn voice() -> ScriptedTts {
    ScriptedTts::new(TtsConfig::default())
}

/// An agent of quick stages, and what its model was asked.
fn logged_agent(utterances: Vec<Utterance>, replies: &[&str]) -> (Agent, LlmLog) {
    let llm = says(replies);
    let log = llm.log();
    (agent(hears(utterances), llm, voice()), log)
}

/// The agent's words in what the model was asked last.
fn remembered(log: &LlmLog) -> Vec<String> {
    let generations = log.generations();
    let messages = &generations.last().expect("the model was asked").request.messages;
    messages.iter().filter(|m| m.role == Role::Agent && !m.text.is_empty()).map(|m| m.text.clone()).collect()
}

const LONG: &str = "Very well, I am going to book the table for Monday evening at eight, and you will get a message.";

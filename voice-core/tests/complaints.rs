//! What users of conversation engines complain about most, as tests of whole calls in simulated time.
//!
//! 1. Several calls in one process disturb each other. 2. Timers that add a second before the answer. 3. Barge-in that is
//! slow, absent, or lets the client's buffer play on. 4. Stopped by a cough, then silence. 5. History and transcript hold
//! words that were never heard, or lose words that were. 6. The caller's first word is lost on an interruption. 7. The agent
//! hears itself. 8. Numbers, addresses and spelling are cut off. 9. Gaps in the audio over WebSocket. 10. A tool runs on after
//! the reply was cut. 11. A provider's socket drops in mid-call. 12. Nobody can tell where the time went.
//!
//! Each has a module of its name below.
#![cfg(feature = "scripted")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

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

//! The three vendors of a call, as they are on the wire: Flux, a Groq-like chat and Cartesia, served on loopback.
#![allow(unreachable_pub, dead_code, reason = "each test file uses its own part")]

use crate::support::agent;
use std::sync::Arc;
use voice_core::provider::ApiKey;
use voice_core::provider::cartesia::{CartesiaConfig, CartesiaTts};
use voice_core::provider::deepgram::{FluxConfig, FluxStt};
use voice_core::provider::fakes::{Ear, FakeTurn, Fakes, FakesConfig};
use voice_core::provider::openai::{ChatConfig, ChatLlm};
use voice_core::provider::scripted::{LlmConfig, LlmReply, ScriptedLlm, ScriptedTts, TtsConfig};
use voice_core::session::Agent;

/// What the vendors hear, think and speak with: these turns and these replies, and no time of their own.
pub fn talk(turns: Vec<FakeTurn>, replies: &[&str]) -> FakesConfig {
    let replies = replies.iter().map(|reply| LlmReply::text(reply)).collect();
    let mut config = FakesConfig::default();
    config.flux.ear = Ear::Script(turns);
    config.chat.brain = Arc::new(ScriptedLlm::new(LlmConfig::default(), replies));
    config.cartesia.voice = Arc::new(ScriptedTts::new(TtsConfig::default()));
    config
}

pub fn key(setting: &str) -> Option<ApiKey> {
    Some(ApiKey::new("a key of the tests", setting))
}

pub fn flux(fakes: &Fakes) -> FluxConfig {
    FluxConfig { key: key("DEEPGRAM_API_KEY"), url: fakes.http_url(), ..FluxConfig::default() }
}

pub fn chat(fakes: &Fakes) -> ChatConfig {
    let key = ApiKey::new("a key of the tests", "GROQ_API_KEY");
    ChatConfig { url: format!("{}/v1", fakes.http_url()), ..ChatConfig::groq(key, "openai/gpt-oss-20b") }
}

pub fn cartesia(fakes: &Fakes) -> CartesiaConfig {
    let key = key("CARTESIA_API_KEY");
    CartesiaConfig { key, url: fakes.http_url(), voice: "a voice".into(), ..CartesiaConfig::default() }
}

/// An agent behind the three.
pub fn chain(fakes: &Fakes) -> Agent {
    let stt = FluxStt::new(flux(fakes)).expect("the settings are right");
    let llm = ChatLlm::new(chat(fakes)).expect("the settings are right");
    let tts = CartesiaTts::new(cartesia(fakes)).expect("the settings are right");
    agent(stt, llm, tts)
}

//! Two who talk: an agent by script, and sounds that stand for a caller's speech.

use std::f32::consts::TAU;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use voice_core::provider::scripted::{
    LlmConfig, LlmReply, LoudVad, ScriptedLlm, ScriptedStt, ScriptedTts, SttConfig, TtsConfig, TtsSound, Utterance,
};
use voice_core::session::{Agent, AgentConfig};
use voice_core::stage::Role;

const RATE_HZ: u32 = 16_000;

/// A busy browser may send no sound for a while in the middle of a tone: it is one utterance nevertheless.
const GAP_MS: u64 = 800;

/// An agent that greets, hears `heard` whatever the sound, and gives one answer after the other: the same again to words that
/// were a guess at first.
pub(crate) fn agent(greeting: &str, heard: &[&str], answers: &'static [&'static str]) -> Agent {
    let utterances = heard.iter().copied().map(Utterance::say).collect();
    let llm = LlmConfig { first_token_ms: 40, token_ms: 5, ..LlmConfig::default() };
    Agent {
        stt: Arc::new(ScriptedStt::new(SttConfig { utterances, gap_ms: GAP_MS, ..SttConfig::default() })),
        llm: Arc::new(ScriptedLlm::with(llm, |request, _| {
            let turns = request.messages.iter().filter(|message| message.role == Role::Caller).count();
            answers.get(turns.saturating_sub(1) % answers.len().max(1)).copied().map(LlmReply::text).unwrap_or_default()
        })),
        tts: Arc::new(ScriptedTts::new(TtsConfig { sound: TtsSound::Tone, ..TtsConfig::default() })),
        vad: Arc::new(LoudVad),
        tools: Vec::new(),
        config: AgentConfig { greeting: Some(greeting.into()), ..AgentConfig::default() },
    }
}

/// A tone of `sound_ms` after silence of `before_ms`; it stands for speech.
pub(crate) fn sound(folder: &Path, name: &str, before_ms: u32, sound_ms: u32) -> PathBuf {
    let path = folder.join(name);
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE_HZ,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    let samples = |ms: u32| ms * RATE_HZ / 1_000;
    (0..samples(before_ms)).for_each(|_| writer.write_sample(0_i16).unwrap());
    for n in 0..samples(sound_ms) {
        writer.write_sample((9_000.0 * (TAU * 440.0 * n as f32 / RATE_HZ as f32).cos()) as i16).unwrap();
    }
    (0..samples(300)).for_each(|_| writer.write_sample(0_i16).unwrap());
    writer.finalize().unwrap();
    path
}

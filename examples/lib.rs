//! What the examples share: a caller made of tones on the in-memory line.
//!
//! Each example runs with `cargo run --example NAME`. The engines are the scripted ones, so no key and no model is
//! needed; any other engine takes their place by implementing the same traits.

use std::sync::Arc;
use std::time::Duration;
use tokio::time::MissedTickBehavior;
use voice_core::audio::Frame;
use voice_core::provider::scripted::{LoudVad, ScriptedStt, ScriptedTts, SttConfig, TtsConfig, Utterance};
use voice_core::session::{Agent, AgentConfig};
use voice_core::stage::Llm;
use voice_core::transport::{LineInfo, LineInput, MemoryPeer, PlayedReports, Rebuffer};
use voice_core::units::{Position, SampleRate};

/// A line of 16 kHz whose far end obeys pause and clear.
pub const LINE: LineInfo =
    LineInfo { rate: SampleRate::Hz16000, rebuffer: Rebuffer::PauseAndClear, played: PlayedReports::PacingClock };

/// An agent that hears these utterances, one for each stretch of sound, and answers with `llm`.
pub fn agent(utterances: &[&str], llm: impl Llm + 'static) -> Agent {
    let utterances = utterances.iter().map(|text| Utterance::say(text)).collect();
    Agent {
        stt: Arc::new(ScriptedStt::new(SttConfig { utterances, ..SttConfig::default() })),
        llm: Arc::new(llm),
        tts: Arc::new(ScriptedTts::new(TtsConfig::default())),
        vad: Arc::new(LoudVad),
        tools: Vec::new(),
        config: AgentConfig::default(),
    }
}

/// Sends 20 ms frames in real time: `script` alternates milliseconds of silence and of speech. Reads and drops what
/// the agent says, as a loudspeaker would.
pub async fn caller(mut peer: MemoryPeer, script: &[u64]) {
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut position = Position::ZERO;
    for (part, ms) in script.iter().enumerate() {
        let level = if part % 2 == 0 { 0 } else { 6_000 };
        let samples: [i16; 320] = std::array::from_fn(|n| if n % 8 < 4 { level } else { -level });
        for _ in 0..ms / 20 {
            ticks.tick().await;
            while peer.try_recv().is_some() {}
            // The call may be over already: then nobody listens.
            let _ = peer.send(LineInput::Audio(Frame::new(position, &samples)));
            position = position.plus(320);
        }
    }
}

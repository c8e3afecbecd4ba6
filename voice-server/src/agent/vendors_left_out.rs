//! A build without vendors.

use super::AgentError;
use super::part::Part;
use crate::choice::{LlmEngine, Named, SttEngine, TtsEngine};
use crate::config::Settings;
use voice_core::stage::{Llm, Stt, Tts};

/// Whether this build has them.
pub(super) const BUILT_IN: bool = false;

fn left_out<E: Named, T: ?Sized>(engine: E) -> Result<Part<T>, AgentError> {
    let reason = "this build leaves it out; build with the feature `vendors`".into();
    Err(AgentError::Insisted { key: E::KEY, engine: engine.name(), reason })
}

pub(super) fn stt(engine: SttEngine, _settings: &Settings) -> Result<Part<dyn Stt>, AgentError> {
    left_out(engine)
}

pub(super) fn llm(engine: LlmEngine, _settings: &Settings) -> Result<Part<dyn Llm>, AgentError> {
    left_out(engine)
}

pub(super) fn tts(engine: TtsEngine, _settings: &Settings) -> Result<Part<dyn Tts>, AgentError> {
    left_out(engine)
}

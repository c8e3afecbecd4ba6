//! Which of the engines of this machine a stage gets: the best there is, a stand-in, or what the configuration insists on.

use super::AgentError;
use super::local::Engines;
use crate::choice::{SttEngine, TtsEngine};
use crate::config::VadChoice;
use std::sync::Arc;
use voice_core::audio::{EarshotVad, LayeredVad, VadSource};
use voice_core::provider::scripted::{StandInStt, ToneTts};
use voice_core::stage::{Stt, Tts};

/// The best STT of this machine.
pub(super) const MOONSHINE: &str = "Moonshine";
/// The best voice of this machine.
pub(super) const PICO: &str = "SVOX Pico";
/// The best VAD: it pauses as soon as Earshot does, and music or distant talk cannot hold it.
pub(super) const LAYERED: &str = "Earshot that Silero confirms";

/// Uses `best` if it is there, else `stand_in`, unless the configuration insists.
pub(super) struct Pick<T: ?Sized> {
    pub(super) key: &'static str,
    pub(super) engine: &'static str,
    pub(super) best: Result<Arc<T>, String>,
    pub(super) stand_in: (&'static str, Arc<T>),
}

/// What the configuration insists on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Insist {
    Best,
    StandIn,
    Nothing,
}

impl<T: ?Sized> Pick<T> {
    pub(super) fn pick(self, insist: Insist, notes: &mut Vec<String>) -> Result<Arc<T>, AgentError> {
        let Self { key, engine, best, stand_in: (name, stand_in) } = self;
        match (insist, best) {
            (Insist::Best | Insist::Nothing, Ok(best)) => {
                notes.push(format!("{key}: {engine}"));
                Ok(best)
            }
            (Insist::Best, Err(reason)) => Err(AgentError::Insisted { key, engine, reason }),
            (Insist::Nothing, Err(reason)) => {
                notes.push(format!("{key}: {name}; {engine} would be better: {reason}"));
                Ok(stand_in)
            }
            (Insist::StandIn, _) => {
                notes.push(format!("{key}: {name}, as configured"));
                Ok(stand_in)
            }
        }
    }
}

pub(super) fn pick_vad(
    choice: VadChoice,
    engines: &Engines,
    notes: &mut Vec<String>,
) -> Result<Arc<dyn VadSource>, AgentError> {
    let earshot: Arc<dyn VadSource> = Arc::new(EarshotVad);
    let layered = || -> Result<Arc<dyn VadSource>, String> {
        Ok(Arc::new(LayeredVad::new(Arc::clone(&earshot), engines.silero()?)))
    };
    let (insist, engine, best) = match choice {
        VadChoice::Auto => (Insist::Nothing, LAYERED, layered()),
        VadChoice::Layered => (Insist::Best, LAYERED, layered()),
        VadChoice::Silero => (Insist::Best, "Silero", engines.silero()),
        VadChoice::Earshot => (Insist::StandIn, LAYERED, Err(String::new())),
    };
    Pick { key: "vad", engine, best, stand_in: ("Earshot", Arc::clone(&earshot)) }.pick(insist, notes)
}

/// What hears words on this machine: what the configuration insists on, or the best there is.
pub(super) fn pick_stt(
    insisted: Option<SttEngine>,
    engines: &Engines,
    notes: &mut Vec<String>,
) -> Result<Arc<dyn Stt>, AgentError> {
    let insist = match insisted {
        None => Insist::Nothing,
        Some(SttEngine::StandIn) => Insist::StandIn,
        Some(_) => Insist::Best,
    };
    let best = if insist == Insist::StandIn { Err(String::new()) } else { engines.moonshine() };
    let stand_in: (_, Arc<dyn Stt>) =
        ("a stand-in that notices speech but understands none", Arc::new(StandInStt::default()));
    Pick { key: "stt", engine: MOONSHINE, best, stand_in }.pick(insist, notes)
}

/// What speaks on this machine, likewise.
pub(super) fn pick_tts(
    insisted: Option<TtsEngine>,
    engines: &Engines,
    notes: &mut Vec<String>,
) -> Result<Arc<dyn Tts>, AgentError> {
    let insist = match insisted {
        None => Insist::Nothing,
        Some(TtsEngine::Tones) => Insist::StandIn,
        Some(_) => Insist::Best,
    };
    let best = if insist == Insist::StandIn { Err(String::new()) } else { engines.pico() };
    let stand_in: (_, Arc<dyn Tts>) = ("tones in the rhythm of the words", Arc::new(ToneTts::new()));
    Pick { key: "tts", engine: PICO, best, stand_in }.pick(insist, notes)
}

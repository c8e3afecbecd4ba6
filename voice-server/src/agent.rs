//! The default agent: the best stages this machine has, without a key.
//!
//! Invariant: whatever is missing, there is an agent, unless the configuration insists; each stage says what it is and
//! what would be better.

use crate::config::{AgentSettings, Settings, SttChoice, TtsChoice, VadChoice};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use voice_core::audio::{EarshotVad, LayeredVad, VadSource};
use voice_core::provider::scripted::{
    BookAppointment, DialogueError, DialogueLlm, DialogueScript, LlmConfig, StandInStt, ToneTts,
};
use voice_core::session::{Agent, AgentConfig};
use voice_core::stage::{Stt, Tool, Tts};

/// How long the stand-in for a calendar takes.
const BOOKING_TAKES: Duration = Duration::from_millis(300);
/// The rhythm of the scripted model: that of a quick one behind a network.
const RHYTHM: LlmConfig = LlmConfig { first_token_ms: 120, token_ms: 15, jitter_ms: 0, seed: 0 };
/// The best VAD: it pauses as soon as Earshot does, and music or distant talk cannot hold it.
const LAYERED: &str = "Earshot that Silero confirms";

/// The built agent and one line a stage about it, for the operator.
pub struct BuiltAgent {
    /// Who answers.
    pub agent: Agent,
    /// What each stage is, and what would be better and how to get it.
    pub notes: Vec<String>,
}

/// Why there is no agent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// A stage the configuration insists on cannot be had.
    #[error("agent.{key} insists on {engine}: {reason}")]
    Insisted {
        /// The key of the configuration.
        key: &'static str,
        /// What it insists on.
        engine: &'static str,
        /// Why it cannot be had.
        reason: String,
    },
    /// The dialogue script is wrong.
    #[error(transparent)]
    Dialogue(#[from] DialogueError),
}

/// The agent of `settings`. Loads models, which blocks for up to some seconds: call it at start-up.
///
/// # Errors
/// [`AgentError`] if the configuration insists on what cannot be had, or the dialogue script is wrong.
pub fn build_agent(settings: &Settings) -> Result<BuiltAgent, AgentError> {
    let wanted = &settings.agent;
    let engines = Engines::find(&settings.models);
    let mut notes = Vec::new();
    let vad = pick_vad(wanted.vad, &engines, &mut notes)?;
    let stt = pick_stt(wanted.stt, &engines, &mut notes)?;
    let script = match &wanted.dialogue {
        Some(path) => DialogueScript::load(path)?,
        None => DialogueScript::appointment()?,
    };
    notes.push("llm: scripted dialogue; a language model behind the stage::Llm trait would understand more".into());
    let tts = pick_tts(wanted.tts, &engines, &mut notes)?;
    let greeting = wanted.greeting.clone().unwrap_or_else(|| script.greeting().to_owned());
    let config = agent_config(settings, greeting);
    let llm = Arc::new(DialogueLlm::new(script, RHYTHM));
    let tools: Vec<Arc<dyn Tool>> = vec![Arc::new(BookAppointment::new(BOOKING_TAKES))];
    Ok(BuiltAgent { agent: Agent { stt, llm, tts, vad, tools, config }, notes })
}

fn agent_config(settings: &Settings, greeting: String) -> AgentConfig {
    let AgentSettings { instructions, greeting_protection, .. } = &settings.agent;
    AgentConfig {
        instructions: instructions.clone(),
        greeting: Some(greeting).filter(|greeting| !greeting.trim().is_empty()),
        greeting_protection: *greeting_protection,
        turn: settings.turn.clone(),
        ..AgentConfig::default()
    }
}

/// Uses `best` if it is there, else `stand_in`, unless the configuration insists.
struct Pick<T: ?Sized> {
    key: &'static str,
    engine: &'static str,
    best: Result<Arc<T>, String>,
    stand_in: (&'static str, Arc<T>),
}

/// What the configuration insists on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Insist {
    Best,
    StandIn,
    Nothing,
}

impl<T: ?Sized> Pick<T> {
    fn pick(self, insist: Insist, notes: &mut Vec<String>) -> Result<Arc<T>, AgentError> {
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

fn pick_vad(choice: VadChoice, engines: &Engines, notes: &mut Vec<String>) -> Result<Arc<dyn VadSource>, AgentError> {
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

fn pick_stt(choice: SttChoice, engines: &Engines, notes: &mut Vec<String>) -> Result<Arc<dyn Stt>, AgentError> {
    let insist = match choice {
        SttChoice::Auto => Insist::Nothing,
        SttChoice::Moonshine => Insist::Best,
        SttChoice::StandIn => Insist::StandIn,
    };
    let best = if insist == Insist::StandIn { Err(String::new()) } else { engines.moonshine() };
    let stand_in: (_, Arc<dyn Stt>) =
        ("a stand-in that notices speech but understands none", Arc::new(StandInStt::default()));
    Pick { key: "stt", engine: "Moonshine", best, stand_in }.pick(insist, notes)
}

fn pick_tts(choice: TtsChoice, engines: &Engines, notes: &mut Vec<String>) -> Result<Arc<dyn Tts>, AgentError> {
    let insist = match choice {
        TtsChoice::Auto => Insist::Nothing,
        TtsChoice::Pico => Insist::Best,
        TtsChoice::Tones => Insist::StandIn,
    };
    let best = if insist == Insist::StandIn { Err(String::new()) } else { engines.pico() };
    let stand_in: (_, Arc<dyn Tts>) = ("tones in the rhythm of the words", Arc::new(ToneTts::new()));
    Pick { key: "tts", engine: "SVOX Pico", best, stand_in }.pick(insist, notes)
}

/// The local engines of this build.
#[cfg(feature = "local")]
struct Engines {
    models: voice_core::provider::local::LocalModels,
}

#[cfg(feature = "local")]
impl Engines {
    fn find(dir: &Path) -> Self {
        Self { models: voice_core::provider::local::LocalModels::find(dir) }
    }

    fn silero(&self) -> Result<Arc<dyn VadSource>, String> {
        let silero = voice_core::provider::local::SileroVad::load(&self.models).map_err(|error| error.to_string())?;
        Ok(Arc::new(silero))
    }

    fn moonshine(&self) -> Result<Arc<dyn Stt>, String> {
        use voice_core::provider::local::{Moonshine, Workers, WorkersConfig};
        self.models.moonshine().map_err(|error| error.to_string())?;
        let workers = Workers::start(WorkersConfig::default()).map_err(|error| error.to_string())?;
        let moonshine = Moonshine::load(&self.models, &workers).map_err(|error| error.to_string())?;
        Ok(Arc::new(moonshine))
    }

    fn pico(&self) -> Result<Arc<dyn Tts>, String> {
        use voice_core::provider::local::{PicoConfig, PicoTts};
        let pico = PicoTts::start(&self.models, PicoConfig::default()).map_err(|error| error.to_string())?;
        Ok(Arc::new(pico))
    }
}

/// A build without local engines.
#[cfg(not(feature = "local"))]
struct Engines;

#[cfg(not(feature = "local"))]
impl Engines {
    const LEFT_OUT: &str = "this build leaves it out; build with the feature `local`";

    fn find(_dir: &Path) -> Self {
        Self
    }

    fn silero(&self) -> Result<Arc<dyn VadSource>, String> {
        Err(Self::LEFT_OUT.into())
    }

    fn moonshine(&self) -> Result<Arc<dyn Stt>, String> {
        Err(Self::LEFT_OUT.into())
    }

    fn pico(&self) -> Result<Arc<dyn Tts>, String> {
        Err(Self::LEFT_OUT.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(agent: AgentSettings) -> Settings {
        Settings { models: "/nowhere/at/all".into(), agent, ..Settings::default() }
    }

    #[test]
    fn without_models_there_is_an_agent_that_says_what_would_be_better() {
        let built = build_agent(&settings(AgentSettings::default())).unwrap();
        assert_eq!(built.notes.len(), 4);
        for (note, (key, engine)) in
            built.notes.iter().zip([("vad", "Silero"), ("stt", "Moonshine"), ("llm", ""), ("tts", "SVOX Pico")])
        {
            assert!(note.starts_with(key) && note.contains(engine) && note.contains("would"), "{note}");
        }
        assert!(built.agent.config.greeting.is_some(), "the script greets");
    }

    #[test]
    fn an_empty_greeting_is_none() {
        let built = build_agent(&settings(AgentSettings { greeting: Some(" ".into()), ..AgentSettings::default() }));
        assert_eq!(built.unwrap().agent.config.greeting, None);
    }

    #[test]
    fn the_vad_is_picked_by_name() {
        let pick = |vad| build_agent(&settings(AgentSettings { vad, ..AgentSettings::default() }));
        let earshot = pick(VadChoice::Earshot).unwrap();
        assert_eq!(earshot.notes.first().map(String::as_str), Some("vad: Earshot, as configured"));
        for (vad, engine) in [(VadChoice::Silero, "Silero"), (VadChoice::Layered, LAYERED)] {
            let error = pick(vad).err().unwrap().to_string();
            assert!(error.starts_with(&format!("agent.vad insists on {engine}: ")), "{error}");
        }
    }

    #[test]
    fn what_is_insisted_on_and_missing_is_an_error() {
        let wanted = AgentSettings { tts: TtsChoice::Pico, ..AgentSettings::default() };
        let error = build_agent(&settings(wanted)).err().unwrap().to_string();
        assert!(error.starts_with("agent.tts insists on SVOX Pico: "), "{error}");
    }
}

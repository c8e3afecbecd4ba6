//! The agent of a configuration: vendors where there are keys, else the best stages this machine has.
//!
//! Invariant: whatever is missing, there is an agent, unless the configuration insists; each stage says what it is and
//! what would be better. No network is touched here.

mod chain;
mod local;
mod part;
mod pick;
#[cfg_attr(not(feature = "vendors"), path = "vendors_left_out.rs")]
mod vendors;

use crate::config::Settings;
use crate::cost::Prices;
use chain::{Chains, Thinks};
use local::Engines;
pub(crate) use part::VendorCheck;
use pick::pick_vad;
use std::sync::Arc;
use std::time::Duration;
use voice_core::provider::scripted::{BookAppointment, DialogueError, DialogueLlm, DialogueScript, LlmConfig};
use voice_core::session::{Agent, AgentConfig};
use voice_core::stage::{StageError, Tool};

/// How long the stand-in for a calendar takes.
const BOOKING_TAKES: Duration = Duration::from_millis(300);
/// The rhythm of the scripted model: that of a quick one behind a network.
const RHYTHM: LlmConfig = LlmConfig { first_token_ms: 120, token_ms: 15, jitter_ms: 0, seed: 0 };
/// What a language model says first where the configuration says nothing.
const GREETING: &str = "Hello, how can I help you?";
/// What it is told where the configuration says nothing.
const INSTRUCTIONS: &str = "You are a friendly agent on the telephone. Answer in one or two short spoken sentences, \
without lists, markup or emoji, and ask one question at a time. You can book appointments: ask for the day, the time \
and the caller's name, one after the other, then use the tool and tell the caller the reference it gives.";

/// The built agent and one line a stage about it, for the operator.
pub struct BuiltAgent {
    /// Who answers.
    pub agent: Agent,
    /// What each stage is, and what would be better and how to get it. Never a key.
    pub notes: Vec<String>,
    /// One for each vendor's engine, in the order of the stages.
    pub(crate) checks: Vec<VendorCheck>,
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
    /// A vendor the configuration insists on has no key.
    #[error("agent.{key} insists on {engine}: set {variable}, or take {engine} out of agent.{key}")]
    NoAccount {
        /// The key of the configuration.
        key: &'static str,
        /// What it insists on.
        engine: &'static str,
        /// The variable that is missing.
        variable: &'static str,
    },
    /// A vendor has a key, and what has no default is not chosen.
    #[error("agent.{key}: {engine} needs to know what to use: {what}")]
    Unset {
        /// The key of the configuration.
        key: &'static str,
        /// Which engine.
        engine: &'static str,
        /// What to set.
        what: String,
    },
    /// A vendor's section of the configuration is wrong.
    #[error("[{section}] {error}")]
    Vendor {
        /// Which section.
        section: &'static str,
        /// What is wrong.
        error: StageError,
    },
    /// The dialogue script is wrong.
    #[error(transparent)]
    Dialogue(#[from] DialogueError),
}

impl AgentError {
    /// Whether it stays as it is until somebody changes the configuration: a script that cannot be read may come yet.
    pub(crate) fn is_configuration(&self) -> bool {
        !matches!(self, Self::Dialogue(DialogueError::Unreadable { .. }))
    }
}

/// The agent of `settings`. Loads models, which blocks for up to some seconds: call it at start-up.
///
/// # Errors
/// [`AgentError`] if the configuration insists on what cannot be had, or the dialogue script is wrong.
pub fn build_agent(settings: &Settings) -> Result<BuiltAgent, AgentError> {
    let engines = Engines::find(&settings.models);
    let script = match &settings.agent.dialogue {
        Some(path) => DialogueScript::load(path)?,
        None => DialogueScript::appointment()?,
    };
    let mut chains = Chains { settings, engines: &engines, notes: Vec::new(), checks: Vec::new(), names: Vec::new() };
    let vad = pick_vad(settings.agent.vad, &engines, &mut chains.notes)?;
    let stt = chains.stt()?;
    let Thinks { llm, is_scripted } = chains.llm(&script)?;
    let tts = chains.tts()?;
    let Chains { mut notes, checks, mut names, .. } = chains;
    names.extend([stt.name(), llm.name(), tts.name()].map(str::to_owned));
    notes.extend(settings.environment.exposed().map(|account| {
        let (key, url) = (account.key_variable(), account.url_variable());
        format!("{key} travels unencrypted: {url} is a plain http or ws address of another machine")
    }));
    notes.extend(unused_prices(&settings.prices, &names));
    let config = if is_scripted {
        agent_config(settings, "", script.greeting())
    } else {
        agent_config(settings, INSTRUCTIONS, GREETING)
    };
    let tools = if is_scripted || !has_own_instructions(settings) { demonstration() } else { Vec::new() };
    Ok(BuiltAgent { agent: Agent { stt, llm, tts, vad, tools, config }, notes, checks })
}

/// Whether the agent is the operator's own, and not the one that books appointments.
fn has_own_instructions(settings: &Settings) -> bool {
    !settings.agent.instructions.trim().is_empty()
}

/// The tool that the dialogue and the built-in instructions speak of. It books in no calendar, so no other agent has it.
fn demonstration() -> Vec<Arc<dyn Tool>> {
    vec![Arc::new(BookAppointment::new(BOOKING_TAKES))]
}

fn scripted(script: DialogueScript) -> DialogueLlm {
    DialogueLlm::new(script, RHYTHM)
}

/// The configuration of the agent; where it says nothing, these instructions and this greeting.
fn agent_config(settings: &Settings, instructions: &str, greeting: &str) -> AgentConfig {
    let wanted = &settings.agent;
    let or =
        |wanted: &str, default: &str| if wanted.trim().is_empty() { default.to_owned() } else { wanted.to_owned() };
    let greeting = wanted.greeting.clone().unwrap_or_else(|| greeting.to_owned());
    AgentConfig {
        instructions: or(&wanted.instructions, instructions),
        greeting: Some(greeting).filter(|greeting| !greeting.trim().is_empty()),
        greeting_protection: wanted.greeting_protection,
        turn: settings.turn.clone(),
        ..AgentConfig::default()
    }
}

/// Prices that are for nothing: a name that is misspelt would make a call look free.
fn unused_prices(prices: &Prices, names: &[String]) -> Option<String> {
    let unused: Vec<_> = prices.engines.keys().filter(|name| !names.contains(name)).map(String::as_str).collect();
    let known = || names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    (!unused.is_empty())
        .then(|| format!("prices: this agent has no {}; its engines are {}", unused.join(", "), known()))
}

/// What fakes and agents have of this machine.
#[cfg(feature = "vendors")]
pub(crate) struct Here(Engines);

#[cfg(feature = "vendors")]
impl Here {
    pub(crate) fn find(models: &std::path::Path) -> Self {
        Self(Engines::find(models))
    }

    pub(crate) fn ears(&self) -> Result<Arc<dyn voice_core::stage::Stt>, String> {
        self.0.moonshine()
    }

    pub(crate) fn voice(&self) -> Result<Arc<dyn voice_core::stage::Tts>, String> {
        self.0.pico()
    }

    pub(crate) fn brain(&self) -> Result<Arc<dyn voice_core::stage::Llm>, DialogueError> {
        Ok(Arc::new(scripted(DialogueScript::appointment()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::pick::LAYERED;
    use super::*;
    use crate::choice::{Choice, TtsEngine};
    use crate::config::{AgentSettings, VadChoice};

    fn settings(agent: AgentSettings) -> Settings {
        Settings { models: "/nowhere/at/all".into(), agent, ..Settings::default() }
    }

    fn tools(built: &BuiltAgent) -> Vec<String> {
        built.agent.tools.iter().map(|tool| tool.spec().name).collect()
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
        assert_eq!(tools(&built), ["book_appointment"], "which the script calls");
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
        let wanted = AgentSettings { tts: Choice::Listed(vec![TtsEngine::Pico]), ..AgentSettings::default() };
        let error = build_agent(&settings(wanted)).err().unwrap().to_string();
        assert!(error.starts_with("agent.tts insists on SVOX Pico: "), "{error}");
    }

    #[cfg(feature = "vendors")]
    mod with_keys {
        use super::*;
        use crate::choice::{LlmEngine, SttEngine};
        use crate::environment::Environment;

        const KEY: &str = "k-53cret";

        fn keyed(variables: &[(&str, &str)], agent: AgentSettings) -> Settings {
            let find = |name: &str| variables.iter().find(|(variable, _)| *variable == name);
            let environment = Environment::read(|name| find(name).map(|(_, value)| (*value).to_owned())).unwrap();
            Settings { environment, ..settings(agent) }
        }

        fn note(built: &BuiltAgent, key: &str) -> String {
            let found = built.notes.iter().filter(|note| note.starts_with(key));
            found.map(String::as_str).collect::<Vec<_>>().join(" | ")
        }

        #[test]
        fn keys_bring_their_vendors_in_order_and_the_agent_becomes_a_general_one() {
            let variables = [
                ("DEEPGRAM_API_KEY", KEY),
                ("OPENAI_API_KEY", KEY),
                ("OPENAI_MODEL", "m"),
                ("GROQ_API_KEY", KEY),
                ("CARTESIA_API_KEY", KEY),
                ("CARTESIA_VOICE", "v"),
            ];
            let built = build_agent(&keyed(&variables, AgentSettings::default())).unwrap();
            assert!(note(&built, "stt").starts_with("stt: nothing of this machine takes over last"));
            assert!(note(&built, "stt").ends_with("| stt: Deepgram Flux flux-general-en, then Deepgram nova-3"));
            assert_eq!(note(&built, "llm"), "llm: Groq openai/gpt-oss-20b, then OpenAI m, then the scripted dialogue");
            assert!(note(&built, "tts").contains("openai has a key and is left out; to use it, set model and voice"));
            assert!(note(&built, "tts").ends_with("| tts: Cartesia sonic-3.5"), "{:?}", built.notes);
            assert_eq!(built.agent.config.greeting.as_deref(), Some(GREETING));
            assert_eq!(built.agent.config.instructions, INSTRUCTIONS);
            assert_eq!(tools(&built), ["book_appointment"], "which the instructions speak of");
            assert_eq!(built.checks.len(), 5, "one for each engine of a vendor");
            assert!(!format!("{:?}", built.notes).contains(KEY));
        }

        #[test]
        fn the_environment_overrules_the_file_and_own_instructions_leave_the_script_out() {
            let agent = AgentSettings { instructions: "Sell boats.".into(), ..AgentSettings::default() };
            let mut settings = keyed(&[("GROQ_API_KEY", KEY)], agent);
            settings.groq.model = "from-file".into();
            assert_eq!(note(&build_agent(&settings).unwrap(), "llm"), "llm: Groq from-file");
            let overruled = keyed(&[("GROQ_API_KEY", KEY), ("GROQ_MODEL", "from-env")], settings.agent.clone());
            let settings = Settings { groq: settings.groq, ..overruled };
            let built = build_agent(&settings).unwrap();
            assert_eq!(note(&built, "llm"), "llm: Groq from-env");
            assert_eq!(built.agent.config.instructions, "Sell boats.");
            assert_eq!(tools(&built), [""; 0], "nothing that books what nobody keeps");
        }

        #[test]
        fn what_cannot_be_used_leaves_the_agent_as_it_is_without_a_key() {
            let built = build_agent(&keyed(&[("ELEVENLABS_API_KEY", KEY)], AgentSettings::default())).unwrap();
            assert!(
                note(&built, "tts").contains("set ELEVENLABS_VOICE, or voice in [elevenlabs]"),
                "{:?}",
                built.notes
            );
            assert!(note(&built, "tts").contains("tones in the rhythm of the words"), "{:?}", built.notes);
            assert!(built.checks.is_empty());
        }

        #[test]
        fn a_list_is_taken_as_it_is_and_a_script_that_is_given_thinks_first() {
            let stt = Choice::Listed(vec![SttEngine::Nova, SttEngine::StandIn]);
            let llm = Choice::Listed(vec![LlmEngine::Dialogue, LlmEngine::Ollama]);
            let agent = AgentSettings { stt, llm, ..AgentSettings::default() };
            let variables = [("DEEPGRAM_API_KEY", KEY), ("OLLAMA_URL", "http://127.0.0.1:1/v1"), ("OLLAMA_MODEL", "m")];
            let built = build_agent(&keyed(&variables, agent.clone())).unwrap();
            assert_eq!(note(&built, "stt"), "stt: Deepgram nova-3, then the stand-in for an STT");
            assert_eq!(note(&built, "llm"), "llm: the scripted dialogue, then Ollama m");
            assert_ne!(built.agent.config.greeting.as_deref(), Some(GREETING), "the script greets");
            let without = build_agent(&keyed(&[("DEEPGRAM_API_KEY", KEY)], agent)).err().unwrap().to_string();
            assert_eq!(without, "agent.llm insists on ollama: set OLLAMA_URL, or take ollama out of agent.llm");
        }

        #[test]
        fn a_price_for_nobody_is_noticed() {
            let mut settings = keyed(&[("GROQ_API_KEY", KEY)], AgentSettings::default());
            settings.prices.engines.insert("Grok".into(), crate::cost::EnginePrices::default());
            let said = note(&build_agent(&settings).unwrap(), "prices");
            assert!(said.contains("has no Grok") && said.contains("\"Groq openai/gpt-oss-20b\""), "{said}");
        }
    }
}

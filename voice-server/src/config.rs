//! What the operator decides: one TOML file, environment variables, flags; the later overrules the earlier.
//!
//! Invariant: everything has a default, an unknown key is an error, and an error names the file, the line and the key.

use crate::choice::{Choice, LlmEngine, SttEngine, TtsEngine};
use crate::cost::Prices;
use crate::environment::Environment;
use crate::limits::{LONGEST_CALL, ServerLimits};
use crate::persist::RecordingSettings;
use crate::sections::{
    CartesiaSection, ElevenLabsSection, FluxSection, GroqSection, LlamaCppSection, NovaSection, OllamaSection,
    OpenAiSection, VllmSection,
};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use voice_core::provider::fallback::FallbackConfig;
use voice_core::turn::{Protection, TurnConfig};

/// The folder of what is kept, unless another is said.
pub(crate) const DEFAULT_DATA: &str = ".data";

/// Flags and environment variables of `voice-server serve`.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ServeArgs {
    /// The configuration file (TOML).
    #[arg(long, value_name = "FILE", env = "VOICE_CONFIG")]
    pub config: Option<PathBuf>,
    /// Where to listen. Default 127.0.0.1:8080.
    #[arg(long, value_name = "ADDRESS", env = "VOICE_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// The folder of the local models. Default .models.
    #[arg(long, value_name = "DIR", env = "VOICE_MODELS_DIR")]
    pub models: Option<PathBuf>,
    /// The folder of what the server keeps, on a disk that lasts: the journal, recordings, without `DATABASE_URL` the
    /// database, in development the key of its own tokens. Default .data.
    #[arg(long, value_name = "DIR", env = "VOICE_DATA_DIR")]
    pub data: Option<PathBuf>,
    /// Calls at a time. Default 100.
    #[arg(long, value_name = "N", env = "VOICE_MAX_CALLS")]
    pub max_calls: Option<usize>,
}

/// The whole configuration of a server.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The folder of the local models.
    pub models: PathBuf,
    /// The folder of what the server keeps.
    pub data: PathBuf,
    /// How much of its clients the server bears.
    pub limits: ServerLimits,
    /// Where recordings are kept.
    pub recordings: RecordingSettings,
    /// Who answers.
    pub agent: AgentSettings,
    /// When the agent answers and when it falls silent.
    pub turn: TurnConfig,
    /// When the next engine of a stage takes over.
    pub fallback: FallbackConfig,
    /// What the engines cost.
    pub prices: Prices,
    /// Deepgram Flux.
    pub flux: FluxSection,
    /// Deepgram Nova-3.
    pub nova: NovaSection,
    /// Groq.
    pub groq: GroqSection,
    /// OpenAI, or a server that speaks as it does.
    pub openai: OpenAiSection,
    /// A vLLM server.
    pub vllm: VllmSection,
    /// An Ollama server.
    pub ollama: OllamaSection,
    /// A server of llama.cpp.
    pub llama_cpp: LlamaCppSection,
    /// Cartesia.
    pub cartesia: CartesiaSection,
    /// ElevenLabs.
    pub elevenlabs: ElevenLabsSection,
    /// The vendors' keys and addresses; never from the file.
    #[serde(skip)]
    pub environment: Environment,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            models: PathBuf::from(".models"),
            data: PathBuf::from(DEFAULT_DATA),
            limits: ServerLimits::default(),
            recordings: RecordingSettings::default(),
            agent: AgentSettings::default(),
            turn: TurnConfig::default(),
            fallback: FallbackConfig::default(),
            prices: Prices::default(),
            flux: FluxSection::default(),
            nova: NovaSection::default(),
            groq: GroqSection::default(),
            openai: OpenAiSection::default(),
            vllm: VllmSection::default(),
            ollama: OllamaSection::default(),
            llama_cpp: LlamaCppSection::default(),
            cartesia: CartesiaSection::default(),
            elevenlabs: ElevenLabsSection::default(),
            environment: Environment::default(),
        }
    }
}

/// Who answers the calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AgentSettings {
    /// The system prompt. Empty, a short one for a phone agent that books appointments, in no calendar and with a reference
    /// that is made up. With instructions of one's own there are no tools. The scripted dialogue reads none.
    pub instructions: String,
    /// Said when the call begins. Without it, a short one, or the dialogue script's own where that is what thinks; empty,
    /// nothing.
    pub greeting: Option<String>,
    /// Whether the greeting may be interrupted.
    pub greeting_protection: Protection,
    /// The dialogue script (TOML); a relative path starts at the configuration file. Without it, the built-in one that
    /// books an appointment.
    pub dialogue: Option<PathBuf>,
    /// What hears speech.
    pub vad: VadChoice,
    /// What hears words, in the order in which engines are tried.
    pub stt: Choice<SttEngine>,
    /// What thinks, likewise.
    pub llm: Choice<LlmEngine>,
    /// What speaks, likewise.
    pub tts: Choice<TtsEngine>,
}

/// What hears speech. `onset_to_paused`, a benchmark, compares them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VadChoice {
    /// Layered where Silero's weights are there, else Earshot.
    #[default]
    Auto,
    /// Earshot begins, Silero must agree, or the server does not start: as soon as the one, as hard to fool as the other.
    Layered,
    /// Silero alone, or the server does not start: it pauses for the fewest wrong sounds, but for some words late.
    Silero,
    /// Earshot alone, which needs no files: soon, but music and talk in the background can take the turn.
    Earshot,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration {} cannot be read: {reason}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// The file is not TOML, or a key or value is wrong; the text names line and key.
    #[error("the configuration {} is wrong: {reason}", path.display())]
    Parse {
        /// Which file.
        path: PathBuf,
        /// Where and what.
        reason: String,
    },
    /// A value is out of its range.
    #[error("{key} {problem}")]
    Range {
        /// Which key, from the top of the file.
        key: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl ConfigError {
    /// Whether it stays as it is until somebody changes the configuration: a file that cannot be read may come yet.
    pub(crate) fn is_configuration(&self) -> bool {
        match self {
            Self::Parse { .. } | Self::Range { .. } => true,
            Self::Read { .. } => false,
        }
    }
}

impl Settings {
    /// What the file, the flags and flags' variables of `args` and the `environment` say together.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn load(args: &ServeArgs, environment: Environment) -> Result<Self, ConfigError> {
        let mut settings = match &args.config {
            Some(path) => Self::from_file(path)?,
            None => Self::default(),
        };
        settings.overrule(args);
        settings.environment = environment;
        settings.check()?;
        Ok(settings)
    }

    fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let text =
            std::fs::read_to_string(path).map_err(|reason| ConfigError::Read { path: path.to_owned(), reason })?;
        let mut settings: Self = toml::from_str(&text)
            .map_err(|error| ConfigError::Parse { path: path.to_owned(), reason: without_source(&error, &text) })?;
        settings.silence_empty_prompts();
        if let (Some(script), Some(folder)) = (&mut settings.agent.dialogue, path.parent()) {
            *script = folder.join(&*script);
        }
        Ok(settings)
    }

    /// TOML cannot say "none"; an empty prompt does.
    fn silence_empty_prompts(&mut self) {
        let turn = &mut self.turn;
        for prompt in [&mut turn.idle_prompt, &mut turn.not_heard_prompt, &mut turn.failure_apology] {
            prompt.take_if(|prompt| prompt.trim().is_empty());
        }
    }

    fn overrule(&mut self, args: &ServeArgs) {
        if let Some(listen) = args.listen {
            self.listen = listen;
        }
        if let Some(models) = &args.models {
            self.models.clone_from(models);
        }
        if let Some(data) = &args.data {
            self.data.clone_from(data);
        }
        if let Some(max_calls) = args.max_calls {
            self.limits.max_calls = max_calls;
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        let limits = &self.limits;
        let positive = [
            ("limits.max_calls", limits.max_calls as u64),
            ("limits.max_connections", limits.max_connections as u64),
            ("limits.connections_of_address", limits.connections_of_address as u64),
            ("limits.connection_ms", limits.connection_ms),
            ("limits.request_ms", limits.request_ms),
            ("limits.handshake_ms", limits.handshake_ms),
            ("limits.idle_ms", limits.idle_ms),
            ("limits.strangers", limits.strangers as u64),
            ("limits.strangers_of_address", limits.strangers_of_address as u64),
            ("limits.api_ms", limits.api_ms),
            ("limits.tenant_calls_percent", limits.tenant_calls_percent.into()),
            ("limits.user_requests_per_s", limits.user_requests_per_s.into()),
            ("limits.tenant_requests", limits.tenant_requests.into()),
            ("limits.tenant_requests_per_s", limits.tenant_requests_per_s.into()),
            ("limits.journal_bytes", limits.journal_bytes),
            ("limits.waiting_turn_logs_bytes", limits.waiting_turn_logs_bytes),
            ("limits.send_buffer_bytes", limits.send_buffer_bytes as u64),
            ("turn.max_call_ms", self.turn.max_call_ms),
        ];
        if let Some((key, _)) = positive.into_iter().find(|(_, value)| *value == 0) {
            return Err(ConfigError::Range { key, problem: "is 0; it must be at least 1" });
        }
        if limits.max_message_bytes < 4_096 {
            let problem = "is below 4096: a frame of audio or a text to be said would not fit";
            return Err(ConfigError::Range { key: "limits.max_message_bytes", problem });
        }
        if limits.tenant_calls_percent > 100 {
            let problem = "is over 100: it is a share of max_calls in percent";
            return Err(ConfigError::Range { key: "limits.tenant_calls_percent", problem });
        }
        if limits.waiting_turn_logs_bytes < limits.turn_log_bytes {
            let problem = "is below limits.turn_log_bytes: one log must have room to wait";
            return Err(ConfigError::Range { key: "limits.waiting_turn_logs_bytes", problem });
        }
        if Duration::from_millis(self.turn.max_call_ms) >= LONGEST_CALL {
            let problem = "is not below 86400000, a day: servers that share a database take calls that old for lost";
            return Err(ConfigError::Range { key: "turn.max_call_ms", problem });
        }
        if !(0.0..=1.0).contains(&self.turn.eot_model_probability) {
            let problem = "is not a probability: it lies between 0 and 1";
            return Err(ConfigError::Range { key: "turn.eot_model_probability", problem });
        }
        Ok(())
    }
}

/// Where and what, without the line itself: someone may have put a key there.
fn without_source(error: &toml::de::Error, text: &str) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map(|before| format!("line {}: ", before.matches('\n').count() + 1));
    format!("{}{}", line.unwrap_or_default(), error.message())
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;

//! The engines of vendors, as the configuration and the environment say.
//!
//! Invariant: no network is touched; an engine that is built has its key.

use super::AgentError;
use super::part::{Part, VendorCheck};
use crate::choice::{LlmEngine, Named, SttEngine, TtsEngine};
use crate::config::Settings;
use crate::environment::Account;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;
use voice_core::provider::CheckReport;
use voice_core::provider::cartesia::{CartesiaConfig, CartesiaTts};
use voice_core::provider::deepgram::{FluxConfig, FluxStt, NovaConfig, NovaStt};
use voice_core::provider::elevenlabs::{ElevenLabsConfig, ElevenLabsTts};
use voice_core::provider::openai::{ChatConfig, ChatLlm, ChatPreset, SpeechConfig, SpeechTts};
use voice_core::stage::{Llm, StageError, Stt, Tts};

/// Whether this build has them.
pub(super) const BUILT_IN: bool = true;

/// An engine that can try itself.
trait Tries: Send + Sync + 'static {
    fn try_it(self: Arc<Self>) -> BoxFuture<'static, Result<CheckReport, StageError>>;
}

macro_rules! tries {
    ($($engine:ty),*) => {
        $(impl Tries for $engine {
            fn try_it(self: Arc<Self>) -> BoxFuture<'static, Result<CheckReport, StageError>> {
                async move { self.check().await }.boxed()
            }
        })*
    };
}
tries!(FluxStt, NovaStt, ChatLlm, SpeechTts, CartesiaTts, ElevenLabsTts);

/// Groq's model where none is chosen, and how long it thinks: it is made for quick answers.
const GROQ_DEFAULT: (&str, &str) = ("openai/gpt-oss-20b", "low");

pub(super) fn stt(engine: SttEngine, settings: &Settings) -> Result<Part<dyn Stt>, AgentError> {
    let key = settings.environment.key(Account::Deepgram);
    match engine {
        SttEngine::Flux => {
            let mut config = FluxConfig { key, ..settings.flux.clone() };
            set(&mut config.url, settings.environment.url(Account::Deepgram));
            let stt = Arc::new(FluxStt::new(config).map_err(wrong("flux"))?);
            Ok(Part { check: probe("stt", stt.name(), &stt), engine: stt })
        }
        SttEngine::Nova => {
            let mut config = NovaConfig { key, ..settings.nova.clone() };
            set(&mut config.url, settings.environment.url(Account::Deepgram));
            let stt = Arc::new(NovaStt::new(config).map_err(wrong("nova"))?);
            Ok(Part { check: probe("stt", stt.name(), &stt), engine: stt })
        }
        SttEngine::Moonshine | SttEngine::StandIn => Err(no_vendor(engine)),
    }
}

pub(super) fn llm(engine: LlmEngine, settings: &Settings) -> Result<Part<dyn Llm>, AgentError> {
    let (preset, account, section) = match engine {
        LlmEngine::Groq => (ChatPreset::Groq, Account::Groq, &settings.groq),
        LlmEngine::OpenAi => (ChatPreset::OpenAi, Account::OpenAi, &settings.openai.chat),
        LlmEngine::Vllm => (ChatPreset::Vllm, Account::Vllm, &settings.vllm),
        LlmEngine::Ollama => (ChatPreset::Ollama, Account::Ollama, &settings.ollama),
        LlmEngine::LlamaCpp => (ChatPreset::LlamaCpp, Account::LlamaCpp, &settings.llama_cpp),
        LlmEngine::Dialogue => return Err(no_vendor(engine)),
    };
    let environment = &settings.environment;
    let mut config = ChatConfig { preset, key: environment.key(account), ..section.clone() };
    set(&mut config.url, environment.url(account));
    set(&mut config.model, environment.choice(account));
    if engine == LlmEngine::Groq && config.model.trim().is_empty() {
        let (model, effort) = GROQ_DEFAULT;
        config.model = model.to_owned();
        config.reasoning_effort.get_or_insert_with(|| effort.to_owned());
    }
    if config.model.trim().is_empty() {
        return Err(unset(engine, account, "model"));
    }
    let llm = Arc::new(ChatLlm::new(config).map_err(wrong(engine.name()))?);
    Ok(Part { check: probe("llm", llm.name(), &llm), engine: llm })
}

pub(super) fn tts(engine: TtsEngine, settings: &Settings) -> Result<Part<dyn Tts>, AgentError> {
    match engine {
        TtsEngine::Cartesia => cartesia(settings),
        TtsEngine::ElevenLabs => elevenlabs(settings),
        TtsEngine::OpenAi => speech(settings),
        TtsEngine::Pico | TtsEngine::Tones => Err(no_vendor(engine)),
    }
}

fn cartesia(settings: &Settings) -> Result<Part<dyn Tts>, AgentError> {
    let (environment, account) = (&settings.environment, Account::Cartesia);
    let mut config = CartesiaConfig { key: environment.key(account), ..settings.cartesia.clone() };
    set(&mut config.url, environment.url(account));
    set(&mut config.voice, environment.choice(account));
    if config.voice.trim().is_empty() {
        return Err(unset(TtsEngine::Cartesia, account, "voice"));
    }
    let tts = Arc::new(CartesiaTts::new(config).map_err(wrong("cartesia"))?);
    Ok(Part { check: probe("tts", tts.name(), &tts), engine: tts })
}

fn elevenlabs(settings: &Settings) -> Result<Part<dyn Tts>, AgentError> {
    let (environment, account) = (&settings.environment, Account::ElevenLabs);
    let mut config = ElevenLabsConfig { key: environment.key(account), ..settings.elevenlabs.clone() };
    set(&mut config.url, environment.url(account));
    set(&mut config.voice, environment.choice(account));
    if config.voice.trim().is_empty() {
        return Err(unset(TtsEngine::ElevenLabs, account, "voice"));
    }
    let tts = Arc::new(ElevenLabsTts::new(config).map_err(wrong("elevenlabs"))?);
    Ok(Part { check: probe("tts", tts.name(), &tts), engine: tts })
}

fn speech(settings: &Settings) -> Result<Part<dyn Tts>, AgentError> {
    let (environment, account) = (&settings.environment, Account::OpenAi);
    let mut config = SpeechConfig { key: environment.key(account), ..settings.openai.speech.clone() };
    set(&mut config.url, environment.url(account));
    if config.model.trim().is_empty() || config.voice.trim().is_empty() {
        let what = "set model and voice in [openai.speech]".to_owned();
        return Err(AgentError::Unset { key: TtsEngine::KEY, engine: TtsEngine::OpenAi.name(), what });
    }
    let tts = Arc::new(SpeechTts::new(config).map_err(wrong("openai.speech"))?);
    Ok(Part { check: probe("tts", tts.name(), &tts), engine: tts })
}

fn probe<E: Tries>(stage: &'static str, name: &str, engine: &Arc<E>) -> VendorCheck {
    let tried = Arc::clone(engine).try_it();
    let probe = tried.map(|tried| tried.map(|report| report.detail).map_err(|error| error.to_string()));
    VendorCheck { stage, engine: name.to_owned(), probe: probe.boxed() }
}

/// What the environment says overrules what the file says.
fn set(field: &mut String, value: Option<&str>) {
    if let Some(value) = value {
        value.clone_into(field);
    }
}

fn wrong(section: &'static str) -> impl FnOnce(StageError) -> AgentError {
    move |error| AgentError::Vendor { section, error }
}

fn unset<E: Named>(engine: E, account: Account, field: &str) -> AgentError {
    let variable = account.choice_variable().unwrap_or_default();
    AgentError::Unset {
        key: E::KEY,
        engine: engine.name(),
        what: format!("set {variable}, or {field} in [{}]", engine.name()),
    }
}

/// Chains ask for vendors' engines only.
fn no_vendor<E: Named>(engine: E) -> AgentError {
    AgentError::Insisted { key: E::KEY, engine: engine.name(), reason: "it is no vendor's".to_owned() }
}

//! The model behind the chat protocol.

use super::config::ChatConfig;
use super::generation::Generation;
use super::preset::ChatPreset;
use super::request;
use crate::provider::clock::now;
use crate::provider::net::{CheckReport, Vendor};
use crate::provider::openai::endpoint::Endpoint;
use crate::stage::{Llm, LlmRequest, LlmStream, StageError};
use futures::future::BoxFuture;
use futures::{StreamExt, stream};
use serde_json::{Map, Value};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How long a list of models may take.
const CHECK_DEADLINE: Duration = Duration::from_secs(10);
/// How many models a complaint lists.
const LISTED: usize = 12;

/// The model of an OpenAI-compatible server: Groq, OpenAI, vLLM, Ollama, llama.cpp and whatever speaks like them.
///
/// Connections are pooled and shared by all calls. Dropping a stream closes it at the server; what the model has written
/// until then is billed.
pub struct ChatLlm {
    config: ChatConfig,
    settings: Map<String, Value>,
    endpoint: Arc<Endpoint>,
    name: String,
}

impl ChatLlm {
    /// The model of `config`. Nothing is opened yet.
    ///
    /// # Errors
    /// [`Fault::Configuration`](crate::stage::Fault::Configuration) that names the field that is wrong.
    pub fn new(config: ChatConfig) -> Result<Self, StageError> {
        config.check()?;
        let settings = request::settings(&config)?;
        let preset = config.preset;
        let vendor = Vendor { name: preset.name(), key: config.key.clone(), url_setting: preset.url_setting() };
        let connect_deadline = Duration::from_millis(config.connect_ms);
        let endpoint = Endpoint::new(vendor, config.base_url(), "text/event-stream", connect_deadline)?;
        let name = format!("{} {}", preset.name(), config.model);
        Ok(Self { config, settings, endpoint: Arc::new(endpoint), name })
    }

    /// Asks for the list of models: is the server there, is the key good, is the model one of them? Dropping the
    /// future breaks it off.
    ///
    /// # Errors
    /// What keeps the server from answering; a model that it does not list. llama.cpp answers with its one model whatever
    /// it is called, so that there another name is only told.
    pub async fn check(&self) -> Result<CheckReport, StageError> {
        let start = now();
        let models = self.endpoint.models(CHECK_DEADLINE).await.map_err(|failed| failed.error)?;
        let took_ms = now().saturating_duration_since(start).as_millis();
        let model = &self.config.model;
        let is_listed = models.iter().any(|listed| listed == model || listed.strip_suffix(":latest") == Some(model));
        let listed = match models.get(..LISTED) {
            Some(first) => format!("{} and more", first.join(", ")),
            None => models.join(", "),
        };
        match (is_listed, self.config.preset) {
            (true, _) => Ok(CheckReport { detail: format!("the model {model} is listed, asked in {took_ms} ms") }),
            (false, ChatPreset::LlamaCpp) => {
                Ok(CheckReport { detail: format!("its model calls itself {listed}, asked in {took_ms} ms") })
            }
            (false, _) => Err(self.config.refused(format!("it does not list the model {model}; it lists: {listed}"))),
        }
    }
}

impl Llm for ChatLlm {
    fn generate(&self, request: LlmRequest) -> LlmStream {
        match request::body(&self.config, &self.settings, &request) {
            Ok(body) => Generation::new(Arc::clone(&self.endpoint), &self.config, body).into_stream().boxed(),
            Err(error) => stream::iter([Err(error)]).boxed(),
        }
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn warm(&self) -> BoxFuture<'static, ()> {
        self.endpoint.warm()
    }
}

impl fmt::Debug for ChatLlm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatLlm").field("config", &self.config).finish_non_exhaustive()
    }
}

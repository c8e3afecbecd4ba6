//! The voice behind the speech endpoint.

use super::config::{ENGINE, SpeechConfig, URL_SETTING};
use super::reply::{self, Speaker};
use super::request;
use crate::provider::clock::now;
use crate::provider::net::{CheckReport, Vendor};
use crate::provider::openai::endpoint::Endpoint;
use crate::stage::{StageError, Tts, TtsEvent, TtsReply, TtsSession};
use crate::units::{ReplyId, SampleRate};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use std::fmt;
use std::sync::Arc;

/// The voice of an OpenAI-compatible server: OpenAI, and local ones such as Kokoro's.
///
/// It takes whole texts, so each clause is a request of its own; there are no word times. Connections are pooled and shared
/// by all calls. What is longer than a request may be (4096 characters) is cut at a space.
pub struct SpeechTts {
    speaker: Arc<Speaker>,
    name: String,
}

impl SpeechTts {
    /// The voice of `config`. Nothing is opened yet.
    ///
    /// # Errors
    /// [`Fault::Configuration`](crate::stage::Fault::Configuration) that names the field that is wrong.
    pub fn new(config: SpeechConfig) -> Result<Self, StageError> {
        config.check()?;
        let settings = request::settings(&config)?;
        let vendor = Vendor { name: ENGINE, key: config.key.clone(), url_setting: URL_SETTING };
        let endpoint = Arc::new(Endpoint::new(vendor, config.base_url(), "*/*", config.connect())?);
        let name = format!("{ENGINE} {}", config.model);
        Ok(Self { speaker: Arc::new(Speaker { config, settings, endpoint }), name })
    }

    /// Has a word spoken and tells how soon its audio came. Dropping the future breaks it off.
    ///
    /// # Errors
    /// What keeps the voice from speaking.
    pub async fn check(&self) -> Result<CheckReport, StageError> {
        let start = now();
        let mut reply = reply::begin(&self.speaker);
        reply.feed.speak("Hello.")?;
        reply.feed.finish();
        while let Some(event) = reply.events.next().await {
            if let TtsEvent::Audio(_) = event? {
                let took_ms = now().saturating_duration_since(start).as_millis();
                return Ok(CheckReport { detail: format!("{} spoke after {took_ms} ms", self.name) });
            }
        }
        Err(StageError::Ended { engine: ENGINE })
    }
}

impl Tts for SpeechTts {
    fn name(&self) -> &str {
        &self.name
    }

    /// Opens a connection, unless one was used a moment ago. A server without a list of models is as good as one with it.
    fn open(&self) -> BoxFuture<'static, Result<Box<dyn TtsSession>, StageError>> {
        let speaker = Arc::clone(&self.speaker);
        async move {
            if speaker.endpoint.is_cold() {
                reach(&speaker).await?;
            }
            Ok(Box::new(Session { speaker }) as Box<dyn TtsSession>)
        }
        .boxed()
    }
}

/// Asks for the models: a server that is not there or refuses the key would not speak either. Any other answer shows that
/// it is there.
async fn reach(speaker: &Speaker) -> Result<(), StageError> {
    match speaker.endpoint.models(speaker.config.connect()).await {
        Err(failed) if failed.status == Some(401) => Err(failed.error),
        Err(failed) if failed.status.is_none() && matches!(failed.error, StageError::Open { .. }) => Err(failed.error),
        Ok(_) | Err(_) => Ok(()),
    }
}

struct Session {
    speaker: Arc<Speaker>,
}

impl TtsSession for Session {
    fn sample_rate(&self) -> SampleRate {
        self.speaker.config.rate()
    }

    fn begin(&mut self, _reply: ReplyId) -> Result<TtsReply, StageError> {
        Ok(reply::begin(&self.speaker))
    }
}

impl fmt::Debug for SpeechTts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpeechTts").field("config", &self.speaker.config).finish_non_exhaustive()
    }
}

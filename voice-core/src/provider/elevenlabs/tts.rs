//! The TTS stage that ElevenLabs implements.

use super::config::{ENGINE, ElevenLabsConfig};
use super::session::ElevenLabsSession;
use crate::provider::contexts::check_voice;
use crate::provider::net::{CheckReport, SocketRequest, Vendor, connect};
use crate::stage::{StageError, Tts, TtsSession};
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// The largest message taken: a minute of audio and the times of its characters.
const MAX_MESSAGE_BYTES: usize = 8 * 1024 * 1024;

/// ElevenLabs' voices; one value serves many calls, each over a socket of its own.
pub struct ElevenLabsTts {
    config: Arc<ElevenLabsConfig>,
    vendor: Vendor,
    name: String,
    url: String,
}

impl ElevenLabsTts {
    /// An engine that has not connected to anything.
    ///
    /// # Errors
    /// [`StageError::Open`] with [`Fault::Configuration`](crate::stage::Fault::Configuration), naming the field that is
    /// out of its range.
    pub fn new(config: ElevenLabsConfig) -> Result<Self, StageError> {
        config.check()?;
        let vendor = Vendor { name: ENGINE, key: config.key.clone(), url_setting: "ELEVENLABS_URL" };
        let url =
            socket_url(&config).ok_or_else(|| vendor.misconfigured("ELEVENLABS_URL is no address: set it right"))?;
        let name = format!("{ENGINE} {}", config.model);
        Ok(Self { config: Arc::new(config), vendor, name, url })
    }

    /// Connects and speaks one short word, up to its first audio. Costs that word. Dropping the future abandons it.
    ///
    /// # Errors
    /// What a call would meet: [`StageError::Open`], a refusal, or [`StageError::Stalled`].
    pub async fn check(&self) -> Result<CheckReport, StageError> {
        check_voice(self, &self.config.voice).await
    }

    fn request(&self) -> SocketRequest {
        let key = self.config.key.iter().map(|key| ("xi-api-key", key.expose().to_owned()));
        SocketRequest {
            url: self.url.clone(),
            headers: key.collect(),
            connect_deadline: Duration::from_millis(self.config.connect_ms),
            max_message_bytes: MAX_MESSAGE_BYTES,
        }
    }
}

/// The address with everything that is fixed for a socket; none where the base is no address.
fn socket_url(config: &ElevenLabsConfig) -> Option<String> {
    let mut url = Url::parse(&config.url).ok()?;
    let path = ["v1", "text-to-speech", config.voice.trim(), "multi-stream-input"];
    url.path_segments_mut().ok()?.pop_if_empty().extend(path);
    let mut query = url.query_pairs_mut();
    query.append_pair("model_id", &config.model);
    query.append_pair("output_format", config.format.wire_name());
    query.append_pair("inactivity_timeout", &config.inactivity_timeout_s.to_string());
    query.append_pair("auto_mode", "true");
    query.append_pair("sync_alignment", "true");
    if let Some(language) = &config.language {
        query.append_pair("language_code", language);
    }
    drop(query);
    Some(url.into())
}

impl Tts for ElevenLabsTts {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&self) -> BoxFuture<'static, Result<Box<dyn TtsSession>, StageError>> {
        let (request, vendor, config) = (self.request(), self.vendor.clone(), self.config.clone());
        Box::pin(async move {
            let socket = connect(&vendor, request).await?;
            Ok(Box::new(ElevenLabsSession::start(socket, vendor, config)) as Box<dyn TtsSession>)
        })
    }
}

//! The TTS stage that Cartesia implements.

use super::config::{CartesiaConfig, ENGINE};
use super::session::CartesiaSession;
use crate::provider::contexts::check_voice;
use crate::provider::net::{CheckReport, SocketRequest, Vendor, connect};
use crate::stage::{StageError, Tts, TtsSession};
use crate::units::SampleRate;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

/// The largest message taken: half a minute of audio in its widest encoding.
const MAX_MESSAGE_BYTES: usize = 8 * 1024 * 1024;

/// Cartesia's voices; one value serves many calls, each over a socket of its own.
pub struct CartesiaTts {
    config: Arc<CartesiaConfig>,
    rate: SampleRate,
    vendor: Vendor,
    name: String,
}

impl CartesiaTts {
    /// An engine that has not connected to anything.
    ///
    /// # Errors
    /// [`StageError::Open`] with [`Fault::Configuration`](crate::stage::Fault::Configuration), naming the field that is
    /// out of its range.
    pub fn new(config: CartesiaConfig) -> Result<Self, StageError> {
        let rate = config.checked()?;
        let vendor = Vendor { name: ENGINE, key: config.key.clone(), url_setting: "CARTESIA_URL" };
        let name = format!("{ENGINE} {}", config.model);
        Ok(Self { config: Arc::new(config), rate, vendor, name })
    }

    /// Connects and speaks one short word, up to its first audio. Costs that word. Dropping the future abandons it.
    ///
    /// # Errors
    /// What a call would meet: [`StageError::Open`], a refusal, or [`StageError::Stalled`].
    pub async fn check(&self) -> Result<CheckReport, StageError> {
        check_voice(self, &self.config.voice).await
    }

    fn request(&self) -> SocketRequest {
        let config = &self.config;
        let key = config.key.iter().map(|key| ("X-API-Key", key.expose().to_owned()));
        let headers = key.chain([("Cartesia-Version", config.version.clone())]).collect();
        SocketRequest {
            url: format!("{}/tts/websocket", config.url.trim_end_matches('/')),
            headers,
            connect_deadline: Duration::from_millis(config.connect_ms),
            max_message_bytes: MAX_MESSAGE_BYTES,
        }
    }
}

impl Tts for CartesiaTts {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&self) -> BoxFuture<'static, Result<Box<dyn TtsSession>, StageError>> {
        let (request, vendor) = (self.request(), self.vendor.clone());
        let (config, rate) = (self.config.clone(), self.rate);
        Box::pin(async move {
            let socket = connect(&vendor, request).await?;
            Ok(Box::new(CartesiaSession::start(socket, vendor, config, rate)) as Box<dyn TtsSession>)
        })
    }
}

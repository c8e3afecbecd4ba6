//! The STT stage that Nova implements.

use super::super::address;
use super::super::dialect::Request;
use super::super::link::{Link, Plan, Tuning, vendor};
use super::command::KEEP_ALIVE;
use super::config::NovaConfig;
use super::segments::Segments;
use crate::provider::CheckReport;
use crate::provider::net::{KeepAlive, KeepAliveMessage, Vendor};
use crate::stage::{StageError, Stt, SttSession};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

/// Deepgram Nova; one value serves many calls.
pub struct NovaStt {
    name: String,
    engine: Arc<Engine>,
}

struct Engine {
    vendor: Vendor,
    config: NovaConfig,
    url: String,
}

impl NovaStt {
    /// An engine that listens as `config` says. Connects to nothing yet.
    ///
    /// # Errors
    /// A [`Fault::Configuration`](crate::stage::Fault::Configuration) that names the field which cannot be.
    pub fn new(config: NovaConfig) -> Result<Self, StageError> {
        let vendor = vendor("Deepgram Nova", config.key.clone());
        config.checked().map_err(|what| vendor.misconfigured(what))?;
        let url = address::listen(&vendor, &config.url, "v1", &config.query())?;
        let name = format!("Deepgram {}", config.model);
        Ok(Self { name, engine: Arc::new(Engine { vendor, config, url }) })
    }

    /// Opens a stream and closes it: tells whether the key, the model and the settings are taken. Dropping the future
    /// abandons it.
    ///
    /// # Errors
    /// As of [`Stt::open`].
    pub async fn check(&self) -> Result<CheckReport, StageError> {
        let link = self.engine.connected().await?;
        let request = link.request_id().map(|id| format!(" (request {id})")).unwrap_or_default();
        Ok(CheckReport { detail: format!("{} is ready to listen{request}", self.engine.config.model) })
    }
}

impl Engine {
    /// Connects; Nova does not greet.
    async fn connected(&self) -> Result<Link<Segments>, StageError> {
        let link = Link::open(self.vendor.clone(), self.plan()).await?;
        tracing::debug!(request_id = link.request_id(), "Deepgram Nova listens");
        Ok(link)
    }

    fn plan(&self) -> Plan {
        let after_idle = Duration::from_millis(self.config.keep_alive_ms);
        Plan {
            url: self.url.clone(),
            connect_deadline: Duration::from_millis(self.config.connect_ms),
            keep_alive: KeepAlive { after_idle, message: KeepAliveMessage::Text(KEEP_ALIVE.to_owned()) },
            stall_after: Duration::from_millis(self.config.stall_ms),
            close_deadline: Duration::from_millis(self.config.close_ms),
        }
    }

    fn tuning(&self) -> Tuning {
        let NovaConfig { chunk_ms, backlog_ms, catch_up_percent, .. } = self.config;
        Tuning { chunk_ms, backlog_ms, catch_up_percent, understands: Some(Request::Finalize) }
    }
}

impl Stt for NovaStt {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&self) -> BoxFuture<'static, Result<SttSession, StageError>> {
        let engine = self.engine.clone();
        async move { Ok(engine.connected().await?.session(Segments::default(), engine.tuning())) }.boxed()
    }
}

//! The STT stage that Flux implements.

use super::super::address;
use super::super::dialect::Request;
use super::super::link::{Link, Plan, Tuning, vendor};
use super::config::{FluxConfig, ForceEndTurn};
use super::message::ServerMessage;
use super::turns::Turns;
use crate::provider::CheckReport;
use crate::provider::net::{KeepAlive, KeepAliveMessage, Vendor};
use crate::stage::{Fault, StageError, Stt, SttSession};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::time::timeout;

/// Deepgram Flux; one value serves many calls.
pub struct FluxStt {
    name: String,
    engine: Arc<Engine>,
}

struct Engine {
    vendor: Vendor,
    config: FluxConfig,
    url: String,
    /// Whether Flux may be told to end a turn: until a deployment shows that it does not understand.
    may_force_end: Arc<AtomicBool>,
}

impl FluxStt {
    /// An engine that listens as `config` says. Connects to nothing yet.
    ///
    /// # Errors
    /// A [`Fault::Configuration`] that names the field which cannot be.
    pub fn new(config: FluxConfig) -> Result<Self, StageError> {
        let vendor = vendor("Deepgram Flux", config.key.clone());
        config.checked().map_err(|what| vendor.misconfigured(what))?;
        let url = address::listen(&vendor, &config.url, "v2", &config.query())?;
        let name = format!("Deepgram Flux {}", config.model);
        let may_force_end = Arc::new(AtomicBool::new(config.force_end_turn == ForceEndTurn::On));
        Ok(Self { name, engine: Arc::new(Engine { vendor, config, url, may_force_end }) })
    }

    /// Opens a stream and closes it: tells whether the key, the model and the settings are taken. Dropping the future
    /// abandons it.
    ///
    /// # Errors
    /// As of [`Stt::open`].
    pub async fn check(&self) -> Result<CheckReport, StageError> {
        let (_link, request_id) = self.engine.connected().await?;
        Ok(CheckReport { detail: format!("{} is ready to listen (request {request_id})", self.engine.config.model) })
    }
}

impl Engine {
    /// Connects and waits for the greeting, whose request id it gives.
    async fn connected(&self) -> Result<(Link<Turns>, String), StageError> {
        let mut link = Link::open(self.vendor.clone(), self.plan()).await?;
        let within = Duration::from_millis(self.config.connected_ms);
        let request_id = timeout(within, self.greeted(&mut link)).await.map_err(|_| self.vendor.stalled(within))??;
        tracing::debug!(request_id, "Deepgram Flux listens");
        Ok((link, request_id))
    }

    async fn greeted(&self, link: &mut Link<Turns>) -> Result<String, StageError> {
        loop {
            match link.message().await? {
                ServerMessage::Connected { request_id } => return Ok(self.vendor.scrub(&request_id)),
                ServerMessage::Error(notice) => return Err(self.vendor.failed(Fault::Engine, &notice.said())),
                _ => {}
            }
        }
    }

    fn plan(&self) -> Plan {
        let after_idle = Duration::from_millis(self.config.ping_ms);
        Plan {
            url: self.url.clone(),
            connect_deadline: Duration::from_millis(self.config.connect_ms),
            keep_alive: KeepAlive { after_idle, message: KeepAliveMessage::Ping },
            stall_after: Duration::from_millis(self.config.stall_ms),
            close_deadline: Duration::from_millis(self.config.close_ms),
        }
    }

    fn tuning(&self) -> Tuning {
        let FluxConfig { chunk_ms, backlog_ms, catch_up_percent, .. } = self.config;
        let understands = (self.config.force_end_turn == ForceEndTurn::On).then_some(Request::EndTurn);
        Tuning { chunk_ms, backlog_ms, catch_up_percent, understands }
    }
}

impl Stt for FluxStt {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&self) -> BoxFuture<'static, Result<SttSession, StageError>> {
        let engine = self.engine.clone();
        async move {
            let (link, _) = engine.connected().await?;
            let turns = Turns::new(engine.config.languages(), engine.may_force_end.clone());
            Ok(link.session(turns, engine.tuning()))
        }
        .boxed()
    }
}

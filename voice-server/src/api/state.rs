//! What the handlers of the API share.

use crate::auth::Gate;
use crate::server::ServerConfig;
use crate::store::AnyStore;
use axum::extract::FromRef;
use object_store::ObjectStore;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;

/// What the handlers of the API share.
#[derive(Clone)]
pub(crate) struct ApiState {
    /// Who asks.
    pub(crate) gate: Gate,
    /// Tenants, calls and what was said in them.
    pub(crate) store: Arc<dyn AnyStore>,
    /// The audio of the recordings.
    pub(crate) recordings: Arc<dyn ObjectStore>,
    /// What a call that runs counts at most.
    pub(crate) longest_call: Duration,
    /// A request is answered within this, or with 503.
    pub(crate) deadline: Duration,
    /// Web pages of other hosts that may use the API; `*` for all.
    pub(crate) allowed_origins: Vec<String>,
}

impl ApiState {
    /// The API of a server with this configuration, behind its `gate`.
    pub(crate) fn new(gate: Gate, config: &ServerConfig, longest_call: Duration) -> Self {
        Self {
            gate,
            store: Arc::clone(&config.store),
            recordings: Arc::clone(&config.recordings),
            longest_call,
            deadline: config.limits.api(),
            allowed_origins: config.limits.allowed_origins.clone(),
        }
    }

    /// The wall clock, for what is stored by it.
    pub(crate) fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

impl FromRef<ApiState> for Gate {
    fn from_ref(api: &ApiState) -> Self {
        api.gate.clone()
    }
}

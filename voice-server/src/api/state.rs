//! What the handlers of the API share.

use crate::auth::Gate;
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
    /// A request is answered within this, or with 503.
    pub(crate) deadline: Duration,
    /// Web pages of other hosts that may use the API; `*` for all.
    pub(crate) allowed_origins: Vec<String>,
}

impl ApiState {
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

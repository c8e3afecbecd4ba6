//! The way to one OpenAI-compatible server: its address, its key, its pooled connections.
//!
//! Invariant: it is warmed only where it has not been used for a while, however many calls ask for it. It knows no chat and
//! no speech.

use crate::provider::clock::now;
use crate::provider::net::{HttpBody, HttpClient, HttpError, HttpLimits, Vendor};
use crate::stage::StageError;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A connection that was used within this time is taken to be there still.
const WARM_FOR: Duration = Duration::from_secs(30);
/// A server that is not reached in this time will not be in time for the reply either.
const WARM_DEADLINE: Duration = Duration::from_secs(3);

/// One server.
pub(super) struct Endpoint {
    http: HttpClient,
    pub(super) vendor: Vendor,
    base_url: String,
    headers: Vec<(&'static str, String)>,
    used: Mutex<Option<Instant>>,
}

impl Endpoint {
    /// The server at `base_url`, which ends before the slash. `accept` is the kind of answer that is wanted.
    pub(super) fn new(
        vendor: Vendor,
        base_url: &str,
        accept: &str,
        connect_deadline: Duration,
    ) -> Result<Self, StageError> {
        let http = HttpClient::new(vendor.clone(), HttpLimits { connect_deadline })?;
        let bearer = vendor.key.as_ref().map(|key| ("authorization", format!("Bearer {}", key.expose())));
        let headers = [("accept", accept.to_owned())].into_iter().chain(bearer).collect();
        Ok(Self { http, vendor, base_url: base_url.to_owned(), headers, used: Mutex::new(None) })
    }

    /// POSTs to `path`, which begins with its slash.
    pub(super) async fn post(&self, path: &str, json: Vec<u8>) -> Result<HttpBody, HttpError> {
        self.mark_used();
        self.http.post(&format!("{}{path}", self.base_url), &self.headers, json).await
    }

    /// The names of the server's models.
    pub(super) async fn models(&self, deadline: Duration) -> Result<Vec<String>, HttpError> {
        self.mark_used();
        let list = self.http.get(&format!("{}/models", self.base_url), deadline).await?;
        let list: Value = serde_json::from_slice(&list)
            .map_err(|error| self.vendor.garbled(&format!("a list of models that is no JSON ({error})")))?;
        let models = list.get("data").and_then(Value::as_array).into_iter().flatten();
        Ok(models.filter_map(|model| model.get("id")?.as_str()).map(str::to_owned).collect())
    }

    /// Makes sure that a connection is up. Bounded in time; an error is the next request's to tell.
    pub(super) fn warm(self: &Arc<Self>) -> BoxFuture<'static, ()> {
        if !self.is_cold() {
            return futures::future::ready(()).boxed();
        }
        self.mark_used();
        let endpoint = Arc::clone(self);
        async move {
            if let Err(failed) = endpoint.models(WARM_DEADLINE).await {
                tracing::debug!(error = %failed.error, "warming a connection failed");
            }
        }
        .boxed()
    }

    /// Whether nothing was asked for so long that a connection may be gone.
    pub(super) fn is_cold(&self) -> bool {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.is_none_or(|at| now().saturating_duration_since(at) >= WARM_FOR)
    }

    fn mark_used(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Some(now());
    }
}

//! The one HTTP driver: requests whose answers stream.
//!
//! Invariant: connections are pooled and kept alive, so that a reply does not begin with a handshake; an answer that is
//! no success is read to a bound and classed. Nothing is retried here but what never left this machine.

mod rate_limits;

use super::retry_after::retry_after;
use super::{Refusal, Vendor, client, said_in};
use crate::stage::{Fault, StageError};
use bytes::Bytes;
use rate_limits::rate_limits;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{RequestBuilder, Response};
use std::sync::Arc;
use std::time::Duration;

/// How long a connection that nobody uses is kept.
const POOL_IDLE: Duration = Duration::from_secs(300);
/// HTTP/2 pings while nothing else is sent, and how long their answer may take.
const PING_EVERY: Duration = Duration::from_secs(20);
const PING_DEADLINE: Duration = Duration::from_secs(10);
/// How much of a `get` is read.
const GET_BYTES: usize = 1024 * 1024;

/// What a client may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HttpLimits {
    /// For name, TCP and TLS together.
    pub connect_deadline: Duration,
}

/// A pool of connections to one vendor; clones share it.
#[derive(Clone)]
pub(crate) struct HttpClient {
    client: reqwest::Client,
    vendor: Arc<Vendor>,
}

/// A request that failed.
#[derive(Clone, Debug)]
pub(crate) struct HttpError {
    /// What to tell.
    pub error: StageError,
    /// The status, if there was an answer.
    pub status: Option<u16>,
    /// When the vendor wants to be asked again.
    pub retry_after: Option<Duration>,
    /// The answer's body up to 8 KiB, without the key; empty without an answer.
    pub body: String,
}

impl From<StageError> for HttpError {
    fn from(error: StageError) -> Self {
        Self { error, status: None, retry_after: None, body: String::new() }
    }
}

impl HttpClient {
    /// A client without connections.
    ///
    /// # Errors
    /// A configuration error if TLS cannot be set up.
    pub(crate) fn new(vendor: Vendor, limits: HttpLimits) -> Result<Self, StageError> {
        let builder = client::builder(&vendor, &[b"h2", b"http/1.1"])?
            .connect_timeout(limits.connect_deadline)
            .pool_idle_timeout(POOL_IDLE)
            .http2_keep_alive_interval(PING_EVERY)
            .http2_keep_alive_timeout(PING_DEADLINE)
            .http2_keep_alive_while_idle(true);
        let client = builder.build().map_err(|error| vendor.misconfigured(client::causes(error)))?;
        Ok(Self { client, vendor: Arc::new(vendor) })
    }

    /// POSTs JSON; `Ok` once the headers of a success are there, for which it waits as long as it is polled. Dropping
    /// the future gives the request up.
    ///
    /// # Errors
    /// The vendor's refusal, classed, or that it cannot be reached.
    pub(crate) async fn post(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        json: Vec<u8>,
    ) -> Result<HttpBody, HttpError> {
        let url = client::target(&self.vendor, url)?;
        let request = self.client.post(url).headers(client::headers(&self.vendor, headers)?);
        let request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json")).body(json);
        let response = self.send(request).await?;
        Ok(HttpBody { response, vendor: Arc::clone(&self.vendor) })
    }

    /// GETs a small answer, all of it within `deadline`. Carries the vendor's key, if it has one, as a bearer token.
    ///
    /// # Errors
    /// As of [`post`](Self::post); also an answer larger than 1 MiB, and the deadline.
    pub(crate) async fn get(&self, url: &str, deadline: Duration) -> Result<Vec<u8>, HttpError> {
        let url = client::target(&self.vendor, url)?;
        let bearer = self.vendor.key.as_ref().map(|key| ("authorization", format!("Bearer {}", key.expose())));
        let request = self.client.get(url).headers(client::headers(&self.vendor, bearer.as_slice())?);
        let answer = async {
            let response = self.send(request).await?;
            let mut body = HttpBody { response, vendor: Arc::clone(&self.vendor) };
            body.all(GET_BYTES).await.map_err(HttpError::from)
        };
        tokio::time::timeout(deadline, answer).await.unwrap_or_else(|_| Err(self.vendor.stalled(deadline).into()))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, HttpError> {
        let response = request.send().await.map_err(|error| client::failed(&self.vendor, error))?;
        let limits = self.vendor.scrub(&rate_limits(response.headers()));
        if !limits.is_empty() {
            let request = client::request_id(response.headers()).map(|id| self.vendor.scrub(id));
            tracing::debug!(engine = self.vendor.name, request, limits, "the vendor tells its limits");
        }
        if response.status().is_success() { Ok(response) } else { Err(refusal(&self.vendor, response).await) }
    }
}

/// The body of a success as it arrives. Dropping it cancels the request.
pub(crate) struct HttpBody {
    response: Response,
    vendor: Arc<Vendor>,
}

impl HttpBody {
    /// The vendor's name of the request, for its support.
    pub(crate) fn request_id(&self) -> Option<&str> {
        client::request_id(self.response.headers())
    }

    /// What the answer calls its own kind.
    pub(crate) fn content_type(&self) -> Option<&str> {
        self.response.headers().get(CONTENT_TYPE)?.to_str().ok()
    }

    /// The next bytes; `None` at the body's end. Cancellation safe.
    ///
    /// # Errors
    /// The connection broke before the body's end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, StageError> {
        self.response.chunk().await.map_err(|error| self.broken(error))
    }

    fn broken(&self, error: reqwest::Error) -> StageError {
        let request = self.request_id().map(|id| format!(" [request {id}]")).unwrap_or_default();
        self.vendor.failed(Fault::Engine, &format!("its answer broke off: {}{request}", client::causes(error)))
    }

    async fn all(&mut self, max_bytes: usize) -> Result<Vec<u8>, StageError> {
        let mut all = Vec::new();
        while let Some(bytes) = self.chunk().await? {
            if all.len() + bytes.len() > max_bytes {
                return Err(self.vendor.garbled(&format!("an answer larger than {max_bytes} bytes")));
            }
            all.extend_from_slice(&bytes);
        }
        Ok(all)
    }
}

/// An answer that is no success, with what it says of itself.
async fn refusal(vendor: &Vendor, mut response: Response) -> HttpError {
    let body = client::error_body(&mut response).await;
    let status = response.status().as_u16();
    let request_id = client::request_id(response.headers());
    let error = vendor.refused(Refusal { status, request_id, said: &said_in(&body) });
    let body = vendor.without_key(&String::from_utf8_lossy(&body));
    HttpError { error, status: Some(status), retry_after: retry_after(response.headers()), body }
}

#[cfg(test)]
mod tests;

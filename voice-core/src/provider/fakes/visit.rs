//! One connection or request as a service sees it: what was asked, and the two answers there can be.
//!
//! Invariant: plain values; nothing here has a socket.

use super::faults::{Fault, FaultPlan, Moment, Service, Strikes};
use super::io::Wire;
use super::log::Question;
use super::slots::Slots;
use super::socket::FakeSocket;
use super::{FakesConfig, FakesLog};
use bytes::Bytes;
use futures::Stream;
use futures::future::BoxFuture;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use std::io;
use std::sync::Arc;
use std::time::Instant;

/// The body of an answer. An error in it breaks the connection off.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A whole body.
pub(super) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A body in chunks, each written as it comes.
pub(super) fn streamed(chunks: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Body {
    BodyExt::boxed_unsync(StreamBody::new(futures::StreamExt::map(chunks, |chunk| chunk.map(Frame::data))))
}

/// What all connections share.
pub(super) struct Shared {
    pub(super) config: FakesConfig,
    pub(super) log: FakesLog,
    pub(super) plan: Arc<FaultPlan>,
    /// Cartesia's contexts at one time, over all sockets.
    pub(super) cartesia_contexts: Slots,
    pub(super) cartesia_sockets: Slots,
}

impl Shared {
    /// Whether `key` is the one that is accepted. Every one is, and none, where the configuration names none.
    pub(super) fn accepts(&self, key: Option<&str>) -> bool {
        self.config.key.as_deref().is_none_or(|wanted| key == Some(wanted))
    }
}

/// What was asked: path, query and headers.
pub(super) struct Head {
    pub(super) path: String,
    query: Vec<(String, String)>,
    headers: HeaderMap,
}

impl Head {
    pub(super) fn new(parts: &hyper::http::request::Parts) -> Self {
        let query = parts.uri.query().unwrap_or_default();
        let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Self { path: parts.uri.path().to_owned(), query, headers: parts.headers.clone() }
    }

    /// The first value of a query parameter.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query_all(name).next()
    }

    /// All values of a query parameter.
    pub(super) fn query_all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.query.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The names of all query parameters, repeated ones repeatedly.
    pub(super) fn query_names(&self) -> impl Iterator<Item = &str> {
        self.query.iter().map(|(key, _)| key.as_str())
    }

    /// A header, if it is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The key of `Authorization: <scheme> <key>`, for one of `schemes`.
    pub(super) fn authorization(&self, schemes: &[&str]) -> Option<&str> {
        let (scheme, key) = self.header("authorization")?.split_once(' ')?;
        schemes.iter().any(|known| known.eq_ignore_ascii_case(scheme)).then(|| key.trim())
    }

    /// The offered WebSocket subprotocols.
    pub(super) fn subprotocols(&self) -> Vec<&str> {
        self.header("sec-websocket-protocol").unwrap_or_default().split(',').map(str::trim).collect()
    }
}

/// One connection or request of one service.
pub(super) struct Visit {
    pub(super) shared: Arc<Shared>,
    pub(super) service: Service,
    pub(super) request_id: String,
    pub(super) strikes: Strikes,
    pub(super) wire: Wire,
    /// [`Fault::NeverGreet`] has struck: what comes first is not sent.
    pub(super) never_greets: bool,
}

impl Visit {
    /// The next one of `service`.
    pub(super) fn new(shared: &Arc<Shared>, service: Service, wire: Wire) -> Self {
        let strikes = shared.plan.visit(service);
        let request_id = format!("00000000-0000-4000-8{:03x}-{:012x}", service as u8, strikes.number());
        Self { shared: Arc::clone(shared), service, request_id, strikes, wire, never_greets: false }
    }

    pub(super) fn log(&self) -> &FakesLog {
        &self.shared.log
    }

    /// A question that had come in full at `asked`.
    pub(super) fn question(&self, asked: Instant) -> Question {
        Question::new(self.log().clone(), self.service, self.strikes.number(), asked)
    }

    /// Writes down something worth telling.
    pub(super) fn note(&self, what: impl Into<String>) {
        self.shared.log.note(self.service, self.strikes.number(), what);
    }

    /// The faults that strike now; see [`Strikes::due`].
    pub(super) fn due(&mut self, moment: Moment) -> Vec<Fault> {
        let due = self.strikes.due(moment);
        for fault in &due {
            self.note(format!("fault: {fault:?}"));
            self.shared.log.count(|counts| counts.faults += 1);
        }
        due
    }
}

/// An answer that is no stream: a status, headers and a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

impl Refusal {
    /// A refusal with a JSON body.
    pub(super) fn json(status: u16, body: &serde_json::Value) -> Self {
        Self { status, headers: vec![("content-type", "application/json".into())], body: body.to_string() }
    }

    /// With a further header.
    #[must_use]
    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// With another body; one that begins as HTML does is a proxy's page.
    #[must_use]
    pub(super) fn with_body(self, body: String) -> Self {
        if !body.trim_start().starts_with('<') {
            return Self { body, ..self };
        }
        let mut headers = self.headers;
        headers.retain(|(name, _)| *name != "content-type");
        Self { status: self.status, headers, body }.header("content-type", "text/html; charset=utf-8")
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(whole(self.body));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().append(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

/// The work of a WebSocket service once the socket is open.
pub(super) type Serve = Box<dyn FnOnce(FakeSocket) -> BoxFuture<'static, ()> + Send>;

/// An opening that is accepted.
pub(super) struct Accepted {
    /// The subprotocol that was chosen.
    pub(super) subprotocol: Option<String>,
    /// Further headers of the 101.
    pub(super) headers: Vec<(&'static str, String)>,
    /// What [`Fault::ErrorMessage`] sends.
    pub(super) error: ErrorScript,
    /// What happens then.
    pub(super) serve: Serve,
}

/// The vendor's own error in mid-stream.
#[derive(Clone, Debug, Default)]
pub(super) struct ErrorScript {
    /// The messages it sends.
    pub(super) messages: Vec<String>,
    /// Whether, and with which code, it closes then: `Some(None)` is a close frame without a body.
    pub(super) close: Option<Option<u16>>,
}

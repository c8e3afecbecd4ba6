//! What is served over HTTP.

use crate::admission::Refusal;
use crate::call;
use crate::server::Server;
use axum::Router;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;

/// What a socket keeps for reading; a frame of audio is at most 2 KB.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// What may wait unwritten in the socket itself; the line hands it one message at a time.
const MAX_WRITE_BUFFER_BYTES: usize = 256 * 1024;

pub(crate) fn router(server: Arc<Server>) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/v1/call", get(open_call))
        .with_state(server)
}

/// The process lives.
async fn healthz() -> &'static str {
    "ok\n"
}

/// A call would be taken.
async fn readyz(State(server): State<Arc<Server>>) -> Response {
    match server.admission.check() {
        Ok(()) => "ready\n".into_response(),
        Err(refusal) => refuse(refusal),
    }
}

async fn metrics(State(server): State<Arc<Server>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], server.metrics.render(server.persistence.as_ref().map(Persistence::stats)))
}

async fn open_call(State(server): State<Arc<Server>>, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    if !is_origin_allowed(&headers, &server.limits.allowed_origins) {
        return (StatusCode::FORBIDDEN, "this origin is not among limits.allowed_origins\n").into_response();
    }
    let admitted = match server.admission.admit() {
        Ok(admitted) => admitted,
        Err(refusal) => {
            server.metrics.call_refused(refusal.name());
            return refuse(refusal);
        }
    };
    upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(MAX_WRITE_BUFFER_BYTES)
        .max_message_size(server.limits.max_message_bytes)
        .max_frame_size(server.limits.max_message_bytes)
        .on_upgrade(move |socket| call::hold(server, socket, admitted))
}

fn refuse(refusal: Refusal) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], format!("{refusal}\n")).into_response()
}

/// A browser lets any page open a WebSocket to any server and says only whose page it is; without this, a page the
/// operator happens to look at could talk to a server on their own machine.
fn is_origin_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let own = origin.split_once("://").map(|(_, authority)| authority);
    (own.is_some() && own == host) || allowed.iter().any(|allowed| allowed == "*" || allowed == origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_allowed(origin: Option<&'static str>, allowed: &[&str]) -> bool {
        let mut headers = HeaderMap::from_iter([(header::HOST, "127.0.0.1:8080".parse().unwrap())]);
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        is_origin_allowed(&headers, &allowed.iter().map(|origin| (*origin).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_foreign_page_is_refused_unless_it_is_listed() {
        assert!(is_allowed(None, &[]), "no browser");
        assert!(is_allowed(Some("http://127.0.0.1:8080"), &[]), "this server's own page");
        assert!(!is_allowed(Some("https://evil.example"), &[]));
        assert!(!is_allowed(Some("null"), &["https://app.example"]));
        assert!(is_allowed(Some("https://app.example"), &["https://app.example"]));
        assert!(is_allowed(Some("https://any.example"), &["*"]));
    }
}

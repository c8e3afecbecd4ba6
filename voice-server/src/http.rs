//! What is served over HTTP.

use crate::api;
use crate::auth::{Refused, SUBPROTOCOL};
use crate::call;
use crate::page;
use crate::persist::Persistence;
use crate::problem::Problem;
use crate::server::{Peer, Server};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
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
        .route("/v1/call", get(open_call).fallback(api::wrong_method))
        .with_state(Arc::clone(&server))
        .merge(api::router(server.api.clone()))
        .merge(page::router(server.sessions.clone()))
}

/// The process lives.
async fn healthz() -> &'static str {
    "ok\n"
}

/// A call would be taken.
async fn readyz(State(server): State<Arc<Server>>) -> Response {
    match server.check() {
        Ok(()) => "ready\n".into_response(),
        Err(refusal) => Refused::Server(refusal).into_response(),
    }
}

async fn metrics(State(server): State<Arc<Server>>) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        server.metrics.render(server.persistence.as_ref().map(Persistence::stats)),
    )
}

async fn open_call(
    State(server): State<Arc<Server>>,
    Extension(Peer(address)): Extension<Peer>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(why) => return Problem::new(why.status(), why.body_text()).into_response(),
    };
    match call::enter(&server, headers, query.as_deref().unwrap_or_default(), address).await {
        Ok(entrance) => upgrade
            .protocols([SUBPROTOCOL])
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(MAX_WRITE_BUFFER_BYTES)
            .max_message_size(server.limits.max_message_bytes)
            .max_frame_size(server.limits.max_message_bytes)
            .on_upgrade(move |socket| call::hold(server, socket, entrance)),
        Err(why) => {
            server.metrics.call_refused(why.label());
            why.into_response()
        }
    }
}

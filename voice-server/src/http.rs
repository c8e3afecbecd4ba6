//! What is served over HTTP.

use crate::admission::Refusal;
use crate::call;
use crate::server::Server;
use axum::Router;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::{StatusCode, header};
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
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], server.metrics.render())
}

async fn open_call(State(server): State<Arc<Server>>, upgrade: WebSocketUpgrade) -> Response {
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

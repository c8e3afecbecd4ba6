//! One socket, one session: from the upgraded connection to the last message.
//!
//! Invariant: a call runs in a task of its own, so that a panic in it ends that call and no other. Nothing here decides
//! anything about the conversation.

mod follow;
mod handshake;
mod keep;
pub(crate) mod names;
mod report;
mod socket;
mod timing;
mod transcript;

use crate::admission::Admitted;
use crate::server::Server;
use axum::extract::ws::WebSocket;
use handshake::{Agreed, handshake};
use report::Reporter;
use socket::CallSocket;
use std::sync::Arc;
use tracing::{Instrument, error, info, info_span, warn};
use voice_core::session::{CallRecord, Session, SessionEvent, SessionEvents, SessionHandle, Stage};
use voice_core::stage::StageError;
use voice_core::transport::native::ServerMessage;
use voice_core::transport::{WebSocketLimits, WebSocketLine, WireSender};
use voice_core::turn::EndReason;
use voice_core::units::CallId;

/// Holds a call on `socket` until it is over and everything is written.
pub(crate) async fn hold(server: Arc<Server>, socket: WebSocket, admitted: Admitted) {
    let call = CallId::new(uuid::Uuid::now_v7().to_string());
    let span = info_span!("call", id = %call);
    converse(&server, socket, call).instrument(span).await;
    drop(admitted);
}

async fn converse(server: &Server, socket: WebSocket, call: CallId) {
    let mut socket = CallSocket::new(socket, server.limits.idle());
    let agreed = match handshake(&mut socket, &call, server.limits.handshake()).await {
        Ok(agreed) => agreed,
        Err(error) => {
            info!(%error, "call refused");
            server.metrics.handshake_failed();
            return;
        }
    };
    let Agreed { format, played } = agreed;
    let limits = WebSocketLimits { max_errors: server.limits.max_errors, ..WebSocketLimits::default() };
    let (line, sender) = match WebSocketLine::new(socket, format, played, limits) {
        Ok(opened) => opened,
        Err(error) => return error!(%error, "no line in a format that was agreed"),
    };
    let _active = server.metrics.call_started();
    info!(encoding = ?format.encoding, rate = format.rate, "call started");
    let (session, handle, events) = Session::new(call, server.agent.clone(), Box::new(line));
    let running = server.tasks.spawn(session.run().in_current_span());
    tokio::select! {
        () = forward(server, events, sender) => {}
        () = hang_up_at_shutdown(server, handle) => {}
    }
    match running.await {
        Ok(record) => log_end(&record),
        Err(error) => {
            error!(%error, "call broke off by a fault of the server");
            server.metrics.call_panicked();
        }
    }
}

/// Never ready: the call then ends by itself, with its last words.
async fn hang_up_at_shutdown(server: &Server, handle: SessionHandle) {
    server.end_calls.cancelled().await;
    // Either it takes the command or it is over already; a full queue holds a command to end as well as any.
    let _ = handle.hang_up(EndReason::Shutdown);
    std::future::pending().await
}

fn log_end(record: &CallRecord) {
    info!(
        reason = names::end_reason(record.reason),
        turns = record.turns.len(),
        received_samples = record.received_samples,
        sent_samples = record.sent_samples,
        "call ended"
    );
}

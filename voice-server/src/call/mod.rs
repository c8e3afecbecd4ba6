//! One socket, one session: from the upgraded connection to the last message.
//!
//! Invariant: a call runs in a task of its own, so that a panic in it ends that call and no other. Nothing here decides
//! anything about the conversation.

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

/// Tells the client what happens until nothing more will. Dropping `sender` at the end lets the socket close.
async fn forward(server: &Server, mut events: SessionEvents, sender: WireSender) {
    let (mut reporter, mut messages) = (Reporter::new(&server.prices), Vec::new());
    while let Some(event) = events.next().await {
        server.metrics.observe(&event, &server.prices);
        log(&event);
        reporter.report(event, &mut messages);
        messages.iter().for_each(log_cost);
        for message in messages.drain(..) {
            // A socket that is gone ends the session, and that ends the events.
            let _ = sender.send(message).await;
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

fn log(event: &SessionEvent) {
    match event {
        SessionEvent::StageFailed { stage, error } => warn!(?stage, %error, "stage failed"),
        SessionEvent::StageSwitched { stage, from, to, why } => switched(*stage, from, to, why.as_ref()),
        SessionEvent::EventsLost { count } => warn!(count, "events lost: the client reads too slowly"),
        SessionEvent::BargeIn { signal, .. } => {
            info!(reply = signal.reply.0, cause = ?signal.cause, played_samples = signal.played_samples, "barge-in");
        }
        SessionEvent::TurnEnded(record) => {
            let voice_to_voice_ms = record.timeline.voice_to_voice().map(|waited| waited.as_millis());
            info!(turn = record.turn.0, outcome = ?record.outcome, ?voice_to_voice_ms, "turn ended");
        }
        _ => {}
    }
}

fn switched(stage: Stage, from: &str, to: &str, why: Option<&StageError>) {
    match why {
        Some(error) => warn!(?stage, from, to, %error, "another engine takes over"),
        None => info!(?stage, from, to, "a better engine is back"),
    }
}

/// One line a call: what each engine was used for and what that cost.
fn log_cost(message: &ServerMessage) {
    if let ServerMessage::Cost(bill) = message {
        let engines: Vec<_> = bill.engines.iter().map(ToString::to_string).collect();
        info!(total = bill.total, currency = bill.currency, engines = engines.join("; "), "call used");
    }
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

//! One socket, one session: from the upgraded connection to the last message.
//!
//! Invariant: a call runs in a task of its own, so that a panic in it ends that call and no other. Nothing here decides
//! anything about the conversation.

mod authority;
mod entrance;
mod handshake;
mod introduction;
pub(crate) mod names;
mod report;
mod socket;

pub(crate) use entrance::{Entrance, enter};

use crate::auth::UNAUTHORIZED;
use crate::server::Server;
use authority::Authority;
use axum::extract::ws::WebSocket;
use entrance::Pass;
use handshake::{Agreed, handshake};
use report::Reporter;
use socket::{CallSocket, CloseCode};
use std::sync::Arc;
use tracing::{Instrument, error, info, info_span, warn};
use voice_core::session::{CallRecord, Session, SessionEvent, SessionEvents, SessionHandle, Stage};
use voice_core::stage::StageError;
use voice_core::transport::native::ServerMessage;
use voice_core::transport::{WebSocketLimits, WebSocketLine, WireSender};
use voice_core::turn::EndReason;
use voice_core::units::CallId;

/// Holds a call on `socket` until it is over and everything is written.
pub(crate) async fn hold(server: Arc<Server>, socket: WebSocket, entrance: Entrance) {
    let call = CallId::new(uuid::Uuid::now_v7().to_string());
    let span = info_span!("call", id = %call);
    let mut socket = CallSocket::new(socket, server.limits.idle());
    async {
        if let Some(pass) = admit(&server, &mut socket, entrance).await {
            converse(&server, socket, call, &pass).await;
        }
    }
    .instrument(span)
    .await;
}

/// The pass of whoever is at the other end; a stranger without one is sent away.
async fn admit(server: &Server, socket: &mut CallSocket, entrance: Entrance) -> Option<Box<Pass>> {
    let newcomer = match entrance {
        Entrance::Pass(pass) => return Some(pass),
        Entrance::Stranger(newcomer) => newcomer,
    };
    match introduction::introduce(server, socket, *newcomer).await {
        Ok(pass) => Some(Box::new(pass)),
        Err(why) => {
            info!(reason = why.label(), "call refused");
            server.metrics.call_refused(why.label());
            socket.close_code().set(why.bye().1);
            introduction::send_away(socket, why).await;
            None
        }
    }
}

async fn converse(server: &Server, mut socket: CallSocket, call: CallId, pass: &Pass) {
    let agreed = match handshake(&mut socket, &call, server.limits.handshake()).await {
        Ok(agreed) => agreed,
        Err(error) => {
            info!(%error, "call refused");
            server.metrics.handshake_failed();
            return;
        }
    };
    let Agreed { format, played } = agreed;
    let close_code = socket.close_code();
    let limits = WebSocketLimits { max_errors: server.limits.max_errors, ..WebSocketLimits::default() };
    let (mut line, sender) = match WebSocketLine::new(socket, format, played, limits) {
        Ok(opened) => opened,
        Err(error) => return error!(%error, "no line in a format that was agreed"),
    };
    let authority = Authority::new(server.gate.clone(), &pass.identity, server.limits.auth_grace());
    let (tokens, own_sender) = (line.tokens(), sender.clone());
    let run_out = async move { authority.run_out(tokens, &own_sender).await };
    let _active = server.metrics.call_started();
    info!(encoding = ?format.encoding, rate = format.rate, "call started");
    let (session, handle, events) = Session::new(call, server.agent.clone(), Box::new(line));
    let running = server.tasks.spawn(session.run().in_current_span());
    tokio::select! {
        () = forward(server, events, sender) => {}
        () = hang_up_at_shutdown(server, &handle) => {}
        () = hang_up_unauthorized(run_out, &handle, &close_code) => {}
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
async fn hang_up_at_shutdown(server: &Server, handle: &SessionHandle) {
    server.end_calls.cancelled().await;
    // Either it takes the command or it is over already; a full queue holds a command to end as well as any.
    let _ = handle.hang_up(EndReason::Shutdown);
    std::future::pending().await
}

/// Never ready, as the one above.
async fn hang_up_unauthorized(run_out: impl Future<Output = ()>, handle: &SessionHandle, close_code: &CloseCode) {
    run_out.await;
    close_code.set(UNAUTHORIZED);
    let _ = handle.hang_up(EndReason::Unauthorized);
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

//! What is done with what a session tells: counted, logged, kept, and then told to the client.
//!
//! Invariant: the client is told of something as final only once it is kept. Runs beside the session, which waits for
//! none of it.

use super::keep::{Keeper, Kept, withhold};
use super::names::SERVER_FAULT;
use super::report::Reporter;
use crate::server::Server;
use tracing::{info, warn};
use voice_core::session::{SessionEvent, SessionEvents, Stage};
use voice_core::stage::StageError;
use voice_core::transport::WireSender;
use voice_core::transport::native::ServerMessage;

/// Tells the client what happens until nothing more will. Dropping `sender` at the end lets the socket close.
pub(super) async fn follow(server: &Server, mut events: SessionEvents, sender: WireSender, mut keeper: Keeper<'_>) {
    let (mut reporter, mut messages, mut end) = (Reporter::new(&server.prices), Vec::new(), None);
    while let Some(event) = events.next().await {
        server.metrics.observe(&event, &server.prices);
        log(&event);
        let kept = keeper.keep(&event).await;
        if matches!(event, SessionEvent::Ended { .. }) {
            end = Some(event);
            continue;
        }
        reporter.report(event, &mut messages);
        tell(&sender, &mut messages, kept).await;
    }
    let record = events.into_record().await;
    let kept = keeper.finish(record.as_ref(), SERVER_FAULT).await;
    if let Some(end) = end {
        reporter.report(end, &mut messages);
        tell(&sender, &mut messages, kept).await;
    }
}

async fn tell(sender: &WireSender, messages: &mut Vec<ServerMessage>, kept: Kept) {
    messages.iter().for_each(log_cost);
    if kept == Kept::NotYet {
        withhold(messages);
    }
    for message in messages.drain(..) {
        // A socket that is gone ends the session, and that ends the events.
        let _ = sender.send(message).await;
    }
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

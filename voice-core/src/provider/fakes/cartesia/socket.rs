//! The machine on a real socket: openings, the loop that feeds it, counters.

use super::config::CancelManner;
use super::machine::Machine;
use crate::provider::fakes::FakesLog;
use crate::provider::fakes::clock::Stopwatch;
use crate::provider::fakes::faults::{Fault, Moment};
use crate::provider::fakes::socket::{FakeSocket, Received};
use crate::provider::fakes::visit::{Accepted, ErrorScript, Head, Refusal, Visit};
use crate::provider::fakes::voice::Voices;
use futures::FutureExt;
use serde_json::json;

/// The vendor allows ten times as many sockets as contexts.
pub(in crate::provider::fakes) const SOCKETS_PER_CONTEXT: usize = 10;
/// Messages that may wait in the socket; while more do, no audio is taken.
const MAX_WAITING: usize = 512;

/// A refused opening, in the vendor's shape.
pub(in crate::provider::fakes) fn refusal(status: u16, said: &str, request_id: &str) -> Refusal {
    let (code, title) = match status {
        401 | 403 => ("unauthorized", "Unauthorized"),
        402 => ("quota_exceeded", "Quota exceeded"),
        404 => ("not_found", "Not found"),
        429 => ("concurrency_limited", "Too many concurrent requests"),
        _ => ("internal_error", "Internal server error"),
    };
    let body = json!({ "error_code": code, "title": title, "message": said, "request_id": request_id });
    Refusal::json(status, &body).header("x-request-id", request_id)
}

/// An opening: the key, and a place among the sockets.
pub(in crate::provider::fakes) fn open(head: &Head, visit: &Visit) -> Result<Accepted, Refusal> {
    let (shared, id) = (&visit.shared, &visit.request_id);
    let bearer = head.authorization(&["Bearer"]).or_else(|| head.header("x-api-key"));
    let key = bearer.or_else(|| head.query("api_key")).or_else(|| head.query("access_token"));
    if !shared.accepts(key) {
        return Err(refusal(401, "invalid API key", id));
    }
    let place = shared.cartesia_sockets.take().ok_or_else(|| refusal(429, "too many connections", id))?;
    let version = head.query("cartesia_version").or_else(|| head.header("cartesia-version"));
    let machine = Machine::new(shared.config.cartesia.clone(), version, shared.cartesia_contexts.clone());
    let (voice, log) = (shared.config.cartesia.voice.clone(), shared.log.clone());
    let serve = |mut socket: FakeSocket| {
        async move {
            let _place = place;
            log.count(|counts| counts.cartesia.opened += 1);
            match Voices::open(&voice).await {
                Ok(voices) => serve(socket, machine, voices, &log).await,
                Err(error) => {
                    socket.visit_mut().note(format!("the voice did not open: {error}"));
                    socket.close(Some(1011), "the voice did not open").await;
                }
            }
            log.count(|counts| counts.cartesia.ended += 1);
        }
        .boxed()
    };
    let headers = vec![("x-request-id", id.clone())];
    Ok(Accepted { subprotocol: None, headers, error: ErrorScript::default(), serve: Box::new(serve) })
}

async fn serve(mut socket: FakeSocket, mut machine: Machine, mut voices: Voices, log: &FakesLog) {
    let watch = Stopwatch::start();
    loop {
        misbehave(&mut socket, &mut machine, watch);
        while let Some((key, ask)) = machine.pop_ask() {
            voices.perform(key, ask);
        }
        let closed = machine.tick(watch.elapsed());
        while let Some(item) = machine.pop(watch.elapsed()) {
            if let Some(asked) = item.asked {
                socket.visit().question(watch.at(asked)).answered();
            }
            socket.send(item.text);
        }
        let counts = machine.take_counts();
        log.count(|all| all.cartesia.add(&counts));
        if let Some(reason) = closed {
            return socket.close(Some(1000), reason).await;
        }
        let has_room = machine.has_room() && socket.waiting() < MAX_WAITING;
        tokio::select! {
            biased;
            received = socket.next() => match received {
                Some(Received::Text(text)) => machine.take(watch.elapsed(), &text),
                Some(_) => {}
                None => break,
            },
            (key, event) = voices.next(), if has_room => machine.hear(watch.elapsed(), key, event),
            () = watch.reach(machine.next_due()) => {}
        }
    }
    machine.leave();
    let counts = machine.take_counts();
    log.count(|all| all.cartesia.add(&counts));
}

/// The faults that are the protocol's own.
fn misbehave(socket: &mut FakeSocket, machine: &mut Machine, watch: Stopwatch) {
    for fault in socket.visit_mut().due(Moment::Manner) {
        match fault {
            Fault::Pace { percent } => machine.set_pace(percent),
            Fault::LateAfterCancel { ms } => machine.set_cancel(CancelManner::LateFor(ms)),
            _ => {}
        }
    }
    if socket.take_error() {
        machine.break_down(watch.elapsed());
    }
}

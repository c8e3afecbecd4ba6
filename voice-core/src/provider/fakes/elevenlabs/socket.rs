//! The machine on a real socket: openings, the loop that feeds it, counters.

use super::config::{CloseManner, KeyCheck};
use super::machine::{Machine, Opening};
use super::message::format_of;
use crate::provider::fakes::FakesLog;
use crate::provider::fakes::clock::Stopwatch;
use crate::provider::fakes::faults::{Fault, Moment};
use crate::provider::fakes::socket::{FakeSocket, Received};
use crate::provider::fakes::visit::{Accepted, ErrorScript, Head, Refusal, Visit};
use crate::provider::fakes::voice::Voices;
use futures::FutureExt;
use serde_json::json;
use std::time::Duration;

/// Messages that may wait in the socket; while more do, no audio is taken.
const MAX_WAITING: usize = 512;
/// The vendor's patience where the client asks for none, and the most it can ask for.
const INACTIVITY_SECONDS: u64 = 20;
const MAX_INACTIVITY_SECONDS: u64 = 180;

/// A refused opening, in the vendor's shape.
pub(in crate::provider::fakes) fn refusal(status: u16, said: &str, request_id: &str) -> Refusal {
    let kind = match status {
        401 => "invalid_api_key",
        429 => "too_many_concurrent_requests",
        _ => "error",
    };
    Refusal::json(status, &json!({ "detail": { "status": kind, "message": said } })).header("request-id", request_id)
}

/// An opening.
pub(in crate::provider::fakes) fn open(head: &Head, visit: &Visit) -> Result<Accepted, Refusal> {
    let (shared, id) = (&visit.shared, &visit.request_id);
    let fake = shared.config.elevenlabs.clone();
    let bearer = head.header("xi-api-key").or_else(|| head.authorization(&["Bearer"]));
    let key = bearer.or_else(|| head.query("authorization")).or_else(|| head.query("xi-api-key"));
    let is_known = shared.accepts(key);
    if !is_known && key.is_some() && fake.key_check == KeyCheck::Upgrade {
        return Err(refusal(401, "the API key is not valid", id));
    }
    let asked = head.query("inactivity_timeout").and_then(|seconds| seconds.parse().ok());
    let inactivity = Duration::from_secs(asked.unwrap_or(INACTIVITY_SECONDS).min(MAX_INACTIVITY_SECONDS));
    let opening = Opening {
        format: format_of(head.query("output_format")),
        is_auto: head.query("auto_mode") == Some("true"),
        inactivity,
        is_known,
        key: shared.config.key.clone(),
    };
    let (voice, log) = (fake.voice.clone(), shared.log.clone());
    let machine = Machine::new(fake, opening);
    let serve = |mut socket: FakeSocket| {
        async move {
            log.count(|counts| counts.elevenlabs.opened += 1);
            match Voices::open(&voice).await {
                Ok(voices) => serve(socket, machine, voices, &log).await,
                Err(error) => {
                    socket.visit_mut().note(format!("the voice did not open: {error}"));
                    socket.close(Some(1011), "the voice did not open").await;
                }
            }
            log.count(|counts| counts.elevenlabs.ended += 1);
        }
        .boxed()
    };
    let headers = vec![("request-id", id.clone())];
    Ok(Accepted { subprotocol: None, headers, error: ErrorScript::default(), serve: Box::new(serve) })
}

async fn serve(mut socket: FakeSocket, mut machine: Machine, mut voices: Voices, log: &FakesLog) {
    let watch = Stopwatch::start();
    loop {
        misbehave(&mut socket, &mut machine);
        while let Some((key, ask)) = machine.pop_ask() {
            voices.perform(key, ask);
        }
        machine.tick(watch.elapsed());
        while let Some(item) = machine.pop(watch.elapsed()) {
            if let Some(asked) = item.asked {
                socket.visit().question(watch.at(asked)).answered();
            }
            socket.send(item.text);
        }
        let counts = machine.take_counts();
        log.count(|all| all.elevenlabs.add(&counts));
        if let Some(end) = machine.end() {
            return socket.close(Some(end.code), end.reason).await;
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
    log.count(|all| all.elevenlabs.add(&counts));
}

/// The faults that are the protocol's own.
fn misbehave(socket: &mut FakeSocket, machine: &mut Machine) {
    for fault in socket.visit_mut().due(Moment::Manner) {
        match fault {
            Fault::Pace { percent } => machine.set_pace(percent),
            Fault::LateAfterCancel { ms } => machine.set_close(CloseManner::LateFor(ms)),
            _ => {}
        }
    }
    if socket.take_error() {
        machine.break_down();
    }
}

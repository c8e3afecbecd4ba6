//! What fuzzing asks of Deepgram's engines: a connection's messages, a line each, up to the first that is garbled.

use super::chunker::Block;
use super::dialect::{Dialect, Heard};
use super::stream_clock::StreamClock;
use super::{flux, nova};
use crate::stage::SttEvent;
use crate::units::Position;

/// Where the stream's audio begins in the call.
const BASE: Position = Position(16_000);

/// Words are told only within a turn, none empty, and no end lies before the audio.
pub(in crate::provider) fn flux(bytes: &[u8]) {
    let mut open = false;
    told(flux::any_turns(), bytes, |event| match event {
        SttEvent::StartOfTurn { .. } | SttEvent::EagerEndOfTurn { .. } => open = true,
        SttEvent::Interim { text } => assert!(open && !text.is_empty(), "{event:?}"),
        SttEvent::TurnResumed => assert!(open),
        SttEvent::EndOfTurn { end, .. } => {
            assert!(end.is_some_and(|end| end >= BASE), "{event:?}");
            open = false;
        }
        SttEvent::Serving(_) | SttEvent::Final { .. } => {}
    });
}

/// No interim is empty, no turn is told, and no final lies before the audio.
pub(in crate::provider) fn nova(bytes: &[u8]) {
    told(nova::any_segments(), bytes, |event| match event {
        SttEvent::Interim { text } => assert!(!text.is_empty()),
        SttEvent::Final { end, .. } => assert!(*end >= BASE, "{event:?}"),
        other => assert!(matches!(other, SttEvent::Serving(_)), "{other:?}"),
    });
}

fn told<D: Dialect>(mut dialect: D, bytes: &[u8], mut check: impl FnMut(&SttEvent)) {
    let mut clock = StreamClock::default();
    clock.sent(&Block { bytes: vec![0; 2_560].into(), from: BASE });
    let text = String::from_utf8_lossy(bytes);
    for message in text.lines().map_while(|line| D::decode(line).ok()) {
        match dialect.heard(message, &clock) {
            Heard::Event(event) => check(&event),
            Heard::Failed { .. } => return,
            Heard::Nothing | Heard::Answered | Heard::Refused(_) | Heard::Warned(_) | Heard::Say(_) => {}
        }
    }
    let left = dialect.left_open(&clock);
    assert!(left.iter().all(|event| matches!(event, SttEvent::Final { text, .. } if !text.is_empty())), "{left:?}");
}

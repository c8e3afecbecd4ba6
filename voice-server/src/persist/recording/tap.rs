//! A line that is listened to.
//!
//! Invariant: never waits and allocates nothing per frame. Where the listener is behind, what passes is not heard by it,
//! and counted.

use futures::StreamExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::task::{Context, Poll};
use std::time::Instant;
use voice_core::audio::Frame;
use voice_core::transport::{BoxLineSource, Line, LineControl, LineError, LineInfo, LineInput, LineSink};
use voice_core::units::ReplyId;

/// What waits for the listener: more than two seconds of a call.
const QUEUED: usize = 256;

/// What passed a line.
pub(super) enum Tapped {
    /// Caller audio.
    Caller(Frame),
    /// Agent audio.
    Agent(Frame),
    /// What the far end was told about it.
    Control(LineControl),
}

/// Where a line is listened to.
pub(super) struct Listening {
    pub(super) heard: Receiver<(Instant, Tapped)>,
    /// What passed unheard.
    pub(super) missed: Arc<AtomicU64>,
}

/// The line's end of it. Clones listen to the same line.
#[derive(Clone)]
struct Tap {
    heard: SyncSender<(Instant, Tapped)>,
    missed: Arc<AtomicU64>,
}

/// A line that is listened to.
pub(super) struct TappedLine {
    line: Box<dyn Line>,
    tap: Tap,
}

struct TappedSink {
    sink: Box<dyn LineSink>,
    tap: Tap,
}

/// Begins to listen to a line, until it is dropped.
pub(super) fn tap(line: Box<dyn Line>) -> (Box<dyn Line>, Listening) {
    let (heard, listening) = sync_channel(QUEUED);
    let missed = Arc::new(AtomicU64::new(0));
    let tap = Tap { heard, missed: Arc::clone(&missed) };
    (Box::new(TappedLine { line, tap }), Listening { heard: listening, missed })
}

impl Tap {
    fn hear(&self, tapped: Tapped) {
        if self.heard.try_send((now(), tapped)).is_err() {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Line for TappedLine {
    fn info(&self) -> LineInfo {
        self.line.info()
    }

    fn split(self: Box<Self>) -> (BoxLineSource, Box<dyn LineSink>) {
        let Self { line, tap } = *self;
        let (source, sink) = line.split();
        let listening = tap.clone();
        let source = source.inspect(move |input| {
            if let Ok(LineInput::Audio(frame)) = input {
                listening.hear(Tapped::Caller(frame.clone()));
            }
        });
        (source.boxed(), Box::new(TappedSink { sink, tap }))
    }
}

impl LineSink for TappedSink {
    fn send_audio(&mut self, reply: ReplyId, frame: &Frame) -> Result<(), LineError> {
        self.sink.send_audio(reply, frame)?;
        self.tap.hear(Tapped::Agent(frame.clone()));
        Ok(())
    }

    fn send_control(&mut self, control: LineControl) -> Result<(), LineError> {
        self.sink.send_control(control)?;
        self.tap.hear(Tapped::Control(control));
        Ok(())
    }

    fn poll_drive(&mut self, cx: &mut Context<'_>) -> Poll<LineError> {
        self.sink.poll_drive(cx)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.sink.poll_close(cx)
    }
}

/// Tokio's clock, so that simulated time works.
#[expect(clippy::disallowed_methods, reason = "audio is placed by when it passed")]
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

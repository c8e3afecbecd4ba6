//! What was sent and may have to be sent again.
//!
//! Invariant: bounded in bytes; what was not written to the present socket yet is never dropped.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use voice_core::transport::WireMessage;

/// What is kept: five seconds of uncompressed audio at 48 kHz, many times what the kernel buffers of a socket hold.
const MAX_BYTES: usize = 512 * 1024;

/// What a message costs besides its bytes.
const OVERHEAD_BYTES: usize = 64;

/// The messages that a client may say it has got, for whoever asks from outside.
#[derive(Clone, Default)]
pub(super) struct Span(Arc<Counts>);

#[derive(Default)]
struct Counts {
    first: AtomicU64,
    total: AtomicU64,
}

impl Span {
    /// Whether all after the first `received` messages is kept.
    pub(super) fn has(&self, received: u64) -> bool {
        (self.0.first.load(Ordering::Acquire)..=self.0.total.load(Ordering::Acquire)).contains(&received)
    }
}

/// The messages of a call, the newest of them.
pub(super) struct Outbox {
    messages: VecDeque<WireMessage>,
    bytes: usize,
    /// Of `messages`, those that were written to the present socket.
    written: usize,
    span: Span,
}

impl Outbox {
    pub(super) fn new(span: Span) -> Self {
        Self { messages: VecDeque::new(), bytes: 0, written: 0, span }
    }

    /// One more, not yet written.
    pub(super) fn push(&mut self, message: WireMessage) {
        self.bytes += size(&message);
        self.messages.push_back(message);
        self.span.0.total.fetch_add(1, Ordering::AcqRel);
        while self.bytes > MAX_BYTES && self.written > 0 {
            self.drop_first();
        }
    }

    /// The next to be written.
    pub(super) fn next(&self) -> Option<&WireMessage> {
        self.messages.get(self.written)
    }

    pub(super) fn mark_written(&mut self) {
        self.written = (self.written + 1).min(self.messages.len());
    }

    /// A new socket, whose client has got so many of all there ever were: the rest is to be written again. Whether it is
    /// still there.
    pub(super) fn rewind(&mut self, received: u64) -> bool {
        if !self.span.has(received) {
            return false;
        }
        self.written = self.messages.len();
        while self.span.0.first.load(Ordering::Acquire) < received {
            self.drop_first();
        }
        self.written = 0;
        true
    }

    fn drop_first(&mut self) {
        if let Some(first) = self.messages.pop_front() {
            self.bytes -= size(&first);
            self.written = self.written.saturating_sub(1);
            self.span.0.first.fetch_add(1, Ordering::AcqRel);
        }
    }
}

fn size(message: &WireMessage) -> usize {
    OVERHEAD_BYTES
        + match message {
            WireMessage::Binary(bytes) => bytes.len(),
            WireMessage::Text(text) => text.len(),
            WireMessage::Close => 0,
        }
}

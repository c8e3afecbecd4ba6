//! An HTTP answer in chunks, with the faults between: what `socket` is for WebSockets.
//!
//! Invariant: chunks leave in the order they were given, except where a fault says otherwise. Dropping the body drops
//! the chunks' stream: that is how a client cancels.

use super::faults::{Fault, Moment};
use super::visit::{Body, Visit, streamed};
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, stream};
use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::time::Duration;

/// Writes of a fragmented answer hold so many bytes.
const FRAGMENT_BYTES: usize = 7;

/// What the faults of a service send, in its own shape.
#[derive(Clone, Debug, Default)]
pub(super) struct FaultChunks {
    /// The vendor's error in mid-stream; the body ends after it.
    pub(super) error: Bytes,
    /// What nobody can read.
    pub(super) malformed: Bytes,
    /// What nobody knows.
    pub(super) unknown: Bytes,
}

/// What waits to be written.
enum Step {
    Chunk(Bytes),
    Wait(Duration),
    Stall,
    Reset,
    End,
}

struct Writer {
    visit: Visit,
    faults: FaultChunks,
    chunks: BoxStream<'static, Bytes>,
    steps: VecDeque<Step>,
    swapped: Option<Bytes>,
}

/// The body of `chunks`, each counted as a message of `visit` and struck by its faults.
pub(super) fn faulty(visit: Visit, faults: FaultChunks, chunks: impl Stream<Item = Bytes> + Send + 'static) -> Body {
    let (steps, swapped) = (VecDeque::new(), None);
    let mut writer = Writer { visit, faults, chunks: chunks.boxed(), steps, swapped };
    writer.strike_between();
    streamed(stream::unfold(Some(writer), |writer| async {
        let mut writer = writer?;
        let item = writer.next().await?;
        let is_last = item.is_err();
        Some((item, (!is_last).then_some(writer)))
    }))
}

impl Writer {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            match self.steps.pop_front() {
                Some(Step::Chunk(bytes)) => return Some(Ok(bytes)),
                Some(Step::Wait(wait)) => tokio::time::sleep(wait).await,
                Some(Step::Stall) => {
                    self.visit.wire.stall();
                    pending::<()>().await;
                }
                Some(Step::Reset) => {
                    self.visit.wire.reset();
                    return Some(Err(io::ErrorKind::ConnectionReset.into()));
                }
                Some(Step::End) => return None,
                None => {
                    // What was given is written before the next is made, as by a vendor that computes for long.
                    tokio::task::yield_now().await;
                    match self.chunks.next().await {
                        Some(chunk) => self.take(chunk),
                        None => return self.swapped.take().map(Ok),
                    }
                }
            }
        }
    }

    fn take(&mut self, chunk: Bytes) {
        let mut swap = false;
        for fault in self.visit.due(Moment::Message) {
            match fault {
                Fault::Fragment => self.visit.wire.split(FRAGMENT_BYTES),
                Fault::CutUtf8 => self.visit.wire.cut_utf8(),
                Fault::OutOfOrder => swap = true,
                Fault::Delay { ms } => self.steps.push_back(Step::Wait(Duration::from_millis(ms))),
                _ => {}
            }
        }
        if swap && self.swapped.is_none() {
            self.swapped = Some(chunk);
            return;
        }
        self.put(chunk);
        if let Some(swapped) = self.swapped.take() {
            self.put(swapped);
        }
    }

    fn put(&mut self, chunk: Bytes) {
        self.steps.push_back(Step::Chunk(chunk));
        self.visit.strikes.note_sent();
        self.strike_between();
    }

    fn strike_between(&mut self) {
        for fault in self.visit.due(Moment::Between) {
            let step = match fault {
                Fault::SplitWrites { bytes } => {
                    self.visit.wire.split(bytes.max(1));
                    continue;
                }
                Fault::Close { .. } => Step::End,
                Fault::Reset => Step::Reset,
                Fault::Stall => Step::Stall,
                Fault::ErrorMessage => {
                    self.steps.push_back(Step::Chunk(self.faults.error.clone()));
                    Step::End
                }
                Fault::Malformed => Step::Chunk(self.faults.malformed.clone()),
                Fault::UnknownType => Step::Chunk(self.faults.unknown.clone()),
                _ => continue,
            };
            self.steps.push_back(step);
        }
    }
}

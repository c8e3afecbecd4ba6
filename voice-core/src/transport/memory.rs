//! A line within the process: for embedding, tests and benches.
//!
//! Invariant: both directions are bounded and allocate nothing once made; audio of a cleared reply leaves the queue in
//! the same call, so that the peer never sees a sample of it afterwards.

use super::cleared::ClearedReplies;
use super::line::{BoxLineSource, Line, LineControl, LineError, LineInfo, LineInput, LineSink};
use crate::audio::Frame;
use crate::units::ReplyId;
use futures::Stream;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Room for control messages beyond that for audio, so that a full queue of audio can still be cleared.
const CONTROL_ROOM: usize = 64;

/// The session's end of a line within the process.
#[derive(Debug)]
pub struct MemoryLine {
    info: LineInfo,
    shared: Arc<Mutex<Shared>>,
}

impl MemoryLine {
    /// A line and its far end. Each direction holds `capacity_frames` frames and a few control messages.
    pub fn pair(info: LineInfo, capacity_frames: usize) -> (Self, MemoryPeer) {
        let shared = Arc::new(Mutex::new(Shared::new(capacity_frames)));
        (Self { info, shared: Arc::clone(&shared) }, MemoryPeer { shared })
    }
}

impl Line for MemoryLine {
    fn info(&self) -> LineInfo {
        self.info
    }

    fn split(self: Box<Self>) -> (BoxLineSource, Box<dyn LineSink>) {
        let source = MemorySource { shared: Arc::clone(&self.shared) };
        (Box::pin(source), Box::new(MemorySink { shared: self.shared, cleared: ClearedReplies::default() }))
    }
}

/// The far end of a [`MemoryLine`]. Dropping it closes the line in good order.
#[derive(Debug)]
pub struct MemoryPeer {
    shared: Arc<Mutex<Shared>>,
}

/// What the far end of a [`MemoryLine`] receives.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a frame is inline: boxed, each would be an allocation")]
pub enum MemoryOutput {
    /// Audio of a reply.
    Audio {
        /// Which reply.
        reply: ReplyId,
        /// The audio; its position counts from the reply's first sample.
        frame: Frame,
    },
    /// What to do with it.
    Control(LineControl),
}

impl MemoryPeer {
    /// Sends audio, a report or a command.
    ///
    /// # Errors
    /// [`LineError::Full`] if the session does not read, [`LineError::Closed`] if it has ended.
    pub fn send(&self, input: LineInput) -> Result<(), LineError> {
        let mut shared = lock(&self.shared);
        if shared.source_gone {
            return Err(LineError::Closed);
        }
        if shared.inputs.len() >= shared.audio_capacity + CONTROL_ROOM {
            return Err(LineError::Full);
        }
        shared.inputs.push_back(input);
        wake(&mut shared.source_waker);
        Ok(())
    }

    /// Breaks the line: the session reads [`LineError::Lost`] after what was sent before.
    pub fn lose(self, reason: impl Into<String>) {
        lock(&self.shared).lost = Some(reason.into());
    }

    /// What the agent has sent, in order; `None` once the line is closed and empty. Cancellation safe. Whoever stops
    /// calling this is a far end that does not read.
    pub async fn recv(&mut self) -> Option<MemoryOutput> {
        std::future::poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// As [`Self::recv`], for those who poll.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<MemoryOutput>> {
        let mut shared = lock(&self.shared);
        if let Some(output) = shared.pop_output() {
            return Poll::Ready(Some(output));
        }
        if shared.sink_gone {
            return Poll::Ready(None);
        }
        shared.peer_waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// What is there now.
    pub fn try_recv(&mut self) -> Option<MemoryOutput> {
        lock(&self.shared).pop_output()
    }
}

impl Drop for MemoryPeer {
    fn drop(&mut self) {
        let mut shared = lock(&self.shared);
        shared.peer_gone = true;
        wake(&mut shared.source_waker);
        wake(&mut shared.sink_waker);
    }
}

/// Both queues. One lock is enough: it is held for a push or a pop.
#[derive(Debug)]
struct Shared {
    audio_capacity: usize,
    inputs: VecDeque<LineInput>,
    outputs: VecDeque<MemoryOutput>,
    queued_audio: usize,
    lost: Option<String>,
    peer_gone: bool,
    source_gone: bool,
    sink_gone: bool,
    source_waker: Option<Waker>,
    sink_waker: Option<Waker>,
    peer_waker: Option<Waker>,
}

impl Shared {
    fn new(audio_capacity: usize) -> Self {
        Self {
            audio_capacity,
            inputs: VecDeque::with_capacity(audio_capacity + CONTROL_ROOM),
            outputs: VecDeque::with_capacity(audio_capacity + CONTROL_ROOM),
            queued_audio: 0,
            lost: None,
            peer_gone: false,
            source_gone: false,
            sink_gone: false,
            source_waker: None,
            sink_waker: None,
            peer_waker: None,
        }
    }

    fn pop_output(&mut self) -> Option<MemoryOutput> {
        let output = self.outputs.pop_front()?;
        if matches!(output, MemoryOutput::Audio { .. }) {
            self.queued_audio -= 1;
        }
        wake(&mut self.sink_waker);
        Some(output)
    }

    fn push_output(&mut self, output: MemoryOutput) {
        self.outputs.push_back(output);
        wake(&mut self.peer_waker);
    }

    fn drop_audio_of(&mut self, dropped: ReplyId) {
        self.outputs.retain(|output| !matches!(output, MemoryOutput::Audio { reply, .. } if *reply == dropped));
        self.queued_audio = self.outputs.iter().filter(|output| matches!(output, MemoryOutput::Audio { .. })).count();
    }

    fn end_error(&self) -> LineError {
        self.lost.clone().map_or(LineError::Closed, LineError::Lost)
    }
}

#[derive(Debug)]
struct MemorySource {
    shared: Arc<Mutex<Shared>>,
}

impl Stream for MemorySource {
    type Item = Result<LineInput, LineError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut shared = lock(&self.shared);
        if shared.source_gone {
            return Poll::Ready(None);
        }
        if let Some(input) = shared.inputs.pop_front() {
            return Poll::Ready(Some(Ok(input)));
        }
        if shared.peer_gone {
            shared.source_gone = true;
            return Poll::Ready(Some(Err(shared.end_error())));
        }
        shared.source_waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for MemorySource {
    fn drop(&mut self) {
        lock(&self.shared).source_gone = true;
    }
}

#[derive(Debug)]
struct MemorySink {
    shared: Arc<Mutex<Shared>>,
    cleared: ClearedReplies,
}

impl LineSink for MemorySink {
    fn send_audio(&mut self, reply: ReplyId, frame: &Frame) -> Result<(), LineError> {
        if self.cleared.contains(reply) {
            return Ok(());
        }
        let mut shared = lock(&self.shared);
        if shared.peer_gone {
            return Err(shared.end_error());
        }
        if shared.queued_audio >= shared.audio_capacity {
            return Err(LineError::Full);
        }
        shared.queued_audio += 1;
        shared.push_output(MemoryOutput::Audio { reply, frame: frame.clone() });
        Ok(())
    }

    fn send_control(&mut self, control: LineControl) -> Result<(), LineError> {
        let mut shared = lock(&self.shared);
        if let LineControl::Clear { reply } = control {
            self.cleared.insert(reply);
            shared.drop_audio_of(reply);
        }
        if shared.peer_gone {
            return Err(shared.end_error());
        }
        if shared.outputs.len() - shared.queued_audio >= CONTROL_ROOM {
            return Err(LineError::Full);
        }
        shared.push_output(MemoryOutput::Control(control));
        Ok(())
    }

    fn poll_drive(&mut self, cx: &mut Context<'_>) -> Poll<LineError> {
        let mut shared = lock(&self.shared);
        if shared.peer_gone {
            return Poll::Ready(shared.end_error());
        }
        shared.sink_waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut shared = lock(&self.shared);
        if shared.outputs.is_empty() || shared.peer_gone {
            return Poll::Ready(());
        }
        shared.sink_waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for MemorySink {
    fn drop(&mut self) {
        let mut shared = lock(&self.shared);
        shared.sink_gone = true;
        wake(&mut shared.peer_waker);
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::super::{PlayedReports, Rebuffer};
    use super::*;
    use crate::units::{Position, SampleRate};
    use futures::StreamExt;

    const INFO: LineInfo =
        LineInfo { rate: SampleRate::Hz16000, rebuffer: Rebuffer::PauseAndClear, played: PlayedReports::Reported };

    fn open(capacity_frames: usize) -> (BoxLineSource, Box<dyn LineSink>, MemoryPeer) {
        let (line, peer) = MemoryLine::pair(INFO, capacity_frames);
        let (source, sink) = Box::new(line).split();
        (source, sink, peer)
    }

    fn frame(position: u64) -> Frame {
        Frame::silence(Position(position), INFO.rate)
    }

    fn audio_replies(peer: &mut MemoryPeer) -> Vec<u32> {
        let outputs = std::iter::from_fn(|| peer.try_recv());
        let audio = |output| if let MemoryOutput::Audio { reply, .. } = output { Some(reply.0) } else { None };
        outputs.filter_map(audio).collect()
    }

    #[test]
    fn a_cleared_reply_leaves_the_queue_and_never_comes_back() {
        let (_source, mut sink, mut peer) = open(8);
        for reply in [1, 2, 1] {
            sink.send_audio(ReplyId(reply), &frame(0)).unwrap();
        }
        sink.send_control(LineControl::Clear { reply: ReplyId(1) }).unwrap();
        sink.send_audio(ReplyId(1), &frame(320)).unwrap();
        sink.send_audio(ReplyId(2), &frame(320)).unwrap();
        assert_eq!(audio_replies(&mut peer), [2, 2]);
    }

    #[test]
    fn a_peer_that_does_not_read_fills_the_queue_and_can_still_be_told_to_clear() {
        let (_source, mut sink, mut peer) = open(3);
        for at in 0..3 {
            sink.send_audio(ReplyId(1), &frame(at * 320)).unwrap();
        }
        assert_eq!(sink.send_audio(ReplyId(1), &frame(960)), Err(LineError::Full));
        sink.send_control(LineControl::Clear { reply: ReplyId(1) }).unwrap();
        assert!(matches!(peer.try_recv(), Some(MemoryOutput::Control(LineControl::Clear { reply: ReplyId(1) }))));
        assert!(peer.try_recv().is_none());
        for _ in 0..CONTROL_ROOM {
            sink.send_control(LineControl::Resume { reply: ReplyId(2) }).unwrap();
        }
        assert_eq!(sink.send_control(LineControl::Resume { reply: ReplyId(2) }), Err(LineError::Full));
    }

    #[tokio::test]
    async fn the_source_gives_what_was_sent_and_then_how_the_line_ended() {
        let (mut source, mut sink, peer) = open(3);
        peer.send(LineInput::Played { reply: ReplyId(1), samples: 7 }).unwrap();
        peer.lose("cable cut");
        assert!(matches!(source.next().await, Some(Ok(LineInput::Played { samples: 7, .. }))));
        let lost = LineError::Lost("cable cut".into());
        assert!(matches!(source.next().await, Some(Err(error)) if error == lost));
        assert!(source.next().await.is_none());
        assert_eq!(sink.send_audio(ReplyId(1), &frame(0)), Err(lost.clone()));
        assert_eq!(std::future::poll_fn(|cx| sink.poll_drive(cx)).await, lost);
    }

    #[tokio::test]
    async fn closing_waits_until_the_peer_has_read_everything() {
        let (source, mut sink, mut peer) = open(3);
        sink.send_audio(ReplyId(1), &frame(0)).unwrap();
        let close = async {
            std::future::poll_fn(|cx| sink.poll_close(cx)).await;
            drop(sink);
            drop(source);
        };
        let read = async {
            assert!(matches!(peer.recv().await, Some(MemoryOutput::Audio { .. })));
            assert!(peer.recv().await.is_none());
            assert_eq!(peer.send(LineInput::Audio(frame(0))), Err(LineError::Closed));
        };
        futures::join!(close, read);
    }

    #[test]
    fn the_session_that_does_not_read_is_bounded() {
        let (_source, _sink, peer) = open(2);
        let taken = (0..1_000).take_while(|_| peer.send(LineInput::Audio(frame(0))).is_ok()).count();
        assert_eq!(taken, 2 + CONTROL_ROOM);
    }
}

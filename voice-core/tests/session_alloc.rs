//! A running call allocates nothing for a caller frame or an agent frame, and nothing from the onset of speech to the
//! control message that silences the agent, nor from the decision to the clear.
//!
//! The call and the caller share one thread and simulated time; a counting allocator is read around each step. The
//! watcher is gone: events are told after the silence and their text is no part of the path.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

mod counting;
mod support;

use counting::allocations_so_far;
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use support::{LINE, agent};
use voice_core::audio::Frame;
use voice_core::provider::scripted::{
    LlmConfig, LlmReply, ScriptedLlm, ScriptedStt, ScriptedTts, SttDriver, TtsConfig,
};
use voice_core::session::{CallRecord, Session};
use voice_core::stage::SttEvent;
use voice_core::transport::{
    BoxLineSource, Line, LineControl, LineError, LineInfo, LineInput, LineSink, MemoryLine, MemoryOutput, MemoryPeer,
};
use voice_core::units::{CallId, Position, ReplyId};

thread_local! {
    /// The counter when the latest pause or clear reached the line.
    static AT_CONTROL: Cell<Option<u64>> = const { Cell::new(None) };
}

/// A line that notes the counter at each pause and clear.
struct NotingLine(MemoryLine);

struct NotingSink(Box<dyn LineSink>);

impl Line for NotingLine {
    fn info(&self) -> LineInfo {
        self.0.info()
    }
    fn split(self: Box<Self>) -> (BoxLineSource, Box<dyn LineSink>) {
        let (source, sink) = Box::new(self.0).split();
        (source, Box::new(NotingSink(sink)))
    }
}

impl LineSink for NotingSink {
    fn send_audio(&mut self, reply: ReplyId, frame: &Frame) -> Result<(), LineError> {
        self.0.send_audio(reply, frame)
    }
    fn send_control(&mut self, control: LineControl) -> Result<(), LineError> {
        let sent = self.0.send_control(control);
        if matches!(control, LineControl::Pause { .. } | LineControl::Clear { .. }) {
            AT_CONTROL.set(Some(allocations_so_far()));
        }
        sent
    }
    fn poll_drive(&mut self, cx: &mut Context<'_>) -> Poll<LineError> {
        self.0.poll_drive(cx)
    }
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_close(cx)
    }
}

/// A call that is polled by hand, so that every allocation is the session's.
struct Polled {
    session: Pin<Box<dyn Future<Output = CallRecord>>>,
    peer: MemoryPeer,
    stt: SttDriver,
    position: u64,
    /// The counter when the session was last polled.
    polled_from: u64,
}

/// What one step brought.
struct Step {
    allocations: u64,
    outputs: Vec<MemoryOutput>,
}

impl Polled {
    fn start(text: &str) -> Self {
        let (stt, driver) = ScriptedStt::manual();
        let llm = ScriptedLlm::new(LlmConfig::default(), vec![LlmReply::text(text)]);
        let mut agent = agent(stt, llm, ScriptedTts::new(TtsConfig::default()));
        agent.config.greeting = Some(text.into());
        let (line, peer) = MemoryLine::pair(LINE, 64);
        let (session, _, _) = Session::new(CallId::new("counted"), agent, Box::new(NotingLine(line)));
        Self { session: Box::pin(session.run()), peer, stt: driver, position: 0, polled_from: 0 }
    }

    /// One frame of the caller's, 20 ms, and all the session makes of it.
    async fn frame(&mut self, level: i16) -> Step {
        let samples: [i16; 320] = std::array::from_fn(|n| if n / 4 % 2 == 0 { level } else { -level });
        let frame = Frame::new(Position(self.position), &samples);
        self.position += 320;
        tokio::time::advance(Duration::from_millis(20)).await;
        self.peer.send(LineInput::Audio(frame)).unwrap();
        self.poll()
    }

    fn poll(&mut self) -> Step {
        let mut context = Context::from_waker(Waker::noop());
        let before = allocations_so_far();
        self.polled_from = before;
        for _ in 0..4 {
            assert!(self.session.as_mut().poll(&mut context).is_pending(), "the call goes on");
        }
        let allocations = allocations_so_far() - before;
        let mut outputs = Vec::new();
        while let Some(output) = self.peer.try_recv() {
            outputs.push(output);
        }
        Step { allocations, outputs }
    }
}

fn has_control(step: &Step, wanted: fn(&LineControl) -> bool) -> bool {
    step.outputs.iter().any(|output| matches!(output, MemoryOutput::Control(control) if wanted(control)))
}

const LONG: &str = "Very well, I am going to book the table for Monday evening at eight, and you will get a message.";

#[tokio::test(start_paused = true)]
async fn a_frame_each_way_and_a_barge_in_allocate_nothing() {
    let mut call = Polled::start(LONG);
    let mut audio = 0;
    for n in 0..150 {
        let step = call.frame(0).await;
        audio += step.outputs.iter().filter(|output| matches!(output, MemoryOutput::Audio { .. })).count();
        // The voice gives all its audio within the first frames.
        assert!(n < 50 || step.allocations == 0, "{} allocations in frame {n}", step.allocations);
    }
    assert!(audio >= 150, "the agent spoke meanwhile: {audio} frames");

    let mut paused = false;
    for n in 0..10 {
        let step = call.frame(8_000).await;
        paused = has_control(&step, |control| matches!(control, LineControl::Pause { .. }));
        if paused {
            // The STT and the watcher are told after the silence.
            let so_far = AT_CONTROL.get().map(|at| at - call.polled_from);
            assert_eq!(so_far, Some(0), "allocations from the onset to the pause");
            break;
        }
        assert_eq!(step.allocations, 0, "frame {n} of the onset");
    }
    assert!(paused, "the agent was paused");

    call.stt.send(SttEvent::Interim { text: "No wait, I meant Tuesday.".into() }).unwrap();
    let step = call.poll();
    assert!(has_control(&step, |control| matches!(control, LineControl::Clear { .. })), "the agent was silenced");
    assert_eq!(AT_CONTROL.get().map(|at| at - call.polled_from), Some(0), "allocations from the decision to the clear");
}

//! A running call on the in-memory line, driven by hand.

use crate::clock::simulated_now;
use futures::future::FutureExt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use voice_core::audio::Frame;
use voice_core::provider::scripted::{
    LlmConfig, LlmReply, LoudVad, ScriptedLlm, ScriptedStt, ScriptedTts, SttDriver, TtsConfig,
};
use voice_core::session::{Agent, AgentConfig, CallRecord, Session, SessionHandle};
use voice_core::stage::SttEvent;
use voice_core::transport::{
    LineControl, LineInfo, LineInput, MemoryLine, MemoryOutput, MemoryPeer, PlayedReports, Rebuffer,
};
use voice_core::units::{CallId, Position, ReplyId, SampleRate};

/// What the agents of the benchmarks say: a few seconds, with a first clause.
pub const REPLY: &str = "Certainly, I can do that for you right away.";

/// What a line carries at a time.
const FRAME: Duration = Duration::from_millis(20);

/// An agent that answers everything with [`REPLY`], heard through an STT that is driven by hand.
pub fn agent(llm: LlmConfig, tts: TtsConfig) -> (Agent, SttDriver) {
    let (stt, driver) = ScriptedStt::manual();
    let agent = Agent {
        stt: Arc::new(stt),
        llm: Arc::new(ScriptedLlm::with(llm, |_, _| LlmReply::text(REPLY))),
        tts: Arc::new(ScriptedTts::new(tts)),
        vad: Arc::new(LoudVad),
        tools: Vec::new(),
        config: AgentConfig::default(),
    };
    (agent, driver)
}

/// A call in progress.
pub struct BenchCall {
    /// The caller's end of the line.
    pub peer: MemoryPeer,
    /// The call's STT.
    pub stt: SttDriver,
    /// Commands to the call.
    pub handle: SessionHandle,
    sent_samples: u64,
    _session: JoinSet<CallRecord>,
}

impl BenchCall {
    /// A call whose stages take no time.
    pub async fn start() -> Self {
        let (agent, stt) = agent(LlmConfig::default(), TtsConfig::default());
        Self::start_with(agent, stt).await
    }

    /// A call that this agent answers; `stt` drives its STT.
    pub async fn start_with(agent: Agent, stt: SttDriver) -> Self {
        let info = LineInfo {
            rate: SampleRate::Hz16000,
            rebuffer: Rebuffer::PauseAndClear,
            played: PlayedReports::PacingClock,
        };
        let (line, peer) = MemoryLine::pair(info, 64);
        let (session, handle, _) = Session::new(CallId::new("bench"), agent, Box::new(line));
        let mut tasks = JoinSet::new();
        tasks.spawn(session.run());
        let call = Self { peer, stt, handle, sent_samples: 0, _session: tasks };
        tokio::task::yield_now().await;
        call
    }

    /// The STT says that the turn is over.
    pub fn end_of_turn(&self) {
        let _ = self.stt.send(SttEvent::EndOfTurn { text: "Can you do that for me?".into(), end: None });
    }

    /// The first audio of the next reply.
    pub async fn first_audio(&mut self) -> ReplyId {
        loop {
            if let Some(MemoryOutput::Audio { reply, .. }) = self.peer.recv().await {
                return reply;
            }
        }
    }

    /// The next control message of this kind; gives how many frames came before it.
    pub async fn control(&mut self, wanted: impl Fn(&LineControl) -> bool) -> usize {
        let mut frames = 0;
        loop {
            match self.peer.recv().await {
                Some(MemoryOutput::Control(control)) if wanted(&control) => return frames,
                Some(MemoryOutput::Control(_)) => {}
                Some(MemoryOutput::Audio { .. }) => frames += 1,
                None => return frames,
            }
        }
    }

    /// 20 ms of the caller, now.
    pub fn send_frame(&mut self, level: i16) {
        let mut samples = [level; 320];
        samples.iter_mut().skip(1).step_by(2).for_each(|sample| *sample = -level);
        self.send(&samples);
    }

    fn send(&mut self, samples: &[i16]) {
        let frame = Frame::new(Position(self.sent_samples), samples);
        self.sent_samples = frame.end().0;
        let _ = self.peer.send(LineInput::Audio(frame));
    }

    /// The caller's microphone hears `samples`: each frame is sent when its last sample has sounded. `heed` is given each
    /// control message and how long after the first sample it came, until all is sent or it breaks off.
    ///
    /// For simulated time: the frames keep to the clock, so that the session's own waiting is all there is.
    pub async fn speak(&mut self, samples: &[i16], mut heed: impl FnMut(LineControl, Duration) -> ControlFlow<()>) {
        let start = simulated_now();
        for (nth, frame) in (1..).zip(samples.chunks_exact(320)) {
            let complete = tokio::time::sleep_until(start + nth * FRAME);
            tokio::pin!(complete);
            loop {
                tokio::select! {
                    biased;
                    output = self.peer.recv() => match output {
                        Some(MemoryOutput::Audio { .. }) => {}
                        Some(MemoryOutput::Control(control)) => {
                            if heed(control, simulated_now() - start).is_break() {
                                return;
                            }
                        }
                        None => return,
                    },
                    () = &mut complete => break,
                }
            }
            self.send(frame);
        }
    }

    /// Whether what was just sent makes the session pause the agent.
    pub async fn is_paused_soon(&mut self) -> bool {
        for _ in 0..3 {
            tokio::task::yield_now().await;
            while let Some(output) = self.peer.try_recv() {
                if matches!(output, MemoryOutput::Control(LineControl::Pause { .. })) {
                    return true;
                }
            }
        }
        false
    }

    /// Stops the agent and lets everything come to rest; gives the samples of `reply` that came after its clear.
    pub async fn silence(&mut self, reply: ReplyId) -> u64 {
        let _ = self.handle.interrupt();
        self.control(|control| matches!(control, LineControl::Clear { .. })).await;
        self.stale_samples(reply).await
    }

    /// Lets the session come to rest; gives the samples of `reply` that still come.
    pub async fn stale_samples(&mut self, reply: ReplyId) -> u64 {
        let mut stale = 0;
        for _ in 0..4 {
            tokio::task::yield_now().await;
            while let Some(Some(output)) = self.peer.recv().now_or_never() {
                if let MemoryOutput::Audio { reply: of, frame } = output
                    && of == reply
                {
                    stale += frame.samples().len() as u64;
                }
            }
        }
        stale
    }
}

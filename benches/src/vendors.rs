//! A call whose stages are Flux, chat over SSE and Cartesia, spoken to over real sockets. The fakes behind them wait for
//! nothing, and what they compute themselves is told apart.

use crate::call::REPLY;
use crate::clock::{now, simulated_now};
use futures::FutureExt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::sleep_until;
use voice_core::audio::Frame;
use voice_core::provider::ApiKey;
use voice_core::provider::cartesia::{CartesiaConfig, CartesiaTts};
use voice_core::provider::deepgram::{FluxConfig, FluxStt};
use voice_core::provider::fakes::{Ear, FakeTurn, Fakes, FakesAnswer, FakesConfig, Service};
use voice_core::provider::openai::{ChatConfig, ChatLlm};
use voice_core::provider::scripted::{LlmConfig, LlmReply, LoudVad, ScriptedLlm, ScriptedTts, TtsConfig};
use voice_core::session::{Agent, AgentConfig, CallRecord, Session, SessionEvent, SessionEvents, SessionHandle};
use voice_core::stage::StageError;
use voice_core::transport::{LineInfo, LineInput, MemoryLine, MemoryOutput, MemoryPeer, PlayedReports, Rebuffer};
use voice_core::units::{CallId, Position, SampleRate};

const FRAME: Duration = Duration::from_millis(20);
const SPEECH_FRAMES: u64 = 20;
/// Between two turns: the agent falls silent and the voice that was cut off is forgotten.
const REST_FRAMES: u64 = 15;

/// Whether Flux says that a turn may be over before it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EagerEnd {
    /// It does: the reply is thought of and spoken before the end, which only lets it out.
    Told,
    /// It does not: everything begins at the end.
    Untold,
}

/// How soon a turn was answered.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// From Flux's end of the turn, just before it is written to the socket, to the first audio at the line.
    pub whole: Duration,
    /// Of it what the chat and the voice took for themselves: from a whole request to the first of its answer.
    pub fakes: Duration,
    /// Of it what the call's own timeline says that the engine caused: what came was handed on and sent so late.
    pub engine: Duration,
}

/// One call and its vendors.
pub struct VendorCall {
    fakes: Fakes,
    peer: MemoryPeer,
    handle: SessionHandle,
    next_frame: tokio::time::Instant,
    sent_samples: u64,
    events: SessionEvents,
    _session: JoinSet<CallRecord>,
}

impl VendorCall {
    /// A call that is up, with room for `turns` turns. Its vendors run on `elsewhere`, as real ones do: what they compute
    /// is not the engine's time.
    ///
    /// # Errors
    /// The fakes cannot listen, or an engine refuses its settings.
    pub async fn start(elsewhere: &Handle, turns: usize, eager: EagerEnd) -> io::Result<Self> {
        let fakes = elsewhere.spawn(Fakes::start(fakes_config(turns))).await.map_err(io::Error::other)??;
        let agent = agent(&fakes, eager).map_err(io::Error::other)?;
        let info = LineInfo {
            rate: SampleRate::Hz16000,
            rebuffer: Rebuffer::PauseAndClear,
            played: PlayedReports::PacingClock,
        };
        let (line, peer) = MemoryLine::pair(info, 64);
        let (session, handle, events) = Session::new(CallId::new("vendors"), agent, Box::new(line));
        let mut tasks = JoinSet::new();
        tasks.spawn(session.run());
        let next_frame = simulated_now();
        Ok(Self { fakes, peer, handle, next_frame, sent_samples: 0, events, _session: tasks })
    }

    /// The caller speaks and falls silent; gives how soon the agent was heard. `None` if it was not within two seconds.
    pub async fn turn(&mut self) -> Option<Answer> {
        let (start, mut frames) = (now(), 0);
        let answered = loop {
            tokio::select! {
                biased;
                output = self.peer.recv() => match output {
                    Some(MemoryOutput::Audio { .. }) => break self.answer(start, now()),
                    Some(MemoryOutput::Control(_)) => {}
                    None => return None,
                },
                () = sleep_until(self.next_frame) => {
                    self.send_frame(if frames < SPEECH_FRAMES { 8_000 } else { 0 });
                    frames += 1;
                }
            }
            if frames > 120 {
                break None;
            }
        };
        let _ = self.handle.interrupt();
        self.rest().await;
        let engine = self.engine();
        answered.map(|answer| Answer { engine: engine.unwrap_or(Duration::MAX), ..answer })
    }

    /// What the engine caused of the latest answer. Takes all that was told since the one before.
    fn engine(&mut self) -> Option<Duration> {
        let mut engine = None;
        while let Some(Some(event)) = self.events.next().now_or_never() {
            if let SessionEvent::TurnEnded(turn) = event {
                engine = turn.timeline.engine().or(engine);
            }
        }
        engine
    }

    /// What the fakes' log says of the turn since `start` whose answer was heard at `heard`.
    fn answer(&self, start: Instant, heard: Instant) -> Option<Answer> {
        let answers = self.fakes.log().answers();
        let ends_turn = |answer: &&FakesAnswer| answer.service == Service::Flux && answer.answered >= start;
        let end = answers.iter().rev().find(ends_turn)?.answered;
        let within = |answer: &&FakesAnswer| answer.asked >= end && answer.answered <= heard;
        let fakes = answers.iter().filter(within).map(|answer| answer.answered - answer.asked).sum();
        Some(Answer { whole: heard - end, fakes, engine: Duration::ZERO })
    }

    async fn rest(&mut self) {
        let mut frames = 0;
        while frames < REST_FRAMES {
            tokio::select! {
                biased;
                output = self.peer.recv() => if output.is_none() { return },
                () = sleep_until(self.next_frame) => {
                    self.send_frame(0);
                    frames += 1;
                }
            }
        }
    }

    fn send_frame(&mut self, level: i16) {
        let mut samples = [level; 320];
        samples.iter_mut().skip(1).step_by(2).for_each(|sample| *sample = -level);
        let frame = Frame::new(Position(self.sent_samples), &samples);
        self.sent_samples = frame.end().0;
        let _ = self.peer.send(LineInput::Audio(frame));
        self.next_frame += FRAME;
    }
}

fn fakes_config(turns: usize) -> FakesConfig {
    let mut config = FakesConfig::default();
    config.flux.ear = Ear::Script(vec![FakeTurn::new("Can you do that for me?"); turns]);
    config.chat.brain = Arc::new(ScriptedLlm::new(LlmConfig::default(), vec![LlmReply::text(REPLY)]));
    // Audio comes as from a vendor: the first at once, the rest at four times its pace.
    config.cartesia.pace_percent = 400;
    config.cartesia.voice = Arc::new(ScriptedTts::new(TtsConfig::default()));
    config
}

fn agent(fakes: &Fakes, eager: EagerEnd) -> Result<Agent, StageError> {
    let url = fakes.http_url();
    let key = |setting: &str| ApiKey::new("any", setting);
    let mut flux = FluxConfig { key: Some(key("DEEPGRAM_API_KEY")), url: url.clone(), ..FluxConfig::default() };
    if eager == EagerEnd::Untold {
        flux.eager_eot_threshold = None;
    }
    let groq = ChatConfig::groq(key("GROQ_API_KEY"), "openai/gpt-oss-20b");
    let cartesia = CartesiaConfig {
        key: Some(key("CARTESIA_API_KEY")),
        url: url.clone(),
        voice: "a voice".into(),
        ..CartesiaConfig::default()
    };
    Ok(Agent {
        stt: Arc::new(FluxStt::new(flux)?),
        llm: Arc::new(ChatLlm::new(ChatConfig { url: format!("{url}/v1"), ..groq })?),
        tts: Arc::new(CartesiaTts::new(cartesia)?),
        vad: Arc::new(LoudVad),
        tools: Vec::new(),
        config: AgentConfig::default(),
    })
}

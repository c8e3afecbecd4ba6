//! A caller in simulated time: speaks, keeps silent, hears, and remembers everything.
#![allow(unreachable_pub, dead_code, reason = "each test file uses its own part")]

mod log;

use log::Recorded;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use voice_core::audio::Frame;
use voice_core::provider::scripted::{
    LlmConfig, LlmReply, LoudVad, ScriptedLlm, ScriptedStt, ScriptedTts, TtsConfig, ramp_sample, read_ramp,
};
use voice_core::session::{Agent, AgentConfig, CallRecord, Session, SessionEvent, SessionEvents, SessionHandle};
use voice_core::stage::{Llm, Stt, Tts};
use voice_core::transport::{
    LineCommand, LineControl, LineError, LineInfo, LineInput, MemoryLine, MemoryOutput, MemoryPeer, PlayedReports,
    Rebuffer,
};
use voice_core::units::{CallId, Position, ReplyId, SampleRate};

pub fn agent(stt: impl Stt + 'static, llm: impl Llm + 'static, tts: impl Tts + 'static) -> Agent {
    Agent {
        stt: Arc::new(stt),
        llm: Arc::new(llm),
        tts: Arc::new(tts),
        vad: Arc::new(LoudVad),
        tools: Vec::new(),
        config: AgentConfig::default(),
    }
}

/// An agent whose stages take no time and say these replies, one a turn.
pub fn quick_agent(stt: ScriptedStt, replies: &[&str]) -> Agent {
    let replies = replies.iter().map(|reply| LlmReply::text(reply)).collect();
    agent(stt, ScriptedLlm::new(LlmConfig::default(), replies), ScriptedTts::new(TtsConfig::default()))
}

pub const LINE: LineInfo =
    LineInfo { rate: SampleRate::Hz16000, rebuffer: Rebuffer::PauseAndClear, played: PlayedReports::PacingClock };

/// What came from the agent, and when.
pub struct Heard {
    pub at_ms: u64,
    pub output: MemoryOutput,
}

/// A call in progress, seen from the caller's end.
pub struct Call {
    pub peer: MemoryPeer,
    pub handle: SessionHandle,
    pub heard: Vec<Heard>,
    pub events: Vec<(u64, SessionEvent)>,
    watcher: SessionEvents,
    session: JoinSet<CallRecord>,
    recorded: Recorded,
    start: Instant,
    sent_samples: u64,
    next_frame: Instant,
    reads: bool,
    watches: bool,
    rate: SampleRate,
    loudspeaker: Option<Loudspeaker>,
}

/// A far end that says what it has played: in real time, held on pause, as a client with an audio worklet does.
#[derive(Default)]
struct Loudspeaker {
    reply: Option<ReplyId>,
    received: u64,
    played: u64,
    held: bool,
}

impl Loudspeaker {
    fn take(&mut self, output: &MemoryOutput) {
        match output {
            MemoryOutput::Audio { reply, frame } => {
                if self.reply != Some(*reply) {
                    *self = Self { reply: Some(*reply), ..Self::default() };
                }
                self.received = frame.end().0;
            }
            MemoryOutput::Control(LineControl::Pause { .. }) => self.held = true,
            MemoryOutput::Control(LineControl::Resume { .. }) => self.held = false,
            MemoryOutput::Control(LineControl::Clear { .. }) => *self = Self::default(),
            MemoryOutput::Control(LineControl::End { .. }) => {}
        }
    }

    fn play(&mut self, samples: u64) -> Option<LineInput> {
        let reply = self.reply?;
        if !self.held {
            self.played = (self.played + samples).min(self.received);
        }
        Some(LineInput::Played { reply, samples: self.played })
    }
}

impl Call {
    pub fn start(agent: Agent) -> Self {
        Self::start_on(LINE, agent)
    }

    pub fn start_on(info: LineInfo, agent: Agent) -> Self {
        let (line, peer) = MemoryLine::pair(info, 64);
        let (mut session, handle, watcher) = Session::new(CallId::new("test"), agent, Box::new(line));
        let recorded = Recorded::of(&mut session);
        let mut tasks = JoinSet::new();
        tasks.spawn(session.run());
        let start = now();
        Self {
            peer,
            handle,
            heard: Vec::new(),
            events: Vec::new(),
            watcher,
            session: tasks,
            recorded,
            start,
            sent_samples: 0,
            next_frame: start,
            reads: true,
            watches: true,
            rate: info.rate,
            loudspeaker: None,
        }
    }

    /// The far end reports what it has played from now on.
    pub fn report_played(&mut self) {
        self.loudspeaker = Some(Loudspeaker::default());
    }

    /// How much of its latest reply the reporting far end has played.
    pub fn really_played(&self) -> u64 {
        self.loudspeaker.as_ref().map_or(0, |loudspeaker| loudspeaker.played)
    }

    pub fn now_ms(&self) -> u64 {
        (now() - self.start).as_millis() as u64
    }

    /// The far end stops reading.
    pub fn stop_reading(&mut self) {
        self.reads = false;
    }

    /// The line breaks; a new one that nobody answers takes the place of the far end.
    pub fn vanish(&mut self) {
        let (_, unheard) = MemoryLine::pair(LINE, 1);
        std::mem::replace(&mut self.peer, unheard).lose("the connection was reset");
    }

    /// The watcher reads no more events, but stays.
    pub fn stop_watching(&mut self) {
        self.watches = false;
    }

    /// The far end takes part in the conversation no more, in good order or by a broken line.
    pub fn is_over(&self) -> bool {
        self.peer.send(LineInput::Command(LineCommand::Unmute)) == Err(LineError::Closed)
    }

    pub async fn speak(&mut self, ms: u64) {
        self.send(ms, 8_000).await;
    }

    pub async fn silent(&mut self, ms: u64) {
        self.send(ms, 0).await;
    }

    /// Nothing at all is sent.
    pub async fn absent(&mut self, ms: u64) {
        for _ in 0..ms / 20 {
            self.step().await;
        }
    }

    async fn send(&mut self, ms: u64, level: i16) {
        for _ in 0..ms / 20 {
            self.send_frame(level);
            self.step().await;
        }
    }

    /// The far end asks for something, now.
    pub fn ask(&self, command: LineCommand) {
        let _ = self.peer.send(LineInput::Command(command));
    }

    /// How long the log of its turn-taking is.
    pub fn log_bytes(&self) -> usize {
        self.recorded.bytes()
    }

    /// One frame, now.
    pub fn send_frame(&mut self, level: i16) {
        let count = self.rate.samples_in_ms(20);
        // A wave of an eighth of the rate: it survives resampling.
        let samples: Vec<i16> = (0..count).map(|n| if n / 4 % 2 == 0 { level } else { -level }).collect();
        self.send_samples(&samples);
    }

    fn send_samples(&mut self, samples: &[i16]) {
        let frame = Frame::new(Position(self.sent_samples), samples);
        self.sent_samples = frame.end().0;
        let _ = self.peer.send(LineInput::Audio(frame));
    }

    /// Plays 16 kHz samples to the agent in real time.
    pub async fn play(&mut self, samples: &[i16]) {
        for frame in samples.chunks(320) {
            self.send_samples(frame);
            self.step().await;
        }
    }

    async fn step(&mut self) {
        self.next_frame += Duration::from_millis(20);
        let until = self.next_frame;
        loop {
            let reads = self.reads;
            let elapsed_ms = |start: Instant| (now() - start).as_millis() as u64;
            tokio::select! {
                biased;
                Some(output) = self.peer.recv(), if reads => {
                    if let Some(loudspeaker) = &mut self.loudspeaker {
                        loudspeaker.take(&output);
                    }
                    self.heard.push(Heard { at_ms: elapsed_ms(self.start), output });
                }
                Some(event) = self.watcher.next(), if self.watches => self.events.push((elapsed_ms(self.start), event)),
                () = tokio::time::sleep_until(until) => break,
            }
        }
        if let Some(report) = self.loudspeaker.as_mut().and_then(|far| far.play(self.rate.samples_in_ms(20))) {
            let _ = self.peer.send(report);
        }
    }

    /// Silence until `done` says so; panics after `limit_ms`.
    pub async fn silent_until(&mut self, limit_ms: u64, mut done: impl FnMut(&Self) -> bool) {
        let limit = self.now_ms() + limit_ms;
        while !done(self) {
            assert!(self.now_ms() < limit, "not within {limit_ms} ms: {:#?}\n{:?}", self.events, self.controls());
            self.silent(20).await;
        }
    }

    /// Silence until the watcher is told what is `wanted`; returns at once then, before anything follows from it.
    pub async fn silent_until_told(&mut self, wanted: impl Fn(&SessionEvent) -> bool) {
        let limit = self.now_ms() + 120_000;
        while self.now_ms() < limit {
            self.send_frame(0);
            self.next_frame += Duration::from_millis(20);
            let until = self.next_frame;
            loop {
                let at_ms = self.now_ms();
                tokio::select! {
                    biased;
                    Some(event) = self.watcher.next() => {
                        let is_wanted = wanted(&event);
                        self.events.push((at_ms, event));
                        if is_wanted {
                            return;
                        }
                    }
                    Some(output) = self.peer.recv() => self.heard.push(Heard { at_ms, output }),
                    () = tokio::time::sleep_until(until) => break,
                }
            }
        }
        panic!("it was not told: {:#?}", self.events);
    }

    /// Silence until the agent has begun to speak `count` replies.
    pub async fn until_agent_speaks(&mut self, count: usize) {
        self.silent_until(10_000, |call| {
            call.count(|event| matches!(event, SessionEvent::AgentSpeaking { .. })) >= count
        })
        .await;
    }

    /// Silence until `count` replies have ended.
    pub async fn until_turns_end(&mut self, count: usize) {
        self.silent_until(120_000, |call| call.count(|event| matches!(event, SessionEvent::TurnEnded(_))) >= count)
            .await;
    }

    pub fn count(&self, wanted: impl Fn(&SessionEvent) -> bool) -> usize {
        self.events.iter().filter(|(_, event)| wanted(event)).count()
    }

    /// When something first happened.
    pub fn first_ms(&self, wanted: impl Fn(&SessionEvent) -> bool) -> Option<u64> {
        self.events.iter().find(|(_, event)| wanted(event)).map(|(at, _)| *at)
    }

    /// Hangs up and gives the record; checks on the way what must hold for every call.
    pub async fn hang_up(mut self) -> (CallRecord, Self) {
        let _ = self.handle.hang_up(voice_core::turn::EndReason::CallerHungUp);
        let record = self.ended().await;
        self.check_audio();
        (record, self)
    }

    /// Waits for the end of the call.
    pub async fn ended(&mut self) -> CallRecord {
        let record = loop {
            tokio::select! {
                biased;
                Some(output) = self.peer.recv(), if self.reads => {
                    self.heard.push(Heard { at_ms: (now() - self.start).as_millis() as u64, output });
                }
                Some(event) = self.watcher.next() => self.events.push((0, event)),
                Some(record) = self.session.join_next() => break record.expect("the session does not panic"),
            }
        };
        while let Some(event) = self.watcher.next().await {
            self.events.push(((now() - self.start).as_millis() as u64, event));
        }
        while let Some(output) = self.peer.try_recv() {
            self.heard.push(Heard { at_ms: (now() - self.start).as_millis() as u64, output });
        }
        self.recorded.check();
        record
    }

    /// Every reply's audio arrives without a hole, in order, each sample once, and none after its clear. With the
    /// ramp, the samples themselves say so too.
    pub fn check_audio(&self) {
        let mut next: BTreeMap<u32, u64> = BTreeMap::new();
        let mut cleared: Vec<ReplyId> = Vec::new();
        for heard in &self.heard {
            match &heard.output {
                MemoryOutput::Audio { reply, frame } => {
                    assert!(!cleared.contains(reply), "audio of {reply:?} after its clear");
                    let expected = next.entry(reply.0).or_default();
                    assert_eq!(frame.position().0, *expected, "a hole or a repetition in {reply:?}");
                    *expected = frame.end().0;
                }
                MemoryOutput::Control(LineControl::Clear { reply }) => cleared.push(*reply),
                MemoryOutput::Control(_) => {}
            }
        }
    }

    /// The samples of a reply, as they arrived.
    pub fn samples_of(&self, reply: ReplyId) -> Vec<i16> {
        let frames = self.heard.iter().filter_map(|heard| match &heard.output {
            MemoryOutput::Audio { reply: id, frame } if *id == reply => Some(frame.samples()),
            MemoryOutput::Audio { .. } | MemoryOutput::Control(_) => None,
        });
        frames.flatten().copied().collect()
    }

    /// Every sample is the ramp's of this reply, in its place, none left out; gives how many there are.
    pub fn check_ramp(&self, reply: ReplyId) -> usize {
        let samples = self.samples_of(reply);
        let first = samples.first().and_then(|sample| read_ramp(*sample)).map_or(0, |first| first.position);
        for (n, sample) in samples.iter().enumerate() {
            let expected = ramp_sample(reply, first + n as u64);
            assert_eq!(*sample, expected, "sample {n} of {reply:?}");
        }
        samples.len()
    }

    /// The control messages, in order.
    pub fn controls(&self) -> Vec<(u64, LineControl)> {
        let controls = self.heard.iter().filter_map(|heard| match heard.output {
            MemoryOutput::Control(control) => Some((heard.at_ms, control)),
            MemoryOutput::Audio { .. } => None,
        });
        controls.collect()
    }

    /// When the last audio of a reply arrived.
    pub fn last_audio_ms(&self, reply: ReplyId) -> Option<u64> {
        self.heard.iter().rev().find_map(|heard| match &heard.output {
            MemoryOutput::Audio { reply: id, .. } if *id == reply => Some(heard.at_ms),
            MemoryOutput::Audio { .. } | MemoryOutput::Control(_) => None,
        })
    }

    /// When the first audio of the n-th reply arrived.
    pub fn first_audio_ms(&self, reply: ReplyId) -> Option<u64> {
        self.heard.iter().find_map(|heard| match &heard.output {
            MemoryOutput::Audio { reply: id, .. } if *id == reply => Some(heard.at_ms),
            MemoryOutput::Audio { .. } | MemoryOutput::Control(_) => None,
        })
    }
}

fn now() -> Instant {
    #![allow(clippy::disallowed_methods, reason = "the test owns its clock")]
    Instant::now()
}

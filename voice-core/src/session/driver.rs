//! The task that owns a call: waits for one thing, tells the turn machine, does what it says, repeats.
//!
//! Invariant: the agent's audio goes first. Nothing here waits for a stage, a tool or the watcher; a burst of caller
//! audio cannot keep the other inputs from being taken.

use super::Stage;
use super::agent::Agent;
use super::clock;
use super::cost::Cost;
use super::engines::Engines;
use super::event::{SessionEvent, SessionEvents};
use super::handle::{Request, SessionHandle};
use super::hearing::{SttLink, SttNews};
use super::listen::{Listener, SpeechEdge};
use super::machine::WitnessedMachine;
use super::memory::Memory;
use super::mouth::TtsLink;
use super::playout::Pacing;
use super::record::CallRecord;
use super::replies::Replies;
use super::reply::ReplyNews;
use super::requests::Requests;
use super::retry::Retry;
use super::tools::{FinishedRun, ToolRuns};
use super::warmth::Warmth;
use super::watch::Watch;
use crate::metrics::BargeInTimeline;
use crate::stage::StageError;
use crate::transport::{BoxLineSource, Line, LineError, LineInput, LineSink};
use crate::turn::{CallerTurn, Command, EndReason, Input, ReplyInput, TurnWitness};
use crate::units::{CallId, Position, ReplyId};
use futures::StreamExt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Inputs from the line taken in a row before the others get a turn.
const LINE_STREAK: u32 = 8;
/// When to try again what the line had no room for.
const LINE_RETRY: Duration = Duration::from_millis(20);
/// How long closing the line may take.
const CLOSE_DEADLINE: Duration = Duration::from_secs(2);
/// How often the heard part of a speaking reply is told.
const HEARD_EVERY: Duration = Duration::from_millis(200);
/// How long a call without anything to do sleeps.
const IDLE: Duration = Duration::from_secs(3_600);

/// A call, ready to run.
pub struct Session {
    driver: Driver,
    source: BoxLineSource,
    commands: mpsc::Receiver<Request>,
}

impl Session {
    /// A call on `line` answered by `agent`, from this instant on: its longest length and the caller's silence count from
    /// here, and the engines are asked to open. Nothing is heard or said until [`Session::run`] is polled, which is
    /// therefore to follow at once.
    pub fn new(call: CallId, agent: Agent, line: Box<dyn Line>) -> (Self, SessionHandle, SessionEvents) {
        let (sender, commands) = mpsc::channel(SessionHandle::CAPACITY);
        let (watch, events) = Watch::new();
        let info = line.info();
        let (source, sink) = line.split();
        let now = clock::now();
        let driver = Driver {
            machine: WitnessedMachine::new(agent.config.turn.clone(), info.rate, now),
            listener: Listener::new(info.rate, agent.vad.as_ref(), &agent.config, now),
            stt: SttLink::new(agent.stt.clone(), Retry::of(&call)),
            tts: TtsLink::new(agent.tts.clone(), Retry::of(&call)),
            replies: Replies::new(),
            tools: ToolRuns::new(agent.tools.clone()),
            memory: Memory::new(&agent.config.instructions, agent.config.history.clone()),
            pacing: Pacing::new(info, &agent.config.playout),
            engines: Engines::of(&agent),
            warmth: Warmth::default(),
            agent,
            rate: info.rate,
            sink,
            watch,
            requests: Requests::new(now),
            edges: Vec::with_capacity(16),
            last_onset: Position::ZERO,
            last_noticed: now,
            told_failure: None,
            speech_end: None,
            overlap: None,
            caller_turn: None,
            caller_turns: Vec::new(),
            turns: Vec::new(),
            cost: Cost::default(),
            sent_samples: 0,
            stalled_since: None,
            away_since: None,
            told_dropped: 0,
            next_heard: now,
            line_streak: 0,
            commands_over: false,
            hands_over: false,
            ended: None,
            call,
        };
        (Self { driver, source, commands }, SessionHandle { commands: sender }, events)
    }

    /// Has `witness` see what the call's turn machine is told and what it says: a [`TurnLog`](crate::turn_log::TurnLog),
    /// say. There is one at most; a second takes the place of the first.
    pub fn witness(&mut self, witness: Box<dyn TurnWitness>) {
        let Driver { machine, agent, rate, .. } = &mut self.driver;
        machine.set_witness(witness, &agent.config.turn, *rate);
    }

    /// Holds the call until it ends, and gives its record. Dropping the future ends the call at once without a record.
    pub async fn run(self) -> CallRecord {
        let Self { mut driver, mut source, mut commands } = self;
        driver.start(clock::now());
        let mut sleep = std::pin::pin!(tokio::time::sleep(IDLE));
        let reason = loop {
            let now = clock::now();
            driver.tick(now);
            if let Some(reason) = driver.ended {
                break reason;
            }
            // A stage or a line that is always ready must not keep the thread from the other calls.
            tokio::task::consume_budget().await;
            sleep.as_mut().reset(driver.next_wake(now).into());
            let happened = poll_fn(|cx| driver.poll_next(cx, &mut source, &mut commands, sleep.as_mut())).await;
            driver.take(happened, clock::now());
        };
        driver.close(reason).await
    }
}

/// One thing that happened.
#[expect(clippy::large_enum_variant, reason = "a frame is inline: boxed, each would be an allocation")]
pub(super) enum Happened {
    LineFailed(LineError),
    Request(Option<Request>),
    Line(Option<Result<LineInput, LineError>>),
    Time,
    Reply(ReplyId, ReplyNews),
    Stt(SttNews),
    Tool(FinishedRun),
    /// The TTS opened or failed to: the replies that wait for it are served at the next tick.
    Tts,
}

/// What owns the call.
pub(super) struct Driver {
    pub(super) call: CallId,
    pub(super) agent: Agent,
    pub(super) rate: crate::units::SampleRate,
    pub(super) machine: WitnessedMachine,
    pub(super) listener: Listener,
    pub(super) stt: SttLink,
    pub(super) tts: TtsLink,
    pub(super) replies: Replies,
    pub(super) tools: ToolRuns,
    pub(super) memory: Memory,
    pub(super) pacing: Pacing,
    pub(super) sink: Box<dyn LineSink>,
    pub(super) watch: Watch,
    pub(super) requests: Requests,
    pub(super) edges: Vec<SpeechEdge>,
    pub(super) last_onset: Position,
    pub(super) last_noticed: Instant,
    /// The latest failure of a stage that the watcher was told of.
    pub(super) told_failure: Option<(Stage, StageError)>,
    /// The caller's last sample of speech: its position and when it was received.
    pub(super) speech_end: Option<(Position, Instant)>,
    pub(super) overlap: Option<BargeInTimeline>,
    /// The turn the next reply answers.
    pub(super) caller_turn: Option<(CallerTurn, Instant)>,
    pub(super) caller_turns: Vec<CallerTurn>,
    pub(super) turns: Vec<super::TurnRecord>,
    pub(super) engines: Engines,
    pub(super) warmth: Warmth,
    pub(super) cost: Cost,
    pub(super) sent_samples: u64,
    pub(super) stalled_since: Option<Instant>,
    /// Since when the far end cannot be reached.
    pub(super) away_since: Option<Instant>,
    pub(super) told_dropped: u64,
    next_heard: Instant,
    line_streak: u32,
    commands_over: bool,
    /// A reply's first audio was just handed to the line: whoever carries it on goes before the rest of the reply.
    pub(super) hands_over: bool,
    pub(super) ended: Option<EndReason>,
}

impl Driver {
    fn start(&mut self, now: Instant) {
        self.watch.tell(SessionEvent::Started { at: now });
        self.warmth.begin(self.agent.llm.as_ref());
        if let Some(text) = self.agent.config.greeting.clone() {
            let protection = self.agent.config.greeting_protection;
            self.handle(Input::Command(Command::Say { text, protection }), now);
        }
    }

    /// Tells the machine and does what it says. What was played is told first, so that every decision knows it.
    pub(super) fn handle(&mut self, input: Input, now: Instant) {
        self.tell_played(now);
        self.machine.handle(input, now);
        while let Some(output) = self.machine.poll_output() {
            self.perform(output, now);
        }
    }

    pub(super) fn tell_played(&mut self, now: Instant) {
        if let Some(reply) = self.replies.playing() {
            let played = reply.track.played(now);
            if played > reply.told_played {
                reply.told_played = played;
                let input = Input::Reply(reply.id, ReplyInput::Played { samples: played });
                self.machine.handle(input, now);
            }
        }
    }

    /// Does what is due.
    fn tick(&mut self, now: Instant) {
        self.serve_voices();
        self.send_due(now);
        self.tell_drained(now);
        if self.machine.poll_timeout().is_some_and(|at| at <= now) {
            self.handle(Input::TimerFired, now);
        }
        self.change_microphone(now);
        self.fill_silence(now);
        while let Some((reply, filler)) = self.tools.due_filler(now) {
            self.handle(Input::Reply(reply, ReplyInput::Clause { text: filler }), now);
        }
        if now >= self.next_heard && self.away_since.is_none() && self.replies.playing().is_some() {
            self.next_heard = now + HEARD_EVERY;
            self.tell_heard(now);
        }
        // What was just decided may have made audio due.
        self.serve_voices();
        self.send_due(now);
    }

    fn next_wake(&mut self, now: Instant) -> Instant {
        let is_here = self.away_since.is_none();
        let playing = self.replies.playing().filter(|reply| is_here && !reply.told_drained);
        let track = playing.and_then(|reply| reply.track.next_due(now));
        let track = track.map(|at| if self.stalled_since.is_some() { at.max(now + LINE_RETRY) } else { at });
        let (listen, change) = (Some(self.listener.next_fill()), self.requests.next_change());
        let dues = [track, self.machine.poll_timeout(), listen, change, self.tools.next_filler()];
        let heard = (is_here && self.replies.playing().is_some()).then_some(self.next_heard);
        dues.into_iter().chain([heard]).flatten().min().unwrap_or(now + IDLE)
    }

    fn fill_silence(&mut self, now: Instant) {
        if now < self.listener.next_fill() {
            return;
        }
        let mut edges = std::mem::take(&mut self.edges);
        let stt = &mut self.stt;
        self.listener.fill_silence(now, &mut |edge| edges.push(edge), &mut |heard| {
            let _ = stt.push(heard.samples, heard.position);
        });
        self.take_edges(edges, now);
    }

    /// Waits for one thing. The line's output goes first, so that silence is never late; then what people ask for; then
    /// the caller's audio, which the VAD must hear before any stage is served, unless it came in a long row; then time;
    /// then the stages. Cancellation safe: what is ready stays where it is until it is taken.
    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut BoxLineSource,
        commands: &mut mpsc::Receiver<Request>,
        sleep: Pin<&mut tokio::time::Sleep>,
    ) -> Poll<Happened> {
        if let Poll::Ready(error) = self.sink.poll_drive(cx) {
            return Poll::Ready(Happened::LineFailed(error));
        }
        if std::mem::take(&mut self.hands_over) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if !self.commands_over
            && let Poll::Ready(request) = commands.poll_recv(cx)
        {
            return Poll::Ready(Happened::Request(request));
        }
        let line_first = self.line_streak < LINE_STREAK;
        if line_first && let Poll::Ready(input) = source.poll_next_unpin(cx) {
            return Poll::Ready(Happened::Line(input));
        }
        if sleep.poll(cx).is_ready() {
            return Poll::Ready(Happened::Time);
        }
        if let Poll::Ready(happened) = self.poll_stages(cx) {
            return Poll::Ready(happened);
        }
        if line_first { Poll::Pending } else { source.poll_next_unpin(cx).map(Happened::Line) }
    }

    fn poll_stages(&mut self, cx: &mut Context<'_>) -> Poll<Happened> {
        if let Poll::Ready(news) = self.stt.poll_news(cx) {
            return Poll::Ready(Happened::Stt(news));
        }
        if let Poll::Ready((reply, news)) = self.replies.poll_news(cx) {
            return Poll::Ready(Happened::Reply(reply, news));
        }
        if let Poll::Ready(finished) = self.tools.poll_finished(cx) {
            return Poll::Ready(Happened::Tool(finished));
        }
        if self.tts.poll_opened(cx).is_ready() {
            return Poll::Ready(Happened::Tts);
        }
        self.warmth.poll(cx);
        Poll::Pending
    }

    fn take(&mut self, happened: Happened, now: Instant) {
        self.line_streak = if matches!(happened, Happened::Line(_)) { self.line_streak + 1 } else { 0 };
        if self.line_streak > LINE_STREAK {
            self.line_streak = 0;
        }
        match happened {
            Happened::LineFailed(error) | Happened::Line(Some(Err(error))) => self.line_failed(&error, now),
            Happened::Line(None) => self.line_failed(&LineError::Closed, now),
            Happened::Line(Some(Ok(input))) => self.take_line(input, now),
            Happened::Request(Some(Request::Turn(command))) => self.take_command(command, now),
            Happened::Request(Some(Request::Expect(hints))) => self.stt.expect(&hints),
            // Nobody commands the call any more; it goes on.
            Happened::Request(None) => self.commands_over = true,
            Happened::Time | Happened::Tts => {}
            Happened::Stt(news) => self.take_stt(news, now),
            Happened::Reply(reply, news) => self.take_reply(reply, news, now),
            Happened::Tool(finished) => self.take_tool(finished, now),
        }
    }

    async fn close(mut self, reason: EndReason) -> CallRecord {
        for reply in self.replies.take_all() {
            self.retire(reply);
        }
        self.count_stt_audio();
        self.watch.tell(SessionEvent::Cost(Box::new(self.cost.clone())));
        self.watch.tell(SessionEvent::Ended { at: clock::now(), reason });
        let record = CallRecord {
            call: self.call,
            caller_turns: self.caller_turns,
            turns: self.turns,
            conversation: self.memory.conversation(),
            reason,
            received_samples: self.listener.received_samples(),
            sent_samples: self.sent_samples,
            cost: self.cost,
        };
        self.watch.end(&record);
        let mut sink = self.sink;
        if self.away_since.is_some() {
            // Nobody is there to whom to say goodbye.
            return record;
        }
        // A far end that does not read is closed without its last words.
        let _ = tokio::time::timeout(CLOSE_DEADLINE, poll_fn(|cx| sink.poll_close(cx))).await;
        record
    }
}

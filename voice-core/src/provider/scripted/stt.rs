//! The scripted STT: finds speech in the pushed audio by its level and plays the script's next utterance to it.
//!
//! Invariant: everything but the delay after a finalize request is decided while audio is pushed, so the same audio
//! gives the same events at the same positions.

use super::clock::{audio_ms, due_in_ms};
use super::rng::Rng;
use super::stt_driver::{EVENT_QUEUE, SttDriver, SttLog, Timed};
use super::stt_script::{SttAction, SttAt, SttStep, Utterance};
use crate::stage::{Fault, StageError, Stt, SttEvent, SttFeed, SttSession};
use crate::units::Position;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, stream};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

pub(super) const ENGINE: &str = "the scripted STT";

/// Quiet after which the words that belong to the beginning of an utterance are said, also where it was shorter.
const GAP_MS: u64 = 40;

/// The script and manner of a [`ScriptedStt`].
#[derive(Clone, Debug)]
pub struct SttConfig {
    /// What is said, in order; every stream starts from the first. Speech after the last gives no events.
    pub utterances: Vec<Utterance>,
    /// A sample of at least this size is speech. Default 500 (about −36 dBFS).
    pub speech_level: u16,
    /// Quiet that separates an utterance whose steps are done from the next one. Default 40. Speech after the last step and
    /// less than this after the speech before it belongs to no utterance: where the gap is longer than the last step waits, a
    /// caller who goes on within it is not heard.
    pub gap_ms: u64,
    /// How long opening takes.
    pub open_ms: u64,
    /// The first so many opens fail.
    pub failing_opens: u32,
    /// Up to so much is added to the wait of every step after the end of speech.
    pub jitter_ms: u64,
    /// The seed of the jitter.
    pub seed: u64,
}

impl Default for SttConfig {
    fn default() -> Self {
        Self {
            utterances: Vec::new(),
            speech_level: 500,
            gap_ms: GAP_MS,
            open_ms: 0,
            failing_opens: 0,
            jitter_ms: 0,
            seed: 1,
        }
    }
}

/// An STT that reports what its script says about the audio it is fed.
#[derive(Debug)]
pub struct ScriptedStt {
    config: Arc<SttConfig>,
    driver: Option<SttDriver>,
    log: SttLog,
}

impl ScriptedStt {
    /// An STT that plays `config.utterances` to the speech it finds.
    pub fn new(config: SttConfig) -> Self {
        Self { config: Arc::new(config), driver: None, log: SttLog::default() }
    }

    /// An STT whose events are sent by hand; the audio is only counted.
    pub fn manual() -> (Self, SttDriver) {
        let driver = SttDriver::default();
        let log = driver.log();
        (Self { config: Arc::default(), driver: Some(driver.clone()), log }, driver)
    }

    /// What it was fed.
    pub fn log(&self) -> SttLog {
        self.log.clone()
    }

    fn session(config: &Arc<SttConfig>, driver: Option<SttDriver>, log: SttLog) -> SttSession {
        let (sender, receiver) = mpsc::channel(EVENT_QUEUE);
        let feed: Box<dyn SttFeed> = match driver {
            Some(driver) => {
                driver.attach(sender);
                Box::new(ManualFeed { driver })
            }
            None => Box::new(ScriptFeed::new(Arc::clone(config), sender, log)),
        };
        SttSession { feed, events: timed_events(receiver) }
    }
}

impl Stt for ScriptedStt {
    fn open(&self) -> BoxFuture<'static, Result<SttSession, StageError>> {
        let (config, driver, log) = (Arc::clone(&self.config), self.driver.clone(), self.log.clone());
        async move {
            log.note_open();
            if config.open_ms > 0 {
                tokio::time::sleep(Duration::from_millis(config.open_ms)).await;
            }
            if log.opened() <= config.failing_opens {
                let reason = "the script refuses this attempt".into();
                return Err(StageError::Open { engine: ENGINE, reason, fault: Fault::Engine });
            }
            Ok(Self::session(&config, driver, log))
        }
        .boxed()
    }
}

pub(super) fn timed_events(receiver: mpsc::Receiver<Timed>) -> BoxStream<'static, Result<SttEvent, StageError>> {
    stream::unfold(receiver, |mut receiver| async {
        let (due, item) = receiver.recv().await?;
        if let Some(due) = due {
            tokio::time::sleep_until(due).await;
        }
        Some((item, receiver))
    })
    .fuse()
    .boxed()
}

pub(super) fn try_give(sender: &mpsc::Sender<Timed>, item: Timed) -> Result<(), StageError> {
    sender.try_send(item).map_err(|error| match error {
        mpsc::error::TrySendError::Full(_) => StageError::Full { engine: ENGINE },
        mpsc::error::TrySendError::Closed(_) => StageError::Ended { engine: ENGINE },
    })
}

struct ManualFeed {
    driver: SttDriver,
}

impl SttFeed for ManualFeed {
    fn push(&mut self, samples: &[i16], position: Position) -> Result<(), StageError> {
        if !self.driver.is_open() {
            return Err(StageError::Ended { engine: ENGINE });
        }
        self.driver.log.note_push(samples.len(), position);
        Ok(())
    }

    fn finalize(&mut self, end: Position) {
        self.driver.log.note_finalize(end);
    }

    fn speech_started(&mut self, onset: Position) {
        self.driver.log.note_started(onset);
    }
}

/// The speech the current utterance belongs to.
#[derive(Debug, Default)]
struct Speech {
    first: Option<Position>,
    end: Position,
    /// Where the audio stood when the step before was taken.
    stepped: Position,
    finalize_asked: bool,
}

struct ScriptFeed {
    config: Arc<SttConfig>,
    next_utterance: usize,
    steps: VecDeque<SttStep>,
    speech: Speech,
    now: Position,
    rng: Rng,
    jitter_ms: u64,
    /// `None` once the stream has ended.
    sender: Option<mpsc::Sender<Timed>>,
    stalled: bool,
    log: SttLog,
}

impl ScriptFeed {
    fn new(config: Arc<SttConfig>, sender: mpsc::Sender<Timed>, log: SttLog) -> Self {
        let rng = Rng::stream(config.seed, u64::from(log.opened()));
        let (steps, speech) = (VecDeque::new(), Speech::default());
        let (next_utterance, now, jitter_ms, stalled, sender) = (0, Position::ZERO, 0, false, Some(sender));
        Self { config, next_utterance, steps, speech, now, rng, jitter_ms, sender, stalled, log }
    }

    fn listen(&mut self, samples: &[i16], position: Position) {
        let level = self.config.speech_level;
        let is_loud = |sample: &i16| sample.unsigned_abs() >= level;
        if let Some(first) = samples.iter().position(is_loud) {
            let last = samples.iter().rposition(is_loud).unwrap_or(first);
            self.hear_speech(position.plus(first as u64), position.plus(last as u64 + 1));
        }
        self.now = position.plus(samples.len() as u64);
        self.start_timed_utterance();
    }

    fn hear_speech(&mut self, first: Position, end: Position) {
        let is_gap = audio_ms(self.speech.end, first) >= self.config.gap_ms;
        let is_new = self.speech.first.is_none() || is_gap;
        if self.steps.is_empty() && is_new {
            self.start_utterance(Some(first));
        }
        self.speech.end = end;
        self.speech.finalize_asked &= !is_gap;
    }

    fn start_timed_utterance(&mut self) {
        let next = self.config.utterances.get(self.next_utterance).and_then(|utterance| utterance.steps.first());
        if self.steps.is_empty() && next.is_some_and(|step| matches!(step.at, SttAt::CallTime(_)) && self.is_due(step))
        {
            self.start_utterance(None);
        }
    }

    fn start_utterance(&mut self, first: Option<Position>) {
        let Some(utterance) = self.config.utterances.get(self.next_utterance) else { return };
        self.steps = utterance.steps.iter().cloned().collect();
        self.next_utterance += 1;
        let end = first.unwrap_or(self.speech.end);
        self.speech = Speech { first, end, stepped: self.now, finalize_asked: false };
        self.jitter_ms = self.rng.up_to(self.config.jitter_ms);
    }

    fn play_due_steps(&mut self) -> Result<(), StageError> {
        while !self.stalled && self.steps.front().is_some_and(|step| self.is_due(step)) {
            let Some(step) = self.steps.pop_front() else { break };
            let delay_ms = match step.at {
                SttAt::Finalize { after_request_ms, .. } if self.speech.finalize_asked => after_request_ms,
                _ => 0,
            };
            self.speech.stepped = self.now;
            self.act(step.action, delay_ms)?;
        }
        Ok(())
    }

    fn is_due(&self, step: &SttStep) -> bool {
        let has_passed = |from: Position, ms: u64| audio_ms(from, self.now) >= ms;
        let end = self.speech.end;
        match step.at {
            SttAt::SpeechStart(ms) => {
                self.speech.first.is_some_and(|first| has_passed(first, ms)) || has_passed(end, GAP_MS)
            }
            SttAt::SpeechEnd(ms) => has_passed(end, ms.saturating_add(self.jitter_ms)) && self.now > end,
            SttAt::SpeechAgain => end > self.speech.stepped,
            SttAt::Finalize { after_end_ms, .. } => {
                self.speech.finalize_asked || has_passed(end, after_end_ms.saturating_add(self.jitter_ms))
            }
            SttAt::CallTime(ms) => has_passed(Position::ZERO, ms),
        }
    }

    fn act(&mut self, action: SttAction, delay_ms: u64) -> Result<(), StageError> {
        let item = match action {
            SttAction::StartOfTurn(text) => Ok(SttEvent::StartOfTurn { text }),
            SttAction::Interim(text) => Ok(SttEvent::Interim { text }),
            SttAction::EagerEndOfTurn(text) => Ok(SttEvent::EagerEndOfTurn { text }),
            SttAction::TurnResumed => Ok(SttEvent::TurnResumed),
            SttAction::Final(text) => Ok(SttEvent::Final { text, end: self.speech.end }),
            SttAction::EndOfTurn(text) => Ok(SttEvent::EndOfTurn { text, end: None }),
            SttAction::Fail(error) => Err(error),
            SttAction::Stall => return self.stall(),
            SttAction::End => return self.end(),
        };
        let is_last = item.is_err();
        let given = self.sender.as_ref().map_or(Ok(()), |sender| try_give(sender, (due_in_ms(delay_ms), item)));
        if is_last {
            self.sender = None;
        }
        given
    }

    fn stall(&mut self) -> Result<(), StageError> {
        self.stalled = true;
        Ok(())
    }

    fn end(&mut self) -> Result<(), StageError> {
        self.sender = None;
        Ok(())
    }
}

impl SttFeed for ScriptFeed {
    fn push(&mut self, samples: &[i16], position: Position) -> Result<(), StageError> {
        if self.sender.as_ref().is_none_or(mpsc::Sender::is_closed) {
            return Err(StageError::Ended { engine: ENGINE });
        }
        self.log.note_push(samples.len(), position);
        self.listen(samples, position);
        self.play_due_steps()
    }

    fn finalize(&mut self, end: Position) {
        self.log.note_finalize(end);
        if !self.steps.is_empty() {
            self.speech.finalize_asked = true;
            // A full queue shows at the next push.
            let _ = self.play_due_steps();
        }
    }

    fn speech_started(&mut self, onset: Position) {
        self.log.note_started(onset);
    }
}

//! The scripted TTS: speaks clauses as a ramp or as tones, at a set pace.
//!
//! Invariant: what a reply sounds like depends on its id and its clauses alone, never on when they came.

use super::clock::Schedule;
use super::rng::Rng;
use super::tts_log::{ReplyRecord, TtsLog};
use super::tts_script::{RaggedChunks, TtsConfig, TtsFault, WordTimes};
use super::tts_voice::{Sound, TimedWord, clause_samples, timed_words};
use crate::stage::{Fault, StageError, Tts, TtsEvent, TtsFeed, TtsReply, TtsSession};
use crate::units::{ReplyId, SampleRate};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

const ENGINE: &str = "the scripted TTS";

/// The longest leading silence and the slowest character.
const MAX_MS: u64 = 10_000;
/// Clauses of a reply that may wait to be spoken; more are refused.
const CLAUSE_QUEUE: usize = 256;

/// A TTS whose voice and pace are set. A reply whose feed is dropped ends as if it were finished.
#[derive(Debug)]
pub struct ScriptedTts {
    config: Arc<TtsConfig>,
    log: TtsLog,
}

impl ScriptedTts {
    /// A TTS of this manner.
    pub fn new(config: TtsConfig) -> Self {
        Self { config: Arc::new(config), log: TtsLog::default() }
    }

    /// A TTS for service: nothing it speaks is kept.
    pub(super) fn unrecorded(config: TtsConfig) -> Self {
        Self { config: Arc::new(config), log: TtsLog::off() }
    }

    /// What it was asked to speak, and what it gave.
    pub fn log(&self) -> TtsLog {
        self.log.clone()
    }
}

impl Tts for ScriptedTts {
    fn open(&self) -> BoxFuture<'static, Result<Box<dyn TtsSession>, StageError>> {
        let session = Session { config: Arc::clone(&self.config), log: self.log.clone(), has_ended: false };
        async move {
            if session.config.open_ms > 0 {
                tokio::time::sleep(Duration::from_millis(session.config.open_ms)).await;
            }
            Ok(Box::new(session) as Box<dyn TtsSession>)
        }
        .boxed()
    }
}

struct Session {
    config: Arc<TtsConfig>,
    log: TtsLog,
    has_ended: bool,
}

impl TtsSession for Session {
    fn sample_rate(&self) -> SampleRate {
        self.config.rate
    }

    fn begin(&mut self, reply: ReplyId) -> Result<TtsReply, StageError> {
        if self.has_ended {
            return Err(StageError::Ended { engine: ENGINE });
        }
        let record = self.log.begin(reply);
        let fault = self.config.faults.iter().find(|(at, _)| *at as usize == record.index()).map(|(_, fault)| *fault);
        if fault == Some(TtsFault::SessionEnded) {
            self.has_ended = true;
            return Err(StageError::Ended { engine: ENGINE });
        }
        let (sender, receiver) = mpsc::channel(CLAUSE_QUEUE);
        let cancelled = Arc::new(Notify::new());
        let feed = Feed { sender: Some(sender), cancelled: Arc::clone(&cancelled), record: record.clone() };
        let speaker = Speaker::new(Arc::clone(&self.config), reply, fault, receiver, record);
        Ok(TtsReply { feed: Box::new(feed), events: events(speaker, cancelled).boxed() })
    }
}

struct Feed {
    sender: Option<mpsc::Sender<String>>,
    cancelled: Arc<Notify>,
    record: ReplyRecord,
}

impl TtsFeed for Feed {
    fn speak(&mut self, clause: &str) -> Result<(), StageError> {
        let sender = self.sender.as_ref().ok_or(StageError::Ended { engine: ENGINE })?;
        sender.try_send(clause.into()).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StageError::Full { engine: ENGINE },
            mpsc::error::TrySendError::Closed(_) => StageError::Ended { engine: ENGINE },
        })?;
        self.record.update(|reply| reply.clauses.push(clause.into()));
        Ok(())
    }

    fn finish(&mut self) {
        self.sender = None;
    }

    fn cancel(&mut self) {
        self.sender = None;
        self.record.update(|reply| reply.is_cancelled = true);
        self.cancelled.notify_one();
    }
}

fn events(
    speaker: Speaker,
    cancelled: Arc<Notify>,
) -> impl futures::Stream<Item = Result<TtsEvent, StageError>> + Send + use<> {
    stream::unfold((speaker, cancelled), |(mut speaker, cancelled)| async move {
        let obeys = speaker.fault != Some(TtsFault::IgnoreCancel);
        let item = tokio::select! {
            biased;
            () = cancelled.notified(), if obeys => None,
            item = speaker.next() => item,
        };
        item.map(|item| (item, (speaker, cancelled)))
    })
    .fuse()
}

/// The clause being spoken.
struct Clause {
    words: Vec<TimedWord>,
    start: u64,
    end: u64,
}

struct Speaker {
    config: Arc<TtsConfig>,
    reply: ReplyId,
    fault: Option<TtsFault>,
    receiver: mpsc::Receiver<String>,
    record: ReplyRecord,
    rng: Rng,
    schedule: Schedule,
    ready: VecDeque<TtsEvent>,
    clause: Option<Clause>,
    clauses: u32,
    given: u64,
    is_over: bool,
}

impl Speaker {
    fn new(
        config: Arc<TtsConfig>,
        reply: ReplyId,
        fault: Option<TtsFault>,
        receiver: mpsc::Receiver<String>,
        record: ReplyRecord,
    ) -> Self {
        let rng = Rng::stream(config.seed, u64::from(reply.0));
        let (schedule, ready) = (Schedule::default(), VecDeque::new());
        let (clause, clauses, given, is_over) = (None, 0, 0, false);
        Self { config, reply, fault, receiver, record, rng, schedule, ready, clause, clauses, given, is_over }
    }

    async fn next(&mut self) -> Option<Result<TtsEvent, StageError>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(Ok(event));
            }
            if self.is_over {
                return None;
            }
            match self.fault {
                Some(TtsFault::ErrorAfter(samples)) if samples <= self.given => return Some(Err(self.fail())),
                Some(TtsFault::StallAfter(samples)) if samples <= self.given => std::future::pending().await,
                Some(TtsFault::BreakAfter(samples)) if samples <= self.given => {
                    self.is_over = true;
                    return None;
                }
                _ => {}
            }
            match self.clause.take() {
                Some(clause) => self.speak_on(clause).await,
                None => self.take_clause().await,
            }
        }
    }

    async fn take_clause(&mut self) {
        if self.receiver.is_empty() {
            self.schedule.rest();
        }
        match self.receiver.recv().await {
            Some(text) => self.start_clause(&text).await,
            None => {
                self.is_over = true;
                self.ready.push_back(TtsEvent::Done);
            }
        }
    }

    async fn start_clause(&mut self, text: &str) {
        if self.clauses == 0 {
            let jitter_ms = self.rng.up_to(self.config.jitter_ms);
            self.schedule.wait(Duration::from_millis(self.config.first_audio_ms.saturating_add(jitter_ms))).await;
            self.give_leading_silence();
        }
        self.clauses += 1;
        let per_character = self.config.rate.samples_in_ms(self.config.ms_per_character.min(MAX_MS));
        let words = timed_words(text, per_character);
        let (start, end) = (self.given, self.given + clause_samples(text, per_character));
        if self.config.word_times == WordTimes::Exact {
            self.ready.extend(words.iter().map(|word| TtsEvent::Word {
                text: word.text.clone(),
                start_samples: start + word.start_samples,
                end_samples: start + word.end_samples,
            }));
        }
        self.clause = Some(Clause { words, start, end });
    }

    fn give_leading_silence(&mut self) {
        let samples = self.config.rate.samples_in_ms(self.config.leading_silence_ms.min(MAX_MS));
        if samples > 0 {
            self.give(vec![0; samples as usize * 2]);
        }
    }

    async fn speak_on(&mut self, clause: Clause) {
        let to = (self.given + self.chunk()).min(clause.end);
        let made_ns = self.config.rate.duration_of(to - self.given).as_nanos() as u64;
        self.schedule.wait(Duration::from_nanos(made_ns.saturating_mul(self.config.ms_per_audio_second) / 1_000)).await;
        let (sound, rate, reply) = (self.config.sound, self.config.rate, self.reply);
        let voice = Sound { sound, rate, reply, clause_start: clause.start, words: &clause.words };
        let bytes = voice.bytes(self.given, to);
        self.give(bytes);
        if self.given < clause.end {
            self.clause = Some(clause);
        } else {
            self.ready.push_back(TtsEvent::ClauseEnd { clauses: self.clauses });
        }
    }

    fn chunk(&mut self) -> u64 {
        let most = self.config.chunk_samples.max(1) as u64;
        match self.config.ragged_chunks {
            RaggedChunks::Off => most,
            RaggedChunks::On => 1 + self.rng.up_to(most - 1),
        }
    }

    fn give(&mut self, bytes: Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let samples = bytes.len() as u64 / 2;
        self.given += samples;
        self.record.update(|reply| reply.samples += samples);
        self.ready.push_back(TtsEvent::Audio(Bytes::from(bytes)));
    }

    fn fail(&mut self) -> StageError {
        self.is_over = true;
        let reason = format!("the script says so after {} samples", self.given);
        StageError::Stream { engine: ENGINE, reason, fault: Fault::Engine }
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        if !self.is_over {
            self.record.update(|reply| reply.is_cancelled = true);
        }
    }
}

//! One reply, spoken by one voice after the other until all is said.
//!
//! Invariant: clauses are kept until they are spoken. Each engine is asked once in a reply, and one of them once more.
//! Nothing here waits but in `poll_next`.

use super::choice::{Choice, error_of_all};
use super::health::Rest;
use super::script::Script;
use super::tts::{Pool, opening};
use super::voice::Voice;
use crate::stage::{Handed, StageError, Tts, TtsEvent, TtsFeed, TtsReply, TtsSession};
use crate::units::{ReplyId, SampleRate};
use futures::future::BoxFuture;
use futures::{FutureExt, Stream, StreamExt};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Clauses of a reply that are kept; further ones are refused.
const MAX_CLAUSES: usize = 4_096;

type Opening = BoxFuture<'static, Result<Box<dyn TtsSession>, StageError>>;

/// What the two halves of a reply share.
#[derive(Default)]
struct Shared {
    script: Script,
    /// The present voice's.
    feed: Option<Box<dyn TtsFeed>>,
    /// What each voice was handed, in order; the present one's is the last.
    handed: Vec<Handed>,
    /// How many clauses of the script the present voice was given.
    fed: usize,
    finish: Finish,
    /// The present voice refused a clause for good.
    broken: Option<StageError>,
    waker: Option<Waker>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Finish {
    #[default]
    No,
    Wanted,
    Told,
    Cancelled,
}

impl Shared {
    /// Gives the present voice what it was not given yet. A full one is tried again at the next poll.
    fn feed_voice(&mut self) {
        let Some(feed) = &mut self.feed else { return };
        while let Some(clause) = self.script.for_voice(self.fed) {
            match feed.speak(clause) {
                Ok(()) => {
                    self.fed += 1;
                    if let Some(handed) = self.handed.last_mut() {
                        handed.characters += clause.chars().count() as u64;
                    }
                }
                Err(StageError::Full { .. }) => return,
                Err(error) => {
                    self.broken.get_or_insert(error);
                    return;
                }
            }
        }
        if self.finish == Finish::Wanted {
            self.finish = Finish::Told;
            feed.finish();
        }
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The half that is fed.
pub(super) struct Feed {
    shared: Arc<Mutex<Shared>>,
}

impl Feed {
    pub(super) fn of(speech: &Speech) -> Self {
        Self { shared: Arc::clone(&speech.shared) }
    }
}

impl TtsFeed for Feed {
    fn speak(&mut self, clause: &str) -> Result<(), StageError> {
        let mut shared = lock(&self.shared);
        if shared.finish != Finish::No {
            return Err(StageError::Ended { engine: "the TTS" });
        }
        if shared.script.len() >= MAX_CLAUSES {
            return Err(StageError::Full { engine: "the TTS" });
        }
        shared.script.push(clause);
        shared.feed_voice();
        shared.wake();
        Ok(())
    }

    fn finish(&mut self) {
        let mut shared = lock(&self.shared);
        if shared.finish == Finish::No {
            shared.finish = Finish::Wanted;
            shared.feed_voice();
            shared.wake();
        }
    }

    fn cancel(&mut self) {
        let mut shared = lock(&self.shared);
        shared.finish = Finish::Cancelled;
        if let Some(mut feed) = shared.feed.take() {
            feed.cancel();
        }
        shared.wake();
    }

    fn take_handed(&mut self) -> Option<Vec<Handed>> {
        let mut shared = lock(&self.shared);
        let present = shared.handed.last().map(|handed| Handed { characters: 0, ..handed.clone() });
        let handed = std::mem::take(&mut shared.handed);
        shared.handed.extend(present);
        Some(handed)
    }
}

/// The half that is read.
pub(super) struct Speech {
    reply: ReplyId,
    choice: Choice<dyn Tts>,
    pool: Pool,
    rate: SampleRate,
    shared: Arc<Mutex<Shared>>,
    state: State,
    /// The engines that failed in this reply.
    failed: Vec<usize>,
    errors: Vec<StageError>,
    /// A better engine that is opened meanwhile, for the replies to come.
    comeback: Option<(usize, Opening)>,
    ready: VecDeque<TtsEvent>,
    /// Samples given, at the reply's rate.
    given: u64,
}

enum State {
    Choosing,
    Opening(usize, Opening),
    Speaking(Box<Voice>),
    Over,
}

/// Whether a session was opened just now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Age {
    Fresh,
    Kept,
}

impl Speech {
    pub(super) fn new(reply: ReplyId, choice: Choice<dyn Tts>, pool: Pool, rate: SampleRate) -> Self {
        Self {
            reply,
            choice,
            pool,
            rate,
            shared: Arc::default(),
            state: State::Choosing,
            failed: Vec::new(),
            errors: Vec::new(),
            comeback: None,
            ready: VecDeque::new(),
            given: 0,
        }
    }

    /// Asks the next engine: the best that is awake and open; a better one that must be opened first is there for the
    /// next reply. Says how the reply ends if all were asked.
    fn choose(&mut self) -> Option<StageError> {
        let order = self.choice.order();
        let fresh: Vec<_> = order.iter().filter(|candidate| !self.failed.contains(&candidate.at)).collect();
        let open = fresh.iter().find(|candidate| candidate.rest == Rest::Awake && self.pool.is_open(candidate.at));
        let next = match (fresh.first(), open) {
            (Some(best), Some(open)) => {
                if best.at != open.at {
                    self.comeback = Some((best.at, opening(&self.choice, best.at)));
                }
                open.at
            }
            (Some(best), None) => best.at,
            (None, _) if self.errors.len() <= self.choice.len() => order.front()?.at,
            (None, _) => {
                self.state = State::Over;
                return Some(error_of_all(std::mem::take(&mut self.errors)));
            }
        };
        self.begin(next, Age::Kept);
        None
    }

    /// Begins with an engine; one whose session has ended meanwhile is opened anew.
    fn begin(&mut self, at: usize, age: Age) {
        match self.pool.begin(at, self.reply) {
            Some(Ok((begun, rate))) => self.speak_with(at, begun, rate),
            Some(Err(error)) if age == Age::Fresh => self.engine_failed(at, error),
            Some(Err(_)) | None => {
                self.pool.drop_session(at);
                self.state = State::Opening(at, opening(&self.choice, at));
            }
        }
    }

    fn speak_with(&mut self, at: usize, begun: TtsReply, rate: SampleRate) {
        let serving = self.choice.serving(at);
        let mut shared = lock(&self.shared);
        shared.handed.push(Handed { engine: serving.engine.clone(), characters: 0 });
        self.ready.push_back(TtsEvent::Serving(serving));
        shared.feed = Some(begun.feed);
        shared.fed = 0;
        shared.broken = None;
        if shared.finish == Finish::Told {
            shared.finish = Finish::Wanted;
        }
        self.state = State::Speaking(Box::new(Voice::new(at, begun.events, (rate, self.rate), self.given)));
    }

    fn engine_failed(&mut self, at: usize, error: StageError) {
        self.choice.failed(at, &error);
        self.pool.drop_session(at);
        self.failed.push(at);
        self.errors.push(error);
        self.state = State::Choosing;
    }

    /// The voice broke: what it gave stays, the rest is another's.
    fn voice_failed(&mut self, error: StageError) {
        let State::Speaking(mut voice) = std::mem::replace(&mut self.state, State::Choosing) else { return };
        let rest = voice.flush();
        self.give(rest);
        self.engine_failed(voice.at, error);
        let mut shared = lock(&self.shared);
        if let Some(mut feed) = shared.feed.take() {
            feed.cancel();
        }
        if let Some(clauses) = shared.script.hand_over(voice.pace()) {
            self.ready.push_back(TtsEvent::ClauseEnd { clauses });
        }
        if shared.script.is_spoken() && matches!(shared.finish, Finish::Wanted | Finish::Told) {
            self.ready.push_back(TtsEvent::Done);
            self.state = State::Over;
        }
    }

    fn give(&mut self, pcm: bytes::Bytes) {
        if !pcm.is_empty() {
            self.given += pcm.len() as u64 / 2;
            self.ready.push_back(TtsEvent::Audio(pcm));
        }
    }

    fn take(&mut self, event: TtsEvent) {
        let State::Speaking(voice) = &mut self.state else { return };
        match event {
            TtsEvent::Serving(serving) => self.ready.push_back(TtsEvent::Serving(serving)),
            TtsEvent::Audio(pcm) => {
                if !voice.is_audible() && !pcm.is_empty() {
                    self.choice.works(voice.at);
                    voice.deadline = None;
                }
                let pcm = voice.audio(pcm);
                self.give(pcm);
                self.give_words();
            }
            TtsEvent::Word { text, start_samples, end_samples } => {
                voice.word(text, start_samples, end_samples);
                self.give_words();
            }
            TtsEvent::ClauseEnd { clauses } => {
                voice.clause_ended();
                let clauses = lock(&self.shared).script.clause_end(clauses);
                self.ready.push_back(TtsEvent::ClauseEnd { clauses });
            }
            TtsEvent::Done => self.done(),
        }
    }

    fn give_words(&mut self) {
        let State::Speaking(voice) = &mut self.state else { return };
        while let Some(word) = voice.next_word() {
            if let TtsEvent::Word { text, .. } = &word {
                lock(&self.shared).script.word(text);
            }
            self.ready.push_back(word);
        }
    }

    fn done(&mut self) {
        if lock(&self.shared).finish != Finish::Told {
            return self.voice_failed(StageError::Ended { engine: "the TTS" });
        }
        let State::Speaking(voice) = &mut self.state else { return };
        voice.all_given();
        let rest = voice.flush();
        self.give(rest);
        self.give_words();
        self.ready.push_back(TtsEvent::Done);
        self.state = State::Over;
    }

    /// Ready when something changed.
    fn poll_state(&mut self, cx: &mut Context<'_>) -> Poll<Option<StageError>> {
        match &mut self.state {
            State::Choosing => return Poll::Ready(self.choose()),
            State::Opening(at, opening) => {
                let at = *at;
                match std::task::ready!(opening.poll_unpin(cx)) {
                    Ok(session) => {
                        self.pool.put(at, session);
                        self.begin(at, Age::Fresh);
                    }
                    Err(error) => self.engine_failed(at, error),
                }
            }
            State::Speaking(_) => std::task::ready!(self.poll_voice(cx)),
            State::Over => {}
        }
        Poll::Ready(None)
    }

    fn poll_voice(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let State::Speaking(voice) = &mut self.state else { return Poll::Ready(()) };
        let (broken, fed) = {
            let mut shared = lock(&self.shared);
            shared.feed_voice();
            (shared.broken.take(), shared.fed)
        };
        voice.fed = fed;
        if let Some(error) = broken {
            self.voice_failed(error);
            return Poll::Ready(());
        }
        match voice.events.poll_next_unpin(cx) {
            Poll::Ready(Some(Ok(event))) => self.take(event),
            Poll::Ready(Some(Err(error))) => self.voice_failed(error),
            Poll::Ready(None) => self.voice_failed(StageError::Ended { engine: "the TTS" }),
            Poll::Pending => {
                let waited = Duration::from_millis(self.choice.config.first_audio_ms);
                if voice.fed > 0 && !voice.is_audible() {
                    let deadline = voice.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(waited)));
                    std::task::ready!(deadline.poll_unpin(cx));
                    self.voice_failed(StageError::Stalled { engine: "the TTS", waited });
                    return Poll::Ready(());
                }
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }

    fn poll_comeback(&mut self, cx: &mut Context<'_>) {
        let Some((at, opening)) = &mut self.comeback else { return };
        let Poll::Ready(opened) = opening.poll_unpin(cx) else { return };
        match opened {
            Ok(session) => self.pool.put(*at, session),
            Err(error) => self.choice.failed(*at, &error),
        }
        self.comeback = None;
    }
}

impl Stream for Speech {
    type Item = Result<TtsEvent, StageError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        lock(&this.shared).waker = Some(cx.waker().clone());
        this.poll_comeback(cx);
        loop {
            if lock(&this.shared).finish == Finish::Cancelled {
                this.state = State::Over;
                return Poll::Ready(None);
            }
            if let Some(event) = this.ready.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            if matches!(this.state, State::Over) {
                return Poll::Ready(None);
            }
            if let Some(error) = std::task::ready!(this.poll_state(cx)) {
                return Poll::Ready(Some(Err(error)));
            }
        }
    }
}

//! One reply, spoken by one voice after the other until all is said.
//!
//! Invariant: each engine fails once in a reply at the most, and one of them once more. Nothing here waits but in
//! `poll_next`. How clauses come in is not known here.

use super::choice::{Choice, error_of_all};
use super::feed::{Feed, Finish, Shared, lock};
use super::health::{Candidate, Rest};
use super::race::{Opened, Opening, Race, opening};
use super::tts::Pool;
use super::voice::Voice;
use crate::stage::{Handed, StageError, Tts, TtsEvent, TtsReply, TtsSession};
use crate::units::{ReplyId, SampleRate};
use futures::{FutureExt, Stream, StreamExt};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

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
    Opening(Race),
    Speaking(Box<Voice>),
    Over,
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

    /// The half that is fed.
    pub(super) fn feed(&self) -> Feed {
        Feed::of(&self.shared)
    }

    /// Asks the next engine: the best that is awake and open; a better one that must be opened first is there for the
    /// next reply. Says how the reply ends if all were asked.
    fn choose(&mut self) -> Option<StageError> {
        let order = self.choice.order();
        let next = match (self.fresh().first(), self.open()) {
            (Some(best), Some(open)) => {
                if best.at != open {
                    self.comeback = Some((best.at, opening(&self.choice, best.at)));
                }
                open
            }
            (Some(best), None) => best.at,
            (None, _) if self.errors.len() <= self.choice.len() => order.front()?.at,
            (None, _) => {
                self.state = State::Over;
                return Some(error_of_all(std::mem::take(&mut self.errors)));
            }
        };
        self.begin(next);
        None
    }

    /// Those that have not failed in this reply, best first.
    fn fresh(&self) -> Vec<Candidate> {
        self.choice.order().into_iter().filter(|candidate| !self.failed.contains(&candidate.at)).collect()
    }

    /// Begins with an engine; one whose session has ended meanwhile is opened anew, and where that takes long, others are. The
    /// better one that is being opened is one of them.
    fn begin(&mut self, at: usize) {
        if let Some(Ok((begun, rate))) = self.pool.begin(at, self.reply) {
            return self.speak_with(at, begun, rate);
        }
        self.pool.drop_session(at);
        let comeback = self.comeback.take();
        let better = comeback.as_ref().map(|(better, _)| *better);
        let asked = |other: &Candidate| other.at == at || better == Some(other.at) || self.pool.is_open(other.at);
        let others = self.fresh().into_iter().filter(|other| !asked(other)).collect::<Vec<_>>();
        self.state = State::Opening(match comeback {
            Some(comeback) if comeback.0 == at => Race::with(self.choice.clone(), comeback, others),
            comeback => {
                let mut race = Race::new(self.choice.clone(), at, others);
                if let Some((better, opening)) = comeback {
                    race.join(better, opening);
                }
                race
            }
        });
    }

    /// Begins with one that has just opened; where it cannot, those that are being opened go on.
    fn begin_fresh(&mut self, at: usize, session: Box<dyn TtsSession>) {
        self.pool.put(at, session);
        match self.pool.begin(at, self.reply) {
            Some(Ok((begun, rate))) => return self.speak_with(at, begun, rate),
            Some(Err(error)) => self.note_failure(at, error),
            None => self.note_failure(at, StageError::Ended { engine: "the TTS" }),
        }
        self.after_an_opening_failed();
    }

    /// One that is awake and open speaks at once; only without is another opened.
    fn after_an_opening_failed(&mut self) {
        if self.begin_with_open() {
            return;
        }
        if let State::Opening(race) = &mut self.state {
            race.ask_next();
        }
    }

    /// Begins with the best that is awake and was open before, if one can begin; says whether.
    fn begin_with_open(&mut self) -> bool {
        while let Some(at) = self.open() {
            if let Some(Ok((begun, rate))) = self.pool.begin(at, self.reply) {
                self.speak_with(at, begun, rate);
                return true;
            }
            self.pool.drop_session(at);
        }
        false
    }

    /// The best that is awake and open.
    fn open(&self) -> Option<usize> {
        let is_open = |candidate: &Candidate| candidate.rest == Rest::Awake && self.pool.is_open(candidate.at);
        self.fresh().into_iter().find(is_open).map(|candidate| candidate.at)
    }

    fn speak_with(&mut self, at: usize, begun: TtsReply, rate: SampleRate) {
        // Those that took long to open are given up first: whoever serves is told with whom it passes over.
        self.state = State::Choosing;
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
        self.note_failure(at, error);
        self.state = State::Choosing;
    }

    fn note_failure(&mut self, at: usize, error: StageError) {
        self.choice.failed(at, &error);
        self.pool.drop_session(at);
        self.failed.push(at);
        self.errors.push(error);
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
            State::Opening(_) => std::task::ready!(self.poll_opening(cx)),
            State::Speaking(_) => std::task::ready!(self.poll_voice(cx)),
            State::Over => {}
        }
        Poll::Ready(None)
    }

    fn poll_opening(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let State::Opening(race) = &mut self.state else { return Poll::Ready(()) };
        if race.poll_patience(cx).is_ready() && self.begin_with_open() {
            return Poll::Ready(());
        }
        let State::Opening(race) = &mut self.state else { return Poll::Ready(()) };
        match std::task::ready!(race.poll_next(cx)) {
            Some(Opened { at, session: Ok(session) }) => self.begin_fresh(at, session),
            Some(Opened { at, session: Err(error) }) => {
                self.note_failure(at, error);
                self.after_an_opening_failed();
            }
            None => self.state = State::Choosing,
        }
        Poll::Ready(())
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

//! One call's transcription: at most one job under way, its answers made into events.
//!
//! Invariant: finals leave in the order of their segments; an interim never follows its segment's final. An interim
//! that covers all the speech when the final is asked for becomes the final. Bounds: [`WAITING`] finals wait for the
//! pool (then the stream ends with [`StageError::Full`]); [`EVENTS`] events wait for the reader, of which interims
//! leave half free.

use super::super::Workers;
use super::super::worker::{Broken, Full};
use super::ENGINE;
use super::model::Model;
use super::segmenter::{Closed, Segmenter, Span};
use crate::stage::{Fault, StageError, SttEvent};
use crate::units::Position;
use futures::stream::{BoxStream, unfold};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc::{Sender, channel};

/// Finals that may wait for the pool.
const WAITING: usize = 8;
/// Events that may wait for the reader.
const EVENTS: usize = 64;

type Event = Result<SttEvent, StageError>;
/// A transcript, or none if the job was stopped.
type Answer = Result<Result<Option<String>, String>, Broken>;

/// A call's state; shared by its feed and its jobs.
pub(super) struct Call {
    model: Arc<Model>,
    workers: Workers,
    owner: u64,
    state: Mutex<State>,
}

struct State {
    segmenter: Segmenter,
    job: Option<Job>,
    jobs: u64,
    /// The latest transcript of the open segment.
    latest: Option<(Span, String)>,
    finals: VecDeque<Final>,
    /// Gone once the stream has ended.
    events: Option<Sender<Event>>,
}

/// The job under way.
struct Job {
    id: u64,
    span: Span,
    /// Where the segment ends, if the answer is its final.
    ends: Option<u64>,
    stop: Arc<AtomicBool>,
}

/// A final on its way out.
enum Final {
    Ready { text: String, end: u64 },
    Decode { span: Span, samples: Arc<[i16]>, end: u64 },
}

impl Call {
    pub(super) fn open(model: Arc<Model>, workers: Workers) -> (Arc<Self>, BoxStream<'static, Event>) {
        let (events, receiver) = channel(EVENTS);
        let owner = workers.owner();
        let state = State {
            segmenter: Segmenter::new(),
            job: None,
            jobs: 0,
            latest: None,
            finals: VecDeque::new(),
            events: Some(events),
        };
        let stream = unfold(receiver, async |mut receiver| receiver.recv().await.map(|event| (event, receiver)));
        (Arc::new(Self { model, workers, owner, state: Mutex::new(state) }), Box::pin(stream))
    }

    pub(super) fn push(self: &Arc<Self>, samples: &[i16], position: u64) -> Result<(), StageError> {
        let mut state = self.lock();
        if state.events.as_ref().is_none_or(Sender::is_closed) {
            return Err(StageError::Ended { engine: ENGINE });
        }
        if let Some(closed) = state.segmenter.push(samples, position) {
            self.close(&mut state, closed);
        }
        self.advance(&mut state);
        Ok(())
    }

    pub(super) fn speech_started(&self, onset: u64) {
        self.lock().segmenter.speech_started(onset);
    }

    pub(super) fn finalize(self: &Arc<Self>, end: u64) {
        let mut state = self.lock();
        let closed = state.segmenter.finalize(end);
        self.close(&mut state, closed);
        self.advance(&mut state);
    }

    /// Decides what becomes a segment's final: nothing, a transcript that is there or under way, or a job of its own.
    fn close(&self, state: &mut State, closed: Closed) {
        let (speech, end) = (closed.speech, closed.end);
        let latest = state.latest.take();
        let Some(span) = speech else {
            self.stop_interim(state);
            state.finals.push_back(Final::Ready { text: String::new(), end });
            return;
        };
        if let Some((_, text)) = latest.filter(|(of, _)| closed.is_said_by(*of)) {
            self.stop_interim(state);
            state.finals.push_back(Final::Ready { text, end });
        } else if !self.promote(state, &closed) {
            self.stop_interim(state);
            state.finals.push_back(Final::Decode { span, samples: closed.samples, end });
        }
        if state.finals.len() > WAITING {
            state.end(StageError::Full { engine: ENGINE });
        }
    }

    /// Makes the interim under way the final, if it says all and a worker has begun it.
    fn promote(&self, state: &mut State, closed: &Closed) -> bool {
        let Some(job) = state.job.as_mut().filter(|job| job.ends.is_none() && closed.is_said_by(job.span)) else {
            return false;
        };
        if self.workers.withdraw_interim(self.owner) {
            return false;
        }
        job.ends = Some(closed.end);
        true
    }

    fn stop_interim(&self, state: &mut State) {
        if let Some(job) = state.job.take_if(|job| job.ends.is_none()) {
            job.stop.store(true, Ordering::Relaxed);
            self.workers.withdraw_interim(self.owner);
        }
    }

    /// Sends what is ready and begins the next job, if there is one and none is under way.
    fn advance(self: &Arc<Self>, state: &mut State) {
        while state.job.is_none() {
            match state.finals.pop_front() {
                Some(Final::Ready { text, end }) => state.send_final(text, end),
                Some(Final::Decode { span, samples, end }) => {
                    if self.begin(state, span, Some(end), samples.clone()).is_err() {
                        // The pool is full: tried again with the next audio.
                        state.finals.push_front(Final::Decode { span, samples, end });
                        return;
                    }
                }
                None => return self.begin_interim(state),
            }
        }
    }

    fn begin_interim(self: &Arc<Self>, state: &mut State) {
        if let Some(span) = state.segmenter.interim() {
            let samples = state.segmenter.samples(span);
            if self.begin(state, span, None, samples).is_ok() {
                state.segmenter.asked(span);
            }
        }
    }

    fn begin(
        self: &Arc<Self>,
        state: &mut State,
        span: Span,
        ends: Option<u64>,
        samples: Arc<[i16]>,
    ) -> Result<(), Full> {
        let id = state.jobs + 1;
        let stop = Arc::new(AtomicBool::new(false));
        let work = {
            let (model, stop) = (self.model.clone(), stop.clone());
            move |seat| model.transcribe(seat, &samples, || stop.load(Ordering::Relaxed))
        };
        let call = self.clone();
        let answer = move |answer| call.answered(id, answer);
        match ends {
            Some(_) => self.workers.submit_final(work, answer)?,
            None => self.workers.submit_interim(self.owner, work, answer)?,
        }
        state.jobs = id;
        state.job = Some(Job { id, span, ends, stop });
        Ok(())
    }

    fn answered(self: &Arc<Self>, id: u64, answer: Answer) {
        let mut state = self.lock();
        let Some(job) = state.job.take_if(|job| job.id == id) else { return };
        let heard = answer.unwrap_or_else(|Broken| Err("the model broke off".to_owned()));
        match (heard, job.ends) {
            (Ok(text), Some(end)) => state.send_final(text.unwrap_or_default(), end),
            (Err(reason), Some(_)) => state.end(StageError::Stream { engine: ENGINE, reason, fault: Fault::Engine }),
            (Ok(Some(text)), None) if state.segmenter.is_open(job.span) => state.note_interim(job.span, text),
            (Ok(_), None) => {}
            (Err(reason), None) => tracing::warn!(engine = ENGINE, reason, "an interim could not be decoded"),
        }
        self.advance(&mut state);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Closed {
    /// Whether a transcript of `span` says all the segment's words and none of the next.
    fn is_said_by(&self, span: Span) -> bool {
        let starts_alike = self.speech.is_some_and(|speech| speech.start == span.start);
        starts_alike && span.end >= self.enough && span.end <= self.at_most
    }
}

impl State {
    /// Keeps an interim's text, and tells it if it says something new.
    fn note_interim(&mut self, span: Span, text: String) {
        let is_news = self.latest.as_ref().map_or(!text.is_empty(), |(_, before)| *before != text);
        if is_news && let Some(events) = self.events.as_ref().filter(|events| events.capacity() > EVENTS / 2) {
            let _ = events.try_send(Ok(SttEvent::Interim { text: text.clone() }));
        }
        self.latest = Some((span, text));
    }

    /// Ends the stream if the reader is so far behind that there is no room.
    fn send_final(&mut self, text: String, end: u64) {
        let event = Ok(SttEvent::Final { text, end: Position(end) });
        if self.events.as_ref().is_some_and(|events| events.try_send(event).is_err()) {
            self.events = None;
        }
    }

    fn end(&mut self, error: StageError) {
        if let Some(events) = self.events.take() {
            let _ = events.try_send(Err(error));
        }
        self.finals.clear();
    }
}

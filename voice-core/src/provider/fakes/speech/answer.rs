//! Requests in, audio out as the voice makes it, until the end or until the client leaves.

use super::config::SpeechEnd;
use super::request::{SPEECH_HZ, SpeechRequest, parse};
use crate::provider::fakes::FakesLog;
use crate::provider::fakes::body::{FaultChunks, faulty};
use crate::provider::fakes::clock::{Stopwatch, now};
use crate::provider::fakes::cutter::Cutter;
use crate::provider::fakes::encoding::{Encoding, Format};
use crate::provider::fakes::faults::{Fault, Moment};
use crate::provider::fakes::log::Question;
use crate::provider::fakes::outbox::Pace;
use crate::provider::fakes::visit::{Body, Head, Refusal, Visit};
use crate::provider::fakes::voice::{Ask, VoiceEvent, Voices};
use bytes::Bytes;
use futures::{Stream, stream};
use hyper::Response;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use serde_json::json;
use std::collections::VecDeque;
use std::time::Duration;

const FORMAT: Format = Format { encoding: Encoding::S16, hz: SPEECH_HZ };
/// The one context of a request.
const KEY: u64 = 0;

/// A refusal in the vendor's shape.
pub(in crate::provider::fakes) fn refusal(status: u16, said: &str, request_id: &str) -> Refusal {
    let kind = if status >= 500 { "server_error" } else { "invalid_request_error" };
    let body = json!({ "error": { "message": said, "type": kind, "param": null, "code": null } });
    Refusal::json(status, &body).header("x-request-id", request_id)
}

/// One text spoken.
pub(in crate::provider::fakes) async fn answer(head: Head, body: Bytes, mut visit: Visit) -> Response<Body> {
    visit.log().count(|counts| counts.speech.opened += 1);
    let question = visit.question(now());
    let fake = visit.shared.config.speech.clone();
    if !visit.shared.accepts(head.authorization(&["Bearer"])) {
        return refuse(&visit, 401, "Incorrect API key provided");
    }
    let request = match parse(&body, fake.most_characters) {
        Ok(request) => request,
        Err((status, said)) => return refuse(&visit, status, &said),
    };
    if fake.end == SpeechEnd::JsonError {
        let body = json!({ "error": { "message": "the model failed", "type": "server_error" } });
        return Refusal::json(200, &body).into_response();
    }
    let voices = match Voices::open(&fake.voice).await {
        Ok(voices) => voices,
        Err(error) => return refuse(&visit, 500, &error.to_string()),
    };
    let mut pace =
        Pace { first_audio: Duration::from_millis(fake.first_audio_ms), percent: fake.pace_percent, hz: SPEECH_HZ };
    for fault in visit.due(Moment::Manner) {
        if let Fault::Pace { percent } = fault {
            let usual = if pace.percent == 0 { 100 } else { pace.percent };
            pace.percent = usual.saturating_mul(percent) / 100;
        }
    }
    let garbage = Bytes::from_static(b"{\"error\":{\"message\":\"the model failed\"}}");
    let faults = FaultChunks { error: garbage.clone(), malformed: garbage.clone(), unknown: garbage };
    let content_type = HeaderValue::from_static(request.container.content_type());
    let mut speech = Speech::new(voices, Cutter::new(fake.chunks), pace, fake.end, &request, visit.log().clone());
    speech.question = Some(question);
    let mut response = Response::new(faulty(visit, faults, chunks(speech)));
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

fn refuse(visit: &Visit, status: u16, said: &str) -> Response<Body> {
    visit.log().count(|counts| counts.refused += 1);
    visit.note(format!("refused with {status}: {said}"));
    refusal(status, said, &visit.request_id).into_response()
}

/// A text being spoken; dropped before its end it was cancelled.
struct Speech {
    voices: Voices,
    cutter: Cutter,
    pace: Pace,
    end: SpeechEnd,
    watch: Stopwatch,
    /// When the next audio may go out.
    audio_from: Duration,
    ready: VecDeque<Vec<u8>>,
    is_over: bool,
    log: FakesLog,
    /// Until the first piece is there.
    question: Option<Question>,
}

impl Speech {
    fn new(
        mut voices: Voices,
        cutter: Cutter,
        pace: Pace,
        end: SpeechEnd,
        request: &SpeechRequest,
        log: FakesLog,
    ) -> Self {
        let is_empty = end == SpeechEnd::Empty || request.input.trim().is_empty();
        let text = if is_empty { Vec::new() } else { vec![Ask::Speak(request.input.clone())] };
        for ask in [Ask::Begin(FORMAT)].into_iter().chain(text).chain([Ask::Finish]) {
            voices.perform(KEY, ask);
        }
        log.count(|counts| {
            counts.speech.contexts += 1;
            counts.speech.characters += request.input.chars().count() as u64;
        });
        let header = request.container.header();
        let ready = Some(header).filter(|header| !header.is_empty()).into_iter().collect();
        let audio_from = pace.first_audio;
        let watch = Stopwatch::start();
        Self { voices, cutter, pace, end, watch, audio_from, ready, is_over: false, log, question: None }
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                self.wait_for(piece.len()).await;
                self.log.count(|counts| counts.speech.audio_bytes += piece.len() as u64);
                self.question.take().into_iter().for_each(Question::answered);
                return Some(Bytes::from(piece));
            }
            if self.is_over {
                return None;
            }
            let (_, event) = self.voices.next().await;
            self.take(event);
        }
    }

    /// Audio goes out no faster than its pace.
    async fn wait_for(&mut self, bytes: usize) {
        if self.audio_from > self.watch.elapsed() {
            self.watch.reach(self.audio_from).await;
        }
        let lasts = Duration::from_secs_f64(bytes as f64 / f64::from(SPEECH_HZ * 2));
        let taken = lasts.saturating_mul(100).checked_div(self.pace.percent).unwrap_or_default();
        self.audio_from = self.audio_from.max(self.watch.elapsed()) + taken;
    }

    fn take(&mut self, event: VoiceEvent) {
        match event {
            VoiceEvent::Audio(bytes) => self.ready.extend(self.cutter.push(&bytes)),
            VoiceEvent::Done => {
                let odd = (self.end == SpeechEnd::OddByte).then_some(vec![0]);
                self.ready.extend(self.cutter.flush().into_iter().chain(odd));
                self.is_over = true;
                self.log.count(|counts| counts.speech.finished += 1);
            }
            VoiceEvent::Failed(_) => {
                self.is_over = true;
                self.log.count(|counts| counts.speech.errors += 1);
            }
            VoiceEvent::Word(_) | VoiceEvent::ClauseEnd { .. } => {}
        }
    }
}

impl Drop for Speech {
    fn drop(&mut self) {
        self.log.count(|counts| {
            counts.speech.ended += 1;
            counts.speech.cancelled += u64::from(!self.is_over || !self.ready.is_empty());
        });
    }
}

fn chunks(speech: Speech) -> impl Stream<Item = Bytes> + Send {
    stream::unfold(speech, |mut speech| async {
        let chunk = speech.next().await?;
        Some((chunk, speech))
    })
}

//! Requests in, streams out: the brain's events as they come, until the end or until the client leaves.

use super::chunks::ChunkWriter;
use super::config::{ChatFake, ChatStyle};
use super::refusal::{rate_limits, refusal, wrong_key};
use super::request::parse;
use crate::provider::fakes::FakesLog;
use crate::provider::fakes::body::{FaultChunks, faulty};
use crate::provider::fakes::clock::now;
use crate::provider::fakes::faults::{Fault, Moment};
use crate::provider::fakes::log::Question;
use crate::provider::fakes::visit::{Body, Head, Refusal, Visit};
use crate::stage::{LlmEvent, LlmStream, StageError};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use hyper::Response;
use hyper::header::HeaderValue;
use serde_json::json;
use std::collections::VecDeque;
use std::time::Duration;

/// What is listed where any model will do.
const MODELS: [&str; 4] =
    ["openai/gpt-oss-20b", "openai/gpt-oss-120b", "llama-3.3-70b-versatile", "llama-3.1-8b-instant"];
/// The longest wait between events.
const MAX_WAIT_MS: u64 = 600_000;
/// llama.cpp sends a comment after so long without an event.
const LLAMA_COMMENT_MS: u64 = 30_000;
/// The pace that a slower or faster one is a share of, where the fake itself has none.
const USUAL_TOKEN_MS: u64 = 10;

/// The list of models.
pub(in crate::provider::fakes) fn models(head: Head, visit: Visit) -> Response<Body> {
    visit.log().count(|counts| counts.chat.model_lists += 1);
    let fake = &visit.shared.config.chat;
    if let Some(refused) = refused_key(&head, &visit) {
        return respond(refused, &visit);
    }
    let usual = || MODELS.map(String::from).to_vec();
    let names = fake.models.clone().unwrap_or_else(usual);
    let model = |name: &String| json!({ "id": name, "object": "model", "created": 1_795_420_800, "owned_by": "fake" });
    let list = json!({ "object": "list", "data": names.iter().map(model).collect::<Vec<_>>() });
    respond(Refusal::json(200, &list), &visit)
}

/// One generation.
pub(in crate::provider::fakes) async fn answer(head: Head, body: Bytes, mut visit: Visit) -> Response<Body> {
    visit.log().count(|counts| counts.chat.requests += 1);
    let question = visit.question(now());
    if let Some(refused) = refused_key(&head, &visit) {
        return respond(refused, &visit);
    }
    let mut fake = visit.shared.config.chat.clone();
    let request = match parse(&fake, &body) {
        Ok(request) => request,
        Err((status, said)) => return respond(refusal(&fake, status, &said, &visit.request_id), &visit),
    };
    for fault in visit.due(Moment::Manner) {
        if let Fault::Pace { percent } = fault {
            let usual = if fake.token_ms == 0 { USUAL_TOKEN_MS } else { fake.token_ms };
            fake.token_ms = usual.saturating_mul(100) / u64::from(percent.max(1));
        }
    }
    let writer = ChunkWriter::new(fake.clone(), &request, visit.strikes.number());
    let faults = FaultChunks {
        error: writer.error("the model failed"),
        malformed: fake.sse.event("{\"id\":\"chatcmpl-"),
        unknown: fake.sse.named_event(Some("weather"), "{\"object\":\"forecast\",\"choices\":{}}"),
    };
    let brain = fake.brain.generate(request.asked);
    let headers = headers(&fake, &visit);
    let events = events(Generation::new(fake, brain, writer, visit.log().clone(), question));
    with_headers(Response::new(faulty(visit, faults, events)), headers)
}

fn refused_key(head: &Head, visit: &Visit) -> Option<Refusal> {
    let fake = &visit.shared.config.chat;
    let key = head.authorization(&["Bearer"]);
    let is_accepted = fake.style == ChatStyle::Ollama || visit.shared.accepts(key);
    (!is_accepted).then(|| refusal(fake, 401, &wrong_key(fake, key), &visit.request_id))
}

/// An answer that is no stream; anything but a 200 is noted as a refusal.
fn respond(refused: Refusal, visit: &Visit) -> Response<Body> {
    if refused.status != 200 {
        visit.log().count(|counts| counts.refused += 1);
        visit.note(format!("refused with {}: {}", refused.status, refused.body));
    }
    let further = match visit.shared.config.chat.style {
        ChatStyle::Groq => rate_limits(visit.strikes.number()),
        _ => Vec::new(),
    };
    with_headers(refused.into_response(), further)
}

fn headers(fake: &ChatFake, visit: &Visit) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("content-type", "text/event-stream; charset=utf-8".to_owned()),
        ("cache-control", "no-cache".to_owned()),
        ("x-request-id", visit.request_id.clone()),
    ];
    if fake.style == ChatStyle::Groq {
        headers.extend(rate_limits(visit.strikes.number()));
    }
    headers
}

fn with_headers(mut response: Response<Body>, headers: Vec<(&'static str, String)>) -> Response<Body> {
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// A generation under way; dropped before its end it was cancelled.
struct Generation {
    fake: ChatFake,
    brain: LlmStream,
    writer: ChunkWriter,
    log: FakesLog,
    ready: VecDeque<Bytes>,
    /// Until the first event is there.
    question: Option<Question>,
    has_begun: bool,
    is_over: bool,
}

impl Generation {
    fn new(fake: ChatFake, brain: LlmStream, writer: ChunkWriter, log: FakesLog, question: Question) -> Self {
        let (ready, question) = (VecDeque::new(), Some(question));
        Self { fake, brain, writer, log, ready, question, has_begun: false, is_over: false }
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.question.take().into_iter().for_each(Question::answered);
                return Some(event);
            }
            if self.is_over {
                return None;
            }
            match self.think().await {
                Some(item) => self.write(item).await,
                None => self.ready.push_back(self.fake.sse.comment()),
            }
        }
    }

    /// The brain's next item; `None` if it is time for a comment.
    async fn think(&mut self) -> Option<Option<Result<LlmEvent, StageError>>> {
        let comment_ms = match (self.fake.sse.comment_ms, self.fake.style) {
            (0, ChatStyle::LlamaCpp) => LLAMA_COMMENT_MS,
            (0, _) => return Some(self.brain.next().await),
            (ms, _) => ms,
        };
        tokio::time::timeout(Duration::from_millis(comment_ms), self.brain.next()).await.ok()
    }

    async fn write(&mut self, item: Option<Result<LlmEvent, StageError>>) {
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        pause(if is_first { self.fake.ttft_ms } else { self.fake.token_ms }).await;
        if is_first {
            self.ready.extend(self.writer.opening());
        }
        match item {
            Some(Ok(event)) => self.write_event(event),
            Some(Err(error)) => self.end_with(self.writer.error(&error.to_string())),
            None => self.end_with(Bytes::new()),
        }
    }

    fn write_event(&mut self, event: LlmEvent) {
        let is_token = matches!(event, LlmEvent::Delta(_));
        let is_end = matches!(event, LlmEvent::Done(_));
        self.ready.extend(self.writer.event(event));
        self.log.count(|counts| counts.chat.tokens += u64::from(is_token));
        if is_end {
            self.is_over = true;
            self.log.count(|counts| counts.chat.finished += 1);
        }
    }

    fn end_with(&mut self, last: Bytes) {
        self.is_over = true;
        self.ready.extend(Some(last).filter(|last| !last.is_empty()));
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        if !self.is_over {
            self.log.count(|counts| counts.chat.cancelled += 1);
        }
    }
}

async fn pause(ms: u64) {
    if ms > 0 {
        tokio::time::sleep(Duration::from_millis(ms.min(MAX_WAIT_MS))).await;
    }
}

fn events(generation: Generation) -> impl Stream<Item = Bytes> + Send {
    stream::unfold(generation, |mut generation| async {
        let event = generation.next().await?;
        Some((event, generation))
    })
}

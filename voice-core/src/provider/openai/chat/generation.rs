//! One generation: asks, reads, and keeps the deadlines.
//!
//! Invariant: it owns the response, so dropping it closes the stream at the server. It is tried again only before its first
//! text or tool call. Nothing but text, tool calls and thinking counts against the deadlines: keep-alives do not. An answer
//! that has its reason to finish is complete, whatever becomes of its connection.

use super::answer::{AnswerDecoder, Sign};
use super::config::ChatConfig;
use crate::provider::clock::now;
use crate::provider::net::HttpBody;
use crate::provider::openai::endpoint::Endpoint;
use crate::provider::openai::tries::{Failure, Tries};
use crate::stage::{LlmEvent, StageError};
use futures::{Stream, stream};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout, timeout_at};

const PATH: &str = "/chat/completions";
/// How long the rest of a complete answer is waited for, so that its connection can be used again. It usually came with the
/// answer's last bytes.
const DRAIN: Duration = Duration::from_millis(20);

/// The deadlines of a generation.
#[derive(Clone, Copy, Debug)]
struct Deadlines {
    first_token: Duration,
    token: Duration,
    total: Duration,
    first_token_at: Instant,
    total_at: Instant,
}

/// One generation.
pub(super) struct Generation {
    endpoint: Arc<Endpoint>,
    request: Vec<u8>,
    deadlines: Deadlines,
    tries: Tries,
    body: Option<HttpBody>,
    answer: AnswerDecoder,
    /// When the next piece is late; set while one is waited for.
    late_at: Option<Instant>,
    farewell: Option<VecDeque<LlmEvent>>,
    has_failed: bool,
}

impl Generation {
    pub(super) fn new(endpoint: Arc<Endpoint>, config: &ChatConfig, request: Vec<u8>) -> Self {
        let (first_token, total, start) = (config.first_token(), config.total(), now());
        let (first_token_at, total_at) = (start + first_token, start + total);
        Self {
            endpoint,
            request,
            deadlines: Deadlines { first_token, token: config.token(), total, first_token_at, total_at },
            tries: Tries::new(config.retries, first_token_at),
            body: None,
            answer: fresh_answer(),
            late_at: None,
            farewell: None,
            has_failed: false,
        }
    }

    pub(super) fn into_stream(self) -> impl Stream<Item = Result<LlmEvent, StageError>> + Send {
        stream::unfold(self, |mut generation| async move {
            let item = generation.next().await?;
            Some((item, generation))
        })
    }

    async fn next(&mut self) -> Option<Result<LlmEvent, StageError>> {
        if self.has_failed {
            return None;
        }
        let Deadlines { total, total_at, .. } = self.deadlines;
        let late = now() >= total_at;
        let in_time = if late { None } else { timeout_at(total_at, self.event()).await.ok() };
        let item = match in_time {
            Some(item) => item,
            None if self.answer.has_finished() => {
                self.answer.end();
                self.event().await
            }
            None => Err(self.endpoint.vendor.stalled(total)),
        };
        if item.is_err() {
            self.has_failed = true;
            self.body = None;
        }
        item.transpose()
    }

    async fn event(&mut self) -> Result<Option<LlmEvent>, StageError> {
        loop {
            if let Some(farewell) = &mut self.farewell {
                return Ok(farewell.pop_front());
            }
            match self.answer.next() {
                Some(Ok(event)) => return Ok(Some(event)),
                Some(Err(fault)) => self.try_again(fault.error(&self.endpoint.vendor).into()).await?,
                None if self.answer.is_over() => self.leave().await,
                None => self.read().await?,
            }
        }
    }

    /// Reads the next bytes; asks first where that was not done yet.
    async fn read(&mut self) -> Result<(), StageError> {
        let (at, waited) = self.deadline();
        let Some(body) = &mut self.body else { return self.ask().await };
        let stalled = self.endpoint.vendor.stalled(waited);
        match timeout_at(at, body.chunk()).await {
            Ok(Ok(Some(bytes))) => match self.answer.push(&bytes) {
                Sign::Life if self.answer.has_begun() => self.late_at = None,
                _ if now() < at => {}
                _ if self.answer.has_finished() => self.answer.end(),
                Sign::Life | Sign::Nothing => return Err(stalled),
            },
            Ok(Ok(None)) => self.answer.end(),
            Ok(Err(_)) | Err(_) if self.answer.has_finished() => self.answer.end(),
            Ok(Err(error)) => self.try_again(error.into()).await?,
            Err(_) => return Err(stalled),
        }
        Ok(())
    }

    async fn ask(&mut self) -> Result<(), StageError> {
        let asked = self.endpoint.post(PATH, self.request.clone());
        match timeout_at(self.deadlines.first_token_at, asked).await {
            Ok(Ok(body)) => {
                self.body = Some(body);
                Ok(())
            }
            Ok(Err(refusal)) => self.try_again(Failure::refused(&self.endpoint.vendor, refusal)).await,
            Err(_) => Err(self.endpoint.vendor.stalled(self.deadlines.first_token)),
        }
    }

    /// Starts over, if nothing was given on yet and the failure is worth it.
    async fn try_again(&mut self, failure: Failure) -> Result<(), StageError> {
        self.body = None;
        if self.answer.has_begun() {
            return Err(failure.into_error());
        }
        sleep(self.tries.again(failure)?).await;
        self.answer = fresh_answer();
        self.late_at = None;
        Ok(())
    }

    /// When the next bytes are late, and how long that is to wait. It counts from when they are waited for, not from the
    /// last ones: whoever reads slowly finds them there.
    fn deadline(&mut self) -> (Instant, Duration) {
        let Deadlines { first_token, token, first_token_at, .. } = self.deadlines;
        if self.answer.has_begun() {
            (*self.late_at.get_or_insert_with(|| now() + token), token)
        } else {
            (first_token_at, first_token)
        }
    }

    /// Reads to the body's end, so that the connection serves the next request, and says farewell.
    async fn leave(&mut self) {
        if let Some(mut body) = self.body.take() {
            let rest = async { while let Ok(Some(_)) = body.chunk().await {} };
            let _in_time = timeout(DRAIN, rest).await;
        }
        self.farewell = Some(self.answer.farewell().into());
    }
}

/// Ids of tool calls are six hexadecimal digits that differ from answer to answer, and three that count.
fn fresh_answer() -> AnswerDecoder {
    AnswerDecoder::new(format!("{:06x}", fastrand::u32(..) & 0x00ff_ffff))
}

//! The bytes of an answer into what the model reports.
//!
//! Invariant: the events do not depend on where the bytes were cut. A delta is never empty, thinking is in none of them, a
//! tool call comes whole, and the answer ends once: with a fault, or with its usage (if any was told) and its reason. It
//! knows no connection and no clock.

use super::chunk::{Choice, Chunk, Delta, Usage};
use super::fault::AnswerFault;
use super::think::ThinkFilter;
use super::tool_calls::{CallFault, ToolCallAssembler};
use crate::provider::net::{SseDecoder, SseEvent};
use crate::stage::{FinishReason, LlmEvent, TokenUsage};
use std::collections::VecDeque;

/// The longest line: a whole tool call or a whole answer in one chunk fits.
const MAX_LINE_BYTES: usize = 1024 * 1024;

/// What the bytes just read say of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// Keep-alives, empty pieces, half a line.
    Nothing,
    /// The model writes or thinks.
    Life,
}

/// One answer.
pub(super) struct AnswerDecoder {
    sse: SseDecoder,
    think: ThinkFilter,
    calls: ToolCallAssembler,
    ready: VecDeque<LlmEvent>,
    usage: Option<TokenUsage>,
    finish: Option<FinishReason>,
    state: State,
    has_begun: bool,
    has_called: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Reading,
    Faulty(Option<AnswerFault>),
    Over,
}

impl AnswerDecoder {
    /// Ids of tool calls that the server leaves out begin with `id_stem`.
    pub(super) fn new(id_stem: String) -> Self {
        Self {
            sse: SseDecoder::new(MAX_LINE_BYTES),
            think: ThinkFilter::default(),
            calls: ToolCallAssembler::new(id_stem),
            ready: VecDeque::new(),
            usage: None,
            finish: None,
            state: State::Reading,
            has_begun: false,
            has_called: false,
        }
    }

    /// Takes the next bytes. What follows the end of the answer is ignored.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Sign {
        let mut sign = Sign::Nothing;
        self.sse.push(bytes);
        while self.state == State::Reading {
            let Some(event) = self.sse.next() else { break };
            let taken =
                event.map_err(|error| AnswerFault::Garbled(error.to_string())).and_then(|event| self.take(&event));
            match taken {
                Ok(Sign::Nothing) => {}
                Ok(Sign::Life) => sign = Sign::Life,
                Err(fault) => self.state = State::Faulty(Some(fault)),
            }
        }
        sign
    }

    /// The bytes have ended: with a reason to finish that is the end of the answer, without one it was cut off.
    pub(super) fn end(&mut self) {
        if self.state != State::Reading {
            return;
        }
        let outcome = if self.finish.is_some() { self.close() } else { Err(AnswerFault::Truncated) };
        if let Err(fault) = outcome {
            self.state = State::Faulty(Some(fault));
        }
    }

    /// The next text or tool call; a fault comes after all that was before it, and once.
    pub(super) fn next(&mut self) -> Option<Result<LlmEvent, AnswerFault>> {
        if let Some(event) = self.ready.pop_front() {
            return Some(Ok(event));
        }
        match &mut self.state {
            State::Faulty(fault) => fault.take().map(Err),
            State::Reading | State::Over => None,
        }
    }

    /// Whether there was text or the start of a tool call.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Whether the server gave its reason to finish: what may still come is no part of the answer but its usage.
    pub(super) fn has_finished(&self) -> bool {
        self.finish.is_some()
    }

    /// Whether the answer is complete, so that only [`farewell`](Self::farewell) is left.
    pub(super) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// What a complete answer ends with.
    pub(super) fn farewell(&self) -> Vec<LlmEvent> {
        let reason = match self.finish {
            Some(FinishReason::Stop | FinishReason::ToolCalls) | None if self.has_called => FinishReason::ToolCalls,
            Some(FinishReason::ToolCalls) | None => FinishReason::Stop,
            Some(reason) => reason,
        };
        self.usage.map(LlmEvent::Usage).into_iter().chain([LlmEvent::Done(reason)]).collect()
    }

    fn take(&mut self, event: &SseEvent) -> Result<Sign, AnswerFault> {
        let data = event.data.trim();
        if event.event == "error" {
            return Err(AnswerFault::in_event(data));
        }
        if data.starts_with("[DONE]") {
            self.close()?;
            return Ok(Sign::Nothing);
        }
        match serde_json::from_str::<Chunk>(data) {
            Ok(chunk) => self.take_chunk(chunk),
            // A gateway's own event, or one of a later version: not ours to judge.
            Err(_) if data.is_empty() || !event.event.is_empty() => Ok(Sign::Nothing),
            Err(error) => Err(AnswerFault::Garbled(format!("a chunk that is no JSON object ({error})"))),
        }
    }

    fn take_chunk(&mut self, chunk: Chunk) -> Result<Sign, AnswerFault> {
        let mut x_groq = chunk.x_groq.unwrap_or_default();
        if let Some(fault) =
            [chunk.error, x_groq.error.take()].into_iter().flatten().find_map(|e| AnswerFault::in_error(&e))
        {
            return Err(fault);
        }
        if let Some(usage) = chunk.usage.or(x_groq.usage) {
            self.usage = Some(token_usage(&usage));
        }
        let mut sign = Sign::Nothing;
        for choice in chunk.choices.unwrap_or_default() {
            // Others than the first were never asked for.
            if choice.index.unwrap_or(0) == 0 && self.take_choice(choice)? == Sign::Life {
                sign = Sign::Life;
            }
        }
        Ok(sign)
    }

    fn take_choice(&mut self, choice: Choice) -> Result<Sign, AnswerFault> {
        let sign = choice.delta.map_or(Ok(Sign::Nothing), |delta| self.take_delta(&delta))?;
        if let Some(reason) = choice.finish_reason.filter(|reason| !reason.is_empty()) {
            self.finish = Some(finish_reason(&reason));
            self.flush()?;
        }
        Ok(sign)
    }

    fn take_delta(&mut self, delta: &Delta) -> Result<Sign, AnswerFault> {
        let mut sign = if delta.is_thinking() { Sign::Life } else { Sign::Nothing };
        for text in [&delta.content, &delta.refusal].into_iter().flatten().filter(|text| !text.is_empty()) {
            sign = Sign::Life;
            let speech = self.think.push(text);
            self.say(speech);
        }
        for call in delta.tool_calls.iter().flatten() {
            sign = Sign::Life;
            self.has_begun = true;
            // After the reason to finish the calls are given: what still comes for one of them is too late.
            if self.finish.is_none() || call.begins_a_call() {
                self.calls.push(call).map_err(call_fault)?;
            }
        }
        Ok(sign)
    }

    fn say(&mut self, speech: String) {
        if !speech.is_empty() {
            self.has_begun = true;
            self.ready.push_back(LlmEvent::Delta(speech));
        }
    }

    /// Gives what was held back: the text comes before the calls.
    fn flush(&mut self) -> Result<(), AnswerFault> {
        let speech = self.think.finish();
        self.say(speech);
        let calls = self.calls.take().map_err(call_fault)?;
        self.has_called |= !calls.is_empty();
        self.ready.extend(calls.into_iter().map(LlmEvent::ToolCall));
        Ok(())
    }

    fn close(&mut self) -> Result<(), AnswerFault> {
        self.flush()?;
        self.state = State::Over;
        Ok(())
    }
}

fn call_fault(fault: CallFault) -> AnswerFault {
    AnswerFault::Garbled(fault.sentence().to_owned())
}

fn finish_reason(reason: &str) -> FinishReason {
    match reason {
        "length" => FinishReason::Length,
        "content_filter" => FinishReason::Filtered,
        "tool_calls" | "function_call" => FinishReason::ToolCalls,
        _ => FinishReason::Stop,
    }
}

fn token_usage(usage: &Usage) -> TokenUsage {
    let cached = usage.prompt_tokens_details.as_ref().and_then(|details| details.cached_tokens);
    TokenUsage {
        input_tokens: usage.prompt_tokens.unwrap_or(0),
        cached_tokens: cached.unwrap_or(0),
        output_tokens: usage.completion_tokens.unwrap_or(0),
    }
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;

//! Chat completions over SSE in the manner of Groq, OpenAI, vLLM, Ollama and llama.cpp.
//!
//! Invariant: what the model says comes from the brain; `request`, `chunks`, `sse` and `refusal` are pure, `answer` joins
//! them to the base. A client that leaves drops the brain's stream: nothing is made after that.

mod answer;
mod chunks;
mod config;
mod refusal;
mod request;
mod sse;

#[cfg(test)]
mod tests;

pub(super) use answer::{answer, models};
pub use config::{
    ArgumentManner, ChatFake, ChatStyle, FinishManner, FirstContent, LineEnd, MidStreamError, Reasoning, RetryAfter,
    SseManner, SseOption, StreamEnd, ToolCallManner, ToolIdManner, UsageManner,
};
pub(super) use refusal::{refusal, retry_after};

//! The language model: a conversation in, tokens and tool calls out.

use super::{Serving, StageError};
use futures::future::BoxFuture;
use futures::stream::BoxStream;

/// A language model; one value serves many calls.
pub trait Llm: Send + Sync {
    /// Starts one generation. Returns at once; connecting is part of the stream. Dropping the stream cancels.
    fn generate(&self, request: LlmRequest) -> LlmStream;

    /// What to call it in logs and bills: vendor and model.
    fn name(&self) -> &str {
        "the model"
    }

    /// A generation may follow soon: makes the way to the engine ready (connection, TLS). Nothing to do where it is, or
    /// was used a moment ago. The future is bounded in time and tells no error: the generation will.
    fn warm(&self) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// One generation: ends after [`LlmEvent::Done`] or an `Err`.
pub type LlmStream = BoxStream<'static, Result<LlmEvent, StageError>>;

/// What the model is asked to continue.
#[derive(Clone, Debug, Default)]
pub struct LlmRequest {
    /// The conversation, oldest first; the system prompt is its first message.
    pub messages: Vec<Message>,
    /// The functions the model may call.
    pub tools: Vec<ToolSpec>,
}

/// Who a message is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The agent's instructions.
    System,
    /// The caller.
    Caller,
    /// The agent: only what was heard of it.
    Agent,
    /// A tool's result.
    Tool,
}

/// One message of the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said; for [`Role::Tool`] the result.
    pub text: String,
    /// The calls the agent made in this message; empty otherwise.
    pub tool_calls: Vec<ToolCall>,
    /// For [`Role::Tool`]: which call this answers.
    pub answers_call: Option<String>,
}

impl Message {
    /// A message of text alone.
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        Self { role, text: text.into(), tool_calls: Vec::new(), answers_call: None }
    }
}

/// A function call the model asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// The model's id for it.
    pub call: String,
    /// The function's name.
    pub name: String,
    /// The arguments, a JSON object as text.
    pub arguments_json: String,
}

/// A function the model may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolSpec {
    /// Its name.
    pub name: String,
    /// What it is for, told to the model.
    pub description: String,
    /// JSON schema of its arguments, as text.
    pub parameters_json: String,
}

/// What a model reports.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum LlmEvent {
    /// Who writes from here on. Only engines that have several behind them say it.
    Serving(Serving),
    /// The next piece of text.
    Delta(String),
    /// A complete function call. A generation that asks for 128 is cut off there.
    ToolCall(ToolCall),
    /// What the generation cost, where the engine says.
    Usage(TokenUsage),
    /// The generation is complete.
    Done(FinishReason),
}

/// Tokens used by one generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenUsage {
    /// Read by the model.
    pub input_tokens: u64,
    /// Of those, read from its cache.
    pub cached_tokens: u64,
    /// Written by the model.
    pub output_tokens: u64,
}

/// Why a generation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FinishReason {
    /// It was complete.
    Stop,
    /// It reached its length limit.
    Length,
    /// It waits for the results of its tool calls.
    ToolCalls,
    /// The engine's filter stopped it.
    Filtered,
}

//! How the chat fake behaves.

use crate::provider::scripted::{DialogueLlm, DialogueScript, LlmConfig, LlmReply, ScriptedLlm};
use crate::stage::Llm;
use std::sync::Arc;

/// A chat endpoint that listens on loopback. The default is Groq's manner, without any delay.
#[derive(Clone)]
pub struct ChatFake {
    /// Thinks. Default: the dialogue that books appointments.
    pub brain: Arc<dyn Llm>,
    /// Whose server it is like.
    pub style: ChatStyle,
    /// The models there are; where there is no list, any.
    pub models: Option<Vec<String>>,
    /// From the request to the first event, on top of the brain's own time.
    pub ttft_ms: u64,
    /// From event to event, on top of the brain's own time.
    pub token_ms: u64,
    /// What the first chunk has as content.
    pub first_content: FirstContent,
    /// How calls are cut.
    pub tool_calls: ToolCallManner,
    /// The ids of calls.
    pub tool_ids: ToolIdManner,
    /// The arguments of calls.
    pub arguments: ArgumentManner,
    /// The reason of the end.
    pub finish: FinishManner,
    /// Where usage is told.
    pub usage: UsageManner,
    /// Thoughts before the answer.
    pub reasoning: Reasoning,
    /// How events are framed.
    pub sse: SseManner,
    /// How an error in mid-stream looks.
    pub error: MidStreamError,
    /// How a refusal says when to come again.
    pub retry_after: RetryAfter,
}

impl Default for ChatFake {
    fn default() -> Self {
        Self {
            brain: appointments(),
            style: ChatStyle::default(),
            models: None,
            ttft_ms: 0,
            token_ms: 0,
            first_content: FirstContent::default(),
            tool_calls: ToolCallManner::default(),
            tool_ids: ToolIdManner::default(),
            arguments: ArgumentManner::default(),
            finish: FinishManner::default(),
            usage: UsageManner::default(),
            reasoning: Reasoning::default(),
            sse: SseManner::default(),
            error: MidStreamError::default(),
            retry_after: RetryAfter::default(),
        }
    }
}

impl std::fmt::Debug for ChatFake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatFake")
            .field("brain", &self.brain.name())
            .field("style", &self.style)
            .finish_non_exhaustive()
    }
}

/// The built-in dialogue; it parses, as its own tests show, and otherwise a model of one sentence stands in.
fn appointments() -> Arc<dyn Llm> {
    match DialogueScript::appointment() {
        Ok(script) => Arc::new(DialogueLlm::new(script, LlmConfig::default())),
        Err(error) => Arc::new(ScriptedLlm::new(LlmConfig::default(), vec![LlmReply::text(&error.to_string())])),
    }
}

/// Whose server it is like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChatStyle {
    /// Whole tool calls, `x_groq`, rate-limit headers, `event: error`.
    #[default]
    Groq,
    /// Fragments of tool calls, `usage: null` along the way.
    OpenAi,
    /// No fingerprint; an error is followed by `[DONE]`.
    Vllm,
    /// Whole tool calls, `fp_ollama`; any key will do.
    Ollama,
    /// `content: null` first, comments while it thinks, 500 for a request that is no JSON.
    LlamaCpp,
}

/// What the first chunk has as content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FirstContent {
    /// As the style has it.
    #[default]
    OfStyle,
    /// `""`.
    Empty,
    /// `null`.
    Null,
    /// Nothing.
    Absent,
}

/// How tool calls are cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ToolCallManner {
    /// As the style has it.
    #[default]
    OfStyle,
    /// Each whole in a delta.
    Whole,
    /// The arguments in pieces of so many characters.
    Fragments(usize),
    /// Pieces of all calls in turn, those of one round in one array.
    Interleaved(usize),
}

/// The ids of tool calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ToolIdManner {
    /// The brain's.
    #[default]
    Given,
    /// No `id`.
    Missing,
    /// `""`.
    Empty,
    /// No `id`, and index 0 for every call.
    MissingAndIndexZero,
}

/// The arguments of tool calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ArgumentManner {
    /// The brain's.
    #[default]
    Given,
    /// Cut off before their last character: no JSON.
    Invalid,
    /// `""`.
    Empty,
}

/// The reason of the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FinishManner {
    /// The brain's.
    #[default]
    Given,
    /// `stop`, whatever was called.
    AlwaysStop,
    /// `length`.
    Length,
    /// `content_filter`.
    Filtered,
    /// `function_call`, as it once was.
    Legacy,
    /// No finish chunk at all.
    Missing,
}

/// Where usage is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UsageManner {
    /// As the style has it and the request asks for.
    #[default]
    OfStyle,
    /// In every chunk.
    EveryChunk,
    /// Nowhere.
    Never,
}

/// Thoughts before the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reasoning {
    /// None to be seen.
    #[default]
    Hidden,
    /// In `reasoning`; vLLM's older name is `reasoning_content`.
    Field(String),
    /// In `content`, between `<think>` and `</think>`, in pieces that cut the tags.
    Inline(String),
}

/// How events are framed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SseManner {
    /// What ends a line.
    pub line_end: LineEnd,
    /// What is unusual.
    pub option: SseOption,
    /// How the stream ends.
    pub end: StreamEnd,
    /// A comment after so long without an event; 0 is the style's: 30 s for llama.cpp, never for the others.
    pub comment_ms: u64,
}

/// What ends a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineEnd {
    /// LF.
    #[default]
    Lf,
    /// CR LF.
    CrLf,
    /// CR.
    Cr,
}

/// What is unusual about the events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SseOption {
    /// Nothing.
    #[default]
    Plain,
    /// No space after `data:`.
    NoSpace,
    /// The data in several lines.
    SeveralLines,
    /// `id:` and `retry:` lines and a field nobody knows.
    MoreFields,
    /// A comment before each event.
    Comments,
}

/// How the stream ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StreamEnd {
    /// `[DONE]`.
    #[default]
    Done,
    /// Without it.
    NoDone,
    /// `[DONE]` without the blank line behind it.
    NoBlankLine,
    /// Another chunk after `[DONE]`.
    DataAfterDone,
}

/// How an error in mid-stream looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MidStreamError {
    /// As the style has it.
    #[default]
    OfStyle,
    /// `event: error` with the error as data.
    Event,
    /// The error as data.
    Data,
    /// The same, and `[DONE]`.
    DataThenDone,
    /// A chunk with `x_groq.error`.
    XGroq,
    /// The stream just ends.
    Eof,
}

/// How a refusal says when to come again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RetryAfter {
    /// `retry-after-ms`, and `retry-after` in seconds with a fraction.
    #[default]
    Milliseconds,
    /// `retry-after` in whole seconds.
    Seconds,
    /// `retry-after` in seconds with a fraction.
    Fraction,
    /// `retry-after` as an HTTP date.
    Date,
}

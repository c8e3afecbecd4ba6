//! What the brain says as the chunks of a server.

use super::config::{
    ArgumentManner, ChatFake, ChatStyle, FinishManner, FirstContent, MidStreamError, Reasoning, ToolCallManner,
    ToolIdManner, UsageManner,
};
use super::request::ChatRequest;
use crate::stage::{FinishReason, LlmEvent, TokenUsage, ToolCall};
use bytes::Bytes;
use serde_json::{Value, json};

/// When every answer was made: 23 November 2026.
const CREATED: u64 = 1_795_420_800;
/// The characters of a fragment of arguments, where the style has it so.
const FRAGMENT: usize = 6;
/// The characters of a piece of inline thoughts: less than its tags.
const THOUGHT: usize = 3;

/// Writes one answer.
pub(super) struct ChunkWriter {
    fake: ChatFake,
    id: String,
    model: String,
    includes_usage: bool,
    usage: Option<TokenUsage>,
    prompt_words: u64,
    tokens: u64,
    calls: Vec<ToolCall>,
    is_first: bool,
}

impl ChunkWriter {
    pub(super) fn new(fake: ChatFake, request: &ChatRequest, number: u64) -> Self {
        let words = request.asked.messages.iter().map(|message| message.text.split_whitespace().count() as u64);
        Self {
            fake,
            id: format!("chatcmpl-{number}"),
            model: request.model.clone(),
            includes_usage: request.includes_usage,
            usage: None,
            prompt_words: words.sum(),
            tokens: 0,
            calls: Vec::new(),
            is_first: true,
        }
    }

    /// What comes before the answer itself.
    pub(super) fn opening(&mut self) -> Vec<Bytes> {
        let content = match (self.fake.first_content, self.fake.style) {
            (FirstContent::Empty, _) => Some(json!("")),
            (FirstContent::Null, _) | (FirstContent::OfStyle, ChatStyle::LlamaCpp) => Some(Value::Null),
            (FirstContent::Absent, _) => None,
            (FirstContent::OfStyle, _) => Some(json!("")),
        };
        let mut delta = json!({ "role": "assistant" });
        if let (Some(content), Some(delta)) = (content, delta.as_object_mut()) {
            delta.insert("content".into(), content);
        }
        let mut events = vec![self.delta(delta)];
        events.extend(self.thoughts());
        events
    }

    fn thoughts(&mut self) -> Vec<Bytes> {
        let (key, text) = match self.fake.reasoning.clone() {
            Reasoning::Hidden => return Vec::new(),
            Reasoning::Field(text) if self.fake.style == ChatStyle::Vllm => ("reasoning_content", text),
            Reasoning::Field(text) => ("reasoning", text),
            Reasoning::Inline(text) => ("content", format!("<think>{text}</think>")),
        };
        pieces(&text, THOUGHT).into_iter().map(|piece| self.delta(json!({ key: piece }))).collect()
    }

    /// An event of the brain.
    pub(super) fn event(&mut self, event: LlmEvent) -> Vec<Bytes> {
        match event {
            LlmEvent::Delta(text) => {
                self.tokens += 1;
                vec![self.delta(json!({ "content": text }))]
            }
            LlmEvent::ToolCall(call) => {
                self.calls.push(call);
                Vec::new()
            }
            LlmEvent::Usage(usage) => {
                self.usage = Some(usage);
                Vec::new()
            }
            LlmEvent::Done(reason) => self.ending(reason),
            _ => Vec::new(),
        }
    }

    fn ending(&mut self, reason: FinishReason) -> Vec<Bytes> {
        let mut events = self.tool_calls();
        let reason = finish_reason(self.fake.finish, reason);
        if let Some(reason) = reason {
            let mut chunk = self.chunk(json!([{ "index": 0, "delta": {}, "finish_reason": reason }]));
            if self.fake.style == ChatStyle::Groq && self.fake.usage != UsageManner::Never {
                chunk["x_groq"] = json!({ "id": self.groq_id(), "usage": self.groq_usage() });
            }
            events.push(self.fake.sse.event(&chunk.to_string()));
        }
        if self.includes_usage && self.fake.usage != UsageManner::Never {
            let mut chunk = self.chunk(json!([]));
            chunk["usage"] = self.usage();
            events.push(self.fake.sse.event(&chunk.to_string()));
        }
        let extra =
            self.chunk(json!([{ "index": 0, "delta": { "content": "not to be read" }, "finish_reason": null }]));
        events.extend(self.fake.sse.end(&extra.to_string()));
        events
    }

    fn tool_calls(&mut self) -> Vec<Bytes> {
        let calls = std::mem::take(&mut self.calls);
        let is_whole = matches!(self.fake.style, ChatStyle::Groq | ChatStyle::Ollama);
        let manner = match self.fake.tool_calls {
            ToolCallManner::OfStyle if is_whole => ToolCallManner::Whole,
            ToolCallManner::OfStyle => ToolCallManner::Fragments(FRAGMENT),
            other => other,
        };
        let cut = |index, call: &ToolCall| self.fragments(index, call, manner);
        let calls: Vec<Vec<Value>> = calls.iter().enumerate().map(|(index, call)| cut(index, call)).collect();
        let rounds: Vec<Vec<Value>> = match manner {
            ToolCallManner::Interleaved(_) => {
                let longest = calls.iter().map(Vec::len).max().unwrap_or_default();
                (0..longest).map(|n| calls.iter().filter_map(|call| call.get(n).cloned()).collect()).collect()
            }
            _ => calls.into_iter().flatten().map(|fragment| vec![fragment]).collect(),
        };
        rounds.into_iter().map(|round| self.delta(json!({ "tool_calls": round }))).collect()
    }

    /// The parts of one call, each an element of `tool_calls`.
    fn fragments(&self, index: usize, call: &ToolCall, manner: ToolCallManner) -> Vec<Value> {
        let arguments = match self.fake.arguments {
            ArgumentManner::Given => call.arguments_json.as_str(),
            ArgumentManner::Invalid => call.arguments_json.strip_suffix('}').unwrap_or("{"),
            ArgumentManner::Empty => "",
        };
        let index = if self.fake.tool_ids == ToolIdManner::MissingAndIndexZero { 0 } else { index };
        let (first, rest) = match manner {
            ToolCallManner::Fragments(size) | ToolCallManner::Interleaved(size) => ("", pieces(arguments, size)),
            ToolCallManner::OfStyle | ToolCallManner::Whole => (arguments, Vec::new()),
        };
        let function = json!({ "name": call.name, "arguments": first });
        let mut head = json!({ "index": index, "type": "function", "function": function });
        match self.fake.tool_ids {
            ToolIdManner::Given => head["id"] = json!(call.call),
            ToolIdManner::Empty => head["id"] = json!(""),
            ToolIdManner::Missing | ToolIdManner::MissingAndIndexZero => {}
        }
        let rest = rest.into_iter().map(|piece| json!({ "index": index, "function": { "arguments": piece } }));
        std::iter::once(head).chain(rest).collect()
    }

    /// The vendor's error in mid-stream.
    pub(super) fn error(&self, said: &str) -> Bytes {
        let error = json!({ "error": { "message": said, "type": "server_error", "code": "internal_error" } });
        let manner = match (self.fake.error, self.fake.style) {
            (MidStreamError::OfStyle, ChatStyle::Groq) => MidStreamError::Event,
            (MidStreamError::OfStyle, ChatStyle::Vllm) => MidStreamError::DataThenDone,
            (MidStreamError::OfStyle, ChatStyle::Ollama) => MidStreamError::Eof,
            (MidStreamError::OfStyle, ChatStyle::OpenAi | ChatStyle::LlamaCpp) => MidStreamError::Data,
            (other, _) => other,
        };
        let sse = &self.fake.sse;
        match manner {
            MidStreamError::Event => sse.named_event(Some("error"), &error.to_string()),
            MidStreamError::DataThenDone => [sse.event(&error.to_string()), sse.event("[DONE]")].concat().into(),
            MidStreamError::XGroq => {
                let mut chunk = self.chunk(json!([{ "index": 0, "delta": {}, "finish_reason": null }]));
                chunk["x_groq"] = json!({ "id": self.groq_id(), "error": said });
                sse.event(&chunk.to_string())
            }
            MidStreamError::Eof => Bytes::new(),
            MidStreamError::OfStyle | MidStreamError::Data => sse.event(&error.to_string()),
        }
    }

    fn delta(&mut self, delta: Value) -> Bytes {
        let mut chunk = self.chunk(json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": null }]));
        if std::mem::replace(&mut self.is_first, false) && self.fake.style == ChatStyle::Groq {
            chunk["x_groq"] = json!({ "id": self.groq_id() });
        }
        self.fake.sse.event(&chunk.to_string())
    }

    fn chunk(&self, choices: Value) -> Value {
        let mut chunk = json!({
            "id": self.id, "object": "chat.completion.chunk", "created": CREATED, "model": self.model,
            "choices": choices,
        });
        let fingerprint = match self.fake.style {
            ChatStyle::Groq | ChatStyle::OpenAi => Some("fp_ab12cd34ef"),
            ChatStyle::Ollama => Some("fp_ollama"),
            ChatStyle::LlamaCpp => Some("b6123-1d0c1d6f"),
            ChatStyle::Vllm => None,
        };
        if let Some(fingerprint) = fingerprint {
            chunk["system_fingerprint"] = json!(fingerprint);
        }
        if self.fake.usage == UsageManner::EveryChunk {
            chunk["usage"] = self.usage();
        } else if self.fake.style == ChatStyle::OpenAi && self.includes_usage {
            chunk["usage"] = Value::Null;
        }
        chunk
    }

    fn used(&self) -> TokenUsage {
        let estimate = TokenUsage { input_tokens: self.prompt_words, cached_tokens: 0, output_tokens: self.tokens };
        self.usage.unwrap_or(estimate)
    }

    fn usage(&self) -> Value {
        let used = self.used();
        json!({
            "prompt_tokens": used.input_tokens, "completion_tokens": used.output_tokens,
            "total_tokens": used.input_tokens + used.output_tokens,
            "prompt_tokens_details": { "cached_tokens": used.cached_tokens },
        })
    }

    fn groq_usage(&self) -> Value {
        let mut usage = self.usage();
        for (name, seconds) in
            [("queue_time", 0.021), ("prompt_time", 0.006), ("completion_time", 0.034), ("total_time", 0.040)]
        {
            usage[name] = json!(seconds);
        }
        usage
    }

    fn groq_id(&self) -> String {
        format!("req_{}", self.id)
    }
}

fn finish_reason(manner: FinishManner, reason: FinishReason) -> Option<&'static str> {
    match (manner, reason) {
        (FinishManner::Missing, _) => None,
        (FinishManner::AlwaysStop, _) => Some("stop"),
        (FinishManner::Length, _) | (FinishManner::Given, FinishReason::Length) => Some("length"),
        (FinishManner::Filtered, _) | (FinishManner::Given, FinishReason::Filtered) => Some("content_filter"),
        (FinishManner::Legacy, _) => Some("function_call"),
        (FinishManner::Given, FinishReason::ToolCalls) => Some("tool_calls"),
        (FinishManner::Given, FinishReason::Stop) => Some("stop"),
    }
}

/// `text` in pieces of so many characters.
fn pieces(text: &str, characters: usize) -> Vec<String> {
    let characters_of: Vec<char> = text.chars().collect();
    characters_of.chunks(characters.max(1)).map(|piece| piece.iter().collect()).collect()
}

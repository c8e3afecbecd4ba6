//! The request as the vendors read it: what they refuse, and what the brain is asked.

use super::config::{ChatFake, ChatStyle};
use crate::stage::{LlmRequest, Message, Role, ToolCall, ToolSpec};
use serde_json::Value;

/// The most functions a request may have at Groq.
const MAX_TOOLS: usize = 128;

/// A request that can be answered.
#[derive(Debug)]
pub(super) struct ChatRequest {
    pub(super) model: String,
    pub(super) includes_usage: bool,
    pub(super) asked: LlmRequest,
}

/// Why a request is refused: the status and a sentence.
pub(super) type Refused = (u16, String);

fn bad(message: impl Into<String>) -> Refused {
    (400, message.into())
}

/// Reads and checks a request.
pub(super) fn parse(fake: &ChatFake, body: &[u8]) -> Result<ChatRequest, Refused> {
    let not_json = if fake.style == ChatStyle::LlamaCpp { 500 } else { 400 };
    let body: Value = serde_json::from_slice(body).map_err(|error| (not_json, format!("invalid JSON: {error}")))?;
    let model = body["model"].as_str().ok_or_else(|| bad("you must provide a model parameter"))?;
    if fake.models.as_ref().is_some_and(|models| !models.iter().any(|known| known == model)) {
        return Err((404, format!("The model `{model}` does not exist or you do not have access to it.")));
    }
    if body["stream"].as_bool() != Some(true) {
        return Err(bad("this server answers with a stream only: set stream to true"));
    }
    check_ranges(&body)?;
    let messages = body["messages"].as_array().filter(|messages| !messages.is_empty());
    let messages = messages.ok_or_else(|| bad("'messages' must have at least one message"))?;
    let messages = messages.iter().map(message).collect::<Result<Vec<_>, _>>()?;
    check_answers(&messages)?;
    let tools = body["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
    if tools.len() > MAX_TOOLS {
        return Err(bad(format!("'tools' has more than {MAX_TOOLS} functions")));
    }
    let tools = tools.iter().map(tool).collect::<Result<Vec<_>, _>>()?;
    let includes_usage = body["stream_options"]["include_usage"].as_bool() == Some(true);
    Ok(ChatRequest { model: model.into(), includes_usage, asked: LlmRequest { messages, tools } })
}

fn check_ranges(body: &Value) -> Result<(), Refused> {
    if body["temperature"].as_f64().is_some_and(|t| !(0.0..=2.0).contains(&t)) {
        return Err(bad("'temperature' must be from 0 to 2"));
    }
    if body["stop"].as_array().is_some_and(|stop| stop.len() > 4) {
        return Err(bad("'stop' has more than 4 sequences"));
    }
    if body["n"].as_u64().is_some_and(|n| n != 1) {
        return Err(bad("'n' must be 1"));
    }
    Ok(())
}

/// A tool's answer follows the call it answers.
fn check_answers(messages: &[Message]) -> Result<(), Refused> {
    let mut called: Vec<&str> = Vec::new();
    for message in messages {
        called.extend(message.tool_calls.iter().map(|call| call.call.as_str()));
        if message.role == Role::Tool && !called.contains(&message.answers_call.as_deref().unwrap_or_default()) {
            return Err(bad("messages with role 'tool' must answer a preceding message with 'tool_calls'"));
        }
    }
    Ok(())
}

fn message(value: &Value) -> Result<Message, Refused> {
    let role = match value["role"].as_str() {
        Some("system" | "developer") => Role::System,
        Some("user") => Role::Caller,
        Some("assistant") => Role::Agent,
        Some("tool") => Role::Tool,
        other => return Err(bad(format!("unknown role {other:?}"))),
    };
    let calls = value["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
    let tool_calls = calls.iter().map(call).collect::<Result<Vec<_>, _>>()?;
    let text = match &value["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        Value::Null if role == Role::Agent && !tool_calls.is_empty() => String::new(),
        _ => return Err(bad("a message needs 'content'")),
    };
    let answers_call = value["tool_call_id"].as_str().map(String::from);
    Ok(Message { role, text, tool_calls, answers_call })
}

fn call(value: &Value) -> Result<ToolCall, Refused> {
    let text = |value: &Value| value.as_str().map(String::from).ok_or_else(|| bad("a tool call is incomplete"));
    let (call, name) = (text(&value["id"])?, text(&value["function"]["name"])?);
    Ok(ToolCall { call, name, arguments_json: text(&value["function"]["arguments"])? })
}

fn tool(value: &Value) -> Result<ToolSpec, Refused> {
    let function = &value["function"];
    let name = function["name"].as_str().ok_or_else(|| bad("a tool needs 'function.name'"))?.into();
    let description = function["description"].as_str().unwrap_or_default().into();
    Ok(ToolSpec { name, description, parameters_json: function["parameters"].to_string() })
}

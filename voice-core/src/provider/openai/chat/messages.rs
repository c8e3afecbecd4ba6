//! The conversation in the roles of the chat protocol, in an order that every server takes.
//!
//! Invariant: right after a message with tool calls come exactly the answers to them, one each, in the order of the
//! calls; no other message of the role `tool` is there, no message is empty, and the arguments of every call are a JSON
//! object. Servers refuse the whole request for any of these.

use super::tool_calls::is_object;
use crate::stage::{Message, Role, ToolCall};
use serde::Serialize;
use std::iter::Peekable;

/// What a call is answered with whose answer is not in the conversation.
const NO_RESULT: &str = "there is no result";
/// The longest name of a function at OpenAI.
const MAX_NAME_CHARS: usize = 64;

/// A message on the wire.
#[derive(Debug, Serialize)]
pub(super) struct WireMessage {
    role: &'static str,
    /// `null`, not missing, where there are only calls.
    content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<WireCall>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<String>,
}

#[derive(Debug, Serialize)]
struct WireCall {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    function: WireFunction,
}

#[derive(Debug, Serialize)]
struct WireFunction {
    name: String,
    arguments: String,
}

/// The messages as the servers want them. An answer without its call is left out; a call without its answer gets one
/// that says so.
pub(super) fn wire_messages(messages: &[Message]) -> Vec<WireMessage> {
    let (mut wire, mut messages) = (Vec::with_capacity(messages.len()), messages.iter().peekable());
    while let Some(message) = messages.next() {
        match message.role {
            Role::System => wire.extend(text_message("system", &message.text)),
            Role::Caller => wire.extend(text_message("user", &message.text)),
            Role::Agent if message.tool_calls.is_empty() => wire.extend(text_message("assistant", &message.text)),
            Role::Agent => {
                wire.push(calling_message(message));
                wire.extend(answers(&message.tool_calls, &mut messages));
            }
            Role::Tool => {}
        }
    }
    wire
}

fn text_message(role: &'static str, text: &str) -> Option<WireMessage> {
    let content = (!text.trim().is_empty()).then(|| text.to_owned())?;
    Some(WireMessage { role, content: Some(content), tool_calls: Vec::new(), tool_call_id: None })
}

fn calling_message(message: &Message) -> WireMessage {
    let content = (!message.text.trim().is_empty()).then(|| message.text.clone());
    let tool_calls = message.tool_calls.iter().map(wire_call).collect();
    WireMessage { role: "assistant", content, tool_calls, tool_call_id: None }
}

fn wire_call(call: &ToolCall) -> WireCall {
    let arguments = if is_object(&call.arguments_json) { call.arguments_json.clone() } else { "{}".to_owned() };
    let function = WireFunction { name: legal_name(&call.name), arguments };
    WireCall { id: call.call.clone(), kind: "function", function }
}

/// Takes the tool messages that follow and gives each call its answer.
fn answers<'a>(calls: &[ToolCall], messages: &mut Peekable<impl Iterator<Item = &'a Message>>) -> Vec<WireMessage> {
    let mut given: Vec<&Message> = Vec::new();
    while let Some(message) = messages.next_if(|message| message.role == Role::Tool) {
        given.push(message);
    }
    let answer = |call: &ToolCall| {
        let at = given.iter().position(|message| message.answers_call.as_deref() == Some(call.call.as_str()));
        let result = at.map(|at| given.remove(at).text.as_str()).filter(|result| !result.is_empty());
        let content = Some(result.unwrap_or(NO_RESULT).to_owned());
        WireMessage { role: "tool", content, tool_calls: Vec::new(), tool_call_id: Some(call.call.clone()) }
    };
    calls.iter().map(answer).collect()
}

/// A name that the model made up may hold what the server refuses to hear again.
fn legal_name(name: &str) -> String {
    name.chars().take(MAX_NAME_CHARS).map(|c| if is_legal(c) { c } else { '_' }).collect()
}

fn is_legal(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// Whether every server takes this as the name of a function.
pub(super) fn is_legal_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_NAME_CHARS && name.chars().all(is_legal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
        ToolCall { call: id.to_owned(), name: name.to_owned(), arguments_json: arguments.to_owned() }
    }

    fn calling(text: &str, tool_calls: Vec<ToolCall>) -> Message {
        Message { tool_calls, ..Message::text(Role::Agent, text) }
    }

    fn answering(id: &str, text: &str) -> Message {
        Message { answers_call: Some(id.to_owned()), ..Message::text(Role::Tool, text) }
    }

    fn wire(messages: &[Message]) -> Value {
        serde_json::to_value(wire_messages(messages)).unwrap()
    }

    #[test]
    fn a_conversation_keeps_its_order_and_roles() {
        let messages = [
            Message::text(Role::System, "Be brief."),
            Message::text(Role::Caller, "A table for four."),
            calling("One moment.", vec![call("call_a1", "book_table", r#"{"people":4}"#)]),
            answering("call_a1", "booked"),
            Message::text(Role::Agent, "Done."),
        ];
        assert_eq!(
            wire(&messages),
            json!([
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "A table for four."},
                {"role": "assistant", "content": "One moment.", "tool_calls": [
                    {"id": "call_a1", "type": "function", "function": {"name": "book_table", "arguments": "{\"people\":4}"}}]},
                {"role": "tool", "content": "booked", "tool_call_id": "call_a1"},
                {"role": "assistant", "content": "Done."},
            ])
        );
    }

    #[test]
    fn answers_stand_in_the_order_of_the_calls_and_none_is_missing() {
        let calls = vec![call("a", "f", "{}"), call("b", "g", "{}"), call("c", "h", "{}")];
        let messages = [calling("", calls), answering("b", "2"), answering("x", "whose?"), answering("a", "")];
        let wire = wire(&messages);
        assert_eq!(wire[0]["content"], Value::Null);
        let answers: Vec<(&str, &str)> = wire.as_array().unwrap()[1..]
            .iter()
            .map(|message| (message["tool_call_id"].as_str().unwrap(), message["content"].as_str().unwrap()))
            .collect();
        assert_eq!(answers, [("a", NO_RESULT), ("b", "2"), ("c", NO_RESULT)]);
    }

    #[test]
    fn an_answer_without_its_call_and_empty_messages_are_left_out() {
        let messages = [
            answering("a", "orphan"),
            Message::text(Role::Caller, " "),
            Message::text(Role::Agent, ""),
            calling("", vec![call("a", "f", "{}")]),
            Message::text(Role::Caller, "Well?"),
            answering("a", "late"),
        ];
        let wire = wire(&messages);
        let roles: Vec<&str> =
            wire.as_array().unwrap().iter().map(|message| message["role"].as_str().unwrap()).collect();
        assert_eq!(roles, ["assistant", "tool", "user"]);
        assert_eq!(wire[1]["content"], NO_RESULT);
    }

    #[test]
    fn calls_that_a_server_would_refuse_to_hear_again_are_mended() {
        let messages = [calling("", vec![call("a", "get weather!", "{\"city\":"), call("b", &"n".repeat(80), "[1]")])];
        let wire = wire(&messages);
        let function = |at: usize| wire[0]["tool_calls"][at]["function"].clone();
        assert_eq!(function(0), json!({"name": "get_weather_", "arguments": "{}"}));
        assert_eq!(function(1), json!({"name": "n".repeat(64), "arguments": "{}"}));
    }
}

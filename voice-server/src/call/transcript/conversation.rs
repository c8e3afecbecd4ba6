//! The conversation as the model saw it, as JSON.

use serde_json::{Value, json};
use voice_core::history::{Delivery, ModelMessage};

/// One object a message: `role` and `text`, and what a tool call needs besides. The agent's instructions are not in it:
/// they are the server's, not the conversation's.
pub(super) fn messages(conversation: &[ModelMessage]) -> Value {
    conversation.iter().filter_map(message).collect()
}

fn message(of: &ModelMessage) -> Option<Value> {
    match of {
        ModelMessage::Caller(text) => Some(json!({"role": "caller", "text": storable(text)})),
        ModelMessage::Agent { heard_text, delivery } => Some(json!({
            "role": "agent",
            "text": storable(heard_text),
            "interrupted": *delivery == Delivery::Interrupted,
        })),
        ModelMessage::ToolCalls(calls) => {
            let calls: Vec<_> = calls
                .iter()
                .map(|call| {
                    json!({
                        "call": storable(&call.call),
                        "name": storable(&call.name),
                        "arguments": storable(&call.arguments_json),
                    })
                })
                .collect();
            Some(json!({"role": "agent", "text": "", "tool_calls": calls}))
        }
        ModelMessage::ToolResult { call, result } => {
            Some(json!({"role": "tool", "text": storable(result), "answers": storable(call)}))
        }
        _ => None,
    }
}

/// Text without the one character that no database takes.
pub(super) fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

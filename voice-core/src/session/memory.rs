//! The conversation as the model should see it: the history's view in the words of the stages.

pub(super) use crate::history::Delivery;
use crate::history::{Arrival, History, HistoryConfig, ModelMessage, ToolCallEntry};
use crate::stage::{Message, Role, ToolCall};
use crate::units::TurnId;

/// What was said and heard so far.
pub(super) struct Memory {
    history: History,
}

impl Memory {
    pub(super) fn new(instructions: &str, config: HistoryConfig) -> Self {
        Self { history: History::new(instructions, config) }
    }

    /// Replaces what was said of the same turn before.
    pub(super) fn caller_turn(&mut self, turn: TurnId, text: &str) {
        self.history.caller_turn(turn, text);
    }

    pub(super) fn agent_turn(&mut self, turn: TurnId, heard_text: &str, delivery: Delivery) {
        self.history.agent_turn(turn, heard_text, delivery);
    }

    pub(super) fn tool_call(&mut self, call: ToolCall) {
        let ToolCall { call, name, arguments_json } = call;
        self.history.tool_call(ToolCallEntry { call, name, arguments_json });
    }

    pub(super) fn tool_result(&mut self, call: &str, result: &str, arrival: Arrival) {
        self.history.tool_result(call, result, arrival);
    }

    /// All but the caller's words of turn `answered`, which the reply brings.
    pub(super) fn messages(&self, answered: TurnId) -> Vec<Message> {
        self.history.model_view(Some(answered)).into_iter().map(message).collect()
    }

    /// All of it, for the record.
    pub(super) fn conversation(&self) -> Vec<ModelMessage> {
        self.history.conversation()
    }
}

fn message(of: ModelMessage) -> Message {
    match of {
        ModelMessage::System(text) => Message::text(Role::System, text),
        ModelMessage::Caller(text) => Message::text(Role::Caller, text),
        ModelMessage::Agent { heard_text, delivery: Delivery::Whole | Delivery::Interrupted } => {
            Message::text(Role::Agent, heard_text)
        }
        ModelMessage::ToolCalls(calls) => {
            let calls = calls.into_iter().map(|entry| ToolCall {
                call: entry.call,
                name: entry.name,
                arguments_json: entry.arguments_json,
            });
            Message { tool_calls: calls.collect(), ..Message::text(Role::Agent, "") }
        }
        ModelMessage::ToolResult { call, result } => {
            Message { answers_call: Some(call), ..Message::text(Role::Tool, result) }
        }
    }
}

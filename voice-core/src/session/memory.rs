//! The conversation as the model should see it.

use crate::stage::{Message, Role, ToolCall};
use crate::units::TurnId;

/// Whether a reply was heard to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    Whole,
    Interrupted,
}

/// What was said and heard so far.
pub(super) struct Memory {
    entries: Vec<(Option<TurnId>, Message)>,
}

impl Memory {
    pub(super) fn new(instructions: &str) -> Self {
        let mut memory = Self { entries: Vec::new() };
        if !instructions.is_empty() {
            memory.entries.push((None, Message::text(Role::System, instructions)));
        }
        memory
    }

    /// Replaces what was said of the same turn before.
    pub(super) fn caller_turn(&mut self, turn: TurnId, text: &str) {
        self.entries.retain(|(of, message)| *of != Some(turn) || message.role != Role::Caller);
        self.entries.push((Some(turn), Message::text(Role::Caller, text)));
    }

    pub(super) fn agent_turn(&mut self, turn: TurnId, heard_text: &str, _delivery: Delivery) {
        if !heard_text.is_empty() {
            self.entries.push((Some(turn), Message::text(Role::Agent, heard_text)));
        }
    }

    pub(super) fn tool_call(&mut self, call: ToolCall) {
        self.entries.push((None, Message { tool_calls: vec![call], ..Message::text(Role::Agent, "") }));
    }

    pub(super) fn tool_result(&mut self, call: &str, result: &str) {
        let answer = Message { answers_call: Some(call.to_owned()), ..Message::text(Role::Tool, result) };
        self.entries.push((None, answer));
    }

    /// All but the caller's words of turn `answered`, which the reply brings.
    pub(super) fn messages(&self, answered: TurnId) -> Vec<Message> {
        let others = self.entries.iter().filter(|(of, m)| *of != Some(answered) || m.role != Role::Caller);
        others.map(|(_, message)| message.clone()).collect()
    }
}

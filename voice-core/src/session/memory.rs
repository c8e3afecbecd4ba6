//! The conversation as the model should see it.

use crate::stage::{Message, Role, ToolCall};
use crate::units::TurnId;

/// The answer of a tool that has none yet.
const STILL_RUNS: &str = "still running; the result is not known yet";

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
        let earlier = self.entries.iter_mut().find(|(of, message)| *of == Some(turn) && message.role == Role::Caller);
        match earlier {
            Some((_, message)) => text.clone_into(&mut message.text),
            None => self.entries.push((Some(turn), Message::text(Role::Caller, text))),
        }
    }

    pub(super) fn agent_turn(&mut self, turn: TurnId, heard_text: &str, _delivery: Delivery) {
        if !heard_text.is_empty() {
            self.entries.push((Some(turn), Message::text(Role::Agent, heard_text)));
        }
    }

    pub(super) fn tool_call(&mut self, call: ToolCall) {
        self.entries.push((None, Message { tool_calls: vec![call], ..Message::text(Role::Agent, "") }));
    }

    /// The answer follows its call at once, whenever it comes: models accept nothing else.
    pub(super) fn tool_result(&mut self, call: &str, result: &str) {
        let answer = Message { answers_call: Some(call.to_owned()), ..Message::text(Role::Tool, result) };
        let asked =
            self.entries.iter().rposition(|(_, message)| message.tool_calls.iter().any(|asked| asked.call == call));
        self.entries.insert(asked.map_or(self.entries.len(), |at| at + 1), (None, answer));
    }

    /// All but the caller's words of turn `answered`, which the reply brings. A call that still runs is answered so.
    pub(super) fn messages(&self, answered: TurnId) -> Vec<Message> {
        let mut messages = Vec::with_capacity(self.entries.len() + 1);
        let mut entries = self.entries.iter().map(|(of, message)| (*of, message)).peekable();
        while let Some((of, message)) = entries.next() {
            if of == Some(answered) && message.role == Role::Caller {
                continue;
            }
            messages.push(message.clone());
            let call = message.tool_calls.first().map(|asked| asked.call.clone());
            let is_answered = entries.peek().is_some_and(|(_, next)| next.role == Role::Tool);
            if let Some(call) = call.filter(|_| !is_answered) {
                messages.push(Message { answers_call: Some(call), ..Message::text(Role::Tool, STILL_RUNS) });
            }
        }
        messages
    }
}

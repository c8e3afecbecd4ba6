//! The conversation as it really was, and as the model should see it.
//!
//! Invariant: an agent's entry holds only what was heard. The transcript ([`History::entries`]) is complete and in the order
//! things were committed; the model's view of it ([`History::model_view`]) is bounded, begins with the instructions, and
//! answers every tool call. Nothing here knows a model, a stage or time.

mod view;

pub use view::ModelMessage;

use crate::units::TurnId;

/// How much of the conversation the model is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryConfig {
    /// The most messages, the instructions not counted. Default 200: an hour of brisk talk is longer, but what was said
    /// half an hour ago seldom matters.
    pub max_messages: usize,
    /// The most characters of them. Default 24,000, about 6,000 tokens of English at four characters each.
    pub max_chars: usize,
}

impl Default for HistoryConfig {
    fn default() -> Self {
        Self { max_messages: 200, max_chars: 24_000 }
    }
}

/// Whether the caller heard a reply to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// All of it.
    Whole,
    /// What is there was heard, but more was to come.
    Interrupted,
}

/// When a tool's result came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arrival {
    /// While its reply lived.
    InTime,
    /// After its reply had died: known, but not spoken of.
    Late,
}

/// One thing that was said or done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Entry {
    /// The agent's instructions; the first entry if there are any.
    System {
        /// As the embedding program gave them.
        text: String,
    },
    /// A finished turn of the caller.
    CallerTurn {
        /// Which.
        turn: TurnId,
        /// Its words.
        text: String,
    },
    /// A finished turn of the agent of which something was heard.
    AgentTurn {
        /// Which turn it belongs to.
        turn: TurnId,
        /// The part that was heard.
        heard_text: String,
        /// Whether that was all.
        delivery: Delivery,
    },
    /// A function the model called.
    ToolCall(ToolCallEntry),
    /// What a function gave.
    ToolResult {
        /// The model's id of the call.
        call: String,
        /// The result, or the error's sentence.
        result: String,
        /// Whether its reply still lived.
        arrival: Arrival,
    },
}

/// A function the model called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCallEntry {
    /// The model's id of the call. May come again later in a call: a result belongs to the latest without one.
    pub call: String,
    /// The function's name.
    pub name: String,
    /// Its arguments, a JSON object as text.
    pub arguments_json: String,
}

/// What was said, heard and done in a call.
///
/// Grows by what a caller and an agent can say within the longest call, which the turn machine's configuration bounds.
#[derive(Clone, Debug)]
pub struct History {
    config: HistoryConfig,
    entries: Vec<Entry>,
}

impl History {
    /// A conversation that begins with these instructions; empty ones are left out.
    pub fn new(instructions: &str, config: HistoryConfig) -> Self {
        let system = (!instructions.is_empty()).then(|| Entry::System { text: instructions.to_owned() });
        Self { config, entries: system.into_iter().collect() }
    }

    /// The caller finished a turn. A turn that is committed again, because its caller had more to say before any of the
    /// answer was heard, replaces what was known of it; another turn is a separate entry, even right after one.
    pub fn caller_turn(&mut self, turn: TurnId, text: &str) {
        self.entries.retain(|entry| !matches!(entry, Entry::CallerTurn { turn: earlier, .. } if *earlier == turn));
        self.entries.push(Entry::CallerTurn { turn, text: text.to_owned() });
    }

    /// The agent's turn is over. Nothing is added if nothing was heard.
    pub fn agent_turn(&mut self, turn: TurnId, heard_text: &str, delivery: Delivery) {
        if !heard_text.trim().is_empty() {
            self.entries.push(Entry::AgentTurn { turn, heard_text: heard_text.to_owned(), delivery });
        }
    }

    /// The model called a function.
    pub fn tool_call(&mut self, call: ToolCallEntry) {
        self.entries.push(Entry::ToolCall(call));
    }

    /// The function called as `call` gave a result, or an error's sentence.
    pub fn tool_result(&mut self, call: &str, result: &str, arrival: Arrival) {
        self.entries.push(Entry::ToolResult { call: call.to_owned(), result: result.to_owned(), arrival });
    }

    /// The whole transcript, oldest first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The conversation as the model should see it: the instructions, then the newest messages that fit the
    /// configuration; the newest one of all is there whatever its size. `answering` leaves out what is known of that turn
    /// of the caller: the request brings its words itself, as they are now.
    ///
    /// Turns of the caller in a row are one message. A tool call stands with its result, whenever that came; one that is
    /// still running says so.
    pub fn model_view(&self, answering: Option<TurnId>) -> Vec<ModelMessage> {
        view::model_view(&self.entries, &self.config, answering)
    }

    /// The conversation in the model's form, but whole: not bounded by the configuration, and without the instructions.
    pub fn conversation(&self) -> Vec<ModelMessage> {
        view::conversation(&self.entries)
    }
}

#[cfg(test)]
mod tests;

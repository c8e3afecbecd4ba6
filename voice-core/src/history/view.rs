//! What of the transcript the model is given.
//!
//! Invariant: made of blocks that stay together: a caller's words, a reply, or tool calls with all their results, as
//! models refuse a call without its result right after it.

use super::{Delivery, Entry, HistoryConfig, ToolCallEntry};
use crate::units::TurnId;

/// The result of a call that has none yet.
const STILL_RUNNING: &str = "still running";

/// One message for the model.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelMessage {
    /// The agent's instructions; always first.
    System(String),
    /// What the caller said; several turns if the agent was not heard between them.
    Caller(String),
    /// What was heard of the agent.
    Agent {
        /// The part that was heard.
        heard_text: String,
        /// Whether that was all.
        delivery: Delivery,
    },
    /// Functions the model called at once. Their results follow, in the order of the calls.
    ToolCalls(Vec<ToolCallEntry>),
    /// What one of them gave.
    ToolResult {
        /// The model's id of the call.
        call: String,
        /// The result, or the error's sentence.
        result: String,
    },
}

/// Messages that are given together or not at all.
enum Block {
    Caller(String),
    Agent(String, Delivery),
    Tools(Vec<(ToolCallEntry, Option<String>)>),
}

pub(super) fn model_view(entries: &[Entry], config: &HistoryConfig, answering: Option<TurnId>) -> Vec<ModelMessage> {
    let blocks = blocks(entries, answering);
    let dropped = first_kept(&blocks, config);
    let system = entries.iter().find_map(|entry| match entry {
        Entry::System { text } => Some(ModelMessage::System(text.clone())),
        _ => None,
    });
    system.into_iter().chain(blocks.into_iter().skip(dropped).flat_map(Block::into_messages)).collect()
}

pub(super) fn conversation(entries: &[Entry]) -> Vec<ModelMessage> {
    blocks(entries, None).into_iter().flat_map(Block::into_messages).collect()
}

/// The oldest block from which on all fit; the newest block at the latest.
fn first_kept(blocks: &[Block], config: &HistoryConfig) -> usize {
    let (mut messages, mut chars) = (0_usize, 0_usize);
    let fitting = blocks.iter().rev().take_while(|block| {
        messages = messages.saturating_add(block.messages());
        chars = chars.saturating_add(block.chars());
        messages <= config.max_messages && chars <= config.max_chars
    });
    blocks.len().saturating_sub(fitting.count().max(1))
}

fn blocks(entries: &[Entry], answering: Option<TurnId>) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut previous: Option<&Entry> = None;
    for entry in entries {
        match entry {
            Entry::System { .. } => {}
            Entry::CallerTurn { turn, .. } if Some(*turn) == answering => {}
            Entry::CallerTurn { text, .. } if text.trim().is_empty() => {}
            Entry::CallerTurn { text, .. } => match blocks.last_mut() {
                Some(Block::Caller(earlier)) => {
                    earlier.push(' ');
                    earlier.push_str(text);
                }
                _ => blocks.push(Block::Caller(text.clone())),
            },
            Entry::AgentTurn { heard_text, delivery, .. } => blocks.push(Block::Agent(heard_text.clone(), *delivery)),
            Entry::ToolCall(call) => match (blocks.last_mut(), previous) {
                (Some(Block::Tools(runs)), Some(Entry::ToolCall(_))) => runs.push((call.clone(), None)),
                _ => blocks.push(Block::Tools(vec![(call.clone(), None)])),
            },
            Entry::ToolResult { call, result, .. } => answer(&mut blocks, call, result),
        }
        previous = Some(entry);
    }
    blocks
}

/// Gives the latest unanswered call of that id its result; a result without a call is left out.
fn answer(blocks: &mut [Block], call: &str, result: &str) {
    let runs = blocks.iter_mut().rev().filter_map(|block| match block {
        Block::Tools(runs) => Some(runs),
        Block::Caller(_) | Block::Agent(..) => None,
    });
    let unanswered =
        runs.flat_map(|runs| runs.iter_mut().rev()).find(|(run, known)| run.call == call && known.is_none());
    if let Some((_, known)) = unanswered {
        *known = Some(result.to_owned());
    }
}

impl Block {
    fn messages(&self) -> usize {
        match self {
            Self::Caller(_) | Self::Agent(..) => 1,
            Self::Tools(runs) => runs.len().saturating_add(1),
        }
    }

    fn chars(&self) -> usize {
        let chars = |text: &str| text.chars().count();
        match self {
            Self::Caller(text) | Self::Agent(text, _) => chars(text),
            Self::Tools(runs) => runs
                .iter()
                .map(|(call, result)| {
                    chars(&call.name) + chars(&call.arguments_json) + chars(result.as_deref().unwrap_or(STILL_RUNNING))
                })
                .sum(),
        }
    }

    fn into_messages(self) -> Vec<ModelMessage> {
        match self {
            Self::Caller(text) => vec![ModelMessage::Caller(text)],
            Self::Agent(heard_text, delivery) => vec![ModelMessage::Agent { heard_text, delivery }],
            Self::Tools(runs) => {
                let calls = runs.iter().map(|(call, _)| call.clone()).collect();
                let results = runs.into_iter().map(|(call, result)| ModelMessage::ToolResult {
                    call: call.call,
                    result: result.unwrap_or_else(|| STILL_RUNNING.to_owned()),
                });
                std::iter::once(ModelMessage::ToolCalls(calls)).chain(results).collect()
            }
        }
    }
}

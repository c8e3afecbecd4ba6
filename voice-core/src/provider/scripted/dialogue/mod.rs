//! A language model for a machine without one: a dialogue that follows a script.
//!
//! Invariant: stateless. Every generation plays the whole conversation anew from the request's messages, so the same
//! messages give the same reply, and a generation that is discarded or cut off leaves no trace.

mod check;
mod conversation;
mod day;
mod number;
mod phrases;
mod recognise;
mod script;
mod time;
mod tool;
mod words;

#[cfg(test)]
mod tests;

pub use script::{DialogueError, DialogueScript};
pub use tool::BookAppointment;

use super::llm::play;
use super::llm_log::LogEntry;
use super::llm_script::{LlmConfig, LlmReply};
use super::rng::Rng;
use crate::stage::{Llm, LlmRequest, LlmStream, Message, Role, TokenUsage};
use conversation::{Answer, Conversation};
use phrases::Phrases;

/// Messages that are considered, the latest ones: about an hour of conversation. What was said before is forgotten.
const MAX_MESSAGES: usize = 1_000;

/// What the ids of the dialogue's calls begin with.
const CALL_PREFIX: &str = "call-";

/// Answers as its script says: fills the slots of a task from what the caller says, takes corrections, calls the tool
/// once the caller has confirmed, and copes with small talk and with whatever else is said.
///
/// Tokens are words, streamed at the rhythm it was given.
#[derive(Debug)]
pub struct DialogueLlm {
    script: DialogueScript,
    phrases: Phrases,
    rhythm: LlmConfig,
}

impl DialogueLlm {
    /// A model that follows `script`.
    pub fn new(script: DialogueScript, rhythm: LlmConfig) -> Self {
        let phrases = Phrases::of(&script.intents);
        Self { script, phrases, rhythm }
    }

    /// The script it follows; its greeting is for the agent's configuration.
    pub fn script(&self) -> &DialogueScript {
        &self.script
    }

    fn answer(&self, request: &LlmRequest) -> LlmReply {
        let mut conversation = Conversation::new(&self.script, &self.phrases);
        let mut answer = conversation.greet();
        let mut turns = 0;
        let skipped = request.messages.len().saturating_sub(MAX_MESSAGES);
        for message in request.messages.iter().skip(skipped) {
            match message.role {
                Role::Caller => {
                    turns += 1;
                    answer = conversation.hear(&message.text);
                }
                Role::Tool if is_ours(message) => answer = conversation.take_result(&message.text),
                _ => {}
            }
        }
        let has_tool = request.tools.iter().any(|tool| tool.name == self.script.task.tool);
        if answer.arguments_json.is_some() && !has_tool {
            answer = conversation.take_result("there is no such tool");
        }
        self.reply(answer, turns, request)
    }

    fn reply(&self, answer: Answer, turns: usize, request: &LlmRequest) -> LlmReply {
        let reply = LlmReply::text(&answer.text);
        let usage = TokenUsage {
            input_tokens: request.messages.iter().map(|message| message.text.split_whitespace().count() as u64).sum(),
            cached_tokens: 0,
            output_tokens: reply.tokens.len() as u64,
        };
        let reply = reply.usage(usage);
        match answer.arguments_json {
            Some(arguments) => reply.call(&format!("{CALL_PREFIX}{turns}"), &self.script.task.tool, &arguments),
            None => reply,
        }
    }
}

fn is_ours(message: &Message) -> bool {
    message.answers_call.as_ref().is_some_and(|call| call.starts_with(CALL_PREFIX))
}

impl Llm for DialogueLlm {
    fn name(&self) -> &str {
        "the scripted dialogue"
    }

    fn generate(&self, request: LlmRequest) -> LlmStream {
        let jitter_ms = Rng::stream(self.rhythm.seed, request.messages.len() as u64).up_to(self.rhythm.jitter_ms);
        Box::pin(play(self.answer(&request), &self.rhythm, jitter_ms, LogEntry::unrecorded()))
    }
}

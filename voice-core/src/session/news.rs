//! What a reply's model, voice and tools bring, told to the turn machine.
//!
//! Invariant: the timeline notes the first of each kind before anything follows from it.

use super::Stage;
use super::driver::Driver;
use super::event::{SessionEvent, ToolState};
use super::reply::ReplyNews;
use super::tools::FinishedRun;
use crate::history::Arrival;
use crate::stage::{Serving, StageError};
use crate::turn::{Input, ReplyInput};
use crate::units::ReplyId;
use std::time::Instant;

impl Driver {
    pub(super) fn take_reply(&mut self, id: ReplyId, news: ReplyNews, now: Instant) {
        let Some(reply) = self.replies.get(id) else { return };
        let timeline = &mut reply.timeline;
        let input = match news {
            ReplyNews::FirstToken => {
                timeline.first_token.get_or_insert(now);
                ReplyInput::FirstToken
            }
            ReplyNews::Clause(text) => {
                timeline.first_clause.get_or_insert(now);
                ReplyInput::Clause { text }
            }
            ReplyNews::Audio { samples } => {
                timeline.tts_first_byte.get_or_insert(now);
                if samples > 0 {
                    timeline.tts_first_speech.get_or_insert(now);
                }
                ReplyInput::Audio { samples }
            }
            ReplyNews::Word(word) => {
                ReplyInput::Word { text: word.text, start_samples: word.start_samples, end_samples: word.end_samples }
            }
            ReplyNews::ClauseEnd { clauses } => ReplyInput::ClauseEnd { clauses },
            ReplyNews::SpeechDone => ReplyInput::SpeechDone,
            ReplyNews::GenerationDone => ReplyInput::GenerationDone,
            ReplyNews::ToolCall(call) => ReplyInput::ToolRequested { run: self.tools.request(id, call) },
            ReplyNews::Serving(stage, serving) => return self.serving(stage, serving),
            ReplyNews::AwaitsTools => return self.go_on_after_tools(id),
            ReplyNews::GenerationFailed(error) => self.stage_failed(Stage::Llm, error, ReplyInput::GenerationFailed),
            ReplyNews::SpeechFailed(error) => self.stage_failed(Stage::Tts, error, ReplyInput::SpeechFailed),
        };
        self.handle(Input::Reply(id, input), now);
    }

    /// A refusal for good fails one reply after the other; it is told once.
    fn stage_failed(&mut self, stage: Stage, error: StageError, input: ReplyInput) -> ReplyInput {
        let failure = Some((stage, error.clone()));
        if error.is_retryable() || self.told_failure != failure {
            tracing::warn!(call = %self.call, ?stage, %error, "a stage failed");
            self.watch.tell(SessionEvent::StageFailed { stage, error });
            self.told_failure = failure;
        }
        input
    }

    /// An engine says that it serves from here on.
    pub(super) fn serving(&mut self, stage: Stage, serving: Serving) {
        let Some(event) = self.engines.serving(stage, serving) else { return };
        if let SessionEvent::StageSwitched { from, to, why, .. } = &event {
            let why = why.as_ref().map(tracing::field::display);
            tracing::info!(call = %self.call, ?stage, from, to, why, "another engine serves");
        }
        self.watch.tell(event);
    }

    pub(super) fn take_tool(&mut self, finished: FinishedRun, now: Instant) {
        let FinishedRun { id, reply, call, result } = finished;
        let state = match &result {
            Ok(_) => ToolState::Done,
            Err(error) => ToolState::Failed(error.to_string()),
        };
        self.watch.tell(SessionEvent::Tool { at: now, name: call.name.clone(), state });
        let text = result.unwrap_or_else(|error| format!("error: {error}"));
        let arrival = if self.replies.get(reply).is_some() { Arrival::InTime } else { Arrival::Late };
        self.memory.tool_result(&call.call, &text, arrival);
        let Some(live) = self.replies.get(reply) else { return };
        live.tool_result(&call, text);
        self.handle(Input::Reply(reply, ReplyInput::ToolFinished { run: id }), now);
        self.go_on_after_tools(reply);
    }

    /// Asks the model to go on, once it has asked for all its tools and all have answered: either may come last.
    fn go_on_after_tools(&mut self, reply: ReplyId) {
        let Some(live) = self.replies.get(reply) else { return };
        if let Some(request) = live.next_request() {
            live.go_on(self.agent.llm.generate(request));
        }
    }
}

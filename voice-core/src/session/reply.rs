//! A reply that lives: its words from the model, its speech from the TTS, its audio on the way to the line.
//!
//! Invariant: everything of a reply is owned here, so dropping it cancels it. Words go to the TTS only when the turn
//! machine says so; audio is read from the TTS only while the track has room.

mod streams;

use super::Stage;
use super::bill::{Bill, Kept};
use super::cost::Cost;
use super::playout::{Pacing, Track};
use super::speech::{SpeechIntake, SpokenWord};
use crate::metrics::TurnTimeline;
use crate::stage::{LlmRequest, LlmStream, Message, Role, Serving, StageError, ToolCall, TtsReply};
use crate::text::ClauseSplitter;
use crate::units::ReplyId;
use std::collections::VecDeque;
use std::time::Instant;

/// What happened to a reply.
#[derive(Debug)]
pub(super) enum ReplyNews {
    FirstToken,
    Clause(String),
    ToolCall(ToolCall),
    /// Another engine is asked.
    Serving(Stage, Serving),
    /// The model has asked for all the tools it wants.
    AwaitsTools,
    GenerationDone,
    GenerationFailed(StageError),
    /// Audio came; `samples` of it go to the line.
    Audio {
        samples: u64,
    },
    Word(SpokenWord),
    ClauseEnd {
        clauses: u32,
    },
    SpeechDone,
    SpeechFailed(StageError),
}

enum Words {
    Streaming(LlmStream),
    AwaitingTools,
    Done,
}

enum Voice {
    /// The TTS is not open yet.
    Waiting,
    Speaking(TtsReply),
    Over,
}

/// One reply.
pub(super) struct LiveReply {
    pub(super) id: ReplyId,
    pub(super) timeline: TurnTimeline,
    pub(super) track: Track,
    /// Samples the machine was last told of.
    pub(super) told_played: u64,
    pub(super) told_drained: bool,
    pub(super) told_end: bool,
    pub(super) told_silent: bool,
    /// When the line took its latest audio.
    pub(super) last_sent: Option<Instant>,
    /// What the model was asked, for going on after tools.
    request: LlmRequest,
    words: Words,
    splitter: ClauseSplitter,
    generated: String,
    tool_calls: Vec<ToolCall>,
    tool_results: Vec<Message>,
    rounds: u32,
    voice: Voice,
    intake: Option<SpeechIntake>,
    clauses: VecDeque<String>,
    finishing: Finishing,
    /// Why the TTS takes no more clauses; the audio of those it took may still come.
    refused: Option<StageError>,
    news: VecDeque<ReplyNews>,
    deltas: u64,
    bill: Bill,
    pub(super) kept: Kept,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finishing {
    No,
    Wanted,
    Told,
}

impl LiveReply {
    fn new(id: ReplyId, timeline: TurnTimeline, pacing: Pacing, bill: Bill, request: LlmRequest, words: Words) -> Self {
        Self {
            id,
            timeline,
            track: Track::new(pacing),
            told_played: 0,
            told_drained: false,
            told_end: false,
            told_silent: false,
            last_sent: None,
            request,
            words,
            splitter: ClauseSplitter::default(),
            generated: String::new(),
            tool_calls: Vec::new(),
            tool_results: Vec::new(),
            rounds: 0,
            voice: Voice::Waiting,
            intake: None,
            clauses: VecDeque::new(),
            finishing: Finishing::No,
            refused: None,
            news: VecDeque::new(),
            deltas: 0,
            bill,
            kept: Kept::Used,
        }
    }

    /// A reply whose words come from the model.
    pub(super) fn generated(
        id: ReplyId,
        timeline: TurnTimeline,
        pacing: Pacing,
        mut bill: Bill,
        request: LlmRequest,
        stream: LlmStream,
    ) -> Self {
        bill.generation_begins();
        Self::new(id, timeline, pacing, bill, request, Words::Streaming(stream))
    }

    /// A reply that says `text`.
    pub(super) fn said(id: ReplyId, timeline: TurnTimeline, pacing: Pacing, bill: Bill, text: &str) -> Self {
        let mut reply = Self::new(id, timeline, pacing, bill, LlmRequest::default(), Words::Done);
        reply.take_text(text);
        reply.flush_text();
        reply.news.push_back(ReplyNews::GenerationDone);
        reply
    }

    /// Whether it still needs a TTS.
    pub(super) fn wants_voice(&self) -> bool {
        matches!(self.voice, Voice::Waiting)
    }

    /// Gives it the TTS; clauses that waited are spoken.
    pub(super) fn give_voice(&mut self, voice: TtsReply, intake: SpeechIntake) {
        self.voice = Voice::Speaking(voice);
        self.intake = Some(intake);
        self.feed_voice();
    }

    /// There is not going to be a TTS. Only for a reply that has none yet.
    pub(super) fn fail_voice(&mut self, error: StageError) {
        self.voice = Voice::Over;
        self.news.push_back(ReplyNews::SpeechFailed(error));
    }

    /// Speaks the next clause.
    pub(super) fn speak(&mut self, clause: String) {
        self.clauses.push_back(clause);
        self.feed_voice();
    }

    /// No clause follows.
    pub(super) fn finish_speech(&mut self) {
        if self.finishing == Finishing::No {
            self.finishing = Finishing::Wanted;
        }
        self.feed_voice();
    }

    /// A clause the TTS is behind with is tried again at the next poll. One that it refuses ends the feeding only: what it
    /// said of the clauses before, and why it broke, is still to be read.
    fn feed_voice(&mut self) {
        let Voice::Speaking(voice) = &mut self.voice else { return };
        if self.refused.is_some() {
            return;
        }
        while let Some(clause) = self.clauses.front() {
            match voice.feed.speak(clause) {
                Ok(()) => {
                    self.bill.clause(clause);
                    self.clauses.pop_front();
                }
                Err(StageError::Full { .. }) => return,
                Err(error) => {
                    self.refused = Some(error);
                    return;
                }
            }
        }
        if self.finishing == Finishing::Wanted {
            self.finishing = Finishing::Told;
            voice.feed.finish();
        }
    }

    /// What it used.
    pub(super) fn into_cost(mut self) -> Cost {
        self.bill_voice();
        self.bill.close(self.kept)
    }

    fn bill_voice(&mut self) {
        if let Voice::Speaking(voice) = &mut self.voice
            && let Some(handed) = voice.feed.take_handed()
        {
            self.bill.handed(&handed);
        }
    }

    /// Stops the TTS without waiting; called before the reply is dropped.
    pub(super) fn cancel(&mut self) {
        if let Voice::Speaking(voice) = &mut self.voice {
            voice.feed.cancel();
        }
    }

    /// A tool's answer for the model.
    pub(super) fn tool_result(&mut self, call: &ToolCall, result: String) {
        let message = Message { answers_call: Some(call.call.clone()), ..Message::text(Role::Tool, result) };
        self.tool_results.push(message);
    }

    /// What to ask the model now that its tools have answered; `None` if it does not wait for any.
    pub(super) fn next_request(&mut self) -> Option<LlmRequest> {
        let waits = matches!(self.words, Words::AwaitingTools) && self.tool_results.len() >= self.tool_calls.len();
        if !waits {
            return None;
        }
        let tool_calls = std::mem::take(&mut self.tool_calls);
        let asked = Message { tool_calls, ..Message::text(Role::Agent, std::mem::take(&mut self.generated)) };
        self.request.messages.push(asked);
        self.request.messages.append(&mut self.tool_results);
        Some(self.request.clone())
    }

    /// Goes on with what the model says to the tools' results.
    pub(super) fn go_on(&mut self, stream: LlmStream) {
        self.rounds += 1;
        self.bill.generation_begins();
        self.words = Words::Streaming(stream);
    }

    /// Leading silence cut so far, in samples at the line's rate.
    pub(super) fn trimmed_samples(&self) -> u64 {
        self.intake.as_ref().map_or(0, SpeechIntake::trimmed_samples)
    }
}

//! What a reply's model and TTS give, as it comes.
//!
//! Invariant: audio is read from the TTS only while the track has room; a model that does not stop is cut off.

use super::{LiveReply, ReplyNews, Voice, Words};
use crate::session::Stage;
use crate::stage::{Fault, FinishReason, LlmEvent, StageError, TtsEvent};
use crate::text::ClauseSplitter;
use futures::StreamExt;
use std::task::{Context, Poll, ready};

/// The longest text of one reply: ten minutes of speech. A model that goes on is cut off there.
const MAX_REPLY_CHARS: usize = 10_000;
/// Steps without news taken in one poll; then the others of the process get their turn.
const MAX_STEPS: usize = 32;
/// Pieces of text of one reply. A model that goes on, with empty ones even, is cut off there.
const MAX_DELTAS: u64 = 20_000;
/// Calls of tools in one generation, as many as a vendor's answer may have. A model that goes on asking is cut off there,
/// and these are answered.
const MAX_TOOL_CALLS: usize = 128;
/// How often one reply may call tools and go on.
const MAX_TOOL_ROUNDS: u32 = 8;

impl LiveReply {
    /// The next thing that happened. Cancellation safe: nothing is lost between two polls.
    pub(in crate::session) fn poll_news(&mut self, cx: &mut Context<'_>) -> Poll<ReplyNews> {
        for _ in 0..MAX_STEPS {
            if let Some(news) = self.news.pop_front() {
                return Poll::Ready(news);
            }
            let progress = self.poll_voice(cx).is_ready() || self.poll_words(cx).is_ready();
            if !progress {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_voice(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.feed_voice();
        if !self.track.has_room() {
            return Poll::Pending;
        }
        let Voice::Speaking(voice) = &mut self.voice else { return Poll::Pending };
        let event = ready!(voice.events.poll_next_unpin(cx));
        match event {
            Some(Ok(event)) => self.take_speech(event),
            Some(Err(error)) => self.speech_over(ReplyNews::SpeechFailed(error)),
            None => {
                let error = self.refused.take().unwrap_or(StageError::Ended { engine: "the TTS" });
                self.speech_over(ReplyNews::SpeechFailed(error));
            }
        }
        Poll::Ready(())
    }

    fn take_speech(&mut self, event: TtsEvent) {
        let Some(intake) = &mut self.intake else { return };
        match event {
            TtsEvent::Serving(serving) => {
                self.bill.voice_is(&serving.engine);
                self.news.push_back(ReplyNews::Serving(Stage::Tts, serving));
            }
            TtsEvent::Audio(pcm) => {
                let samples = intake.audio(&pcm);
                self.track.push(samples);
                let samples = samples.len() as u64;
                self.news.push_back(ReplyNews::Audio { samples });
                self.news.extend(intake.take_words().into_iter().map(ReplyNews::Word));
            }
            TtsEvent::Word { text, start_samples, end_samples } => {
                intake.word(text, start_samples, end_samples);
                self.news.extend(intake.take_words().into_iter().map(ReplyNews::Word));
            }
            TtsEvent::ClauseEnd { clauses } => {
                self.news.push_back(ReplyNews::ClauseEnd { clauses });
            }
            TtsEvent::Done => {
                let refused = self.refused.take().map(ReplyNews::SpeechFailed);
                self.speech_over(refused.unwrap_or(ReplyNews::SpeechDone));
            }
        }
    }

    fn speech_over(&mut self, news: ReplyNews) {
        self.bill_voice();
        self.voice = Voice::Over;
        if let Some(intake) = &mut self.intake {
            let rest = intake.finish();
            self.track.push(rest);
            if !rest.is_empty() {
                self.news.push_back(ReplyNews::Audio { samples: rest.len() as u64 });
            }
        }
        self.track.end();
        self.news.push_back(news);
    }

    fn poll_words(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Words::Streaming(stream) = &mut self.words else { return Poll::Pending };
        match ready!(stream.poll_next_unpin(cx)) {
            Some(Ok(event)) => self.take_words(event),
            Some(Err(error)) => self.generation_failed(error),
            None => self.generation_failed(StageError::Ended { engine: "the model" }),
        }
        Poll::Ready(())
    }

    fn generation_failed(&mut self, error: StageError) {
        self.flush_text();
        self.bill.generation_ends();
        self.words = Words::Done;
        self.news.push_back(ReplyNews::GenerationFailed(error));
    }

    fn take_words(&mut self, event: LlmEvent) {
        match event {
            LlmEvent::Serving(serving) => {
                self.bill.model_is(&serving.engine);
                self.news.push_back(ReplyNews::Serving(Stage::Llm, serving));
            }
            LlmEvent::Delta(text) => {
                self.deltas += 1;
                self.bill.delta();
                if self.timeline.first_token.is_none() && self.deltas == 1 {
                    self.news.push_back(ReplyNews::FirstToken);
                }
                self.take_text(&text);
                if self.generated.len() > MAX_REPLY_CHARS || self.deltas >= MAX_DELTAS {
                    self.generation_over();
                }
            }
            LlmEvent::ToolCall(call) => {
                self.flush_text();
                self.tool_calls.push(call.clone());
                self.news.push_back(ReplyNews::ToolCall(call));
                if self.tool_calls.len() >= MAX_TOOL_CALLS {
                    self.generation_over();
                }
            }
            LlmEvent::Usage(usage) => self.bill.tokens(usage),
            LlmEvent::Done(
                FinishReason::Stop | FinishReason::Length | FinishReason::ToolCalls | FinishReason::Filtered,
            ) => self.generation_over(),
        }
    }

    pub(super) fn take_text(&mut self, text: &str) {
        self.generated.push_str(text);
        self.splitter.push(text);
        while let Some(clause) = self.splitter.next_clause() {
            self.news.push_back(ReplyNews::Clause(clause));
        }
    }

    pub(super) fn flush_text(&mut self) {
        if let Some(clause) = self.splitter.finish() {
            self.news.push_back(ReplyNews::Clause(clause));
        }
        self.splitter = ClauseSplitter::default();
    }

    fn generation_over(&mut self) {
        self.flush_text();
        self.bill.generation_ends();
        if self.tool_calls.is_empty() {
            self.words = Words::Done;
            self.news.push_back(ReplyNews::GenerationDone);
        } else if self.rounds >= MAX_TOOL_ROUNDS {
            self.words = Words::Done;
            self.news.push_back(ReplyNews::GenerationFailed(StageError::Stream {
                engine: "the model",
                reason: format!("it called tools {MAX_TOOL_ROUNDS} times in one reply"),
                fault: Fault::Engine,
            }));
        } else {
            self.words = Words::AwaitingTools;
            self.news.push_back(ReplyNews::AwaitsTools);
        }
    }
}

//! What a scripted STT hears: utterances, each a list of steps.
//!
//! Invariant: the steps of an utterance happen in their order, each when its moment has come and never before the
//! one in front of it.

use crate::stage::StageError;

/// When a step happens. Milliseconds are of *audio time*: they pass as audio is pushed, so that an STT that is fed
/// faster than real time answers faster too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SttAt {
    /// This long after the utterance's first loud sample; at the latest when its speech has ended.
    SpeechStart(u64),
    /// Once it has been quiet for this long after a loud sample. Speech in between starts the wait anew.
    SpeechEnd(u64),
    /// As soon as speech is heard again after the step before this one.
    SpeechAgain,
    /// Once the session asks for the final, or by itself after a time of quiet.
    Finalize {
        /// This long after the session's request, in real (`tokio::time`) time.
        after_request_ms: u64,
        /// Without a request: this long after the speech ended.
        after_end_ms: u64,
    },
    /// Once this much audio of the call was pushed. An utterance whose first step is this needs no speech to begin.
    CallTime(u64),
}

/// What happens at a step.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SttAction {
    /// Reports `StartOfTurn` with the words so far.
    StartOfTurn(String),
    /// Reports an interim.
    Interim(String),
    /// Reports `EagerEndOfTurn`.
    EagerEndOfTurn(String),
    /// Reports `TurnResumed`.
    TurnResumed,
    /// Reports a final; its end is the end of the speech so far.
    Final(String),
    /// Reports `EndOfTurn`.
    EndOfTurn(String),
    /// The stream breaks with this error.
    Fail(StageError),
    /// The stream takes audio but reports nothing any more.
    Stall,
    /// The stream ends without an error.
    End,
}

/// One step of an utterance.
#[derive(Clone, Debug)]
pub struct SttStep {
    /// When.
    pub at: SttAt,
    /// What.
    pub action: SttAction,
}

/// One stretch of caller speech and how the engine reports it.
#[derive(Clone, Debug, Default)]
pub struct Utterance {
    /// The steps in their order.
    pub steps: Vec<SttStep>,
}

/// When the stable interim follows the end of speech in [`Utterance::say`]: Deepgram's and Moonshine's are about there.
const STABLE_MS: u64 = 60;
/// When the final follows the session's request in [`Utterance::say`].
const FINAL_AFTER_REQUEST_MS: u64 = 0;
/// When the final follows the end of speech without a request in [`Utterance::say`].
const FINAL_AFTER_END_MS: u64 = 300;
/// The time a word takes: 200 words a minute.
const WORD_MS: u64 = 300;

impl Utterance {
    /// An utterance without steps, to be filled with [`Self::at`].
    pub fn new() -> Self {
        Self::default()
    }

    /// An ordinary utterance: an interim a word every 300 ms, the whole text 60 ms after the end of speech, the
    /// final at once when asked for it or 300 ms after the end.
    pub fn say(text: &str) -> Self {
        Self::interims(text).at(SttAt::SpeechEnd(STABLE_MS), SttAction::Interim(text.into())).final_text(text)
    }

    /// As [`Self::say`], but with a wrong interim until the stable one corrects it.
    pub fn misheard(wrong: &str, text: &str) -> Self {
        Self::interims(wrong).at(SttAt::SpeechEnd(STABLE_MS), SttAction::Interim(text.into())).final_text(text)
    }

    /// A sound without words: no interim, an empty final.
    pub fn noise() -> Self {
        Self::new().final_text("")
    }

    /// An utterance of an engine that detects turns itself: `StartOfTurn`, interims, `EagerEndOfTurn` and `EndOfTurn`
    /// so long after the end of speech.
    pub fn turn(text: &str, eager_ms: u64, end_ms: u64) -> Self {
        let first = text.split_whitespace().next().unwrap_or_default();
        let mut utterance = Self::new().at(SttAt::SpeechStart(WORD_MS), SttAction::StartOfTurn(first.into()));
        utterance.steps.extend(Self::interims(text).steps);
        utterance
            .at(SttAt::SpeechEnd(eager_ms), SttAction::EagerEndOfTurn(text.into()))
            .at(SttAt::SpeechEnd(end_ms), SttAction::EndOfTurn(text.into()))
    }

    /// Adds a step.
    #[must_use]
    pub fn at(mut self, at: SttAt, action: SttAction) -> Self {
        self.steps.push(SttStep { at, action });
        self
    }

    fn interims(text: &str) -> Self {
        let mut steps = Vec::new();
        let mut so_far = String::new();
        for (index, word) in (1..).zip(text.split_whitespace()) {
            if !so_far.is_empty() {
                so_far.push(' ');
            }
            so_far.push_str(word);
            steps.push(SttStep { at: SttAt::SpeechStart(index * WORD_MS), action: SttAction::Interim(so_far.clone()) });
        }
        Self { steps }
    }

    fn final_text(self, text: &str) -> Self {
        let at = SttAt::Finalize { after_request_ms: FINAL_AFTER_REQUEST_MS, after_end_ms: FINAL_AFTER_END_MS };
        self.at(at, SttAction::Final(text.into()))
    }
}

//! What the machine is told.

use super::{Protection, TurnConfig, probability};
use crate::units::{Position, ReplyId, ToolRunId};
use serde::{Deserialize, Serialize};

/// One thing that happened. Caller positions are samples at the line's rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Input {
    /// The VAD noticed speech that began at `onset`.
    SpeechStarted {
        /// Its first sample.
        onset: Position,
        /// The VAD's probability.
        #[serde(with = "probability")]
        confidence: f32,
    },
    /// The VAD noticed that speech ended at `end`, `silence_ms` ago.
    SpeechEnded {
        /// Just after its last sample.
        end: Position,
        /// How long it has been silent already: the VAD's hangover.
        silence_ms: u64,
    },
    /// From the STT.
    Stt(SttInput),
    /// A turn model's probability (0–1) that the caller has finished. For those who drive the machine themselves: the
    /// session has no turn model to ask.
    TurnVerdict {
        /// 1 is certainly finished.
        #[serde(with = "probability")]
        complete: f32,
    },
    /// From the generation or the speech of a reply; ignored unless that reply lives.
    Reply(ReplyId, ReplyInput),
    /// From the embedding program or the client.
    Command(Command),
    /// The far end cannot be reached and may come back: until then no timer runs but that of the longest call.
    LineAway,
    /// It can be reached again.
    LineBack,
    /// The instant [`super::TurnMachine::poll_timeout`] asked for has come.
    TimerFired,
}

/// What the STT says; see [`crate::stage::SttEvent`] for segments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SttInput {
    /// It hears a turn begin.
    StartOfTurn {
        /// The words so far.
        text: String,
    },
    /// The segment so far.
    Interim {
        /// The whole segment.
        text: String,
    },
    /// The turn may be over.
    EagerEndOfTurn {
        /// The whole segment.
        text: String,
    },
    /// It was not.
    TurnResumed,
    /// The segment is closed with these words.
    Final {
        /// Empty if there were none.
        text: String,
        /// Just after the audio they cover; all speech so far, where that is not known. Speech that goes on beyond it has a
        /// final to come.
        end: Option<Position>,
    },
    /// The turn is over with these words.
    EndOfTurn {
        /// Closes the segment.
        text: String,
    },
    /// Its stream broke and another follows: an end of turn that it owed may never come.
    Interrupted,
    /// The STT failed for good: turns go on without words.
    Failed,
}

/// What happens to a reply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReplyInput {
    /// The model's first token came.
    FirstToken,
    /// The next clause of its text is ready to be spoken.
    Clause {
        /// Its text with its own spacing: the clauses joined are the reply.
        text: String,
    },
    /// The model wants a tool run.
    ToolRequested {
        /// Which run.
        run: ToolRunId,
    },
    /// The run is over, with a result or without.
    ToolFinished {
        /// Which run.
        run: ToolRunId,
    },
    /// No clause follows.
    GenerationDone,
    /// The model failed; clauses already given are still spoken.
    GenerationFailed,
    /// More audio is there: so many samples at the line's rate, after trimming.
    Audio {
        /// How many.
        samples: u64,
    },
    /// When a word sounds, in samples of the reply's audio at the line's rate, after trimming.
    Word {
        /// The word.
        text: String,
        /// Its first sample.
        start_samples: u64,
        /// Just after its last.
        end_samples: u64,
    },
    /// The audio so far is the first `clauses` clauses.
    ClauseEnd {
        /// How many, counted from 1.
        clauses: u32,
    },
    /// All clauses are spoken: no audio follows.
    SpeechDone,
    /// The TTS failed: no audio follows.
    SpeechFailed,
    /// The caller has heard the reply's audio up to here.
    Played {
        /// Samples of the reply.
        samples: u64,
    },
    /// All audio of the reply that there is was heard, and none follows.
    Drained {
        /// Samples of the reply.
        samples: u64,
    },
}

/// What the embedding program or the client asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Command {
    /// The agent shall say this when the floor is free. Eight texts may wait; one more drops the oldest, which
    /// [`super::Output::SayDropped`] tells.
    Say {
        /// The text.
        text: String,
        /// Whether the caller may interrupt it.
        protection: Protection,
    },
    /// The agent shall stop speaking now, as if the caller had barged in: even a protected reply, and even one that is not
    /// audible yet. Texts that wait to be said still are.
    Interrupt,
    /// The caller muted or unmuted: while muted, speech is not theirs. Muting ends their speech; a final that was
    /// outstanding then still counts.
    Mute(Muted),
    /// A key was pressed: `0`–`9`, `*`, `#`, `A`–`D`; anything else is ignored. An entry is a turn that reads
    /// "keys 1 2 3 #", after words said in the same turn. A key over the agent is a bid.
    Dtmf(char),
    /// Whether the current and coming replies may be interrupted, from now on.
    Protect(Protection),
    /// New thresholds, from now on.
    Configure(Box<TurnConfig>),
    /// The line is gone or somebody hung up.
    HangUp(super::EndReason),
}

/// Whether the caller is muted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Muted {
    /// Muted.
    On,
    /// Audible.
    Off,
}

//! What every transport implements: a source of caller audio, a sink of agent audio.

use crate::audio::Frame;
use crate::units::{ReplyId, SampleRate};
use futures::stream::BoxStream;
use std::task::{Context, Poll};

/// A connected line, not yet split in its two halves.
pub trait Line: Send {
    /// What the line can do.
    fn info(&self) -> LineInfo;
    /// The two halves. The source ends when the line does.
    fn split(self: Box<Self>) -> (BoxLineSource, Box<dyn LineSink>);
}

/// The caller's half of a line. An `Err` is its last item.
pub type BoxLineSource = BoxStream<'static, Result<LineInput, LineError>>;

/// What a line can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineInfo {
    /// The rate of both directions.
    pub rate: SampleRate,
    /// What the far end can do with audio it has but has not played.
    pub rebuffer: Rebuffer,
    /// Whether the far end says what it played.
    pub played: PlayedReports,
}

/// What the far end can do with audio it has been sent but has not played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rebuffer {
    /// Holds it on pause, goes on from the same sample on resume, drops it on clear.
    PauseAndClear,
    /// Only drops it: resuming sends it again from the first unplayed sample.
    ClearOnly,
    /// Plays whatever it was sent: audio is sent just in time.
    Nothing,
}

/// Whether the far end says what it played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlayedReports {
    /// It reports; heard text is exact.
    Reported,
    /// It does not; the pacing clock stands in.
    PacingClock,
}

/// What arrives on a line.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a frame is inline: boxed, each would be an allocation")]
pub enum LineInput {
    /// Caller audio: at most 20 ms, at the line's rate, its position counted from the start of the line. A jump in
    /// position is audio that was lost or never sent.
    Audio(Frame),
    /// The far end has played this reply up to `samples` of it.
    Played {
        /// Which reply.
        reply: ReplyId,
        /// Samples of the reply.
        samples: u64,
    },
    /// The far end asks for something.
    Command(LineCommand),
    /// The far end cannot be reached and may come back. The line takes audio and control messages for it all the same, as
    /// far as its queue goes; how long it waits is its own affair, and then it ends with [`LineError::Lost`].
    Away,
    /// The far end can be reached again, and has or will have all that was sent to it.
    Back,
}

/// What the far end may ask for.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum LineCommand {
    /// The agent shall say this.
    Say(String),
    /// The agent shall stop speaking.
    Interrupt,
    /// The caller's microphone is off.
    Mute,
    /// The caller's microphone is on again.
    Unmute,
    /// A key.
    Dtmf(char),
    /// The caller ends the call.
    HangUp,
}

/// The agent's half of a line. Bounded; only [`LineSink::poll_drive`] and [`LineSink::poll_close`] wait.
pub trait LineSink: Send {
    /// Queues audio of a reply; the frame's position is the count of samples since that reply's first.
    ///
    /// # Errors
    /// [`LineError::Full`] if the far end does not read: the frame was not taken.
    fn send_audio(&mut self, reply: ReplyId, frame: &Frame) -> Result<(), LineError>;

    /// Queues a control message. A [`LineControl::Clear`] first drops the reply's audio from the queue, and no audio of
    /// that reply is taken after it.
    ///
    /// # Errors
    /// [`LineError::Full`] if the far end does not read.
    fn send_control(&mut self, control: LineControl) -> Result<(), LineError>;

    /// Writes what is queued; ready only when the line has failed. Polled by the session while the call lives.
    fn poll_drive(&mut self, cx: &mut Context<'_>) -> Poll<LineError>;

    /// Writes what is left and closes; the session sets the deadline.
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// What the far end is told about its playback. Samples count from the reply's first. Exhaustive on purpose: a line that
/// left one out would go on playing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineControl {
    /// Stop playing and hold the rest.
    Pause {
        /// Which reply.
        reply: ReplyId,
        /// How much of it was sent.
        sent_samples: u64,
    },
    /// Go on from the sample where it stopped.
    Resume {
        /// Which reply.
        reply: ReplyId,
    },
    /// Drop everything of this reply that was not played.
    Clear {
        /// Which reply.
        reply: ReplyId,
    },
    /// All audio of this reply has been sent.
    End {
        /// Which reply.
        reply: ReplyId,
        /// Its length.
        total_samples: u64,
    },
}

impl LineControl {
    /// The reply it is about.
    pub fn reply(self) -> ReplyId {
        match self {
            Self::Pause { reply, .. } | Self::Resume { reply } | Self::Clear { reply } | Self::End { reply, .. } => {
                reply
            }
        }
    }
}

/// Why a line failed or took no more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// The far end closed it in good order.
    #[error("the far end closed the line")]
    Closed,
    /// The connection broke.
    #[error("the line broke: {0}")]
    Lost(String),
    /// The far end does not read and the queue is full.
    #[error("the far end does not read: its queue is full")]
    Full,
    /// The far end broke the protocol beyond repair.
    #[error("the far end broke the protocol: {0}")]
    Protocol(String),
}

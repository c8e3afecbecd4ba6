//! What can go wrong at a stage, sorted by who can mend it.

use std::time::Duration;

/// Who is at fault, and so what helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request or its configuration is wrong (a bad key, an unknown voice): trying again does not help.
    Configuration,
    /// The engine or the way to it failed: another try, or another engine, may work.
    Engine,
    /// We asked too much or too fast: another try later may work.
    Overload,
}

/// The error of a stage. One sentence that says what is wrong and, where there is something, what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StageError {
    /// The engine could not be reached or opened.
    #[error("{engine} cannot be opened: {reason}")]
    Open {
        /// Which engine.
        engine: &'static str,
        /// What is wrong and what to do.
        reason: String,
        /// Who is at fault.
        fault: Fault,
    },
    /// The engine was reached and wants to be asked again later.
    #[error("{engine} cannot be opened now: {reason}")]
    Busy {
        /// Which engine.
        engine: &'static str,
        /// What it said.
        reason: String,
        /// Who is at fault.
        fault: Fault,
        /// Not before this time is over.
        retry_after: Duration,
    },
    /// The stream broke while it ran.
    #[error("{engine} failed: {reason}")]
    Stream {
        /// Which engine.
        engine: &'static str,
        /// What happened.
        reason: String,
        /// Who is at fault.
        fault: Fault,
    },
    /// Nothing came within the deadline.
    #[error("{engine} gave nothing for {} ms", waited.as_millis())]
    Stalled {
        /// Which engine.
        engine: &'static str,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The stage takes no more for now: its bounded queue is full.
    #[error("{engine} is behind: its queue is full, this input was dropped")]
    Full {
        /// Which engine.
        engine: &'static str,
    },
    /// The stream has ended and takes nothing more.
    #[error("{engine} has ended")]
    Ended {
        /// Which engine.
        engine: &'static str,
    },
}

impl StageError {
    /// Who is at fault.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Open { fault, .. } | Self::Busy { fault, .. } | Self::Stream { fault, .. } => *fault,
            Self::Full { .. } => Fault::Overload,
            Self::Stalled { .. } | Self::Ended { .. } => Fault::Engine,
        }
    }

    /// After which time the engine wants to be asked again, where it says.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after, .. } => Some(*retry_after),
            Self::Open { .. } | Self::Stream { .. } | Self::Stalled { .. } | Self::Full { .. } | Self::Ended { .. } => {
                None
            }
        }
    }

    /// Whether another try may work.
    pub fn is_retryable(&self) -> bool {
        self.fault() != Fault::Configuration
    }
}

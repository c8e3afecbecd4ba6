//! Commands to a running call.

use crate::stage::SttHints;
use crate::turn::{Command, EndReason, Muted, Protection, TurnConfig};
use tokio::sync::mpsc;

/// Commands a running call. Clones command the same call; dropping them does not end it.
#[derive(Clone, Debug)]
pub struct SessionHandle {
    pub(super) commands: mpsc::Sender<Request>,
}

/// What the queue of a call carries.
#[derive(Debug)]
pub(super) enum Request {
    /// For the turn machine.
    Turn(Command),
    /// For the STT.
    Expect(Box<SttHints>),
}

/// Why a command was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandleError {
    /// The call is over.
    #[error("the call is over")]
    Ended,
    /// Too many commands are waiting; try again later.
    #[error("the call has {} commands waiting; try again later", SessionHandle::CAPACITY)]
    Full,
}

impl SessionHandle {
    /// How many commands may wait.
    pub const CAPACITY: usize = 64;

    /// The agent says this when the floor is free.
    ///
    /// # Errors
    /// [`HandleError`], as for every command.
    pub fn say(&self, text: impl Into<String>, protection: Protection) -> Result<(), HandleError> {
        self.command(Command::Say { text: text.into(), protection })
    }

    /// The agent stops speaking now.
    ///
    /// # Errors
    /// [`HandleError`].
    pub fn interrupt(&self) -> Result<(), HandleError> {
        self.command(Command::Interrupt)
    }

    /// The caller's audio counts, or not.
    ///
    /// # Errors
    /// [`HandleError`].
    pub fn mute(&self, muted: Muted) -> Result<(), HandleError> {
        self.command(Command::Mute(muted))
    }

    /// The caller pressed a key: `0`–`9`, `*`, `#`, `A`–`D`; anything else is ignored.
    ///
    /// # Errors
    /// [`HandleError`].
    pub fn dtmf(&self, key: char) -> Result<(), HandleError> {
        self.command(Command::Dtmf(key))
    }

    /// Whether what the agent says, now and from now on, may be interrupted.
    ///
    /// # Errors
    /// [`HandleError`].
    pub fn protect(&self, protection: Protection) -> Result<(), HandleError> {
        self.command(Command::Protect(protection))
    }

    /// New thresholds from now on.
    ///
    /// # Errors
    /// [`HandleError`].
    pub fn configure(&self, config: TurnConfig) -> Result<(), HandleError> {
        self.command(Command::Configure(Box::new(config)))
    }

    /// Ends the call.
    ///
    /// # Errors
    /// [`HandleError`].
    pub fn hang_up(&self, reason: EndReason) -> Result<(), HandleError> {
        self.command(Command::HangUp(reason))
    }

    /// What the STT should expect from here on, in this stream and in those that follow it. A field that is `None`
    /// keeps its value.
    ///
    /// # Errors
    /// [`HandleError`].
    pub fn expect(&self, hints: SttHints) -> Result<(), HandleError> {
        self.request(Request::Expect(Box::new(hints)))
    }

    fn command(&self, command: Command) -> Result<(), HandleError> {
        self.request(Request::Turn(command))
    }

    fn request(&self, request: Request) -> Result<(), HandleError> {
        self.commands.try_send(request).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => HandleError::Full,
            mpsc::error::TrySendError::Closed(_) => HandleError::Ended,
        })
    }
}

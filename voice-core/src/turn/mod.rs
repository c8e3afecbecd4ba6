//! The turn machine: who has the floor, when the agent answers and when it falls silent.
//!
//! Invariant: pure, total and replayable. The same inputs at the same instants give the same outputs; no input in any
//! state panics; it always comes to rest. It knows no audio bytes, no clock, no task and no channel: the session calls
//! [`TurnMachine::handle`], performs every [`TurnMachine::poll_output`] in order, and comes back at
//! [`TurnMachine::poll_timeout`].

mod config;
mod input;
mod output;

pub use config::{BargeInPolicy, Protection, Speculation, TurnConfig};
pub use input::{Command, Input, Muted, ReplyInput, SttInput};
pub use output::{
    AgentTurn, BargeInCause, BargeInSignal, CallerTurn, EndReason, EotSource, Output, ReplyKind, ReplyOutcome,
    ReplyStart,
};

use crate::units::SampleRate;
use std::time::Instant;

/// The state machine of one call.
pub struct TurnMachine {
    _todo: (),
}

impl TurnMachine {
    /// A call that begins now. `line_rate` is the rate of all positions and sample counts.
    pub fn new(_config: TurnConfig, _line_rate: SampleRate, _now: Instant) -> Self {
        Self { _todo: () }
    }
    /// Takes one input at `now`; instants never go backwards (an earlier one counts as the latest).
    pub fn handle(&mut self, _input: Input, _now: Instant) {}
    /// The next thing to do, until there is none.
    pub fn poll_output(&mut self) -> Option<Output> {
        None
    }
    /// When to come back with [`Input::TimerFired`] at the latest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

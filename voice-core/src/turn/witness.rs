//! Looking on while a machine is driven.

use super::{Input, Output, TurnConfig};
use crate::units::SampleRate;
use std::time::Instant;

/// Sees all that a machine is told and all that it says, in the order in which that happens. With it and nothing else the
/// machine can be run again. Called by the task that owns the call: it must not wait.
pub trait TurnWitness: Send {
    /// A machine was made, with these thresholds and this rate of the line.
    fn began(&mut self, config: &TurnConfig, line_rate: SampleRate, at: Instant);

    /// It is about to be told this.
    fn told(&mut self, input: &Input, at: Instant);

    /// It said this.
    fn said(&mut self, output: &Output);
}

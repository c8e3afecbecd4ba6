//! The turn machine as a session drives it: with somebody who may look on.
//!
//! Invariant: a witness sees every input before the machine does and every output before it is performed, and changes
//! neither. Without one nothing is done and nothing allocated.

use crate::turn::{Input, Output, TurnConfig, TurnMachine, TurnWitness};
use crate::units::{ReplyId, SampleRate, TurnId};
use std::time::Instant;

pub(super) struct WitnessedMachine {
    machine: TurnMachine,
    witness: Option<Box<dyn TurnWitness>>,
    began: Instant,
}

impl WitnessedMachine {
    pub(super) fn new(config: TurnConfig, line_rate: SampleRate, now: Instant) -> Self {
        Self { machine: TurnMachine::new(config, line_rate, now), witness: None, began: now }
    }

    /// Comes before the first input.
    pub(super) fn set_witness(
        &mut self,
        mut witness: Box<dyn TurnWitness>,
        config: &TurnConfig,
        line_rate: SampleRate,
    ) {
        witness.began(config, line_rate, self.began);
        self.witness = Some(witness);
    }

    pub(super) fn handle(&mut self, input: Input, now: Instant) {
        if let Some(witness) = &mut self.witness {
            witness.told(&input, now);
        }
        self.machine.handle(input, now);
    }

    pub(super) fn poll_output(&mut self) -> Option<Output> {
        let output = self.machine.poll_output()?;
        if let Some(witness) = &mut self.witness {
            witness.said(&output);
        }
        Some(output)
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.machine.poll_timeout()
    }

    pub(super) fn agent_has_floor(&self) -> bool {
        self.machine.agent_has_floor()
    }

    pub(super) fn words_so_far(&self) -> Option<(TurnId, &str)> {
        self.machine.words_so_far()
    }

    pub(super) fn heard_so_far(&self, reply: ReplyId) -> Option<(&str, usize)> {
        self.machine.heard_so_far(reply)
    }
}

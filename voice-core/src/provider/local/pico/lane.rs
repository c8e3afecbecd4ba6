//! The voice thread: its engines, each a lane that speaks for one reply at a time, stepped in turn.

use super::super::models::PicoFiles;
use super::config::PicoConfig;
use super::desk::Desk;
use super::engine::{PicoEngine, STEP_SAMPLES, Step};
use super::reply::Reply;
use super::tts::ENGINE;
use crate::stage::{Fault, StageError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Samples made for one reply before it is the next one's turn: 64 ms, about half a millisecond of work.
const BLOCK_SAMPLES: usize = 1_024;
/// Steps of the engine that may give nothing in a row before the reply is failed: it takes a handful a sample block.
const BARREN_STEPS: usize = 100_000;

/// What the thread needs to open engines.
pub(super) struct Crew {
    pub(super) files: PicoFiles,
    pub(super) config: PicoConfig,
    pub(super) desk: Arc<Desk>,
}

impl Crew {
    /// Speaks for the replies at the desk until it is closed. `first` is the engine that is open already.
    pub(super) fn run(self, first: PicoEngine) {
        let mut lanes = vec![Lane::new(first)];
        loop {
            self.fill(&mut lanes);
            let busy = lanes.iter_mut().filter(|lane| lane.reply.is_some());
            let worked = busy.map(|lane| self.block(lane)).count();
            if worked == 0 && !self.desk.wait() {
                return;
            }
        }
    }

    /// Gives waiting replies to idle lanes, first come, first served.
    fn fill(&self, lanes: &mut Vec<Lane>) {
        while self.desk.has_waiting() {
            let Some(lane) = self.idle(lanes) else { return };
            if let Some(reply) = self.desk.take() {
                lane.begin(reply);
            }
        }
    }

    /// An idle lane; a new one while there are fewer than allowed.
    fn idle<'l>(&self, lanes: &'l mut Vec<Lane>) -> Option<&'l mut Lane> {
        if let Some(at) = lanes.iter().position(|lane| lane.reply.is_none()) {
            return lanes.get_mut(at);
        }
        if lanes.len() >= self.config.lanes {
            return None;
        }
        lanes.push(Lane::new(PicoEngine::open(&self.files, &self.config).ok()?));
        lanes.last_mut()
    }

    /// One block of a lane. A failure or a panic ends its reply, and the lane gets a new engine.
    fn block(&self, lane: &mut Lane) {
        let outcome = catch_unwind(AssertUnwindSafe(|| lane.block(&self.desk)));
        let reason = match outcome {
            Ok(Ok(())) => return,
            Ok(Err(reason)) => reason,
            Err(_) => "the engine broke off".to_owned(),
        };
        tracing::warn!(engine = ENGINE, reason, "a reply was not spoken");
        if let Some(reply) = lane.reply.take() {
            reply.fail(StageError::Stream { engine: ENGINE, reason, fault: Fault::Engine });
        }
        if let Ok(engine) = PicoEngine::open(&self.files, &self.config) {
            lane.engine = engine;
        }
    }
}

/// An engine and the reply it speaks for.
struct Lane {
    engine: PicoEngine,
    reply: Option<Arc<Reply>>,
    block: Vec<i16>,
}

impl Lane {
    fn new(engine: PicoEngine) -> Self {
        Self { engine, reply: None, block: vec![0; BLOCK_SAMPLES + STEP_SAMPLES] }
    }

    fn begin(&mut self, reply: Arc<Reply>) {
        if let Some(piece) = reply.next_piece() {
            self.engine.say(&piece);
            self.reply = Some(reply);
        }
    }

    /// Makes one block, or what is left of the piece; then the reply goes to the end of the line.
    fn block(&mut self, desk: &Desk) -> Result<(), String> {
        let Some(reply) = self.reply.clone() else { return Ok(()) };
        let (filled, step) = self.fill_block()?;
        let wanted = filled == 0 || reply.give(self.block.get(..filled).unwrap_or_default());
        if !wanted {
            self.reply = None;
            return self.engine.stop();
        }
        if step == Step::Spoken {
            self.reply = None;
            desk.put(reply);
        }
        Ok(())
    }

    fn fill_block(&mut self) -> Result<(usize, Step), String> {
        let mut filled = 0;
        for _ in 0..BARREN_STEPS {
            let room = self.block.get_mut(filled..).unwrap_or_default();
            let (samples, step) = self.engine.step(room)?;
            filled += samples;
            if step == Step::Spoken || filled >= BLOCK_SAMPLES {
                return Ok((filled, step));
            }
        }
        Err("it makes no progress".to_owned())
    }
}

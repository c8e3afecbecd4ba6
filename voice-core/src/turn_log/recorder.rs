//! Writing a log while the call runs.

use super::entry::{CutLine, HeadLine, InputLine, OutputLine, VERSION, nanos};
use crate::turn::{Input, Output, TurnConfig, TurnWitness};
use crate::units::SampleRate;
use serde::Serialize;
use std::fmt;
use std::time::Instant;

/// Room that is kept for the line that says that a log was cut.
const CUT_BYTES: u64 = 128;

/// Takes a line.
type Sink = Box<dyn FnMut(&[u8]) + Send>;

/// A call's log as it is made: give it to [`Session::witness`](crate::session::Session::witness).
///
/// Each line goes to a function of the embedding program, complete and with its line feed; the task that owns the call runs
/// that function, so it must not wait.
pub struct TurnLog {
    sink: Sink,
    line: Vec<u8>,
    left_bytes: u64,
    began: Option<Instant>,
}

impl fmt::Debug for TurnLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnLog").field("left_bytes", &self.left_bytes).finish_non_exhaustive()
    }
}

impl TurnLog {
    /// A log of at most `max_bytes`, at which it is cut and says so. An hour of lively talk is about 5 MB.
    pub fn new(max_bytes: u64, sink: impl FnMut(&[u8]) + Send + 'static) -> Self {
        let left_bytes = max_bytes.saturating_sub(CUT_BYTES);
        Self { sink: Box::new(sink), line: Vec::new(), left_bytes, began: None }
    }

    fn write(&mut self, entry: &impl Serialize) {
        self.line.clear();
        // Plain values always serialise.
        if serde_json::to_writer(&mut self.line, entry).is_err() {
            return self.cut("an entry could not be written");
        }
        self.line.push(b'\n');
        match self.left_bytes.checked_sub(self.line.len() as u64) {
            Some(left) => {
                self.left_bytes = left;
                (self.sink)(&self.line);
            }
            None => self.cut("the log reached its longest"),
        }
    }

    /// Nothing follows: without a beginning no line is written.
    fn cut(&mut self, why: &str) {
        self.began = None;
        self.line.clear();
        if serde_json::to_writer(&mut self.line, &CutLine { cut: why }).is_ok() {
            self.line.push(b'\n');
            (self.sink)(&self.line);
        }
    }
}

impl TurnWitness for TurnLog {
    fn began(&mut self, config: &TurnConfig, line_rate: SampleRate, at: Instant) {
        self.began = Some(at);
        self.write(&HeadLine { turn_log: VERSION, rate: line_rate.hz(), config });
    }

    fn told(&mut self, input: &Input, at: Instant) {
        if let Some(began) = self.began {
            self.write(&InputLine { at_ns: nanos(began, at), r#in: input });
        }
    }

    fn said(&mut self, output: &Output) {
        if let Some(began) = self.began {
            self.write(&OutputLine::new(output, began));
        }
    }
}

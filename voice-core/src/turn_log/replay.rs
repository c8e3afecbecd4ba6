//! Running a log again.

use super::entry::{Head, Line, OutputLine, VERSION};
use crate::turn::{Input, Output, TurnMachine};
use crate::units::SampleRate;
use serde_json::Value;
use std::io::{self, BufRead, Read};
use std::time::{Duration, Instant};

/// The longest line that is read; the longest that is written holds a text of a few thousand characters.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// What running a log again has shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    /// What the machine was told.
    pub inputs: u64,
    /// What it said, as far as that was compared.
    pub outputs: u64,
    /// From the machine's beginning to the last input.
    pub duration: Duration,
    /// Whether it said the same.
    pub outcome: ReplayOutcome,
}

/// Whether a machine said the same again.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ReplayOutcome {
    /// It did, from the first to the last line.
    Identical,
    /// It did, as far as the log goes; this is why it goes no further.
    IdenticalUntilCut(String),
    /// It did not.
    Different(Box<Difference>),
}

/// The first thing that is not the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The log's line, counted from 1.
    pub line: u64,
    /// When, since the machine was made.
    pub at: Duration,
    /// What the log has there, as JSON; `None` where it is over.
    pub recorded: Option<String>,
    /// What the machine said, as JSON; `None` where it said nothing.
    pub replayed: Option<String>,
}

/// Why a log cannot be run again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// It cannot be read.
    #[error("the log cannot be read: {0}")]
    Io(#[from] io::Error),
    /// Another version wrote it, or something else.
    #[error("this is no turn log of version {VERSION}: its first line must be {{\"turn_log\":{VERSION},…}} ({0})")]
    NotALog(String),
    /// A line is none of a log.
    #[error("line {line} is no line of a turn log: {why}")]
    Line {
        /// Which, counted from 1.
        line: u64,
        /// What is wrong.
        why: String,
    },
}

/// Runs a log again and compares. `base` is any instant; the log's times are counted from it.
///
/// A last line that is not complete is what a process leaves that was killed: the log counts as cut there.
///
/// # Errors
/// [`ReplayError`] if it is no log. That the machine says something else is no error.
pub fn replay(log: impl BufRead, base: Instant) -> Result<Replayed, ReplayError> {
    let mut lines = Lines { log, text: Vec::new(), number: 0 };
    let head = lines.head()?;
    let rate = SampleRate::from_hz(head.rate);
    let rate = rate.ok_or_else(|| ReplayError::NotALog(format!("a rate of {} Hz is not spoken", head.rate)))?;
    let machine = TurnMachine::new(head.config, rate, base);
    let run = Run { machine, base, inputs: 0, outputs: 0, at: Duration::ZERO };
    run.over(&mut lines)
}

/// A machine that is given a log.
struct Run {
    machine: TurnMachine,
    base: Instant,
    inputs: u64,
    outputs: u64,
    at: Duration,
}

impl Run {
    fn over(mut self, lines: &mut Lines<impl BufRead>) -> Result<Replayed, ReplayError> {
        while let Some(line) = lines.next()? {
            let number = lines.number;
            let differs = match line {
                Line { cut: Some(why), .. } => return Ok(self.done(ReplayOutcome::IdenticalUntilCut(why))),
                Line { at_ns: Some(at_ns), r#in: Some(input), .. } => self.tell(input, at_ns, number)?,
                Line { out: Some(_), .. } => self.compare(number, &line),
                Line { .. } => return Err(lines.wrong("it has neither \"at_ns\" and \"in\", nor \"out\", nor \"cut\"")),
            };
            if let Some(difference) = differs {
                return Ok(self.done(ReplayOutcome::Different(difference)));
            }
        }
        let last = lines.number.saturating_add(1);
        let outcome = match self.machine.poll_output() {
            Some(extra) => ReplayOutcome::Different(self.difference(last, None, Some(self.value(&extra)))),
            None => ReplayOutcome::Identical,
        };
        Ok(self.done(outcome))
    }

    fn tell(&mut self, input: Input, at_ns: u64, line: u64) -> Result<Option<Box<Difference>>, ReplayError> {
        let at = Duration::from_nanos(at_ns);
        let now = self.base.checked_add(at);
        let now = now.ok_or_else(|| ReplayError::Line { line, why: format!("at_ns {at_ns} is beyond counting") })?;
        self.at = at;
        self.inputs += 1;
        self.machine.handle(input, now);
        Ok(None)
    }

    fn compare(&mut self, number: u64, line: &Line) -> Option<Box<Difference>> {
        self.outputs += 1;
        let recorded = recorded(line);
        let replayed = self.machine.poll_output().map(|output| self.value(&output));
        (replayed.as_ref() != Some(&recorded)).then(|| self.difference(number, Some(recorded), replayed))
    }

    fn value(&self, output: &Output) -> Value {
        serde_json::to_value(OutputLine::new(output, self.base)).unwrap_or_default()
    }

    fn difference(&self, line: u64, recorded: Option<Value>, replayed: Option<Value>) -> Box<Difference> {
        let text = |value: Value| value.to_string();
        Box::new(Difference { line, at: self.at, recorded: recorded.map(text), replayed: replayed.map(text) })
    }

    fn done(&self, outcome: ReplayOutcome) -> Replayed {
        Replayed { inputs: self.inputs, outputs: self.outputs, duration: self.at, outcome }
    }
}

/// An output as it was written.
fn recorded(line: &Line) -> Value {
    let mut entry = serde_json::Map::new();
    entry.insert("out".into(), line.out.clone().unwrap_or_default());
    let times = [("noticed_at_ns", line.noticed_at_ns), ("committed_at_ns", line.committed_at_ns)];
    entry.extend(times.into_iter().filter_map(|(name, at_ns)| Some((name.into(), at_ns?.into()))));
    Value::Object(entry)
}

/// The lines of a log.
struct Lines<R> {
    log: R,
    text: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    fn head(&mut self) -> Result<Head, ReplayError> {
        self.read()?;
        let head: Head = serde_json::from_slice(&self.text).map_err(|error| ReplayError::NotALog(error.to_string()))?;
        if head.turn_log == VERSION { Ok(head) } else { Err(ReplayError::NotALog(format!("it is {}", head.turn_log))) }
    }

    fn next(&mut self) -> Result<Option<Line>, ReplayError> {
        self.read()?;
        if self.text.is_empty() {
            return Ok(None);
        }
        match serde_json::from_slice(&self.text) {
            Ok(line) => Ok(Some(line)),
            Err(_) if !self.text.ends_with(b"\n") => Ok(Some(broken_off())),
            Err(error) => Err(self.wrong(&error.to_string())),
        }
    }

    fn read(&mut self) -> Result<(), ReplayError> {
        self.text.clear();
        self.number += 1;
        let read = (&mut self.log).take(MAX_LINE_BYTES).read_until(b'\n', &mut self.text)?;
        if read as u64 == MAX_LINE_BYTES {
            return Err(self.wrong(&format!("it is longer than {MAX_LINE_BYTES} bytes")));
        }
        Ok(())
    }

    fn wrong(&self, why: &str) -> ReplayError {
        ReplayError::Line { line: self.number, why: why.into() }
    }
}

fn broken_off() -> Line {
    let why = "the last line is not complete: the process that wrote it was killed";
    Line { at_ns: None, r#in: None, out: None, cut: Some(why.into()), noticed_at_ns: None, committed_at_ns: None }
}

//! The lines of a log.

use crate::turn::{Input, Output, TurnConfig};
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// The version that is written and read.
pub(super) const VERSION: u32 = 1;

/// The first line.
#[derive(Debug, Deserialize)]
pub(super) struct Head {
    pub(super) turn_log: u32,
    pub(super) rate: u32,
    pub(super) config: TurnConfig,
}

/// The first line as it is written.
#[derive(Serialize)]
pub(super) struct HeadLine<'a> {
    pub(super) turn_log: u32,
    pub(super) rate: u32,
    pub(super) config: &'a TurnConfig,
}

/// What the machine was told, as it is written.
#[derive(Serialize)]
pub(super) struct InputLine<'a> {
    pub(super) at_ns: u64,
    pub(super) r#in: &'a Input,
}

/// What it said. The instants of a barge-in are counted from when the machine was made, like those of inputs.
#[derive(Serialize)]
pub(super) struct OutputLine<'a> {
    out: &'a Output,
    #[serde(skip_serializing_if = "Option::is_none")]
    noticed_at_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    committed_at_ns: Option<u64>,
}

/// The last line of a log that was cut.
#[derive(Serialize)]
pub(super) struct CutLine<'a> {
    pub(super) cut: &'a str,
}

/// A line after the first, as it is read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    pub(super) at_ns: Option<u64>,
    pub(super) r#in: Option<Input>,
    pub(super) out: Option<serde_json::Value>,
    pub(super) cut: Option<String>,
    pub(super) noticed_at_ns: Option<u64>,
    pub(super) committed_at_ns: Option<u64>,
}

impl<'a> OutputLine<'a> {
    pub(super) fn new(out: &'a Output, began: Instant) -> Self {
        let (noticed_at_ns, committed_at_ns) = match out {
            Output::BargeIn(signal) => (Some(nanos(began, signal.noticed_at)), Some(nanos(began, signal.committed_at))),
            _ => (None, None),
        };
        Self { out, noticed_at_ns, committed_at_ns }
    }
}

/// Nanoseconds from `began` to `at`; a call lasts less than the five centuries that can be counted.
pub(super) fn nanos(began: Instant, at: Instant) -> u64 {
    u64::try_from(at.saturating_duration_since(began).as_nanos()).unwrap_or(u64::MAX)
}

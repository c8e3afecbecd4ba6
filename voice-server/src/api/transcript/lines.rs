//! The lines of a transcript.

use crate::principal::CallUuid;
use crate::store::{CallDetail, Utterance, Who};
use serde::Serialize;
use std::collections::HashMap;
use utoipa::ToSchema;

/// What was said in a call.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Transcript {
    /// The call.
    pub(super) call_id: CallUuid,
    /// What was said, in the order in which it began.
    pub(super) lines: Vec<Line>,
}

/// What one side said at a time.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Line {
    /// Whose words.
    pub(super) speaker: Speaker,
    /// The words; of the agent, what was heard.
    pub(super) text: String,
    /// When it began, in milliseconds since the call was answered.
    pub(super) start_ms: i64,
    /// When it ended.
    pub(super) end_ms: i64,
    /// Whether the caller took the turn from the agent here.
    pub(super) interrupted: bool,
}

/// Who speaks in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Speaker {
    /// The caller.
    Caller,
    /// The agent.
    Agent,
    /// Nobody: the connection was lost, and what was said meanwhile was not heard.
    Line,
}

impl Transcript {
    pub(super) fn of(call: &CallDetail) -> Self {
        let lasting = last_versions(&call.utterances);
        let is_lasting = |said: &&Utterance| said.who != Who::Caller || lasting.get(&said.turn) == Some(&said.seq);
        let mut lines: Vec<_> = call.utterances.iter().filter(is_lasting).filter_map(Line::of).collect();
        lines.sort_by_key(|line| line.start_ms);
        Self { call_id: call.call.id, lines }
    }
}

/// A turn of the caller that was taken for over too early is there again, longer: which version of each is the last.
fn last_versions(utterances: &[Utterance]) -> HashMap<i64, i32> {
    let mut last = HashMap::new();
    for said in utterances.iter().filter(|said| said.who == Who::Caller) {
        let seq = last.entry(said.turn).or_insert(said.seq);
        *seq = said.seq.max(*seq);
    }
    last
}

impl Line {
    /// `None` for what was not said: a tool, a reply of which nothing was heard.
    fn of(said: &Utterance) -> Option<Self> {
        let speaker = match said.who {
            Who::Caller => Speaker::Caller,
            Who::Agent => Speaker::Agent,
            Who::Line => Speaker::Line,
            Who::Tool => return None,
        };
        if said.text.trim().is_empty() {
            return None;
        }
        let interrupted = speaker == Speaker::Agent && said.outcome == "barged_in";
        let (start_ms, end_ms) = (said.start_ms, said.end_ms);
        Some(Self { speaker, text: said.text.clone(), start_ms, end_ms, interrupted })
    }
}

//! What callers were told as final, and whether the store has it: all of it, once, in order.

use std::collections::HashMap;
use std::fmt;
use voice_core::transport::native::ServerMessage;
use voice_server::store::{CallDetail, CallStatus, Utterance, Who};

/// Differences that are told in full; of the others only how many.
const TOLD_IN_FULL: usize = 5;

/// One thing that was told as final.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Final {
    pub(crate) who: Who,
    pub(crate) turn: i64,
    pub(crate) text: String,
    /// Of the agent: which reply, all of its text, and how it ended.
    pub(crate) reply: Option<(i64, String, String)>,
}

/// What the caller of one call was told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Which tenant's caller it is.
    pub(crate) tenant: usize,
    pub(crate) finals: Vec<Final>,
    /// The reason of its `bye`.
    pub(crate) bye: Option<String>,
}

/// By the id of the call.
pub(crate) type Calls = HashMap<String, Told>;

/// What was told against what is stored.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    pub(crate) calls: usize,
    /// Told as final.
    pub(crate) utterances: usize,
    /// Told and not stored.
    pub(crate) lost: usize,
    /// Stored more often than it was said.
    pub(crate) doubled: usize,
    /// Calls that are otherwise than was told in any way, these two included.
    pub(crate) wrong: usize,
    differences: Vec<String>,
}

impl Told {
    /// Notes a message; says whether it was final.
    pub(crate) fn note(&mut self, message: &ServerMessage) -> bool {
        match message {
            ServerMessage::Transcript { turn, text, r#final: true } => {
                self.finals.push(Final { who: Who::Caller, turn: i64::from(*turn), text: text.clone(), reply: None });
            }
            ServerMessage::AgentText { turn, reply, text, heard, outcome: Some(outcome) } => {
                let reply = Some((i64::from(*reply), text.clone(), outcome.clone()));
                self.finals.push(Final { who: Who::Agent, turn: i64::from(*turn), text: heard.clone(), reply });
            }
            ServerMessage::Bye { reason } => self.bye = Some(reason.clone()),
            _ => return false,
        }
        true
    }

    /// The call is stored as it was told.
    pub(crate) fn assert_stored(&self, id: &str, stored: &CallDetail) {
        let mut compared = Compared::default();
        compared.add(id, self, Some(stored));
        compared.assert_equal();
    }
}

impl Compared {
    /// Compares a call. The rows begin with what was told, word for word; what follows was kept and could not be told any
    /// more, which cannot be where the caller was told of the end. Their numbers have no hole.
    pub(crate) fn add(&mut self, id: &str, told: &Told, stored: Option<&CallDetail>) {
        let utterances = stored.map(|stored| stored.utterances.as_slice()).unwrap_or_default();
        let rows: Vec<_> = utterances.iter().filter(|row| row.who != Who::Tool).map(of_row).collect();
        let lost = told.finals.iter().filter(|told| !rows.contains(told)).count();
        let doubled = rows.iter().enumerate().filter(|(place, row)| rows[..*place].contains(row)).count();
        let has_holes = utterances.iter().zip(0..).any(|(row, seq)| row.seq != seq);
        let is_as_told = rows.starts_with(&told.finals)
            && told.bye.as_ref().is_none_or(|reason| {
                let call = stored.map(|stored| (stored.call.status, stored.call.end_reason.as_deref()));
                call == Some((CallStatus::Ended, Some(reason.as_str()))) && rows.len() == told.finals.len()
            });
        self.calls += 1;
        self.utterances += told.finals.len();
        self.lost += lost;
        self.doubled += doubled;
        if stored.is_none() || !is_as_told || has_holes || doubled > 0 {
            self.wrong += 1;
            if self.differences.len() < TOLD_IN_FULL {
                self.differences.push(format!("call {id}\n told {told:#?}\n stored {stored:#?}"));
            }
        }
    }

    /// Nothing is otherwise than it was told.
    pub(crate) fn assert_equal(&self) {
        assert_eq!((self.lost, self.doubled, self.wrong), (0, 0, 0), "{self}\n{}", self.differences.join("\n"));
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { calls, utterances, lost, doubled, wrong, .. } = self;
        write!(
            out,
            "{calls} calls, {utterances} utterances compared: {lost} lost, {doubled} doubled, {wrong} calls wrong"
        )
    }
}

fn of_row(row: &Utterance) -> Final {
    let reply = row.reply.map(|reply| (reply, row.full_text.clone().unwrap_or_default(), row.outcome.clone()));
    Final { who: row.who, turn: row.turn, text: row.text.clone(), reply }
}

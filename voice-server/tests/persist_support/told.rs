//! What callers were told as final, and whether the store has it: all of it, once, in order.

use std::collections::HashMap;
use voice_core::transport::native::ServerMessage;
use voice_server::store::{CallDetail, CallStatus, Utterance, Who};

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
    pub(crate) finals: Vec<Final>,
    /// The reason of its `bye`.
    pub(crate) bye: Option<String>,
}

/// By the id of the call.
pub(crate) type Calls = HashMap<String, Told>;

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

    /// The rows begin with what was told, word for word; what follows was kept and could not be told any more. Their
    /// numbers have no hole.
    pub(crate) fn compare(&self, id: &str, stored: &CallDetail) {
        let numbers: Vec<_> = stored.utterances.iter().map(|row| row.seq).collect();
        assert_eq!(numbers, (0..stored.utterances.len() as i32).collect::<Vec<_>>(), "call {id}");
        let rows: Vec<_> = stored.utterances.iter().filter(|row| row.who != Who::Tool).map(of_row).collect();
        assert!(rows.starts_with(&self.finals), "call {id}\n told {:#?}\n rows {rows:#?}", self.finals);
        if let Some(reason) = &self.bye {
            assert_eq!(
                (stored.call.status, stored.call.end_reason.as_ref()),
                (CallStatus::Ended, Some(reason)),
                "{id}"
            );
            assert_eq!(rows.len(), self.finals.len(), "call {id} has more than its caller was told");
        }
    }
}

fn of_row(row: &Utterance) -> Final {
    let reply = row.reply.map(|reply| (reply, row.full_text.clone().unwrap_or_default(), row.outcome.clone()));
    Final { who: row.who, turn: row.turn, text: row.text.clone(), reply }
}

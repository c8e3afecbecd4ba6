//! In which order a batch is written so that few statements do it.
//!
//! Invariant: the entries of one call keep their order; those of different calls owe each other nothing.

use crate::principal::CallUuid;
use crate::store::Entry;
use std::collections::HashMap;
use std::mem::discriminant;

/// The batch in phases: entries of one kind each, to be written one phase after the other.
pub(super) fn phases(entries: &[Entry]) -> Vec<Vec<&Entry>> {
    let mut phases: Vec<Vec<&Entry>> = vec![];
    let mut reached: HashMap<CallUuid, usize> = HashMap::new();
    for entry in entries {
        let reached = reached.entry(entry.header().call).or_default();
        let takes =
            |phase: &Vec<&Entry>| phase.first().is_some_and(|first| discriminant(*first) == discriminant(entry));
        let later = phases.iter().enumerate().skip(*reached);
        match later.clone().find(|(_, phase)| takes(phase)).map(|(place, _)| place) {
            Some(place) => {
                *reached = place;
                if let Some(phase) = phases.get_mut(place) {
                    phase.push(entry);
                }
            }
            None => {
                *reached = phases.len();
                phases.push(vec![entry]);
            }
        }
    }
    phases
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::principal::{TenantId, UserId};
    use crate::store::{CallStart, ConversationEntry, Header};
    use serde_json::Value;
    use time::OffsetDateTime;
    use uuid::Uuid;

    fn header(call: u128) -> Header {
        let (tenant, call) = (TenantId(Uuid::nil()), CallUuid(Uuid::from_u128(call)));
        Header { tenant, call, started_at: OffsetDateTime::UNIX_EPOCH }
    }

    fn start(call: u128) -> Entry {
        Entry::CallStart(CallStart { header: header(call), user: UserId(Uuid::nil()), lead: None, server: Uuid::nil() })
    }

    fn conversation(call: u128) -> Entry {
        Entry::Conversation(ConversationEntry { header: header(call), messages: Value::Null })
    }

    fn calls(phases: &[Vec<&Entry>]) -> Vec<Vec<u128>> {
        phases.iter().map(|phase| phase.iter().map(|entry| entry.header().call.0.as_u128()).collect()).collect()
    }

    #[test]
    fn calls_that_take_turns_share_a_phase_for_each_kind() {
        let entries = [start(1), start(2), conversation(1), start(3), conversation(2), conversation(3)];
        assert_eq!(calls(&phases(&entries)), [[1, 2, 3], [1, 2, 3]]);
    }

    #[test]
    fn entries_of_a_call_keep_their_order() {
        let entries = [conversation(1), start(1), conversation(1), conversation(2)];
        assert_eq!(calls(&phases(&entries)), [vec![1, 2], vec![1], vec![1]]);
    }

    #[test]
    fn nothing_has_no_phase() {
        assert!(phases(&[]).is_empty());
    }
}

//! Entries of calls that are told apart by a number.

use crate::principal::{CallUuid, TenantId, UserId};
use crate::store::{CallEnd, CallStart, Entry, Header, Utterance, UtteranceEntry, UtteranceTimes, Who};
use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) fn header(call: u128) -> Header {
    Header {
        tenant: TenantId(Uuid::from_u128(1)),
        call: CallUuid(Uuid::from_u128(call)),
        started_at: OffsetDateTime::UNIX_EPOCH,
    }
}

pub(crate) fn call_start(call: u128) -> Entry {
    let user = UserId(Uuid::from_u128(2));
    Entry::CallStart(CallStart { header: header(call), user, lead: None, server: Uuid::from_u128(3) })
}

pub(crate) fn call_end(call: u128) -> Entry {
    Entry::CallEnd(Box::new(CallEnd {
        header: header(call),
        ended_at: OffsetDateTime::UNIX_EPOCH,
        duration_ms: 0,
        reason: "server_fault".into(),
        turns: 0,
        barge_ins: 0,
        resumes: 0,
        voice_to_voice_p50_ms: None,
        utterances: 0,
        cost_micros: None,
        currency: None,
        cost: None,
    }))
}

pub(crate) fn said(call: u128, seq: i32, text: &str) -> Entry {
    let utterance = Utterance {
        seq,
        turn: 1,
        reply: None,
        who: Who::Caller,
        text: text.into(),
        full_text: None,
        start_ms: 0,
        end_ms: 1,
        outcome: "silence".into(),
        barge_in_cause: None,
        resumes: 0,
        times: UtteranceTimes::default(),
        timeline: None,
    };
    Entry::Utterance(Box::new(UtteranceEntry { header: header(call), utterance }))
}

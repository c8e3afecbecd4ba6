//! Calls of a tenant, and what was said in them.

use super::columns::{Columns, begin, micros, word};
use super::database::Database;
use super::refusal::refused;
use crate::principal::{CallUuid, Principal, UserId};
use crate::store::{
    CallDetail, CallFilter, CallSummary, Cursor, Page, PageRequest, StoreError, Stored, Utterance, UtteranceTimes,
};
use serde_json::Value;
use sqlx::sqlite::SqliteRow;

const LIST: &str = "SELECT id, user_id, lead_id, status, end_reason, started_at, ended_at, duration_ms, turns, barge_ins, \
        resumes, voice_to_voice_p50_ms, cost_micros, currency FROM calls \
    WHERE tenant_id = ?1 AND (started_at, id) < (?2, ?3) \
    AND (?5 IS NULL OR status = ?5) AND (?6 IS NULL OR started_at >= ?6) AND (?7 IS NULL OR started_at < ?7) \
    AND (?8 IS NULL OR lead_id = ?8) AND (?9 IS NULL OR end_reason = ?9) \
    ORDER BY started_at DESC, id DESC LIMIT ?4";
const ONE: &str = "SELECT id, user_id, lead_id, status, end_reason, started_at, ended_at, duration_ms, turns, barge_ins, \
        resumes, voice_to_voice_p50_ms, cost_micros, currency, cost, \
        EXISTS (SELECT 1 FROM recordings WHERE tenant_id = ?1 AND call_id = ?2) AS recorded \
    FROM calls WHERE tenant_id = ?1 AND id = ?2";
const UTTERANCES: &str = "SELECT seq, turn, reply, who, text, full_text, start_ms, end_ms, outcome, barge_in_cause, resumes, \
        voice_to_voice_ms, eot_wait_ms, first_token_ms, tts_first_audio_ms, engine_ms, barge_in_pause_ms, timeline \
    FROM transcripts WHERE tenant_id = ?1 AND call_id = ?2 ORDER BY seq";
const CONVERSATION: &str = "SELECT coalesce( \
        (SELECT messages FROM conversations WHERE tenant_id = ?1 AND call_id = ?2), '[]') AS messages \
    FROM calls WHERE tenant_id = ?1 AND id = ?2";

const MISSING: StoreError = StoreError::NotFound { what: "call" };

fn summary(row: &SqliteRow) -> sqlx::Result<CallSummary> {
    Ok(CallSummary {
        id: CallUuid(row.get_as("id")?),
        user_id: UserId(row.get_as("user_id")?),
        lead_id: row.get_as("lead_id")?,
        status: row.word("status")?,
        end_reason: row.get_as("end_reason")?,
        started_at: row.time("started_at")?,
        ended_at: row.time_if_any("ended_at")?,
        duration_ms: row.get_as("duration_ms")?,
        turns: row.get_as("turns")?,
        barge_ins: row.get_as("barge_ins")?,
        resumes: row.get_as("resumes")?,
        voice_to_voice_p50_ms: row.get_as("voice_to_voice_p50_ms")?,
        cost_micros: row.get_as("cost_micros")?,
        currency: row.get_as("currency")?,
    })
}

fn detail(row: SqliteRow) -> sqlx::Result<CallDetail> {
    Ok(CallDetail {
        call: summary(&row)?,
        cost: row.json_if_any("cost")?,
        utterances: vec![],
        recorded: row.get_as("recorded")?,
    })
}

fn utterance(row: SqliteRow) -> sqlx::Result<Utterance> {
    Ok(Utterance {
        seq: row.get_as("seq")?,
        turn: row.get_as("turn")?,
        reply: row.get_as("reply")?,
        who: row.word("who")?,
        text: row.get_as("text")?,
        full_text: row.get_as("full_text")?,
        start_ms: row.get_as("start_ms")?,
        end_ms: row.get_as("end_ms")?,
        outcome: row.get_as("outcome")?,
        barge_in_cause: row.get_as("barge_in_cause")?,
        resumes: row.get_as("resumes")?,
        times: times(&row)?,
        timeline: row.json_if_any("timeline")?,
    })
}

fn times(row: &SqliteRow) -> sqlx::Result<UtteranceTimes> {
    Ok(UtteranceTimes {
        voice_to_voice_ms: row.get_as("voice_to_voice_ms")?,
        eot_wait_ms: row.get_as("eot_wait_ms")?,
        first_token_ms: row.get_as("first_token_ms")?,
        tts_first_audio_ms: row.get_as("tts_first_audio_ms")?,
        engine_ms: row.get_as("engine_ms")?,
        barge_in_pause_ms: row.get_as("barge_in_pause_ms")?,
    })
}

pub(super) async fn list(
    db: Database,
    who: Principal,
    filter: CallFilter,
    page: PageRequest,
) -> Stored<Page<CallSummary>> {
    let mut tx = db.read().await?;
    let (before, before_id) = begin(page);
    let query = sqlx::query(LIST).bind(who.tenant().0).bind(before).bind(before_id).bind(page.fetch_rows());
    let query = query.bind(filter.status.and_then(word)).bind(filter.from.map(micros)).bind(filter.to.map(micros));
    let query = query.bind(filter.lead_id).bind(filter.end_reason);
    let rows = query.try_map(|row| summary(&row)).fetch_all(&mut *tx).await.map_err(refused)?;
    Ok(Page::of(rows, page, |call| Cursor { at: call.started_at, id: call.id.0 }))
}

pub(super) async fn one(db: Database, who: Principal, call: CallUuid) -> Stored<CallDetail> {
    let mut tx = db.read().await?;
    let query = sqlx::query(ONE).bind(who.tenant().0).bind(call.0);
    let found = query.try_map(detail).fetch_optional(&mut *tx).await.map_err(refused)?.ok_or(MISSING)?;
    let query = sqlx::query(UTTERANCES).bind(who.tenant().0).bind(call.0);
    let utterances = query.try_map(utterance).fetch_all(&mut *tx).await.map_err(refused)?;
    Ok(CallDetail { utterances, ..found })
}

pub(super) async fn conversation(db: Database, who: Principal, call: CallUuid) -> Stored<Value> {
    let mut tx = db.read().await?;
    let query = sqlx::query(CONVERSATION).bind(who.tenant().0).bind(call.0);
    let found = query.try_map(|row: SqliteRow| row.json("messages")).fetch_optional(&mut *tx).await;
    found.map_err(refused)?.ok_or(MISSING)
}

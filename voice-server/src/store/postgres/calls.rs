//! Calls of a tenant, and what was said in them.

use super::columns::{Columns, begin, word};
use super::pools::ApiPool;
use super::refusal::refused;
use super::transaction::TenantTx;
use crate::principal::{CallUuid, Principal, UserId};
use crate::store::{
    CallDetail, CallFilter, CallSummary, Cursor, Page, PageRequest, StoreError, Stored, Utterance, UtteranceTimes,
};
use serde_json::Value;
use sqlx::Row;
use sqlx::postgres::PgRow;

const LIST: &str = "select id, user_id, lead_id, status, end_reason, started_at, ended_at, duration_ms, turns, barge_ins, \
        resumes, voice_to_voice_p50_ms, cost_micros, currency from calls \
    where tenant_id = $1 and (started_at, id) < (coalesce($2, 'infinity'), $3) \
    and ($5::text is null or status = $5) and ($6::timestamptz is null or started_at >= $6) \
    and ($7::timestamptz is null or started_at < $7) and ($8::uuid is null or lead_id = $8) \
    and ($9::text is null or end_reason = $9) \
    order by started_at desc, id desc limit $4";
const ONE: &str = "select id, user_id, lead_id, status, end_reason, started_at, ended_at, duration_ms, turns, barge_ins, \
        resumes, voice_to_voice_p50_ms, cost_micros, currency, cost, \
        exists (select from recordings r where r.tenant_id = $1 and r.call_id = $2) as recorded \
    from calls where tenant_id = $1 and id = $2";
const UTTERANCES: &str = "select seq, turn, reply, who, text, full_text, start_ms, end_ms, outcome, barge_in_cause, resumes, \
        voice_to_voice_ms, eot_wait_ms, first_token_ms, tts_first_audio_ms, engine_ms, barge_in_pause_ms, timeline \
    from transcripts where tenant_id = $1 and call_id = $2 order by seq";
const CONVERSATION: &str = "select coalesce( \
        (select messages from conversations where tenant_id = $1 and call_id = $2), '[]') as messages \
    from calls where tenant_id = $1 and id = $2";

const MISSING: StoreError = StoreError::NotFound { what: "call" };

fn summary(row: &PgRow) -> sqlx::Result<CallSummary> {
    Ok(CallSummary {
        id: CallUuid(row.try_get("id")?),
        user_id: UserId(row.try_get("user_id")?),
        lead_id: row.try_get("lead_id")?,
        status: row.word("status")?,
        end_reason: row.try_get("end_reason")?,
        started_at: row.try_get("started_at")?,
        ended_at: row.try_get("ended_at")?,
        duration_ms: row.try_get("duration_ms")?,
        turns: row.try_get("turns")?,
        barge_ins: row.try_get("barge_ins")?,
        resumes: row.try_get("resumes")?,
        voice_to_voice_p50_ms: row.try_get("voice_to_voice_p50_ms")?,
        cost_micros: row.try_get("cost_micros")?,
        currency: row.try_get("currency")?,
    })
}

fn detail(row: PgRow) -> sqlx::Result<CallDetail> {
    let (cost, recorded) = (row.try_get("cost")?, row.try_get("recorded")?);
    Ok(CallDetail { call: summary(&row)?, cost, utterances: vec![], recorded })
}

fn utterance(row: PgRow) -> sqlx::Result<Utterance> {
    Ok(Utterance {
        seq: row.try_get("seq")?,
        turn: row.try_get("turn")?,
        reply: row.try_get("reply")?,
        who: row.word("who")?,
        text: row.try_get("text")?,
        full_text: row.try_get("full_text")?,
        start_ms: row.try_get("start_ms")?,
        end_ms: row.try_get("end_ms")?,
        outcome: row.try_get("outcome")?,
        barge_in_cause: row.try_get("barge_in_cause")?,
        resumes: row.try_get("resumes")?,
        times: times(&row)?,
        timeline: row.try_get("timeline")?,
    })
}

fn times(row: &PgRow) -> sqlx::Result<UtteranceTimes> {
    Ok(UtteranceTimes {
        voice_to_voice_ms: row.try_get("voice_to_voice_ms")?,
        eot_wait_ms: row.try_get("eot_wait_ms")?,
        first_token_ms: row.try_get("first_token_ms")?,
        tts_first_audio_ms: row.try_get("tts_first_audio_ms")?,
        engine_ms: row.try_get("engine_ms")?,
        barge_in_pause_ms: row.try_get("barge_in_pause_ms")?,
    })
}

pub(super) async fn list(
    api: ApiPool,
    who: Principal,
    filter: CallFilter,
    page: PageRequest,
) -> Stored<Page<CallSummary>> {
    let mut tx = TenantTx::read(&api, who).await?;
    let (before, before_id) = begin(page);
    let query = sqlx::query(LIST).bind(tx.tenant()).bind(before).bind(before_id).bind(page.fetch_rows());
    let query = query.bind(filter.status.and_then(word)).bind(filter.from).bind(filter.to);
    let query = query.bind(filter.lead_id).bind(filter.end_reason);
    let rows = query.try_map(|row| summary(&row)).fetch_all(&mut *tx).await.map_err(refused)?;
    Ok(Page::of(rows, page, |call| Cursor { at: call.started_at, id: call.id.0 }))
}

pub(super) async fn one(api: ApiPool, who: Principal, call: CallUuid) -> Stored<CallDetail> {
    let mut tx = TenantTx::read(&api, who).await?;
    let query = sqlx::query(ONE).bind(tx.tenant()).bind(call.0);
    let found = query.try_map(detail).fetch_optional(&mut *tx).await.map_err(refused)?.ok_or(MISSING)?;
    let query = sqlx::query(UTTERANCES).bind(tx.tenant()).bind(call.0);
    let utterances = query.try_map(utterance).fetch_all(&mut *tx).await.map_err(refused)?;
    Ok(CallDetail { utterances, ..found })
}

pub(super) async fn conversation(api: ApiPool, who: Principal, call: CallUuid) -> Stored<Value> {
    let mut tx = TenantTx::read(&api, who).await?;
    let query = sqlx::query_scalar(CONVERSATION).bind(tx.tenant()).bind(call.0);
    query.fetch_optional(&mut *tx).await.map_err(refused)?.ok_or(MISSING)
}

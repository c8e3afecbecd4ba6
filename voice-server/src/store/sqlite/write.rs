//! What calls leave behind, as it is written.
//!
//! Invariant: a batch is one transaction; what is there stays as it is, whatever comes again; nothing is written under a
//! call that the same tenant's store does not hold.

use super::columns::{day, micros, word};
use super::database::{Database, Tx};
use super::refusal::refused;
use crate::store::{
    CallEnd, CallStart, ConversationEntry, Entry, Header, RecordingEntry, StoreError, Stored, Utterance, UtteranceEntry,
};

/// A lead that is gone since the call began is left out.
const START: &str = "INSERT INTO calls (tenant_id, id, started_at, user_id, lead_id, run) \
    VALUES (?1, ?2, ?3, ?4, (SELECT id FROM leads WHERE tenant_id = ?1 AND id = ?5), ?6) ON CONFLICT DO NOTHING";
const HOLDS: &str = "SELECT EXISTS (SELECT 1 FROM calls WHERE tenant_id = ?1 AND id = ?2)";
const UTTERANCE: &str = "INSERT INTO transcripts (tenant_id, call_id, call_day, seq, turn, reply, who, text, full_text, \
        start_ms, end_ms, outcome, barge_in_cause, resumes, timeline, \
        voice_to_voice_ms, eot_wait_ms, first_token_ms, tts_first_audio_ms, engine_ms, barge_in_pause_ms) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21) \
    ON CONFLICT DO NOTHING";
const CONVERSATION: &str = "INSERT INTO conversations (tenant_id, call_id, call_day, messages) VALUES (?1, ?2, ?3, ?4) \
    ON CONFLICT DO NOTHING";
const RECORDING: &str = "INSERT INTO recordings \
        (tenant_id, call_id, call_day, id, object_key, media_type, size_bytes, duration_ms) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING";
/// That a call was lost is a guess, which its real end corrects; a real end is never taken back.
const END: &str = "UPDATE calls SET status = 'ended', ended_at = ?3, duration_ms = ?4, end_reason = ?5, turns = ?6, \
        barge_ins = ?7, resumes = ?8, voice_to_voice_p50_ms = ?9, utterances = ?10, cost_micros = ?11, currency = ?12, \
        cost = ?13 \
    WHERE tenant_id = ?1 AND id = ?2 AND (status = 'active' OR end_reason = 'server_lost')";

pub(super) async fn write(db: Database, entries: Vec<Entry>) -> Stored<()> {
    let mut tx = db.write().await?;
    for entry in &entries {
        write_one(&mut tx, entry).await?;
    }
    tx.commit().await.map_err(refused)
}

async fn write_one(tx: &mut Tx, entry: &Entry) -> Stored<()> {
    if let Entry::CallStart(entry) = entry {
        start(tx, entry).await?;
    }
    // Also after a start: another tenant's call of the same id hides it.
    must_hold(tx, entry.header()).await?;
    match entry {
        Entry::CallStart(_) | Entry::TurnLog(_) => Ok(()),
        Entry::Utterance(entry) => utterance(tx, entry).await,
        Entry::Conversation(entry) => conversation(tx, entry).await,
        Entry::Recording(entry) => recording(tx, entry).await,
        Entry::CallEnd(entry) => end(tx, entry).await,
    }
}

async fn must_hold(tx: &mut Tx, header: Header) -> Stored<()> {
    let query = sqlx::query_scalar::<_, bool>(HOLDS).bind(header.tenant.0).bind(header.call.0);
    if query.fetch_one(&mut **tx).await.map_err(refused)? {
        return Ok(());
    }
    Err(StoreError::NotFound { what: "call" })
}

async fn start(tx: &mut Tx, CallStart { header, user, lead, server }: &CallStart) -> Stored<()> {
    let query = sqlx::query(START).bind(header.tenant.0).bind(header.call.0).bind(micros(header.started_at));
    let query = query.bind(user.0).bind(*lead).bind(*server);
    query.execute(&mut **tx).await.map_err(refused)?;
    Ok(())
}

async fn utterance(tx: &mut Tx, UtteranceEntry { header, utterance }: &UtteranceEntry) -> Stored<()> {
    let Utterance { seq, turn, reply, who, text, full_text, start_ms, end_ms, outcome, .. } = utterance;
    let times = utterance.times;
    let query = sqlx::query(UTTERANCE).bind(header.tenant.0).bind(header.call.0).bind(day(header.started_at));
    let query = query.bind(seq).bind(turn).bind(reply).bind(word(who)).bind(text).bind(full_text);
    let query = query.bind(start_ms).bind(end_ms).bind(outcome).bind(&utterance.barge_in_cause).bind(utterance.resumes);
    let query = query.bind(utterance.timeline.as_ref().map(ToString::to_string)).bind(times.voice_to_voice_ms);
    let query = query.bind(times.eot_wait_ms).bind(times.first_token_ms).bind(times.tts_first_audio_ms);
    let query = query.bind(times.engine_ms).bind(times.barge_in_pause_ms);
    query.execute(&mut **tx).await.map_err(refused)?;
    Ok(())
}

async fn conversation(tx: &mut Tx, ConversationEntry { header, messages }: &ConversationEntry) -> Stored<()> {
    let query = sqlx::query(CONVERSATION).bind(header.tenant.0).bind(header.call.0).bind(day(header.started_at));
    query.bind(messages.to_string()).execute(&mut **tx).await.map_err(refused)?;
    Ok(())
}

async fn recording(tx: &mut Tx, entry: &RecordingEntry) -> Stored<()> {
    let header = entry.header;
    let query = sqlx::query(RECORDING).bind(header.tenant.0).bind(header.call.0).bind(day(header.started_at));
    let query = query.bind(entry.id).bind(&entry.object_key).bind(&entry.media_type);
    query.bind(entry.size_bytes).bind(entry.duration_ms).execute(&mut **tx).await.map_err(refused)?;
    Ok(())
}

async fn end(tx: &mut Tx, entry: &CallEnd) -> Stored<()> {
    let header = entry.header;
    let query = sqlx::query(END).bind(header.tenant.0).bind(header.call.0).bind(micros(entry.ended_at));
    let query = query.bind(entry.duration_ms).bind(&entry.reason).bind(entry.turns).bind(entry.barge_ins);
    let query = query.bind(entry.resumes).bind(entry.voice_to_voice_p50_ms).bind(entry.utterances);
    let query = query.bind(entry.cost_micros).bind(&entry.currency).bind(entry.cost.as_ref().map(ToString::to_string));
    query.execute(&mut **tx).await.map_err(refused)?;
    Ok(())
}

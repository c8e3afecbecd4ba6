//! What belongs to a call: what was said, the conversation, the recording.
//!
//! Each statement also gives how many of its entries are of no call, because a row that is there already is not checked
//! against anything.

use crate::store::postgres::columns::{day, word};
use crate::store::postgres::refusal::refused;
use crate::store::postgres::transaction::Acting;
use crate::store::{
    ConversationEntry, Entry, Header, RecordingEntry, Stored, Utterance, UtteranceEntry, UtteranceTimes,
};
use time::Date;
use uuid::Uuid;

const UTTERANCES: &str = "with entry as (select * from unnest($1::uuid[], $2::uuid[], $3::date[], $4::integer[], \
            $5::bigint[], $6::bigint[], $7::text[], $8::text[], $9::text[], $10::bigint[], $11::bigint[], $12::text[], \
            $13::text[], $14::integer[], $15::double precision[], $16::double precision[], $17::double precision[], \
            $18::double precision[], $19::double precision[], $20::double precision[], $21::jsonb[]) \
            as e (tenant_id, call_id, call_day, seq, turn, reply, who, text, full_text, start_ms, end_ms, outcome, \
                barge_in_cause, resumes, voice_to_voice_ms, eot_wait_ms, first_token_ms, tts_first_audio_ms, engine_ms, \
                barge_in_pause_ms, timeline)), \
    written as (insert into transcripts (tenant_id, call_id, call_day, seq, turn, reply, who, text, full_text, start_ms, \
            end_ms, outcome, barge_in_cause, resumes, voice_to_voice_ms, eot_wait_ms, first_token_ms, tts_first_audio_ms, \
            engine_ms, barge_in_pause_ms, timeline) \
        select * from entry on conflict do nothing) \
    select count(*) from entry e \
    where not exists (select from calls c where c.tenant_id = e.tenant_id and c.id = e.call_id)";
const CONVERSATIONS: &str = "with entry as (select * from unnest($1::uuid[], $2::uuid[], $3::date[], $4::jsonb[]) \
            as e (tenant_id, call_id, call_day, messages)), \
    written as (insert into conversations (tenant_id, call_id, call_day, messages) \
        select * from entry on conflict do nothing) \
    select count(*) from entry e \
    where not exists (select from calls c where c.tenant_id = e.tenant_id and c.id = e.call_id)";
const RECORDINGS: &str = "with entry as (select * from unnest($1::uuid[], $2::uuid[], $3::date[], $4::uuid[], $5::text[], \
            $6::text[], $7::bigint[], $8::bigint[]) \
            as e (tenant_id, call_id, call_day, id, object_key, media_type, size_bytes, duration_ms)), \
    written as (insert into recordings (tenant_id, call_id, call_day, id, object_key, media_type, size_bytes, duration_ms) \
        select * from entry on conflict do nothing) \
    select count(*) from entry e \
    where not exists (select from calls c where c.tenant_id = e.tenant_id and c.id = e.call_id)";

/// Tenants, calls and days, each row of them an entry's.
fn heads<'a>(headers: impl Iterator<Item = &'a Header>) -> (Vec<Uuid>, Vec<Uuid>, Vec<Date>) {
    let rows = headers.map(|header| (header.tenant.0, header.call.0, day(header.started_at)));
    rows.collect()
}

pub(super) async fn utterances(acting: &mut Acting, phase: &[&Entry]) -> Stored<i64> {
    let entries: Vec<&UtteranceEntry> = phase.iter().filter_map(|entry| as_utterance(entry)).collect();
    let (tenants, calls, days) = heads(entries.iter().map(|entry| &entry.header));
    let said: Vec<&Utterance> = entries.iter().map(|entry| &entry.utterance).collect();
    let times: Vec<&UtteranceTimes> = said.iter().map(|said| &said.times).collect();
    let query = sqlx::query_scalar(UTTERANCES).bind(tenants).bind(calls).bind(days);
    let query = query.bind(said.iter().map(|said| said.seq).collect::<Vec<_>>());
    let query = query.bind(said.iter().map(|said| said.turn).collect::<Vec<_>>());
    let query = query.bind(said.iter().map(|said| said.reply).collect::<Vec<_>>());
    let query = query.bind(said.iter().map(|said| word(said.who)).collect::<Vec<_>>());
    let query = query.bind(said.iter().map(|said| said.text.as_str()).collect::<Vec<_>>());
    let query = query.bind(said.iter().map(|said| said.full_text.as_deref()).collect::<Vec<_>>());
    let query = query.bind(said.iter().map(|said| said.start_ms).collect::<Vec<_>>());
    let query = query.bind(said.iter().map(|said| said.end_ms).collect::<Vec<_>>());
    let query = query.bind(said.iter().map(|said| said.outcome.as_str()).collect::<Vec<_>>());
    let query = query.bind(said.iter().map(|said| said.barge_in_cause.as_deref()).collect::<Vec<_>>());
    let query = query.bind(said.iter().map(|said| said.resumes).collect::<Vec<_>>());
    let query = query.bind(times.iter().map(|times| times.voice_to_voice_ms).collect::<Vec<_>>());
    let query = query.bind(times.iter().map(|times| times.eot_wait_ms).collect::<Vec<_>>());
    let query = query.bind(times.iter().map(|times| times.first_token_ms).collect::<Vec<_>>());
    let query = query.bind(times.iter().map(|times| times.tts_first_audio_ms).collect::<Vec<_>>());
    let query = query.bind(times.iter().map(|times| times.engine_ms).collect::<Vec<_>>());
    let query = query.bind(times.iter().map(|times| times.barge_in_pause_ms).collect::<Vec<_>>());
    let query = query.bind(said.iter().map(|said| said.timeline.clone()).collect::<Vec<_>>());
    query.fetch_one(&mut **acting).await.map_err(refused)
}

fn as_utterance<'a>(entry: &&'a Entry) -> Option<&'a UtteranceEntry> {
    if let Entry::Utterance(entry) = entry { Some(entry) } else { None }
}

pub(super) async fn conversations(acting: &mut Acting, phase: &[&Entry]) -> Stored<i64> {
    let entries: Vec<&ConversationEntry> = phase.iter().filter_map(|entry| as_conversation(entry)).collect();
    let (tenants, calls, days) = heads(entries.iter().map(|entry| &entry.header));
    let query = sqlx::query_scalar(CONVERSATIONS).bind(tenants).bind(calls).bind(days);
    let query = query.bind(entries.iter().map(|entry| entry.messages.clone()).collect::<Vec<_>>());
    query.fetch_one(&mut **acting).await.map_err(refused)
}

fn as_conversation<'a>(entry: &&'a Entry) -> Option<&'a ConversationEntry> {
    if let Entry::Conversation(entry) = entry { Some(entry) } else { None }
}

pub(super) async fn recordings(acting: &mut Acting, phase: &[&Entry]) -> Stored<i64> {
    let entries: Vec<&RecordingEntry> = phase.iter().filter_map(|entry| as_recording(entry)).collect();
    let (tenants, calls, days) = heads(entries.iter().map(|entry| &entry.header));
    let query = sqlx::query_scalar(RECORDINGS).bind(tenants).bind(calls).bind(days);
    let query = query.bind(entries.iter().map(|entry| entry.id).collect::<Vec<_>>());
    let query = query.bind(entries.iter().map(|entry| entry.object_key.as_str()).collect::<Vec<_>>());
    let query = query.bind(entries.iter().map(|entry| entry.media_type.as_str()).collect::<Vec<_>>());
    let query = query.bind(entries.iter().map(|entry| entry.size_bytes).collect::<Vec<_>>());
    let query = query.bind(entries.iter().map(|entry| entry.duration_ms).collect::<Vec<_>>());
    query.fetch_one(&mut **acting).await.map_err(refused)
}

fn as_recording<'a>(entry: &&'a Entry) -> Option<&'a RecordingEntry> {
    if let Entry::Recording(entry) = entry { Some(entry) } else { None }
}

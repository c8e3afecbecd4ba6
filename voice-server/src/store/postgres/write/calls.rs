//! That calls begin and end.

use crate::store::postgres::refusal::refused;
use crate::store::postgres::transaction::Acting;
use crate::store::{CallEnd, CallStart, Entry, Stored};
use uuid::Uuid;

/// A lead that is gone since the call began is left out.
const START: &str = "insert into calls (tenant_id, id, started_at, user_id, lead_id, run) \
    select e.tenant_id, e.call_id, e.started_at, e.user_id, l.id, e.run \
    from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::uuid[], $5::uuid[], $6::uuid[]) with ordinality \
        as e (tenant_id, call_id, started_at, user_id, lead_id, run, place) \
    left join leads l on l.tenant_id = e.tenant_id and l.id = e.lead_id \
    order by e.place on conflict do nothing";
/// Asked by itself: whoever began the call at the same time is seen only by a statement that begins later.
const WITHOUT_CALL: &str = "select count(*) from unnest($1::uuid[], $2::uuid[]) as e (tenant_id, call_id) \
    where not exists (select from calls c where c.tenant_id = e.tenant_id and c.id = e.call_id)";
/// Of two ends in one batch the first counts, as it would alone. That a call was lost is a guess, which its real end corrects; a
/// real end is never taken back.
const END: &str = "with entry as (select distinct on (tenant_id, call_id) * \
        from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::bigint[], $5::text[], $6::integer[], $7::integer[], \
            $8::integer[], $9::double precision[], $10::integer[], $11::bigint[], $12::text[], $13::jsonb[]) with ordinality \
            as e (tenant_id, call_id, ended_at, duration_ms, end_reason, turns, barge_ins, resumes, \
                voice_to_voice_p50_ms, utterances, cost_micros, currency, cost, place) \
        order by tenant_id, call_id, place), \
    ended as (update calls c set status = 'ended', ended_at = e.ended_at, duration_ms = e.duration_ms, \
            end_reason = e.end_reason, turns = e.turns, barge_ins = e.barge_ins, resumes = e.resumes, \
            voice_to_voice_p50_ms = e.voice_to_voice_p50_ms, utterances = e.utterances, cost_micros = e.cost_micros, \
            currency = e.currency, cost = e.cost \
        from entry e where c.tenant_id = e.tenant_id and c.id = e.call_id \
            and (c.status = 'active' or c.end_reason = 'server_lost')) \
    select count(*) from entry e \
    where not exists (select from calls c where c.tenant_id = e.tenant_id and c.id = e.call_id)";

/// Gives how many of the calls are not there now: another tenant's call of the same id hides one.
pub(super) async fn start(acting: &mut Acting, phase: &[&Entry]) -> Stored<i64> {
    let starts: Vec<&CallStart> = phase.iter().filter_map(|entry| as_start(entry)).collect();
    let tenants: Vec<Uuid> = starts.iter().map(|start| start.header.tenant.0).collect();
    let calls: Vec<Uuid> = starts.iter().map(|start| start.header.call.0).collect();
    let query = sqlx::query(START).bind(&tenants).bind(&calls);
    let query = query.bind(starts.iter().map(|start| start.header.started_at).collect::<Vec<_>>());
    let query = query.bind(starts.iter().map(|start| start.user.0).collect::<Vec<_>>());
    let query = query.bind(starts.iter().map(|start| start.lead).collect::<Vec<_>>());
    let query = query.bind(starts.iter().map(|start| start.server).collect::<Vec<_>>());
    query.execute(&mut **acting).await.map_err(refused)?;
    without(acting, phase).await
}

/// Gives how many of the calls are not there.
pub(super) async fn without(acting: &mut Acting, phase: &[&Entry]) -> Stored<i64> {
    let headers = phase.iter().map(|entry| entry.header());
    let (tenants, calls): (Vec<Uuid>, Vec<Uuid>) = headers.map(|header| (header.tenant.0, header.call.0)).unzip();
    let query = sqlx::query_scalar(WITHOUT_CALL).bind(tenants).bind(calls);
    query.fetch_one(&mut **acting).await.map_err(refused)
}

fn as_start<'a>(entry: &&'a Entry) -> Option<&'a CallStart> {
    if let Entry::CallStart(start) = entry { Some(start) } else { None }
}

/// Gives how many of the calls were never begun.
pub(super) async fn end(acting: &mut Acting, phase: &[&Entry]) -> Stored<i64> {
    let ends: Vec<&CallEnd> = phase.iter().filter_map(|entry| as_end(entry)).collect();
    let query = sqlx::query_scalar(END);
    let query = query.bind(ends.iter().map(|end| end.header.tenant.0).collect::<Vec<_>>());
    let query = query.bind(ends.iter().map(|end| end.header.call.0).collect::<Vec<_>>());
    let query = query.bind(ends.iter().map(|end| end.ended_at).collect::<Vec<_>>());
    let query = query.bind(ends.iter().map(|end| end.duration_ms).collect::<Vec<_>>());
    let query = query.bind(ends.iter().map(|end| end.reason.as_str()).collect::<Vec<_>>());
    let query = query.bind(ends.iter().map(|end| end.turns).collect::<Vec<_>>());
    let query = query.bind(ends.iter().map(|end| end.barge_ins).collect::<Vec<_>>());
    let query = query.bind(ends.iter().map(|end| end.resumes).collect::<Vec<_>>());
    let query = query.bind(ends.iter().map(|end| end.voice_to_voice_p50_ms).collect::<Vec<_>>());
    let query = query.bind(ends.iter().map(|end| end.utterances).collect::<Vec<_>>());
    let query = query.bind(ends.iter().map(|end| end.cost_micros).collect::<Vec<_>>());
    let query = query.bind(ends.iter().map(|end| end.currency.as_deref()).collect::<Vec<_>>());
    let query = query.bind(ends.iter().map(|end| end.cost.clone()).collect::<Vec<_>>());
    query.fetch_one(&mut **acting).await.map_err(refused)
}

fn as_end<'a>(entry: &&'a Entry) -> Option<&'a CallEnd> {
    if let Entry::CallEnd(end) = entry { Some(end) } else { None }
}

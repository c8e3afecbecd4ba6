//! What is ended, forgotten and deleted without anybody asking.

use super::pools::WorkerPool;
use super::recordings::recording;
use super::refusal::refused;
use super::transaction::Access;
use crate::principal::{CallUuid, TenantId};
use crate::store::{Header, Orphans, Recording, StoreError, Stored};
use sqlx::Row;
use sqlx::postgres::PgRow;
use time::OffsetDateTime;
use uuid::Uuid;

/// The last utterance's end is the last that is known of a call; never later than now, whatever the clocks say.
const END_ORPHANS: &str = "with orphan as (select c.id, least(greatest(c.started_at, $2), \
            c.started_at + greatest(0, coalesce(max(t.end_ms), 0)) * interval '1 millisecond') as ended_at \
        from calls c left join transcripts t on t.tenant_id = c.tenant_id and t.call_id = c.id \
        where c.status = 'active' and ($1::uuid is null or c.run = $1) and c.started_at < $3 group by c.id) \
    update calls c set status = 'ended', end_reason = 'server_lost', ended_at = o.ended_at, \
        duration_ms = floor(extract(epoch from o.ended_at - c.started_at) * 1000)::bigint \
    from orphan o where c.id = o.id and c.status = 'active'";
const EXPIRED_RECORDINGS: &str = "select r.tenant_id, r.id, r.call_id, r.object_key, r.media_type, r.size_bytes, \
        r.duration_ms, r.created_at \
    from tenants t join calls c on c.tenant_id = t.id join recordings r on r.tenant_id = c.tenant_id and r.call_id = c.id \
    where t.retention_days > 0 and c.status = 'ended' and c.started_at < $1 - t.retention_days * interval '24 hours' \
    order by c.started_at, c.id limit $2";
const FORGET: &str = "delete from recordings where tenant_id = $1 and id = $2";
const EXPIRED_CALLS: &str = "select c.tenant_id, c.id, c.started_at from tenants t join calls c on c.tenant_id = t.id \
    where t.retention_days > 0 and c.status = 'ended' and c.started_at < $1 - t.retention_days * interval '24 hours' \
    and not exists (select from recordings r where r.tenant_id = c.tenant_id and r.call_id = c.id) \
    order by c.started_at, c.id limit $2";
/// One that was recorded after all keeps its row: it leads to the recording.
const DELETE_CALLS: &str = "delete from calls c using unnest($1::uuid[], $2::uuid[]) as e (tenant_id, call_id) \
    where c.tenant_id = e.tenant_id and c.id = e.call_id and c.status = 'ended' \
    and not exists (select from recordings r where r.tenant_id = c.tenant_id and r.call_id = c.id)";

pub(super) async fn end_orphans(worker: WorkerPool, which: Orphans, now: OffsetDateTime) -> Stored<u64> {
    let mut acting = worker.begin(Access::Write).await?;
    let query = sqlx::query(END_ORPHANS).bind(which.server()).bind(now).bind(which.begun_before());
    let ended = query.execute(&mut *acting).await.map_err(refused)?;
    acting.commit().await?;
    Ok(ended.rows_affected())
}

pub(super) async fn expired_recordings(
    worker: WorkerPool,
    now: OffsetDateTime,
    max_rows: u32,
) -> Stored<Vec<(TenantId, Recording)>> {
    let mut acting = worker.begin(Access::Read).await?;
    let query = sqlx::query(EXPIRED_RECORDINGS).bind(now).bind(i64::from(max_rows));
    let query = query.try_map(|row: PgRow| Ok((TenantId(row.try_get("tenant_id")?), recording(&row)?)));
    query.fetch_all(&mut *acting).await.map_err(refused)
}

pub(super) async fn forget_recording(worker: WorkerPool, tenant: TenantId, id: Uuid) -> Stored<()> {
    let mut acting = worker.begin(Access::Write).await?;
    let forgotten = sqlx::query(FORGET).bind(tenant.0).bind(id).execute(&mut *acting).await.map_err(refused)?;
    if forgotten.rows_affected() == 0 {
        return Err(StoreError::NotFound { what: "recording" });
    }
    acting.commit().await
}

pub(super) async fn expired_calls(worker: WorkerPool, now: OffsetDateTime, max_rows: u32) -> Stored<Vec<Header>> {
    let mut acting = worker.begin(Access::Read).await?;
    let query = sqlx::query(EXPIRED_CALLS).bind(now).bind(i64::from(max_rows));
    let query = query.try_map(|row: PgRow| {
        let (tenant, call) = (TenantId(row.try_get("tenant_id")?), CallUuid(row.try_get("id")?));
        Ok(Header { tenant, call, started_at: row.try_get("started_at")? })
    });
    query.fetch_all(&mut *acting).await.map_err(refused)
}

pub(super) async fn delete_calls(worker: WorkerPool, calls: Vec<Header>) -> Stored<u64> {
    let mut acting = worker.begin(Access::Write).await?;
    let query = sqlx::query(DELETE_CALLS).bind(calls.iter().map(|call| call.tenant.0).collect::<Vec<_>>());
    let query = query.bind(calls.iter().map(|call| call.call.0).collect::<Vec<_>>());
    let deleted = query.execute(&mut *acting).await.map_err(refused)?;
    acting.commit().await?;
    Ok(deleted.rows_affected())
}

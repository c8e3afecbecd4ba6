//! What is ended, forgotten and deleted without anybody asking.

use super::pools::WorkerPool;
use super::recordings::recording;
use super::refusal::refused;
use super::transaction::Access;
use crate::principal::{CallUuid, TenantId};
use crate::store::{Header, Orphans, Recording, StoreError, Stored};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Postgres, Row};
use time::OffsetDateTime;
use uuid::Uuid;

/// The last utterance's end is the last that is known of a call; never later than now, whatever the clocks say, and never so
/// late that there is no such time: no call lasts a year.
const END_ORPHANS: &str = "with orphan as (select c.id, least(greatest(c.started_at, $2), \
            c.started_at + least(31536000000, greatest(0, coalesce(max(t.end_ms), 0))) * interval '1 millisecond') as ended_at \
        from calls c left join transcripts t on t.tenant_id = c.tenant_id and t.call_id = c.id \
        where c.status = 'active' and ($1::uuid is null or c.run = $1) and ($4::uuid is null or c.run <> $4) \
        and c.started_at < $3 group by c.id) \
    update calls c set status = 'ended', end_reason = 'server_lost', ended_at = o.ended_at, \
        duration_ms = floor(extract(epoch from o.ended_at - c.started_at) * 1000)::bigint \
    from orphan o where c.id = o.id and c.status = 'active'";
const FORGETFUL: &str =
    "select id from tenants where retention_days > 0 and ($1::uuid is null or id > $1) order by id limit $2";
/// Calls in the order of their index, so that no more of them are looked at than are wanted.
const EXPIRED_RECORDINGS: &str = "select r.id, r.call_id, r.object_key, r.media_type, r.size_bytes, r.duration_ms, r.created_at, \
        c.tenant_id, c.started_at \
    from calls c join recordings r on r.tenant_id = c.tenant_id and r.call_id = c.id \
    where c.tenant_id = $1 and c.status = 'ended' and (c.started_at, c.id) > (coalesce($3, '-infinity'), $4) \
    and c.started_at < $2 - (select retention_days from tenants where id = $1 and retention_days > 0) * interval '24 hours' \
    order by c.started_at, c.id limit $5";
const FORGET: &str = "delete from recordings where tenant_id = $1 and id = $2";
const EXPIRED_CALLS: &str = "select c.tenant_id, c.id, c.started_at from calls c \
    where c.tenant_id = $1 and c.status = 'ended' and (c.started_at, c.id) > (coalesce($3, '-infinity'), $4) \
    and c.started_at < $2 - (select retention_days from tenants where id = $1 and retention_days > 0) * interval '24 hours' \
    and not exists (select from recordings r where r.tenant_id = c.tenant_id and r.call_id = c.id) \
    order by c.started_at, c.id limit $5";
/// One that was recorded after all keeps its row: it leads to the recording.
const DELETE_CALLS: &str = "delete from calls c using unnest($1::uuid[], $2::uuid[]) as e (tenant_id, call_id) \
    where c.tenant_id = e.tenant_id and c.id = e.call_id and c.status = 'ended' \
    and not exists (select from recordings r where r.tenant_id = c.tenant_id and r.call_id = c.id)";

pub(super) async fn end_orphans(worker: WorkerPool, which: Orphans, now: OffsetDateTime) -> Stored<u64> {
    let mut acting = worker.begin(Access::Write).await?;
    let query = sqlx::query(END_ORPHANS).bind(which.server()).bind(now).bind(which.begun_before());
    let ended = query.bind(which.not_of()).execute(&mut *acting).await.map_err(refused)?;
    acting.commit().await?;
    Ok(ended.rows_affected())
}

pub(super) async fn forgetful_tenants(
    worker: WorkerPool,
    after: Option<TenantId>,
    max_rows: u32,
) -> Stored<Vec<TenantId>> {
    let mut acting = worker.begin(Access::Read).await?;
    let query = sqlx::query_scalar(FORGETFUL).bind(after.map(|tenant| tenant.0)).bind(i64::from(max_rows));
    let found = query.fetch_all(&mut *acting).await.map_err(refused)?;
    Ok(found.into_iter().map(TenantId).collect())
}

/// Of calls before `now` less the retention, and after the call `after`.
type Span = (OffsetDateTime, Option<Header>);

fn of_tenant(
    sql: &'static str,
    tenant: TenantId,
    (now, after): Span,
    max_rows: u32,
) -> Query<'static, Postgres, PgArguments> {
    let (started_at, call) = after.map(|after| (after.started_at, after.call.0)).unzip();
    let query = sqlx::query(sql).bind(tenant.0).bind(now).bind(started_at).bind(call.unwrap_or_default());
    query.bind(i64::from(max_rows))
}

fn header(row: &PgRow, call: CallUuid) -> sqlx::Result<Header> {
    Ok(Header { tenant: TenantId(row.try_get("tenant_id")?), call, started_at: row.try_get("started_at")? })
}

pub(super) async fn expired_recordings(
    worker: WorkerPool,
    tenant: TenantId,
    span: Span,
    max_rows: u32,
) -> Stored<Vec<(Header, Recording)>> {
    let mut acting = worker.begin(Access::Read).await?;
    let query = of_tenant(EXPIRED_RECORDINGS, tenant, span, max_rows).try_map(|row: PgRow| {
        let recording = recording(&row)?;
        Ok((header(&row, recording.call_id)?, recording))
    });
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

pub(super) async fn expired_calls(
    worker: WorkerPool,
    tenant: TenantId,
    span: Span,
    max_rows: u32,
) -> Stored<Vec<Header>> {
    let mut acting = worker.begin(Access::Read).await?;
    let query = of_tenant(EXPIRED_CALLS, tenant, span, max_rows);
    let query = query.try_map(|row: PgRow| header(&row, CallUuid(row.try_get("id")?)));
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

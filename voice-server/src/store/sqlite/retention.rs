//! What is ended, forgotten and deleted without anybody asking.

use super::columns::{Columns, micros};
use super::database::Database;
use super::recordings::recording;
use super::refusal::refused;
use crate::principal::{CallUuid, TenantId};
use crate::store::{Header, Orphans, Recording, StoreError, Stored};
use sqlx::sqlite::SqliteRow;
use time::OffsetDateTime;
use uuid::Uuid;

/// The last utterance's end is the last that is known of a call; never later than now, whatever the clocks say.
const END_ORPHANS: &str = "UPDATE calls SET status = 'ended', end_reason = 'server_lost', ended_at = orphan.ended_at, \
        duration_ms = (orphan.ended_at - started_at) / 1000 \
    FROM (SELECT c.id, \
            min(max(c.started_at, ?2), c.started_at + max(0, coalesce(max(t.end_ms), 0)) * 1000) AS ended_at \
        FROM calls c LEFT JOIN transcripts t ON t.tenant_id = c.tenant_id AND t.call_id = c.id \
        WHERE c.status = 'active' AND (?1 IS NULL OR c.run = ?1) AND (?4 IS NULL OR c.run <> ?4) AND c.started_at < ?3 \
        GROUP BY c.id) AS orphan \
    WHERE calls.id = orphan.id";
const FORGETFUL: &str =
    "SELECT id FROM tenants WHERE retention_days > 0 AND (?1 IS NULL OR id > ?1) ORDER BY id LIMIT ?2";
/// Calls in the order of their index, so that no more of them are looked at than are wanted.
const EXPIRED_RECORDINGS: &str = "SELECT r.id, r.call_id, r.object_key, r.media_type, r.size_bytes, r.duration_ms, r.created_at, \
        c.tenant_id, c.started_at \
    FROM calls c CROSS JOIN recordings r ON r.tenant_id = c.tenant_id AND r.call_id = c.id \
    WHERE c.tenant_id = ?1 AND c.status = 'ended' AND (c.started_at, c.id) > (?3, ?4) AND c.started_at < ?2 - \
        (SELECT retention_days FROM tenants WHERE id = ?1 AND retention_days > 0) * 86400000000 \
    ORDER BY c.started_at, c.id LIMIT ?5";
const FORGET: &str = "DELETE FROM recordings WHERE tenant_id = ?1 AND id = ?2";
const EXPIRED_CALLS: &str = "SELECT c.tenant_id, c.id, c.started_at FROM calls c \
    WHERE c.tenant_id = ?1 AND c.status = 'ended' AND (c.started_at, c.id) > (?3, ?4) AND c.started_at < ?2 - \
        (SELECT retention_days FROM tenants WHERE id = ?1 AND retention_days > 0) * 86400000000 \
    AND NOT EXISTS (SELECT 1 FROM recordings r WHERE r.tenant_id = c.tenant_id AND r.call_id = c.id) \
    ORDER BY c.started_at, c.id LIMIT ?5";
/// One that was recorded after all keeps its row: it leads to the recording.
const DELETE_CALL: &str = "DELETE FROM calls WHERE tenant_id = ?1 AND id = ?2 AND status = 'ended' \
    AND NOT EXISTS (SELECT 1 FROM recordings r WHERE r.tenant_id = ?1 AND r.call_id = ?2)";

pub(super) async fn end_orphans(db: Database, which: Orphans, now: OffsetDateTime) -> Stored<u64> {
    let mut tx = db.write().await?;
    let query = sqlx::query(END_ORPHANS).bind(which.server()).bind(micros(now)).bind(micros(which.begun_before()));
    let ended = query.bind(which.not_of()).execute(&mut *tx).await.map_err(refused)?;
    tx.commit().await.map_err(refused)?;
    Ok(ended.rows_affected())
}

pub(super) async fn forgetful_tenants(db: Database, after: Option<TenantId>, max_rows: u32) -> Stored<Vec<TenantId>> {
    let mut tx = db.read().await?;
    let query = sqlx::query(FORGETFUL).bind(after.map(|tenant| tenant.0)).bind(max_rows);
    query.try_map(|row| Ok(TenantId(row.get_as("id")?))).fetch_all(&mut *tx).await.map_err(refused)
}

/// Of calls before `now` less the retention, and after the call `after`.
type Span = (OffsetDateTime, Option<Header>);

fn of_tenant(sql: &'static str, tenant: TenantId, (now, after): Span, max_rows: u32) -> Query {
    let (started_at, call) = after.map_or((i64::MIN, Uuid::nil()), |after| (micros(after.started_at), after.call.0));
    sqlx::query(sql).bind(tenant.0).bind(micros(now)).bind(started_at).bind(call).bind(max_rows)
}

type Query = sqlx::query::Query<'static, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>;

fn header(row: &SqliteRow, call: CallUuid) -> sqlx::Result<Header> {
    Ok(Header { tenant: TenantId(row.get_as("tenant_id")?), call, started_at: row.time("started_at")? })
}

pub(super) async fn expired_recordings(
    db: Database,
    tenant: TenantId,
    span: Span,
    max_rows: u32,
) -> Stored<Vec<(Header, Recording)>> {
    let mut tx = db.read().await?;
    let query = of_tenant(EXPIRED_RECORDINGS, tenant, span, max_rows).try_map(|row| {
        let recording = recording(&row)?;
        Ok((header(&row, recording.call_id)?, recording))
    });
    query.fetch_all(&mut *tx).await.map_err(refused)
}

pub(super) async fn forget_recording(db: Database, tenant: TenantId, id: Uuid) -> Stored<()> {
    let mut tx = db.write().await?;
    let forgotten = sqlx::query(FORGET).bind(tenant.0).bind(id).execute(&mut *tx).await.map_err(refused)?;
    if forgotten.rows_affected() == 0 {
        return Err(StoreError::NotFound { what: "recording" });
    }
    tx.commit().await.map_err(refused)
}

pub(super) async fn expired_calls(db: Database, tenant: TenantId, span: Span, max_rows: u32) -> Stored<Vec<Header>> {
    let mut tx = db.read().await?;
    let query = of_tenant(EXPIRED_CALLS, tenant, span, max_rows);
    let query = query.try_map(|row| header(&row, CallUuid(row.get_as("id")?)));
    query.fetch_all(&mut *tx).await.map_err(refused)
}

pub(super) async fn delete_calls(db: Database, calls: Vec<Header>) -> Stored<u64> {
    let (mut tx, mut deleted) = (db.write().await?, 0);
    for Header { tenant, call, .. } in calls {
        let query = sqlx::query(DELETE_CALL).bind(tenant.0).bind(call.0);
        deleted += query.execute(&mut *tx).await.map_err(refused)?.rows_affected();
    }
    tx.commit().await.map_err(refused)?;
    Ok(deleted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_past_its_time_is_found_in_the_order_of_an_index() {
        let database = Database::in_memory().await.unwrap();
        let mut tx = database.read().await.unwrap();
        for sql in [EXPIRED_RECORDINGS, EXPIRED_CALLS] {
            let plan = sqlx::query_as(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
            let plan: Vec<(i64, i64, i64, String)> = plan.fetch_all(&mut *tx).await.unwrap();
            let steps: Vec<_> = plan.into_iter().map(|(.., step)| step).collect();
            assert!(steps[0].contains("calls_newest"), "{steps:?}");
            assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE") || step.starts_with("SCAN")), "{steps:?}");
        }
    }
}

//! What is ended, forgotten and deleted without anybody asking.

use super::columns::{Columns, micros};
use super::database::Database;
use super::recordings::recording;
use super::refusal::refused;
use crate::principal::{CallUuid, TenantId};
use crate::store::{Header, Orphans, Recording, StoreError, Stored};
use time::OffsetDateTime;
use uuid::Uuid;

/// The last utterance's end is the last that is known of a call; never later than now, whatever the clocks say.
const END_ORPHANS: &str = "UPDATE calls SET status = 'ended', end_reason = 'server_lost', ended_at = orphan.ended_at, \
        duration_ms = (orphan.ended_at - started_at) / 1000 \
    FROM (SELECT c.id, \
            min(max(c.started_at, ?2), c.started_at + max(0, coalesce(max(t.end_ms), 0)) * 1000) AS ended_at \
        FROM calls c LEFT JOIN transcripts t ON t.tenant_id = c.tenant_id AND t.call_id = c.id \
        WHERE c.status = 'active' AND (?1 IS NULL OR c.run = ?1) AND c.started_at < ?3 GROUP BY c.id) AS orphan \
    WHERE calls.id = orphan.id";
const EXPIRED_RECORDINGS: &str = "SELECT r.tenant_id, r.id, r.call_id, r.object_key, r.media_type, r.size_bytes, \
        r.duration_ms, r.created_at \
    FROM tenants t JOIN calls c ON c.tenant_id = t.id JOIN recordings r ON r.tenant_id = c.tenant_id AND r.call_id = c.id \
    WHERE t.retention_days > 0 AND c.status = 'ended' AND c.started_at < ?1 - t.retention_days * 86400000000 \
    ORDER BY c.started_at, c.id LIMIT ?2";
const FORGET: &str = "DELETE FROM recordings WHERE tenant_id = ?1 AND id = ?2";
const EXPIRED_CALLS: &str = "SELECT c.tenant_id, c.id, c.started_at FROM tenants t JOIN calls c ON c.tenant_id = t.id \
    WHERE t.retention_days > 0 AND c.status = 'ended' AND c.started_at < ?1 - t.retention_days * 86400000000 \
    AND NOT EXISTS (SELECT 1 FROM recordings r WHERE r.tenant_id = c.tenant_id AND r.call_id = c.id) \
    ORDER BY c.started_at, c.id LIMIT ?2";
/// One that was recorded after all keeps its row: it leads to the recording.
const DELETE_CALL: &str = "DELETE FROM calls WHERE tenant_id = ?1 AND id = ?2 AND status = 'ended' \
    AND NOT EXISTS (SELECT 1 FROM recordings r WHERE r.tenant_id = ?1 AND r.call_id = ?2)";

pub(super) async fn end_orphans(db: Database, which: Orphans, now: OffsetDateTime) -> Stored<u64> {
    let mut tx = db.write().await?;
    let query = sqlx::query(END_ORPHANS).bind(which.server()).bind(micros(now)).bind(micros(which.begun_before()));
    let ended = query.execute(&mut *tx).await.map_err(refused)?;
    tx.commit().await.map_err(refused)?;
    Ok(ended.rows_affected())
}

pub(super) async fn expired_recordings(
    db: Database,
    now: OffsetDateTime,
    max_rows: u32,
) -> Stored<Vec<(TenantId, Recording)>> {
    let mut tx = db.read().await?;
    let query = sqlx::query(EXPIRED_RECORDINGS).bind(micros(now)).bind(max_rows);
    let query = query.try_map(|row| Ok((TenantId(row.get_as("tenant_id")?), recording(&row)?)));
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

pub(super) async fn expired_calls(db: Database, now: OffsetDateTime, max_rows: u32) -> Stored<Vec<Header>> {
    let mut tx = db.read().await?;
    let query = sqlx::query(EXPIRED_CALLS).bind(micros(now)).bind(max_rows);
    let query = query.try_map(|row| {
        let (tenant, call) = (TenantId(row.get_as("tenant_id")?), CallUuid(row.get_as("id")?));
        Ok(Header { tenant, call, started_at: row.time("started_at")? })
    });
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

//! Recordings of a tenant's calls: where their objects are.

use super::columns::begin;
use super::pools::ApiPool;
use super::refusal::refused;
use super::transaction::TenantTx;
use crate::principal::{CallUuid, Principal};
use crate::store::{Cursor, Page, PageRequest, Recording, StoreError, Stored};
use sqlx::Row;
use sqlx::postgres::PgRow;

const LIST: &str = "select id, call_id, object_key, media_type, size_bytes, duration_ms, created_at from recordings \
    where tenant_id = $1 and (created_at, id) < (coalesce($2, 'infinity'), $3) \
    order by created_at desc, id desc limit $4";
const ONE: &str = "select id, call_id, object_key, media_type, size_bytes, duration_ms, created_at from recordings \
    where tenant_id = $1 and call_id = $2";

/// The columns that every statement about recordings reads.
pub(super) fn recording(row: &PgRow) -> sqlx::Result<Recording> {
    Ok(Recording {
        id: row.try_get("id")?,
        call_id: CallUuid(row.try_get("call_id")?),
        object_key: row.try_get("object_key")?,
        media_type: row.try_get("media_type")?,
        size_bytes: row.try_get("size_bytes")?,
        duration_ms: row.try_get("duration_ms")?,
        created_at: row.try_get("created_at")?,
    })
}

pub(super) async fn list(api: ApiPool, who: Principal, page: PageRequest) -> Stored<Page<Recording>> {
    let mut tx = TenantTx::read(&api, who).await?;
    let (before, before_id) = begin(page);
    let query = sqlx::query(LIST).bind(tx.tenant()).bind(before).bind(before_id).bind(page.fetch_rows());
    let rows = query.try_map(|row| recording(&row)).fetch_all(&mut *tx).await.map_err(refused)?;
    Ok(Page::of(rows, page, |recording| Cursor { at: recording.created_at, id: recording.id }))
}

pub(super) async fn of_call(api: ApiPool, who: Principal, call: CallUuid) -> Stored<Recording> {
    let mut tx = TenantTx::read(&api, who).await?;
    let query = sqlx::query(ONE).bind(tx.tenant()).bind(call.0);
    let found = query.try_map(|row| recording(&row)).fetch_optional(&mut *tx).await.map_err(refused)?;
    found.ok_or(StoreError::NotFound { what: "recording" })
}

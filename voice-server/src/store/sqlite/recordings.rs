//! Recordings of a tenant's calls: where their objects are.

use super::columns::{Columns, begin};
use super::database::Database;
use super::refusal::refused;
use crate::principal::{CallUuid, Principal};
use crate::store::{Cursor, Page, PageRequest, Recording, StoreError, Stored};
use sqlx::sqlite::SqliteRow;

const LIST: &str = "SELECT id, call_id, object_key, media_type, size_bytes, duration_ms, created_at FROM recordings \
    WHERE tenant_id = ?1 AND (created_at, id) < (?2, ?3) ORDER BY created_at DESC, id DESC LIMIT ?4";
const ONE: &str = "SELECT id, call_id, object_key, media_type, size_bytes, duration_ms, created_at FROM recordings \
    WHERE tenant_id = ?1 AND call_id = ?2";

/// The columns that every statement about recordings reads.
pub(super) fn recording(row: &SqliteRow) -> sqlx::Result<Recording> {
    Ok(Recording {
        id: row.get_as("id")?,
        call_id: CallUuid(row.get_as("call_id")?),
        object_key: row.get_as("object_key")?,
        media_type: row.get_as("media_type")?,
        size_bytes: row.get_as("size_bytes")?,
        duration_ms: row.get_as("duration_ms")?,
        created_at: row.time("created_at")?,
    })
}

pub(super) async fn list(db: Database, who: Principal, page: PageRequest) -> Stored<Page<Recording>> {
    let mut tx = db.read().await?;
    let (before, before_id) = begin(page);
    let query = sqlx::query(LIST).bind(who.tenant().0).bind(before).bind(before_id).bind(page.fetch_rows());
    let rows = query.try_map(|row| recording(&row)).fetch_all(&mut *tx).await.map_err(refused)?;
    Ok(Page::of(rows, page, |recording| Cursor { at: recording.created_at, id: recording.id }))
}

pub(super) async fn of_call(db: Database, who: Principal, call: CallUuid) -> Stored<Recording> {
    let mut tx = db.read().await?;
    let query = sqlx::query(ONE).bind(who.tenant().0).bind(call.0);
    let found = query.try_map(|row| recording(&row)).fetch_optional(&mut *tx).await.map_err(refused)?;
    found.ok_or(StoreError::NotFound { what: "recording" })
}

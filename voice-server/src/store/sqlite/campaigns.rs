//! Campaigns of a tenant. Deleting one deletes its leads, and their calls stay without a lead: the schema says so.

use super::columns::{Columns, begin, word};
use super::database::Database;
use super::refusal::refused;
use crate::principal::Principal;
use crate::store::{Campaign, CampaignFields, Cursor, Page, PageRequest, StoreError, Stored};
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

const LIST: &str = "SELECT id, name, status, instructions, created_at FROM campaigns \
    WHERE tenant_id = ?1 AND (created_at, id) < (?2, ?3) ORDER BY created_at DESC, id DESC LIMIT ?4";
const ONE: &str = "SELECT id, name, status, instructions, created_at FROM campaigns WHERE tenant_id = ?1 AND id = ?2";
const CREATE: &str = "INSERT INTO campaigns (tenant_id, id, name, status, instructions) VALUES (?1, ?2, ?3, ?4, ?5) \
    RETURNING id, name, status, instructions, created_at";
const UPDATE: &str = "UPDATE campaigns SET name = ?3, status = ?4, instructions = ?5 \
    WHERE tenant_id = ?1 AND id = ?2 RETURNING id, name, status, instructions, created_at";
const DELETE: &str = "DELETE FROM campaigns WHERE tenant_id = ?1 AND id = ?2";

const MISSING: StoreError = StoreError::NotFound { what: "campaign" };

fn campaign(row: SqliteRow) -> sqlx::Result<Campaign> {
    let fields = CampaignFields {
        name: row.get_as("name")?,
        status: row.word("status")?,
        instructions: row.get_as("instructions")?,
    };
    Ok(Campaign { id: row.get_as("id")?, fields, created_at: row.time("created_at")? })
}

pub(super) async fn list(db: Database, who: Principal, page: PageRequest) -> Stored<Page<Campaign>> {
    let mut tx = db.read().await?;
    let (before, before_id) = begin(page);
    let query = sqlx::query(LIST).bind(who.tenant().0).bind(before).bind(before_id).bind(page.fetch_rows());
    let rows = query.try_map(campaign).fetch_all(&mut *tx).await.map_err(refused)?;
    Ok(Page::of(rows, page, |campaign| Cursor { at: campaign.created_at, id: campaign.id }))
}

pub(super) async fn one(db: Database, who: Principal, id: Uuid) -> Stored<Campaign> {
    let mut tx = db.read().await?;
    let query = sqlx::query(ONE).bind(who.tenant().0).bind(id);
    query.try_map(campaign).fetch_optional(&mut *tx).await.map_err(refused)?.ok_or(MISSING)
}

pub(super) async fn create(db: Database, who: Principal, fields: CampaignFields) -> Stored<Campaign> {
    store(db, CREATE, who, Uuid::now_v7(), fields).await
}

pub(super) async fn update(db: Database, who: Principal, id: Uuid, fields: CampaignFields) -> Stored<Campaign> {
    store(db, UPDATE, who, id, fields).await
}

async fn store(db: Database, sql: &'static str, who: Principal, id: Uuid, fields: CampaignFields) -> Stored<Campaign> {
    let mut tx = db.write_for_user().await?;
    let query = sqlx::query(sql).bind(who.tenant().0).bind(id);
    let query = query.bind(fields.name).bind(word(fields.status)).bind(fields.instructions);
    let stored = query.try_map(campaign).fetch_optional(&mut *tx).await.map_err(refused)?.ok_or(MISSING)?;
    tx.commit().await.map_err(refused)?;
    Ok(stored)
}

pub(super) async fn delete(db: Database, who: Principal, id: Uuid) -> Stored<()> {
    let mut tx = db.write_for_user().await?;
    let query = sqlx::query(DELETE).bind(who.tenant().0).bind(id);
    if query.execute(&mut *tx).await.map_err(refused)?.rows_affected() == 0 {
        return Err(MISSING);
    }
    tx.commit().await.map_err(refused)
}

//! Leads of a tenant's campaigns.
//!
//! Invariant: a campaign or client of another tenant is refused in the very words for one that does not exist.

use super::columns::{Columns, begin, word};
use super::database::{Database, Tx};
use super::refusal::{broken, refused};
use crate::principal::{Principal, TenantId};
use crate::store::{Cursor, Lead, LeadFields, LeadFilter, Page, PageRequest, StoreError, Stored};
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

const LIST: &str = "SELECT id, campaign_id, client_id, name, phone, status, notes, created_at FROM leads \
    WHERE tenant_id = ?1 AND (created_at, id) < (?2, ?3) \
    AND (?5 IS NULL OR campaign_id = ?5) AND (?6 IS NULL OR status = ?6) \
    ORDER BY created_at DESC, id DESC LIMIT ?4";
const ONE: &str = "SELECT id, campaign_id, client_id, name, phone, status, notes, created_at FROM leads \
    WHERE tenant_id = ?1 AND id = ?2";
const CREATE: &str = "INSERT INTO leads (tenant_id, id, campaign_id, client_id, name, phone, status, notes) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
    RETURNING id, campaign_id, client_id, name, phone, status, notes, created_at";
const UPDATE: &str = "UPDATE leads \
    SET campaign_id = ?3, client_id = ?4, name = ?5, phone = ?6, status = ?7, notes = ?8 \
    WHERE tenant_id = ?1 AND id = ?2 \
    RETURNING id, campaign_id, client_id, name, phone, status, notes, created_at";
const DELETE: &str = "DELETE FROM leads WHERE tenant_id = ?1 AND id = ?2";
const HAS_CAMPAIGN: &str = "SELECT EXISTS (SELECT 1 FROM campaigns WHERE tenant_id = ?1 AND id = ?2)";
const HAS_CLIENT: &str = "SELECT EXISTS (SELECT 1 FROM clients WHERE tenant_id = ?1 AND id = ?2)";

const MISSING: StoreError = StoreError::NotFound { what: "lead" };

fn lead(row: SqliteRow) -> sqlx::Result<Lead> {
    let fields = LeadFields {
        campaign_id: row.get_as("campaign_id")?,
        client_id: row.get_as("client_id")?,
        name: row.get_as("name")?,
        phone: row.get_as("phone")?,
        status: row.word("status")?,
        notes: row.get_as("notes")?,
    };
    Ok(Lead { id: row.get_as("id")?, fields, created_at: row.time("created_at")? })
}

pub(super) async fn list(db: Database, who: Principal, filter: LeadFilter, page: PageRequest) -> Stored<Page<Lead>> {
    let mut tx = db.read().await?;
    let (before, before_id) = begin(page);
    let query = sqlx::query(LIST).bind(who.tenant().0).bind(before).bind(before_id).bind(page.fetch_rows());
    let query = query.bind(filter.campaign_id).bind(filter.status.and_then(word));
    let rows = query.try_map(lead).fetch_all(&mut *tx).await.map_err(refused)?;
    Ok(Page::of(rows, page, |lead| Cursor { at: lead.created_at, id: lead.id }))
}

pub(super) async fn one(db: Database, who: Principal, id: Uuid) -> Stored<Lead> {
    let mut tx = db.read().await?;
    let query = sqlx::query(ONE).bind(who.tenant().0).bind(id);
    query.try_map(lead).fetch_optional(&mut *tx).await.map_err(refused)?.ok_or(MISSING)
}

pub(super) async fn create(db: Database, who: Principal, fields: LeadFields) -> Stored<Lead> {
    let mut tx = db.write_for_user().await?;
    let stored = store(&mut tx, CREATE, who.tenant(), Uuid::now_v7(), fields).await?;
    tx.commit().await.map_err(refused)?;
    Ok(stored)
}

pub(super) async fn update(db: Database, who: Principal, id: Uuid, fields: LeadFields) -> Stored<Lead> {
    let mut tx = db.write_for_user().await?;
    // Whether the lead is there is told before what is wrong with its fields.
    let query = sqlx::query(ONE).bind(who.tenant().0).bind(id);
    query.fetch_optional(&mut *tx).await.map_err(refused)?.ok_or(MISSING)?;
    let stored = store(&mut tx, UPDATE, who.tenant(), id, fields).await?;
    tx.commit().await.map_err(refused)?;
    Ok(stored)
}

async fn store(tx: &mut Tx, sql: &'static str, tenant: TenantId, id: Uuid, fields: LeadFields) -> Stored<Lead> {
    if !exists(tx, HAS_CAMPAIGN, tenant, fields.campaign_id).await? {
        return Err(broken("leads_campaign"));
    }
    if let Some(client) = fields.client_id
        && !exists(tx, HAS_CLIENT, tenant, client).await?
    {
        return Err(broken("leads_client"));
    }
    let query = sqlx::query(sql).bind(tenant.0).bind(id).bind(fields.campaign_id).bind(fields.client_id);
    let query = query.bind(fields.name).bind(fields.phone).bind(word(fields.status)).bind(fields.notes);
    query.try_map(lead).fetch_optional(&mut **tx).await.map_err(refused)?.ok_or(MISSING)
}

async fn exists(tx: &mut Tx, sql: &'static str, tenant: TenantId, id: Uuid) -> Stored<bool> {
    sqlx::query_scalar(sql).bind(tenant.0).bind(id).fetch_one(&mut **tx).await.map_err(refused)
}

pub(super) async fn delete(db: Database, who: Principal, id: Uuid) -> Stored<()> {
    let mut tx = db.write_for_user().await?;
    let query = sqlx::query(DELETE).bind(who.tenant().0).bind(id);
    if query.execute(&mut *tx).await.map_err(refused)?.rows_affected() == 0 {
        return Err(MISSING);
    }
    tx.commit().await.map_err(refused)
}

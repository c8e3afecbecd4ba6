//! Leads of a tenant's campaigns.
//!
//! Invariant: a campaign or client of another tenant is refused in the very words for one that does not exist: the foreign
//! keys hold the tenant.

use super::columns::{Columns, begin, word};
use super::pools::ApiPool;
use super::refusal::refused;
use super::transaction::TenantTx;
use crate::principal::Principal;
use crate::store::{Cursor, Lead, LeadFields, LeadFilter, Page, PageRequest, StoreError, Stored};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

const LIST: &str = "select id, campaign_id, client_id, name, phone, status, notes, created_at from leads \
    where tenant_id = $1 and (created_at, id) < (coalesce($2, 'infinity'), $3) \
    and ($5::uuid is null or campaign_id = $5) and ($6::text is null or status = $6) \
    order by created_at desc, id desc limit $4";
const ONE: &str = "select id, campaign_id, client_id, name, phone, status, notes, created_at from leads \
    where tenant_id = $1 and id = $2";
const CREATE: &str = "insert into leads (tenant_id, id, campaign_id, client_id, name, phone, status, notes) \
    values ($1, $2, $3, $4, $5, $6, $7, $8) \
    returning id, campaign_id, client_id, name, phone, status, notes, created_at";
const UPDATE: &str = "update leads \
    set campaign_id = $3, client_id = $4, name = $5, phone = $6, status = $7, notes = $8 \
    where tenant_id = $1 and id = $2 \
    returning id, campaign_id, client_id, name, phone, status, notes, created_at";
const DELETE: &str = "delete from leads where tenant_id = $1 and id = $2";

const MISSING: StoreError = StoreError::NotFound { what: "lead" };

fn lead(row: PgRow) -> sqlx::Result<Lead> {
    let fields = LeadFields {
        campaign_id: row.try_get("campaign_id")?,
        client_id: row.try_get("client_id")?,
        name: row.try_get("name")?,
        phone: row.try_get("phone")?,
        status: row.word("status")?,
        notes: row.try_get("notes")?,
    };
    Ok(Lead { id: row.try_get("id")?, fields, created_at: row.try_get("created_at")? })
}

pub(super) async fn list(api: ApiPool, who: Principal, filter: LeadFilter, page: PageRequest) -> Stored<Page<Lead>> {
    let mut tx = TenantTx::read(&api, who).await?;
    let (before, before_id) = begin(page);
    let query = sqlx::query(LIST).bind(tx.tenant()).bind(before).bind(before_id).bind(page.fetch_rows());
    let query = query.bind(filter.campaign_id).bind(filter.status.and_then(word));
    let rows = query.try_map(lead).fetch_all(&mut *tx).await.map_err(refused)?;
    Ok(Page::of(rows, page, |lead| Cursor { at: lead.created_at, id: lead.id }))
}

pub(super) async fn one(api: ApiPool, who: Principal, id: Uuid) -> Stored<Lead> {
    let mut tx = TenantTx::read(&api, who).await?;
    let query = sqlx::query(ONE).bind(tx.tenant()).bind(id);
    query.try_map(lead).fetch_optional(&mut *tx).await.map_err(refused)?.ok_or(MISSING)
}

pub(super) async fn create(api: ApiPool, who: Principal, fields: LeadFields) -> Stored<Lead> {
    store(CREATE, api, who, Uuid::now_v7(), fields).await
}

pub(super) async fn update(api: ApiPool, who: Principal, id: Uuid, fields: LeadFields) -> Stored<Lead> {
    store(UPDATE, api, who, id, fields).await
}

async fn store(sql: &'static str, api: ApiPool, who: Principal, id: Uuid, fields: LeadFields) -> Stored<Lead> {
    let mut tx = TenantTx::write(&api, who).await?;
    let query = sqlx::query(sql).bind(tx.tenant()).bind(id).bind(fields.campaign_id).bind(fields.client_id);
    let query = query.bind(fields.name).bind(fields.phone).bind(word(fields.status)).bind(fields.notes);
    let stored = query.try_map(lead).fetch_optional(&mut *tx).await.map_err(refused)?.ok_or(MISSING)?;
    tx.commit().await?;
    Ok(stored)
}

pub(super) async fn delete(api: ApiPool, who: Principal, id: Uuid) -> Stored<()> {
    let mut tx = TenantTx::write(&api, who).await?;
    let query = sqlx::query(DELETE).bind(tx.tenant()).bind(id);
    if query.execute(&mut *tx).await.map_err(refused)?.rows_affected() == 0 {
        return Err(MISSING);
    }
    tx.commit().await
}

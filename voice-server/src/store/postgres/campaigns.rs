//! Campaigns of a tenant.

use super::columns::{Columns, begin, word};
use super::pools::ApiPool;
use super::refusal::refused;
use super::transaction::TenantTx;
use crate::principal::Principal;
use crate::store::{Campaign, CampaignFields, Cursor, Page, PageRequest, StoreError, Stored};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

const LIST: &str = "select id, name, status, instructions, created_at from campaigns \
    where tenant_id = $1 and (created_at, id) < (coalesce($2, 'infinity'), $3) \
    order by created_at desc, id desc limit $4";
const ONE: &str = "select id, name, status, instructions, created_at from campaigns where tenant_id = $1 and id = $2";
const CREATE: &str = "insert into campaigns (tenant_id, id, name, status, instructions) values ($1, $2, $3, $4, $5) \
    returning id, name, status, instructions, created_at";
const UPDATE: &str = "update campaigns set name = $3, status = $4, instructions = $5 where tenant_id = $1 and id = $2 \
    returning id, name, status, instructions, created_at";
const DELETE: &str = "delete from campaigns where tenant_id = $1 and id = $2";

const MISSING: StoreError = StoreError::NotFound { what: "campaign" };

fn campaign(row: PgRow) -> sqlx::Result<Campaign> {
    let fields = CampaignFields {
        name: row.try_get("name")?,
        status: row.word("status")?,
        instructions: row.try_get("instructions")?,
    };
    Ok(Campaign { id: row.try_get("id")?, fields, created_at: row.try_get("created_at")? })
}

pub(super) async fn list(api: ApiPool, who: Principal, page: PageRequest) -> Stored<Page<Campaign>> {
    let mut tx = TenantTx::read(&api, who).await?;
    let (before, before_id) = begin(page);
    let query = sqlx::query(LIST).bind(tx.tenant()).bind(before).bind(before_id).bind(page.fetch_rows());
    let rows = query.try_map(campaign).fetch_all(&mut *tx).await.map_err(refused)?;
    Ok(Page::of(rows, page, |campaign| Cursor { at: campaign.created_at, id: campaign.id }))
}

pub(super) async fn one(api: ApiPool, who: Principal, id: Uuid) -> Stored<Campaign> {
    let mut tx = TenantTx::read(&api, who).await?;
    let query = sqlx::query(ONE).bind(tx.tenant()).bind(id);
    query.try_map(campaign).fetch_optional(&mut *tx).await.map_err(refused)?.ok_or(MISSING)
}

pub(super) async fn create(api: ApiPool, who: Principal, fields: CampaignFields) -> Stored<Campaign> {
    store(CREATE, api, who, Uuid::now_v7(), fields).await
}

pub(super) async fn update(api: ApiPool, who: Principal, id: Uuid, fields: CampaignFields) -> Stored<Campaign> {
    store(UPDATE, api, who, id, fields).await
}

async fn store(sql: &'static str, api: ApiPool, who: Principal, id: Uuid, fields: CampaignFields) -> Stored<Campaign> {
    let mut tx = TenantTx::write(&api, who).await?;
    let query = sqlx::query(sql).bind(tx.tenant()).bind(id).bind(fields.name);
    let query = query.bind(word(fields.status)).bind(fields.instructions);
    let stored = query.try_map(campaign).fetch_optional(&mut *tx).await.map_err(refused)?.ok_or(MISSING)?;
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

//! Tenants, as platform administrators see them.

use super::audit::{AdminTx, Deed, without_nulls};
use super::columns::{begin, int, word};
use super::pools::WorkerPool;
use super::profile::tenant;
use super::refusal::refused;
use crate::principal::{Principal, TenantId};
use crate::store::{Cursor, NewTenant, Page, PageRequest, StoreError, Stored, Tenant, TenantChange};
use serde_json::{Value, json};
use uuid::Uuid;

const LIST: &str = "select id, name, plan_id, status, records_calls, retention_days, allowed_origins, created_at from tenants \
    where (created_at, id) < (coalesce($1, 'infinity'), $2) order by created_at desc, id desc limit $3";
const ONE: &str = "select id, name, plan_id, status, records_calls, retention_days, allowed_origins, created_at \
    from tenants where id = $1";
const CREATE: &str = "insert into tenants (id, name, plan_id) values ($1, $2, $3) \
    returning id, name, plan_id, status, records_calls, retention_days, allowed_origins, created_at";
const CHANGE: &str = "update tenants set name = coalesce($2, name), plan_id = coalesce($3, plan_id), \
        status = coalesce($4, status), records_calls = coalesce($5, records_calls), \
        retention_days = coalesce($6, retention_days), allowed_origins = coalesce($7, allowed_origins) \
    where id = $1 returning id, name, plan_id, status, records_calls, retention_days, allowed_origins, created_at";

const MISSING: StoreError = StoreError::NotFound { what: "tenant" };

pub(super) async fn list(worker: WorkerPool, who: Principal, page: PageRequest) -> Stored<Page<Tenant>> {
    let mut tx = AdminTx::begin(&worker, who).await?;
    let (before, before_id) = begin(page);
    let query = sqlx::query(LIST).bind(before).bind(before_id).bind(page.fetch_rows());
    let rows = query.try_map(tenant).fetch_all(&mut *tx).await.map_err(refused)?;
    tx.commit(Deed::plain("tenant.list", None, None)).await?;
    Ok(Page::of(rows, page, |tenant| Cursor { at: tenant.created_at, id: tenant.id.0 }))
}

pub(super) async fn one(worker: WorkerPool, who: Principal, id: TenantId) -> Stored<Tenant> {
    let mut tx = AdminTx::begin(&worker, who).await?;
    let found = find(&mut tx, id).await?;
    tx.commit(Deed::plain("tenant.read", Some(id), None)).await?;
    Ok(found)
}

/// The tenant, in a transaction that has begun.
pub(super) async fn find(tx: &mut AdminTx, id: TenantId) -> Stored<Tenant> {
    let query = sqlx::query(ONE).bind(id.0).try_map(tenant);
    query.fetch_optional(&mut **tx).await.map_err(refused)?.ok_or(MISSING)
}

pub(super) async fn create(worker: WorkerPool, who: Principal, new: NewTenant) -> Stored<Tenant> {
    let mut tx = AdminTx::begin(&worker, who).await?;
    let query = sqlx::query(CREATE).bind(Uuid::now_v7()).bind(&new.name).bind(new.plan_id);
    let created = query.try_map(tenant).fetch_one(&mut *tx).await.map_err(refused)?;
    let detail = json!({ "name": new.name, "plan_id": new.plan_id });
    tx.commit(Deed { detail, ..Deed::plain("tenant.create", Some(created.id), None) }).await?;
    Ok(created)
}

pub(super) async fn change(worker: WorkerPool, who: Principal, id: TenantId, change: TenantChange) -> Stored<Tenant> {
    let mut tx = AdminTx::begin(&worker, who).await?;
    let query = sqlx::query(CHANGE).bind(id.0).bind(&change.name).bind(change.plan_id);
    let query = query.bind(change.status.and_then(word)).bind(change.records_calls);
    let query = query.bind(change.retention_days.map(int)).bind(&change.allowed_origins);
    let changed = query.try_map(tenant).fetch_optional(&mut *tx).await.map_err(refused)?.ok_or(MISSING)?;
    tx.commit(Deed { detail: told(&change), ..Deed::plain("tenant.change", Some(id), None) }).await?;
    Ok(changed)
}

/// What of the tenant was changed, and to what.
fn told(change: &TenantChange) -> Value {
    without_nulls(json!({
        "name": change.name, "plan_id": change.plan_id, "status": change.status, "records_calls": change.records_calls,
        "retention_days": change.retention_days, "allowed_origins": change.allowed_origins,
    }))
}

//! Tenants, as platform administrators see them.

use super::audit::{Deed, commit, must_administer};
use super::columns::{begin, word};
use super::database::{Database, Tx};
use super::profile::tenant;
use super::refusal::{broken, refused};
use crate::principal::{Principal, TenantId};
use crate::store::{Cursor, NewTenant, Page, PageRequest, StoreError, Stored, Tenant, TenantChange};
use serde_json::json;
use uuid::Uuid;

const LIST: &str = "SELECT id, name, plan_id, status, records_calls, retention_days, allowed_origins, created_at FROM tenants \
    WHERE (created_at, id) < (?1, ?2) ORDER BY created_at DESC, id DESC LIMIT ?3";
const ONE: &str = "SELECT id, name, plan_id, status, records_calls, retention_days, allowed_origins, created_at \
    FROM tenants WHERE id = ?1";
const CREATE: &str = "INSERT INTO tenants (id, name, plan_id) VALUES (?1, ?2, ?3) \
    RETURNING id, name, plan_id, status, records_calls, retention_days, allowed_origins, created_at";
const CHANGE: &str = "UPDATE tenants SET name = coalesce(?2, name), plan_id = coalesce(?3, plan_id), \
        status = coalesce(?4, status), records_calls = coalesce(?5, records_calls), \
        retention_days = coalesce(?6, retention_days), allowed_origins = coalesce(?7, allowed_origins) \
    WHERE id = ?1 RETURNING id, name, plan_id, status, records_calls, retention_days, allowed_origins, created_at";
const HAS_PLAN: &str = "SELECT EXISTS (SELECT 1 FROM plans WHERE id = ?1)";

pub(super) const MISSING: StoreError = StoreError::NotFound { what: "tenant" };

pub(super) async fn list(db: Database, who: Principal, page: PageRequest) -> Stored<Page<Tenant>> {
    must_administer(who)?;
    let mut tx = db.write_for_user().await?;
    let (before, before_id) = begin(page);
    let query = sqlx::query(LIST).bind(before).bind(before_id).bind(page.fetch_rows());
    let rows = query.try_map(tenant).fetch_all(&mut *tx).await.map_err(refused)?;
    commit(tx, who, Deed::plain("tenant.list", None, None)).await?;
    Ok(Page::of(rows, page, |tenant| Cursor { at: tenant.created_at, id: tenant.id.0 }))
}

pub(super) async fn one(db: Database, who: Principal, id: TenantId) -> Stored<Tenant> {
    must_administer(who)?;
    let mut tx = db.write_for_user().await?;
    let found = find(&mut tx, id).await?;
    commit(tx, who, Deed::plain("tenant.read", Some(id), None)).await?;
    Ok(found)
}

/// The tenant, in a transaction that has begun.
pub(super) async fn find(tx: &mut Tx, id: TenantId) -> Stored<Tenant> {
    let query = sqlx::query(ONE).bind(id.0).try_map(tenant);
    query.fetch_optional(&mut **tx).await.map_err(refused)?.ok_or(MISSING)
}

pub(super) async fn create(db: Database, who: Principal, new: NewTenant) -> Stored<Tenant> {
    must_administer(who)?;
    let mut tx = db.write_for_user().await?;
    must_have_plan(&mut tx, Some(new.plan_id)).await?;
    let query = sqlx::query(CREATE).bind(Uuid::now_v7()).bind(&new.name).bind(new.plan_id);
    let created = query.try_map(tenant).fetch_one(&mut *tx).await.map_err(refused)?;
    let detail = json!({ "name": new.name, "plan_id": new.plan_id });
    commit(tx, who, Deed { detail, ..Deed::plain("tenant.create", Some(created.id), None) }).await?;
    Ok(created)
}

pub(super) async fn change(db: Database, who: Principal, id: TenantId, change: TenantChange) -> Stored<Tenant> {
    must_administer(who)?;
    let mut tx = db.write_for_user().await?;
    find(&mut tx, id).await?;
    must_have_plan(&mut tx, change.plan_id).await?;
    let origins = change.allowed_origins.as_ref().map(|origins| json!(origins).to_string());
    let query = sqlx::query(CHANGE).bind(id.0).bind(&change.name).bind(change.plan_id);
    let query = query.bind(change.status.and_then(word)).bind(change.records_calls);
    let query = query.bind(change.retention_days).bind(origins);
    let changed = query.try_map(tenant).fetch_one(&mut *tx).await.map_err(refused)?;
    commit(tx, who, Deed { detail: told(&change), ..Deed::plain("tenant.change", Some(id), None) }).await?;
    Ok(changed)
}

/// What of the tenant was changed, and to what.
fn told(change: &TenantChange) -> serde_json::Value {
    let all = json!({
        "name": change.name, "plan_id": change.plan_id, "status": change.status, "records_calls": change.records_calls,
        "retention_days": change.retention_days, "allowed_origins": change.allowed_origins,
    });
    super::audit::without_nulls(all)
}

async fn must_have_plan(tx: &mut Tx, plan: Option<Uuid>) -> Stored<()> {
    let Some(plan) = plan else { return Ok(()) };
    match sqlx::query_scalar(HAS_PLAN).bind(plan).fetch_one(&mut **tx).await.map_err(refused)? {
        true => Ok(()),
        false => Err(broken("tenants_plan")),
    }
}

//! Users of any tenant, as platform administrators see them.

use super::audit::{AdminTx, Deed, without_nulls};
use super::columns::{begin, word};
use super::pools::WorkerPool;
use super::profile::user;
use super::refusal::refused;
use super::tenants;
use crate::principal::{Principal, TenantId, UserId};
use crate::store::{Cursor, NewUser, Page, PageRequest, StoreError, Stored, UserChange, UserProfile};
use serde_json::json;

const LIST: &str = "select id, tenant_id, role, full_name, created_at from user_profiles \
    where tenant_id = $1 and (created_at, id) < (coalesce($2, 'infinity'), $3) \
    order by created_at desc, id desc limit $4";
const CREATE: &str = "insert into user_profiles (id, tenant_id, role, full_name) values ($1, $2, $3, $4) \
    returning id, tenant_id, role, full_name, created_at";
const CHANGE: &str = "update user_profiles set role = coalesce($2, role), full_name = coalesce($3, full_name) where id = $1 \
    returning id, tenant_id, role, full_name, created_at";
const DELETE: &str = "delete from user_profiles where id = $1 returning tenant_id";

const MISSING: StoreError = StoreError::NotFound { what: "user" };

pub(super) async fn list(
    worker: WorkerPool,
    who: Principal,
    tenant: TenantId,
    page: PageRequest,
) -> Stored<Page<UserProfile>> {
    let mut tx = AdminTx::begin(&worker, who).await?;
    tenants::find(&mut tx, tenant).await?;
    let (before, before_id) = begin(page);
    let query = sqlx::query(LIST).bind(tenant.0).bind(before).bind(before_id).bind(page.fetch_rows());
    let rows = query.try_map(user).fetch_all(&mut *tx).await.map_err(refused)?;
    tx.commit(Deed::plain("user.list", Some(tenant), None)).await?;
    Ok(Page::of(rows, page, |user| Cursor { at: user.created_at, id: user.id.0 }))
}

pub(super) async fn create(worker: WorkerPool, who: Principal, new: NewUser) -> Stored<UserProfile> {
    let mut tx = AdminTx::begin(&worker, who).await?;
    let query = sqlx::query(CREATE).bind(new.id.0).bind(new.tenant_id.0).bind(new.role.as_str()).bind(&new.full_name);
    let created = query.try_map(user).fetch_one(&mut *tx).await.map_err(refused)?;
    let detail = json!({ "role": new.role, "full_name": new.full_name });
    tx.commit(Deed { detail, ..Deed::plain("user.create", Some(new.tenant_id), Some(new.id.0)) }).await?;
    Ok(created)
}

pub(super) async fn change(worker: WorkerPool, who: Principal, id: UserId, change: UserChange) -> Stored<UserProfile> {
    let mut tx = AdminTx::begin(&worker, who).await?;
    let query = sqlx::query(CHANGE).bind(id.0).bind(change.role.and_then(word)).bind(&change.full_name);
    let changed = query.try_map(user).fetch_optional(&mut *tx).await.map_err(refused)?.ok_or(MISSING)?;
    let detail = without_nulls(json!({ "role": change.role, "full_name": change.full_name }));
    tx.commit(Deed { detail, ..Deed::plain("user.change", Some(changed.tenant_id), Some(id.0)) }).await?;
    Ok(changed)
}

pub(super) async fn delete(worker: WorkerPool, who: Principal, id: UserId) -> Stored<()> {
    let mut tx = AdminTx::begin(&worker, who).await?;
    let query = sqlx::query_scalar(DELETE).bind(id.0);
    let tenant = query.fetch_optional(&mut *tx).await.map_err(refused)?.ok_or(MISSING)?;
    tx.commit(Deed::plain("user.delete", Some(TenantId(tenant)), Some(id.0))).await
}

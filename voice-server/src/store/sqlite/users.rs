//! Users of any tenant, as platform administrators see them.

use super::audit::{Deed, commit, must_administer, without_nulls};
use super::columns::{Columns, begin, word};
use super::database::Database;
use super::profile::user;
use super::refusal::{broken, refused};
use super::tenants;
use crate::principal::{Principal, TenantId, UserId};
use crate::store::{Cursor, NewUser, Page, PageRequest, StoreError, Stored, UserChange, UserProfile};
use serde_json::json;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

const LIST: &str = "SELECT id, tenant_id, role, full_name, created_at FROM user_profiles \
    WHERE tenant_id = ?1 AND (created_at, id) < (?2, ?3) ORDER BY created_at DESC, id DESC LIMIT ?4";
const CREATE: &str = "INSERT INTO user_profiles (id, tenant_id, role, full_name) VALUES (?1, ?2, ?3, ?4) \
    RETURNING id, tenant_id, role, full_name, created_at";
const CHANGE: &str = "UPDATE user_profiles SET role = coalesce(?2, role), full_name = coalesce(?3, full_name) WHERE id = ?1 \
    RETURNING id, tenant_id, role, full_name, created_at";
const DELETE: &str = "DELETE FROM user_profiles WHERE id = ?1 RETURNING tenant_id";

const MISSING: StoreError = StoreError::NotFound { what: "user" };

pub(super) async fn list(
    db: Database,
    who: Principal,
    tenant: TenantId,
    page: PageRequest,
) -> Stored<Page<UserProfile>> {
    must_administer(who)?;
    let mut tx = db.write_for_user().await?;
    tenants::find(&mut tx, tenant).await?;
    let (before, before_id) = begin(page);
    let query = sqlx::query(LIST).bind(tenant.0).bind(before).bind(before_id).bind(page.fetch_rows());
    let rows = query.try_map(user).fetch_all(&mut *tx).await.map_err(refused)?;
    commit(tx, who, Deed::plain("user.list", Some(tenant), None)).await?;
    Ok(Page::of(rows, page, |user| Cursor { at: user.created_at, id: user.id.0 }))
}

pub(super) async fn create(db: Database, who: Principal, new: NewUser) -> Stored<UserProfile> {
    must_administer(who)?;
    let mut tx = db.write_for_user().await?;
    tenants::find(&mut tx, new.tenant_id).await.map_err(|error| match error {
        StoreError::NotFound { .. } => broken("user_profiles_tenant"),
        other => other,
    })?;
    let query = sqlx::query(CREATE).bind(new.id.0).bind(new.tenant_id.0).bind(new.role.as_str()).bind(&new.full_name);
    let created = query.try_map(user).fetch_one(&mut *tx).await.map_err(refused)?;
    let detail = json!({ "role": new.role, "full_name": new.full_name });
    commit(tx, who, Deed { detail, ..Deed::plain("user.create", Some(new.tenant_id), Some(new.id.0)) }).await?;
    Ok(created)
}

pub(super) async fn change(db: Database, who: Principal, id: UserId, change: UserChange) -> Stored<UserProfile> {
    must_administer(who)?;
    let mut tx = db.write_for_user().await?;
    let query = sqlx::query(CHANGE).bind(id.0).bind(change.role.and_then(word)).bind(&change.full_name);
    let changed = query.try_map(user).fetch_optional(&mut *tx).await.map_err(refused)?.ok_or(MISSING)?;
    let detail = without_nulls(json!({ "role": change.role, "full_name": change.full_name }));
    commit(tx, who, Deed { detail, ..Deed::plain("user.change", Some(changed.tenant_id), Some(id.0)) }).await?;
    Ok(changed)
}

pub(super) async fn delete(db: Database, who: Principal, id: UserId) -> Stored<()> {
    must_administer(who)?;
    let mut tx = db.write_for_user().await?;
    let query = sqlx::query(DELETE).bind(id.0).try_map(|row: SqliteRow| row.get_as::<Uuid>("tenant_id"));
    let tenant = query.fetch_optional(&mut *tx).await.map_err(refused)?.ok_or(MISSING)?;
    commit(tx, who, Deed::plain("user.delete", Some(TenantId(tenant)), Some(id.0))).await
}

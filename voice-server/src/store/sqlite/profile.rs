//! Who asks, their tenant and its plan.

use super::columns::Columns;
use super::database::Database;
use super::refusal::refused;
use crate::principal::{Principal, TenantId, UserId};
use crate::store::{Me, Plan, StoreError, Stored, Tenant, UserProfile};
use sqlx::sqlite::SqliteRow;

const USER: &str =
    "SELECT id, tenant_id, role, full_name, created_at FROM user_profiles WHERE tenant_id = ?1 AND id = ?2";
const RENAME: &str = "UPDATE user_profiles SET full_name = ?3 WHERE tenant_id = ?1 AND id = ?2 \
    RETURNING id, tenant_id, role, full_name, created_at";
const TENANT: &str = "SELECT id, name, plan_id, status, records_calls, retention_days, allowed_origins, created_at \
    FROM tenants WHERE id = ?1";
const PLAN: &str =
    "SELECT id, name, max_concurrent_calls, max_call_minutes, price_micros, currency FROM plans WHERE id = ?1";
const PLANS: &str = "SELECT id, name, max_concurrent_calls, max_call_minutes, price_micros, currency FROM plans \
    ORDER BY price_micros, name";

const MISSING: StoreError = StoreError::NotFound { what: "user" };

pub(super) fn user(row: SqliteRow) -> sqlx::Result<UserProfile> {
    Ok(UserProfile {
        id: UserId(row.get_as("id")?),
        tenant_id: TenantId(row.get_as("tenant_id")?),
        role: row.word("role")?,
        full_name: row.get_as("full_name")?,
        created_at: row.time("created_at")?,
    })
}

pub(super) fn tenant(row: SqliteRow) -> sqlx::Result<Tenant> {
    Ok(Tenant {
        id: TenantId(row.get_as("id")?),
        name: row.get_as("name")?,
        plan_id: row.get_as("plan_id")?,
        status: row.word("status")?,
        records_calls: row.get_as("records_calls")?,
        retention_days: row.get_as("retention_days")?,
        allowed_origins: row.json("allowed_origins")?,
        created_at: row.time("created_at")?,
    })
}

fn plan(row: SqliteRow) -> sqlx::Result<Plan> {
    Ok(Plan {
        id: row.get_as("id")?,
        name: row.get_as("name")?,
        max_concurrent_calls: row.get_as("max_concurrent_calls")?,
        max_call_minutes: row.get_as("max_call_minutes")?,
        price_micros: row.get_as("price_micros")?,
        currency: row.get_as("currency")?,
    })
}

pub(super) async fn me(db: Database, who: Principal) -> Stored<Me> {
    let mut tx = db.read().await?;
    let query = sqlx::query(USER).bind(who.tenant().0).bind(who.user().0);
    let user = query.try_map(user).fetch_optional(&mut *tx).await.map_err(refused)?.ok_or(MISSING)?;
    let tenant = sqlx::query(TENANT).bind(who.tenant().0).try_map(tenant).fetch_one(&mut *tx).await.map_err(refused)?;
    let plan = sqlx::query(PLAN).bind(tenant.plan_id).try_map(plan).fetch_one(&mut *tx).await.map_err(refused)?;
    Ok(Me { user, tenant, plan })
}

pub(super) async fn rename(db: Database, who: Principal, full_name: String) -> Stored<UserProfile> {
    let mut tx = db.write_for_user().await?;
    let query = sqlx::query(RENAME).bind(who.tenant().0).bind(who.user().0).bind(full_name);
    let renamed = query.try_map(user).fetch_optional(&mut *tx).await.map_err(refused)?.ok_or(MISSING)?;
    tx.commit().await.map_err(refused)?;
    Ok(renamed)
}

pub(super) async fn plans(db: Database) -> Stored<Vec<Plan>> {
    let mut tx = db.read().await?;
    sqlx::query(PLANS).try_map(plan).fetch_all(&mut *tx).await.map_err(refused)
}

//! Who asks, their tenant and its plan.

use super::columns::Columns;
use super::pools::ApiPool;
use super::refusal::refused;
use super::transaction::TenantTx;
use crate::principal::{Principal, TenantId, UserId};
use crate::store::{Me, Plan, StoreError, Stored, Tenant, UserProfile};
use sqlx::Row;
use sqlx::postgres::PgRow;

const USER: &str =
    "select id, tenant_id, role, full_name, created_at from user_profiles where tenant_id = $1 and id = $2";
const RENAME: &str = "update user_profiles set full_name = $3 where tenant_id = $1 and id = $2 \
    returning id, tenant_id, role, full_name, created_at";
const TENANT: &str = "select id, name, plan_id, status, records_calls, retention_days, allowed_origins, created_at \
    from tenants where id = $1";
const PLAN: &str =
    "select id, name, max_concurrent_calls, max_call_minutes, price_micros, currency from plans where id = $1";
const PLANS: &str = "select id, name, max_concurrent_calls, max_call_minutes, price_micros, currency from plans \
    order by price_micros, name";

const MISSING: StoreError = StoreError::NotFound { what: "user" };

pub(super) fn user(row: PgRow) -> sqlx::Result<UserProfile> {
    Ok(UserProfile {
        id: UserId(row.try_get("id")?),
        tenant_id: TenantId(row.try_get("tenant_id")?),
        role: row.word("role")?,
        full_name: row.try_get("full_name")?,
        created_at: row.try_get("created_at")?,
    })
}

pub(super) fn tenant(row: PgRow) -> sqlx::Result<Tenant> {
    Ok(Tenant {
        id: TenantId(row.try_get("id")?),
        name: row.try_get("name")?,
        plan_id: row.try_get("plan_id")?,
        status: row.word("status")?,
        records_calls: row.try_get("records_calls")?,
        retention_days: row.count("retention_days")?,
        allowed_origins: row.try_get("allowed_origins")?,
        created_at: row.try_get("created_at")?,
    })
}

fn plan(row: PgRow) -> sqlx::Result<Plan> {
    Ok(Plan {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        max_concurrent_calls: row.count("max_concurrent_calls")?,
        max_call_minutes: row.count("max_call_minutes")?,
        price_micros: row.try_get("price_micros")?,
        currency: row.try_get("currency")?,
    })
}

pub(super) async fn me(api: ApiPool, who: Principal) -> Stored<Me> {
    let mut tx = TenantTx::read(&api, who).await?;
    let query = sqlx::query(USER).bind(tx.tenant()).bind(tx.user());
    let user = query.try_map(user).fetch_optional(&mut *tx).await.map_err(refused)?.ok_or(MISSING)?;
    let query = sqlx::query(TENANT).bind(tx.tenant());
    let tenant = query.try_map(tenant).fetch_optional(&mut *tx).await.map_err(refused)?.ok_or(MISSING)?;
    let plan = sqlx::query(PLAN).bind(tenant.plan_id).try_map(plan).fetch_one(&mut *tx).await.map_err(refused)?;
    Ok(Me { user, tenant, plan })
}

pub(super) async fn rename(api: ApiPool, who: Principal, full_name: String) -> Stored<UserProfile> {
    let mut tx = TenantTx::write(&api, who).await?;
    let query = sqlx::query(RENAME).bind(tx.tenant()).bind(tx.user()).bind(full_name);
    let renamed = query.try_map(user).fetch_optional(&mut *tx).await.map_err(refused)?.ok_or(MISSING)?;
    tx.commit().await?;
    Ok(renamed)
}

pub(super) async fn plans(api: ApiPool, who: Principal) -> Stored<Vec<Plan>> {
    let mut tx = TenantTx::read(&api, who).await?;
    sqlx::query(PLANS).try_map(plan).fetch_all(&mut *tx).await.map_err(refused)
}

//! The first platform administrator, and the tenant they are of.

use super::columns::Columns;
use super::database::{Database, Tx};
use super::refusal::refused;
use crate::db::Applied;
use crate::db::appoint::{Appointed, BY, Found, OfTenant, OfUser, Refusal, Steps, Wanted, decide};
use crate::principal::{Role, TenantId};
use crate::store::Stored;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

const PLANS: &str = "SELECT id, name FROM plans ORDER BY price_micros, name";
const TENANTS: &str = "SELECT t.id, p.name FROM tenants t JOIN plans p ON p.id = t.plan_id \
    WHERE t.name = ?1 OR t.id = ?2 LIMIT 2";
const PROFILE: &str = "SELECT tenant_id, role FROM user_profiles WHERE id = ?1";
const MAKE_TENANT: &str = "INSERT INTO tenants (id, name, plan_id) VALUES (?1, ?2, ?3)";
const MAKE_USER: &str = "INSERT INTO user_profiles (id, tenant_id, role) VALUES (?1, ?2, ?3)";
const PROMOTE: &str = "UPDATE user_profiles SET role = ?3 WHERE id = ?1 AND tenant_id = ?2";
const RECORD: &str = "INSERT INTO audit_log (user_id, action, tenant_id, subject, detail) VALUES (?1, ?2, ?3, ?4, ?5)";

/// In one transaction; a refusal changes nothing.
pub(super) async fn appoint(db: Database, wanted: Wanted) -> Stored<Result<Appointed, Refusal>> {
    let mut tx = db.write().await?;
    let found = look(&mut tx, &wanted).await?;
    let steps = match decide(&wanted, &found, TenantId(Uuid::now_v7())) {
        Ok(steps) => steps,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let applied = perform(&mut tx, &wanted, steps).await?;
    tx.commit().await.map_err(refused)?;
    Ok(Ok(Appointed { tenant: steps.tenant.id(), applied }))
}

async fn look(tx: &mut Tx, wanted: &Wanted) -> Stored<Found> {
    let named = |row: SqliteRow| Ok((row.get_as("id")?, row.get_as("name")?));
    let plans = sqlx::query(PLANS).try_map(named).fetch_all(&mut **tx).await.map_err(refused)?;
    let query = sqlx::query(TENANTS).bind(&wanted.tenant).bind(Uuid::parse_str(&wanted.tenant).ok());
    let tenants = query.try_map(named).fetch_all(&mut **tx).await.map_err(refused)?;
    let profile = |row: SqliteRow| Ok((TenantId(row.get_as("tenant_id")?), row.word("role")?));
    let profile = sqlx::query(PROFILE).bind(wanted.user.0).try_map(profile).fetch_optional(&mut **tx).await;
    let tenants = tenants.into_iter().map(|(id, plan)| (TenantId(id), plan)).collect();
    Ok(Found { plans, tenants, profile: profile.map_err(refused)? })
}

async fn perform(tx: &mut Tx, wanted: &Wanted, steps: Steps) -> Stored<Applied> {
    let tenant = steps.tenant.id();
    let mut applied = Applied::Unchanged;
    if let OfTenant::Make { plan, .. } = steps.tenant {
        let query = sqlx::query(MAKE_TENANT).bind(tenant.0).bind(&wanted.tenant).bind(plan);
        query.execute(&mut **tx).await.map_err(refused)?;
        let detail = json!({ "name": wanted.tenant, "plan_id": plan, "by": BY });
        record(tx, wanted, "tenant.create", tenant, None, detail).await?;
        applied = Applied::Changed;
    }
    let (statement, action) = match steps.user {
        OfUser::Nothing => return Ok(applied),
        OfUser::Make => (MAKE_USER, "user.create"),
        OfUser::Promote => (PROMOTE, "user.change"),
    };
    let query = sqlx::query(statement).bind(wanted.user.0).bind(tenant.0).bind(Role::PlatformAdmin.as_str());
    query.execute(&mut **tx).await.map_err(refused)?;
    let detail = json!({ "role": Role::PlatformAdmin, "by": BY });
    record(tx, wanted, action, tenant, Some(wanted.user.0), detail).await?;
    Ok(Applied::Changed)
}

async fn record(
    tx: &mut Tx,
    wanted: &Wanted,
    action: &'static str,
    tenant: TenantId,
    subject: Option<Uuid>,
    detail: Value,
) -> Stored<()> {
    let query = sqlx::query(RECORD).bind(wanted.user.0).bind(action).bind(tenant.0).bind(subject);
    query.bind(detail.to_string()).execute(&mut **tx).await.map_err(refused)?;
    Ok(())
}

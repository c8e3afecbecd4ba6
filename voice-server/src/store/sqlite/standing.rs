//! What the server asks before it lets a call begin, and what development's own tokens need.

use super::columns::{Columns, micros};
use super::database::Database;
use super::refusal::refused;
use crate::principal::{Principal, Role, TenantId, UserId};
use crate::store::{Standing, Stored, TenantLimits};
use sqlx::sqlite::SqliteRow;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

const STANDING: &str = "SELECT u.id, u.tenant_id, u.role, t.status, t.records_calls, t.allowed_origins, \
        p.max_concurrent_calls, p.max_call_minutes \
    FROM user_profiles u JOIN tenants t ON t.id = u.tenant_id JOIN plans p ON p.id = t.plan_id WHERE u.id = ?1";
/// Of calls that run, the wall clock counts, no longer than the longest; of those that are over, the monotonic clock counted.
const TALK_MS: &str = "SELECT coalesce(sum(coalesce(duration_ms, min(max(0, ?3 - started_at) / 1000, ?4))), 0) FROM calls \
    WHERE tenant_id = ?1 AND started_at >= ?2";

const PLAN: &str = "INSERT INTO plans (id, name, max_concurrent_calls, max_call_minutes, price_micros, currency) \
    VALUES (?1, 'development', 100, 1000000, 0, 'EUR') ON CONFLICT DO NOTHING";
const TENANT: &str = "INSERT INTO tenants (id, name, plan_id) \
    SELECT ?1, 'development', id FROM plans WHERE name = 'development' ON CONFLICT DO NOTHING";
const USER: &str = "INSERT INTO user_profiles (id, tenant_id, role, full_name) VALUES (?1, ?2, ?3, 'Developer') \
    ON CONFLICT DO NOTHING";

fn standing(row: SqliteRow) -> sqlx::Result<Standing> {
    let user = UserId(row.get_as("id")?);
    Ok(Standing {
        principal: Principal::new(user, TenantId(row.get_as("tenant_id")?), row.word("role")?),
        status: row.word("status")?,
        limits: TenantLimits {
            max_concurrent_calls: row.get_as("max_concurrent_calls")?,
            max_call_minutes: row.get_as("max_call_minutes")?,
        },
        records_calls: row.get_as("records_calls")?,
        allowed_origins: row.json("allowed_origins")?,
    })
}

pub(super) async fn of_user(db: Database, user: UserId) -> Stored<Option<Standing>> {
    let mut tx = db.look_up().await?;
    sqlx::query(STANDING).bind(user.0).try_map(standing).fetch_optional(&mut *tx).await.map_err(refused)
}

pub(super) async fn talk_time(
    db: Database,
    tenant: TenantId,
    (since, now): (OffsetDateTime, OffsetDateTime),
    longest_call: Duration,
) -> Stored<Duration> {
    let longest_ms = i64::try_from(longest_call.as_millis()).unwrap_or(i64::MAX);
    let mut tx = db.read().await?;
    let query = sqlx::query_scalar::<_, i64>(TALK_MS).bind(tenant.0).bind(micros(since)).bind(micros(now));
    let talk_ms = query.bind(longest_ms).fetch_one(&mut *tx).await.map_err(refused)?;
    Ok(Duration::from_millis(u64::try_from(talk_ms).unwrap_or(0)))
}

pub(super) async fn ensure_development(db: Database, tenant: TenantId, user: UserId, role: Role) -> Stored<()> {
    let mut tx = db.write().await?;
    sqlx::query(PLAN).bind(Uuid::now_v7()).execute(&mut *tx).await.map_err(refused)?;
    sqlx::query(TENANT).bind(tenant.0).execute(&mut *tx).await.map_err(refused)?;
    let query = sqlx::query(USER).bind(user.0).bind(tenant.0).bind(role.as_str());
    query.execute(&mut *tx).await.map_err(refused)?;
    tx.commit().await.map_err(refused)
}

pub(super) async fn ping(db: Database) -> Stored<()> {
    let mut tx = db.read().await?;
    sqlx::query("SELECT 1").execute(&mut *tx).await.map_err(refused)?;
    Ok(())
}

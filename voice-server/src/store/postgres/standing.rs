//! What the server asks before it lets a call begin, and what development's own tokens need.

use super::columns::Columns;
use super::pools::{ApiPool, WorkerPool};
use super::refusal::refused;
use super::transaction::Access;
use crate::principal::{Principal, Role, TenantId, UserId};
use crate::store::{Standing, Stored, TenantLimits};
use sqlx::Row;
use sqlx::postgres::PgRow;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

const STANDING: &str = "select u.id, u.tenant_id, u.role, t.status, t.records_calls, t.allowed_origins, \
        p.max_concurrent_calls, p.max_call_minutes \
    from user_profiles u join tenants t on t.id = u.tenant_id join plans p on p.id = t.plan_id where u.id = $1";
/// Of calls that run, the wall clock counts, no longer than the longest; of those that are over, the monotonic clock counted.
const TALK_MS: &str = "select coalesce(sum(coalesce(duration_ms, \
        least(greatest(0, floor(extract(epoch from $3::timestamptz - started_at) * 1000)), $4::bigint))), 0)::bigint \
    from calls \
    where tenant_id = $1 and started_at >= $2";

const PLAN: &str = "insert into plans (id, name, max_concurrent_calls, max_call_minutes, price_micros, currency) \
    values ($1, 'development', 100, 1000000, 0, 'EUR') on conflict do nothing";
const TENANT: &str = "insert into tenants (id, name, plan_id) \
    select $1, 'development', id from plans where name = 'development' on conflict do nothing";
const USER: &str = "insert into user_profiles (id, tenant_id, role, full_name) values ($1, $2, $3, 'Developer') \
    on conflict do nothing";

fn standing(row: PgRow) -> sqlx::Result<Standing> {
    let user = UserId(row.try_get("id")?);
    Ok(Standing {
        principal: Principal::new(user, TenantId(row.try_get("tenant_id")?), row.word("role")?),
        status: row.word("status")?,
        limits: TenantLimits {
            max_concurrent_calls: row.count("max_concurrent_calls")?,
            max_call_minutes: row.count("max_call_minutes")?,
        },
        records_calls: row.try_get("records_calls")?,
        allowed_origins: row.try_get("allowed_origins")?,
    })
}

/// Asked as the user: what they may not see of themselves is no standing.
pub(super) async fn of_user(api: ApiPool, user: UserId) -> Stored<Option<Standing>> {
    let mut acting = api.begin(user, Access::Read).await?;
    sqlx::query(STANDING).bind(user.0).try_map(standing).fetch_optional(&mut *acting).await.map_err(refused)
}

pub(super) async fn talk_time(
    worker: WorkerPool,
    tenant: TenantId,
    (since, now): (OffsetDateTime, OffsetDateTime),
    longest_call: Duration,
) -> Stored<Duration> {
    let longest_ms = i64::try_from(longest_call.as_millis()).unwrap_or(i64::MAX);
    let mut acting = worker.begin(Access::Read).await?;
    let query = sqlx::query_scalar::<_, i64>(TALK_MS).bind(tenant.0).bind(since).bind(now);
    let talk_ms = query.bind(longest_ms).fetch_one(&mut *acting).await.map_err(refused)?;
    Ok(Duration::from_millis(u64::try_from(talk_ms).unwrap_or(0)))
}

pub(super) async fn ensure_development(worker: WorkerPool, tenant: TenantId, user: UserId, role: Role) -> Stored<()> {
    let mut acting = worker.begin(Access::Write).await?;
    sqlx::query(PLAN).bind(Uuid::now_v7()).execute(&mut *acting).await.map_err(refused)?;
    sqlx::query(TENANT).bind(tenant.0).execute(&mut *acting).await.map_err(refused)?;
    let query = sqlx::query(USER).bind(user.0).bind(tenant.0).bind(role.as_str());
    query.execute(&mut *acting).await.map_err(refused)?;
    acting.commit().await
}

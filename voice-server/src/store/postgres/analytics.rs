//! What a tenant's calls add up to.
//!
//! Invariant: a share is of the replies of the period, 0 where there were none. Costs are added up only where all are in
//! one currency.

use super::pools::ApiPool;
use super::refusal::refused;
use super::transaction::TenantTx;
use crate::principal::Principal;
use crate::store::{Analytics, Dashboard, DayCount, Period, StoreError, Stored};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Postgres, Row};
use std::time::Duration;
use time::{OffsetDateTime, Time, UtcOffset};

const DAYS: &str = "select call_day, count(*) as calls, coalesce(sum(duration_ms), 0)::bigint as talk_ms from calls \
    where tenant_id = $1 and started_at >= $2 and started_at < $3 group by call_day order by call_day";
const TOTALS: &str = "select count(*) as calls, coalesce(sum(duration_ms), 0)::bigint as talk_ms, \
        coalesce(sum(turns), 0) as turns, \
        coalesce(sum(barge_ins)::double precision / nullif(sum(turns), 0), 0) as barge_in_rate, \
        coalesce(sum(resumes)::double precision / nullif(sum(turns), 0), 0) as resume_rate, \
        case when count(distinct currency) = 1 then sum(cost_micros)::bigint end as cost_micros, \
        case when count(distinct currency) = 1 then max(currency) end as currency \
    from calls where tenant_id = $1 and started_at >= $2 and started_at < $3";
const PERCENTILES: &str = "select percentile_cont(0.5) within group (order by t.voice_to_voice_ms) as p50, \
        percentile_cont(0.95) within group (order by t.voice_to_voice_ms) as p95 \
    from calls c join transcripts t on t.tenant_id = c.tenant_id and t.call_id = c.id \
    where c.tenant_id = $1 and c.started_at >= $2 and c.started_at < $3 and t.voice_to_voice_ms is not null";
const DASHBOARD: &str = "select \
    (select count(*) from calls where tenant_id = $1 and status = 'active') as active_calls, \
    (select count(*) from calls where tenant_id = $1 and started_at >= $3) as calls_today, \
    (select coalesce(sum(coalesce(duration_ms, \
            least(greatest(0, floor(extract(epoch from $2::timestamptz - started_at) * 1000)), $5::bigint))), 0)::bigint \
        from calls \
        where tenant_id = $1 and started_at >= $4) as talk_month_ms, \
    (select p.max_call_minutes from tenants t join plans p on p.id = t.plan_id where t.id = $1) as max_call_minutes, \
    (select count(*) from clients where tenant_id = $1) as clients, \
    (select count(*) from campaigns where tenant_id = $1 and status = 'active') as active_campaigns, \
    (select count(*) from leads where tenant_id = $1 and status = 'new') as new_leads";

pub(super) async fn analytics(api: ApiPool, who: Principal, period: Period) -> Stored<Analytics> {
    let mut tx = TenantTx::read(&api, who).await?;
    let totals = of_period(TOTALS, &tx, period).try_map(totals).fetch_one(&mut *tx).await.map_err(refused)?;
    let days = of_period(DAYS, &tx, period).try_map(day_count).fetch_all(&mut *tx).await.map_err(refused)?;
    let (p50, p95) =
        of_period(PERCENTILES, &tx, period).try_map(percentiles).fetch_one(&mut *tx).await.map_err(refused)?;
    Ok(Analytics { days, voice_to_voice_p50_ms: p50, voice_to_voice_p95_ms: p95, ..totals })
}

fn of_period(sql: &'static str, tx: &TenantTx, period: Period) -> Query<'static, Postgres, PgArguments> {
    sqlx::query(sql).bind(tx.tenant()).bind(period.from).bind(period.to)
}

fn percentiles(row: PgRow) -> sqlx::Result<(Option<f64>, Option<f64>)> {
    Ok((row.try_get("p50")?, row.try_get("p95")?))
}

fn totals(row: PgRow) -> sqlx::Result<Analytics> {
    Ok(Analytics {
        calls: row.try_get("calls")?,
        talk_ms: row.try_get("talk_ms")?,
        turns: row.try_get("turns")?,
        barge_in_rate: row.try_get("barge_in_rate")?,
        resume_rate: row.try_get("resume_rate")?,
        cost_micros: row.try_get("cost_micros")?,
        currency: row.try_get("currency")?,
        ..Analytics::default()
    })
}

fn day_count(row: PgRow) -> sqlx::Result<DayCount> {
    Ok(DayCount { day: row.try_get("call_day")?, calls: row.try_get("calls")?, talk_ms: row.try_get("talk_ms")? })
}

pub(super) async fn dashboard(
    api: ApiPool,
    who: Principal,
    now: OffsetDateTime,
    longest_call: Duration,
) -> Stored<Dashboard> {
    let mut tx = TenantTx::read(&api, who).await?;
    let today = now.to_offset(UtcOffset::UTC).replace_time(Time::MIDNIGHT);
    let month = today.replace_day(1).unwrap_or(today);
    let query = sqlx::query(DASHBOARD).bind(tx.tenant()).bind(now).bind(today).bind(month);
    let query = query.bind(i64::try_from(longest_call.as_millis()).unwrap_or(i64::MAX));
    query.try_map(seen_first).fetch_one(&mut *tx).await.map_err(refused)?.ok_or(StoreError::NotFound { what: "user" })
}

/// `None` where the tenant is not the user's any more.
fn seen_first(row: PgRow) -> sqlx::Result<Option<Dashboard>> {
    let Some(max_call_minutes) = row.try_get::<Option<i32>, _>("max_call_minutes")? else { return Ok(None) };
    Ok(Some(Dashboard {
        active_calls: row.try_get("active_calls")?,
        calls_today: row.try_get("calls_today")?,
        talk_month_ms: row.try_get("talk_month_ms")?,
        max_call_minutes: max_call_minutes.unsigned_abs(),
        clients: row.try_get("clients")?,
        active_campaigns: row.try_get("active_campaigns")?,
        new_leads: row.try_get("new_leads")?,
    }))
}

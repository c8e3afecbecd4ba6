//! What a tenant's calls add up to.
//!
//! Invariant: a share is of the replies of the period, 0 where there were none. Costs are added up in SQL, and only where
//! all are in one currency.

use super::columns::{Columns, micros};
use super::database::{Database, Tx};
use super::refusal::refused;
use crate::principal::Principal;
use crate::store::{Analytics, Dashboard, DayCount, Period, Stored};
use sqlx::sqlite::SqliteRow;
use std::time::Duration;
use time::{OffsetDateTime, Time, UtcOffset};

const DAYS: &str = "SELECT call_day, count(*) AS calls, coalesce(sum(duration_ms), 0) AS talk_ms FROM calls \
    WHERE tenant_id = ?1 AND started_at >= ?2 AND started_at < ?3 GROUP BY call_day ORDER BY call_day";
const TOTALS: &str = "SELECT count(*) AS calls, coalesce(sum(duration_ms), 0) AS talk_ms, coalesce(sum(turns), 0) AS turns, \
        coalesce(CAST(sum(barge_ins) AS REAL) / nullif(sum(turns), 0), 0.0) AS barge_in_rate, \
        coalesce(CAST(sum(resumes) AS REAL) / nullif(sum(turns), 0), 0.0) AS resume_rate, \
        CASE count(DISTINCT currency) WHEN 1 THEN sum(cost_micros) END AS cost_micros, \
        CASE count(DISTINCT currency) WHEN 1 THEN max(currency) END AS currency \
    FROM calls WHERE tenant_id = ?1 AND started_at >= ?2 AND started_at < ?3";
/// A percentile lies between the two values around its place, in the proportion of its distance to both.
const PERCENTILES: &str = "WITH sorted AS ( \
        SELECT t.voice_to_voice_ms AS ms, row_number() OVER (ORDER BY t.voice_to_voice_ms) - 1 AS place, \
            count(*) OVER () - 1 AS last \
        FROM calls c JOIN transcripts t ON t.tenant_id = c.tenant_id AND t.call_id = c.id \
        WHERE c.tenant_id = ?1 AND c.started_at >= ?2 AND c.started_at < ?3 AND t.voice_to_voice_ms IS NOT NULL) \
    SELECT sum(ms * max(0.0, 1.0 - abs(0.5 * last - place))) AS p50, \
        sum(ms * max(0.0, 1.0 - abs(0.95 * last - place))) AS p95 FROM sorted";
const DASHBOARD: &str = "SELECT \
    (SELECT count(*) FROM calls WHERE tenant_id = ?1 AND status = 'active') AS active_calls, \
    (SELECT count(*) FROM calls WHERE tenant_id = ?1 AND started_at >= ?3) AS calls_today, \
    (SELECT coalesce(sum(coalesce(duration_ms, min(max(0, ?2 - started_at) / 1000, ?5))), 0) FROM calls \
        WHERE tenant_id = ?1 AND started_at >= ?4) AS talk_month_ms, \
    (SELECT p.max_call_minutes FROM tenants t JOIN plans p ON p.id = t.plan_id WHERE t.id = ?1) AS max_call_minutes, \
    (SELECT count(*) FROM clients WHERE tenant_id = ?1) AS clients, \
    (SELECT count(*) FROM campaigns WHERE tenant_id = ?1 AND status = 'active') AS active_campaigns, \
    (SELECT count(*) FROM leads WHERE tenant_id = ?1 AND status = 'new') AS new_leads";

pub(super) async fn analytics(db: Database, who: Principal, period: Period) -> Stored<Analytics> {
    let mut tx = db.read().await?;
    let totals = of_period(TOTALS, who, period).try_map(totals).fetch_one(&mut *tx).await.map_err(refused)?;
    let days = of_period(DAYS, who, period).try_map(day_count).fetch_all(&mut *tx).await.map_err(refused)?;
    let (p50, p95) = percentiles(&mut tx, who, period).await?;
    Ok(Analytics { days, voice_to_voice_p50_ms: p50, voice_to_voice_p95_ms: p95, ..totals })
}

type Query = sqlx::query::Query<'static, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>;

fn of_period(sql: &'static str, who: Principal, period: Period) -> Query {
    sqlx::query(sql).bind(who.tenant().0).bind(micros(period.from)).bind(micros(period.to))
}

async fn percentiles(tx: &mut Tx, who: Principal, period: Period) -> Stored<(Option<f64>, Option<f64>)> {
    let query = of_period(PERCENTILES, who, period).try_map(|row| Ok((row.get_as("p50")?, row.get_as("p95")?)));
    query.fetch_one(&mut **tx).await.map_err(refused)
}

fn totals(row: SqliteRow) -> sqlx::Result<Analytics> {
    Ok(Analytics {
        calls: row.get_as("calls")?,
        talk_ms: row.get_as("talk_ms")?,
        turns: row.get_as("turns")?,
        barge_in_rate: row.get_as("barge_in_rate")?,
        resume_rate: row.get_as("resume_rate")?,
        cost_micros: row.get_as("cost_micros")?,
        currency: row.get_as("currency")?,
        ..Analytics::default()
    })
}

fn day_count(row: SqliteRow) -> sqlx::Result<DayCount> {
    Ok(DayCount { day: row.get_as("call_day")?, calls: row.get_as("calls")?, talk_ms: row.get_as("talk_ms")? })
}

pub(super) async fn dashboard(
    db: Database,
    who: Principal,
    now: OffsetDateTime,
    longest_call: Duration,
) -> Stored<Dashboard> {
    let mut tx = db.read().await?;
    let today = now.to_offset(UtcOffset::UTC).replace_time(Time::MIDNIGHT);
    let month = today.replace_day(1).unwrap_or(today);
    let query = sqlx::query(DASHBOARD).bind(who.tenant().0).bind(micros(now)).bind(micros(today)).bind(micros(month));
    let query = query.bind(i64::try_from(longest_call.as_millis()).unwrap_or(i64::MAX));
    query.try_map(seen_first).fetch_one(&mut *tx).await.map_err(refused)
}

fn seen_first(row: SqliteRow) -> sqlx::Result<Dashboard> {
    Ok(Dashboard {
        active_calls: row.get_as("active_calls")?,
        calls_today: row.get_as("calls_today")?,
        talk_month_ms: row.get_as("talk_month_ms")?,
        max_call_minutes: row.get_as("max_call_minutes")?,
        clients: row.get_as("clients")?,
        active_campaigns: row.get_as("active_campaigns")?,
        new_leads: row.get_as("new_leads")?,
    })
}

//! The latest page of calls of a tenant that has a million: what row-level security costs.
//!
//! The same statement twice, one after the other in one run: as a user through the store, with the transaction that says
//! who asks, and as a superuser, whom no policy binds, without one.

use criterion::Criterion;
use sqlx::postgres::{PgPoolOptions, PgRow};
use sqlx::{PgPool, Row};
use std::error::Error;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::runtime::Runtime;
use uuid::Uuid;
use voice_benches::calls::CallsDatabase;
use voice_benches::clock::now;
use voice_benches::tail::{Tail, print_timer_floor};
use voice_server::Principal;
use voice_server::store::{CallFilter, PageRequest, PgStore, Store};

/// Calls of the large tenant; `VOICE_CALLS` sets another number.
const CALLS: i64 = 1_000_000;
const PAGES: u32 = 2_000;
/// More than this many times the superuser's, and the policies are wrong.
const LIMIT: f64 = 3.0;

/// What the store asks, as it asks it.
const PAGE: &str = "select id, user_id, lead_id, status, end_reason, started_at, ended_at, duration_ms, turns, barge_ins, \
        resumes, voice_to_voice_p50_ms, cost_micros, currency from calls \
    where tenant_id = $1 and (started_at, id) < (coalesce($2, 'infinity'), $3) \
    and ($5::text is null or status = $5) and ($6::timestamptz is null or started_at >= $6) \
    and ($7::timestamptz is null or started_at < $7) and ($8::uuid is null or lead_id = $8) \
    and ($9::text is null or end_reason = $9) \
    order by started_at desc, id desc limit $4";

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let calls = std::env::var("VOICE_CALLS").ok().and_then(|count| count.parse().ok()).unwrap_or(CALLS);
    let database = runtime.block_on(CallsDatabase::create())?;
    let measured = measure_all(&runtime, &database, calls);
    runtime.block_on(database.remove())?;
    measured
}

fn measure_all(runtime: &Runtime, database: &CallsDatabase, calls: i64) -> Result<(), Box<dyn Error>> {
    let store = runtime.block_on(database.store())?;
    let who = runtime.block_on(database.fill(&store, calls))?;
    let options = PgPoolOptions::new().max_connections(1);
    let superuser = runtime.block_on(options.connect_with(database.superuser()?))?;
    runtime.block_on(same_page(&store, &superuser, &who))?;
    median(runtime, &store, &superuser, &who);
    println!();
    print_timer_floor();
    let measured = tail(runtime, &store, &superuser, &who, calls);
    runtime.block_on(async {
        store.close().await;
        superuser.close().await;
    });
    measured
}

async fn page(store: &PgStore, who: &Principal) -> Result<Vec<Uuid>, Box<dyn Error>> {
    let page = store.calls(who, &CallFilter::default(), PageRequest::default()).await?;
    Ok(page.items.into_iter().map(|call| call.id.0).collect())
}

async fn page_of_superuser(superuser: &PgPool, who: &Principal) -> Result<Vec<Uuid>, Box<dyn Error>> {
    let none: Option<String> = None;
    let query = sqlx::query(PAGE).bind(who.tenant().0).bind(None::<OffsetDateTime>).bind(Uuid::max());
    let query = query.bind(i64::from(PageRequest::DEFAULT_ROWS) + 1).bind(none.clone());
    let query = query.bind(None::<OffsetDateTime>).bind(None::<OffsetDateTime>).bind(None::<Uuid>).bind(none);
    let rows = query.try_map(|row: PgRow| row.try_get("id")).fetch_all(superuser).await?;
    Ok(rows.into_iter().take(PageRequest::DEFAULT_ROWS as usize).collect())
}

/// Both give the same rows: neither figure is of something else.
async fn same_page(store: &PgStore, superuser: &PgPool, who: &Principal) -> Result<(), Box<dyn Error>> {
    let (theirs, own) = (page_of_superuser(superuser, who).await?, page(store, who).await?);
    if own.is_empty() || theirs != own { Err("the two pages differ".into()) } else { Ok(()) }
}

fn median(runtime: &Runtime, store: &PgStore, superuser: &PgPool, who: &Principal) {
    let mut criterion = Criterion::default().configure_from_args();
    criterion.bench_function("calls_page/policies", |bencher| {
        bencher.to_async(runtime).iter(|| page(store, who));
    });
    criterion.bench_function("calls_page/superuser", |bencher| {
        bencher.to_async(runtime).iter(|| page_of_superuser(superuser, who));
    });
    criterion.final_summary();
}

fn tail(
    runtime: &Runtime,
    store: &PgStore,
    superuser: &PgPool,
    who: &Principal,
    calls: i64,
) -> Result<(), Box<dyn Error>> {
    let mut own = Tail::new(format!("latest 50 of {calls} calls, a user through policies"));
    let mut theirs = Tail::new("the same statement, a superuser without policies");
    runtime.block_on(async {
        for _ in 0..PAGES {
            own.record(timed(page(store, who)).await?);
            theirs.record(timed(page_of_superuser(superuser, who)).await?);
        }
        Ok::<_, Box<dyn Error>>(())
    })?;
    own.print();
    theirs.print();
    let ratio = |quantile| own.at(quantile).as_secs_f64() / theirs.at(quantile).as_secs_f64();
    let verdict = if ratio(0.5) <= LIMIT { "within" } else { "BEYOND" };
    // Beside other work the median is of the scheduler as much as of the database.
    println!(
        "policies cost {:.2} times the superuser's page at p50, {verdict} the limit of {LIMIT}; at p10 {:.2}",
        ratio(0.5),
        ratio(0.1)
    );
    Ok(())
}

async fn timed<T>(what: impl Future<Output = Result<T, Box<dyn Error>>>) -> Result<Duration, Box<dyn Error>> {
    let start = now();
    what.await?;
    Ok(now() - start)
}

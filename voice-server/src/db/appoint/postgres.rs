//! Appointing somebody in Postgres, with the login that owns the tables.
//!
//! Invariant: row-level security is forced upon the owner again before anybody else can see that it was not.

use super::{AppointError, Appointed, BY, Found, OfTenant, OfUser, Steps, Wanted, decide};
use crate::db::{Applied, DatabaseUrl};
use crate::principal::{Role, TenantId};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

/// One at a time: two would make two tenants of one name. A table that is in use is waited for no longer than for the schema.
const BEGIN: &str = "set local lock_timeout = '5s'; \
    do $$ begin perform pg_advisory_xact_lock(hashtext('voice-server db admin')); end $$";
/// Not of a superuser, and not of a login that bypasses it.
const IS_BOUND: &str = "select row_security_active('public.tenants')";
const LOOSEN: &str = "alter table public.plans no force row level security; \
    alter table public.tenants no force row level security; \
    alter table app.audit_log no force row level security";
const TIGHTEN: &str = "alter table public.plans force row level security; \
    alter table public.tenants force row level security; \
    alter table app.audit_log force row level security";

const PLANS: &str = "select id, name from public.plans order by price_micros, name";
const TENANTS: &str = "select t.id, p.name from public.tenants t join public.plans p on p.id = t.plan_id \
    where t.name = $1 or t.id = $2 limit 2";
const PROFILE: &str = "select tenant_id, role from public.user_profiles where id = $1 for update";
const MAKE_TENANT: &str = "insert into public.tenants (id, name, plan_id) values ($1, $2, $3)";
const MAKE_USER: &str = "insert into public.user_profiles (id, tenant_id, role) values ($1, $2, $3)";
const PROMOTE: &str = "update public.user_profiles set role = $3 where id = $1 and tenant_id = $2";
const RECORD: &str =
    "insert into app.audit_log (user_id, action, tenant_id, subject, detail) values ($1, $2, $3, $4, $5)";

/// Makes `wanted` a platform administrator, as whoever owns the database.
///
/// # Errors
/// [`AppointError`]. Dropped midway, nothing is changed, or all of it.
pub(in crate::db) async fn appoint(url: &DatabaseUrl, wanted: &Wanted) -> Result<Appointed, AppointError> {
    let mut admin = url.connect().await.map_err(AppointError::Unreachable)?;
    let appointed = in_transaction(&mut admin, wanted).await;
    // Everything is committed or taken back: how the connection ends does not matter.
    drop(admin.close().await);
    appointed
}

async fn in_transaction(admin: &mut PgConnection, wanted: &Wanted) -> Result<Appointed, AppointError> {
    let mut transaction = admin.begin().await.map_err(refused)?;
    sqlx::raw_sql(BEGIN).execute(&mut *transaction).await.map_err(refused)?;
    let is_bound: bool = sqlx::query_scalar(IS_BOUND).fetch_one(&mut *transaction).await.map_err(refused)?;
    if is_bound {
        sqlx::raw_sql(LOOSEN).execute(&mut *transaction).await.map_err(refused)?;
    }
    let found = look(&mut transaction, wanted).await.map_err(refused)?;
    let steps = decide(wanted, &found, TenantId(Uuid::now_v7()))?;
    let applied = perform(&mut transaction, wanted, steps).await.map_err(refused)?;
    if is_bound {
        sqlx::raw_sql(TIGHTEN).execute(&mut *transaction).await.map_err(refused)?;
    }
    transaction.commit().await.map_err(refused)?;
    Ok(Appointed { tenant: steps.tenant.id(), applied })
}

async fn look(tx: &mut PgConnection, wanted: &Wanted) -> sqlx::Result<Found> {
    let plans = sqlx::query_as(PLANS).fetch_all(&mut *tx).await?;
    let named = sqlx::query_as(TENANTS).bind(&wanted.tenant).bind(Uuid::parse_str(&wanted.tenant).ok());
    let tenants: Vec<(Uuid, String)> = named.fetch_all(&mut *tx).await?;
    let profile: Option<(Uuid, String)> = sqlx::query_as(PROFILE).bind(wanted.user.0).fetch_optional(&mut *tx).await?;
    // A word that is no role is none that the schema lets in.
    let profile = profile.and_then(|(tenant, role)| Some((TenantId(tenant), Role::parse(&role)?)));
    let tenants = tenants.into_iter().map(|(id, plan)| (TenantId(id), plan)).collect();
    Ok(Found { plans, tenants, profile })
}

async fn perform(tx: &mut PgConnection, wanted: &Wanted, steps: Steps) -> sqlx::Result<Applied> {
    let tenant = steps.tenant.id();
    let mut applied = Applied::Unchanged;
    if let OfTenant::Make { plan, .. } = steps.tenant {
        sqlx::query(MAKE_TENANT).bind(tenant.0).bind(&wanted.tenant).bind(plan).execute(&mut *tx).await?;
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
    query.execute(&mut *tx).await?;
    let detail = json!({ "role": Role::PlatformAdmin, "by": BY });
    record(tx, wanted, action, tenant, Some(wanted.user.0), detail).await?;
    Ok(Applied::Changed)
}

async fn record(
    tx: &mut PgConnection,
    wanted: &Wanted,
    action: &'static str,
    tenant: TenantId,
    subject: Option<Uuid>,
    detail: Value,
) -> sqlx::Result<()> {
    let query = sqlx::query(RECORD).bind(wanted.user.0).bind(action).bind(tenant.0).bind(subject).bind(detail);
    query.execute(tx).await.map(|_| ())
}

fn refused(error: sqlx::Error) -> AppointError {
    let said = error.as_database_error();
    match (said.and_then(|said| said.code()).as_deref(), said.and_then(|said| said.constraint())) {
        (Some("42P01" | "3F000"), _) => AppointError::NoSchema,
        (_, Some("user_profiles_user")) => AppointError::NoAccount,
        _ => AppointError::Database(error),
    }
}

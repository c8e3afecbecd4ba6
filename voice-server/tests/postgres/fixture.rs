//! Two tenants with a row in every table, and whoever may try to get at them.

use super::postgres_support::TestDatabase;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

/// A row of each table that a tenant has rows in, with ids of its own.
const ROWS: &str = "
    with plan as (select id from plans order by name limit 1),
    tenant as (insert into tenants (name, plan_id) select $1, id from plan returning id),
    profile as (insert into user_profiles (id, tenant_id) select gen_random_uuid(), id from tenant returning id, tenant_id),
    client as (insert into clients (tenant_id, name) select id, 'Ada' from tenant returning id, tenant_id),
    campaign as (insert into campaigns (tenant_id, name) select id, 'Spring' from tenant returning id, tenant_id),
    lead as (insert into leads (tenant_id, campaign_id, client_id, name, phone)
        select m.tenant_id, m.id, c.id, 'Ada', '+4930123456' from campaign m, client c returning id, tenant_id),
    job as (insert into dialer_jobs (tenant_id, lead_id) select tenant_id, id from lead returning id),
    call as (insert into calls (id, tenant_id, user_id, lead_id, run, started_at)
        select gen_random_uuid(), l.tenant_id, p.id, l.id, gen_random_uuid(), now() from lead l, profile p
        returning id, tenant_id, call_day),
    conversation as (insert into conversations (call_id, tenant_id, call_day, messages)
        select id, tenant_id, call_day, '[]' from call returning call_id),
    recording as (insert into recordings (id, call_id, tenant_id, call_day, object_key, media_type, size_bytes, duration_ms)
        select gen_random_uuid(), id, tenant_id, call_day, 'key', 'audio/ogg', 1, 1 from call returning id),
    said as (insert into transcripts (call_id, seq, tenant_id, call_day, turn, who, text, start_ms, end_ms, outcome)
        select id, 0, tenant_id, call_day, 0, 'caller', 'Hello.', 0, 1, 'silence' from call returning seq)
    select tenant_id, id from profile";

/// A tenant and its user.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tenant {
    pub(crate) id: Uuid,
    pub(crate) user: Uuid,
}

/// A database with two tenants.
pub(crate) struct Fixture {
    pub(crate) database: TestDatabase,
    pub(crate) admin: PgConnection,
    pub(crate) one: Tenant,
    pub(crate) other: Tenant,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::new().await;
        let mut admin = database.admin().await;
        let (one, other) = (tenant(&mut admin, "one").await, tenant(&mut admin, "other").await);
        Self { database, admin, one, other }
    }

    /// Every table that an API could serve.
    pub(crate) async fn tables(&mut self) -> Vec<Table> {
        let tables: Vec<(String, bool, String)> = sqlx::query_as(
            "select c.relname::text,
                    exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id'),
                    (select string_agg(quote_ident(a.attname), ', ') from pg_attribute a where a.attrelid = c.oid
                        and a.attnum > 0 and not a.attisdropped and a.attgenerated = '')
               from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') order by 1",
        )
        .fetch_all(&mut self.admin)
        .await
        .unwrap();
        tables.into_iter().map(|(name, has_tenant, columns)| Table { name, has_tenant, columns }).collect()
    }

    /// The rows of `tenant` in each table, as the superuser sees them.
    pub(crate) async fn rows(&mut self, table: &Table, tenant: Tenant) -> Vec<Value> {
        let sql = format!("select to_jsonb(t) from {} t where {} order by 1", table.name, table.is_of(tenant));
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut self.admin).await.unwrap()
    }
}

async fn tenant(admin: &mut PgConnection, name: &str) -> Tenant {
    let (id, user) = sqlx::query_as(ROWS).bind(name).fetch_one(admin).await.unwrap();
    Tenant { id, user }
}

/// A table, as the catalog has it.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) has_tenant: bool,
    /// Those that can be written.
    pub(crate) columns: String,
}

impl Table {
    /// Which of its rows are a tenant's. A table that is nobody's has to be said here.
    pub(crate) fn is_of(&self, tenant: Tenant) -> String {
        match self.name.as_str() {
            "plans" => "true".to_owned(),
            "tenants" => format!("id = '{}'", tenant.id),
            _ if self.has_tenant => format!("tenant_id = '{}'", tenant.id),
            other => panic!("the table {other} names no tenant: whose are its rows?"),
        }
    }

    /// A row like `row` that is not there yet.
    pub(crate) fn another(&self, row: &Value) -> Value {
        let mut another = row.clone();
        if another.get("id").is_some() {
            another["id"] = json!(Uuid::new_v4());
        }
        if let Some(seq) = another.get("seq").and_then(Value::as_i64) {
            another["seq"] = json!(seq + 1);
        }
        if another.get("phone").is_some_and(Value::is_string) {
            another["phone"] = json!("+4930999999");
        }
        another
    }
}

/// Somebody who got a connection, and what they say of themselves.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    pub(crate) login: &'static str,
    pub(crate) role: Option<&'static str>,
    pub(crate) claims: Option<Value>,
}

impl Actor {
    /// A user, as the server lets one act.
    pub(crate) fn user(of: Tenant) -> Self {
        Self::claiming(json!({ "sub": of.user, "role": "authenticated" }))
    }

    pub(crate) fn claiming(claims: Value) -> Self {
        Self { login: "voice_api", role: Some("authenticated"), claims: Some(claims) }
    }
}

/// What came of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It ran, and met or gave so many rows.
    Rows(u64),
    /// It was refused, with this code.
    Refused(String),
}

/// The code of what a role or a policy forbids.
pub(crate) const FORBIDDEN: &str = "42501";

impl Outcome {
    pub(crate) fn is_forbidden(&self) -> bool {
        *self == Self::Refused(FORBIDDEN.to_owned())
    }

    /// Nothing was seen and nothing was done.
    pub(crate) fn is_nothing(&self) -> bool {
        self.is_forbidden() || *self == Self::Rows(0)
    }
}

/// What comes of `sql` when `actor` runs it, in a transaction that is taken back.
pub(crate) async fn attempt(connection: &mut PgConnection, actor: &Actor, sql: &str, row: Option<&Value>) -> Outcome {
    let mut transaction = connection.begin().await.unwrap();
    if let Some(role) = actor.role {
        let set = sqlx::query("select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)");
        let claims = actor.claims.as_ref().map(Value::to_string).unwrap_or_default();
        set.bind(role).bind(claims).execute(&mut *transaction).await.unwrap();
    }
    let mut query = sqlx::query(AssertSqlSafe(sql.to_owned()));
    if let Some(row) = row {
        query = query.bind(row.clone());
    }
    let done = query.execute(&mut *transaction).await;
    transaction.rollback().await.unwrap();
    match done {
        Ok(done) => Outcome::Rows(done.rows_affected()),
        Err(error) => {
            let said = error.as_database_error().unwrap_or_else(|| panic!("{sql}: {error}"));
            Outcome::Refused(said.code().unwrap_or_default().into_owned())
        }
    }
}

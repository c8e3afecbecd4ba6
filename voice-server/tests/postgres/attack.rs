//! What one tenant, or nobody, can do to another's rows: nothing, in any table and with any verb.
//!
//! The tables come from the catalog. A new one without isolation fails here, and so does one without a row to attack.

use super::fixture::{Actor, Fixture, Outcome, Table, Tenant, attempt};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

const TABLES: usize = 11;

/// What is tried on a table, with the words for a failure.
fn attempts(table: &Table, victim: Tenant) -> [(&'static str, String); 4] {
    let Table { name, columns, .. } = table;
    let of_victim = table.is_of(victim);
    let column = columns.split(", ").next().unwrap();
    [
        ("select", format!("select from {name} where {of_victim}")),
        (
            "insert",
            format!(
                "insert into {name} ({columns}) select {columns} from jsonb_populate_record(null::public.{name}, $1)"
            ),
        ),
        ("update", format!("update {name} set {column} = {column} where {of_victim}")),
        ("delete", format!("delete from {name} where {of_victim}")),
    ]
}

async fn outcomes(fixture: &mut Fixture, actor: &Actor) -> Vec<(String, &'static str, Outcome)> {
    let mut connection = fixture.database.connect_as(actor.login).await;
    let victim = fixture.other;
    let mut outcomes = vec![];
    for table in fixture.tables().await {
        let rows = fixture.rows(&table, victim).await;
        let row = rows.first().unwrap_or_else(|| panic!("the fixture has no row of {}", table.name));
        let another = table.another(row);
        for (verb, sql) in attempts(&table, victim) {
            let given = (verb == "insert").then_some(&another);
            outcomes.push((table.name.clone(), verb, attempt(&mut connection, actor, &sql, given).await));
        }
    }
    assert!(outcomes.len() >= TABLES * 4);
    outcomes
}

async fn everything(fixture: &mut Fixture) -> Vec<Vec<Value>> {
    let mut all = vec![];
    for table in fixture.tables().await {
        all.push(fixture.rows(&table, fixture.other).await);
    }
    all
}

/// What a user of one tenant could do to another's.
fn holes(outcomes: &[(String, &'static str, Outcome)]) -> Vec<(String, &'static str)> {
    let is_hole = |(table, verb, outcome): &&(String, &'static str, Outcome)| {
        let is_public = table == "plans" && *verb == "select";
        !is_public && !(if *verb == "insert" { outcome.is_forbidden() } else { outcome.is_nothing() })
    };
    outcomes.iter().filter(is_hole).map(|(table, verb, _)| (table.clone(), *verb)).collect()
}

#[tokio::test]
async fn a_table_without_isolation_is_found() {
    let mut fixture = Fixture::new().await;
    let sql = "create table bad (id uuid default gen_random_uuid(), tenant_id uuid);
        insert into bad (tenant_id) select id from tenants; grant select, insert on bad to authenticated;";
    sqlx::raw_sql(sql).execute(&mut fixture.admin).await.unwrap();
    let user = Actor::user(fixture.one);
    assert_eq!(holes(&outcomes(&mut fixture, &user).await), [("bad".into(), "select"), ("bad".into(), "insert")]);
    // A policy is not enough: this one says nothing of what is written.
    let sql = "alter table bad enable row level security;
        create policy bad_read on bad for select using (tenant_id = (select app.current_tenant_id()));
        create policy bad_write on bad for insert with check (true);";
    sqlx::raw_sql(sql).execute(&mut fixture.admin).await.unwrap();
    assert_eq!(holes(&outcomes(&mut fixture, &user).await), [("bad".into(), "insert")]);
}

/// The service role is the control: every attempt is one that succeeds for somebody.
#[tokio::test]
async fn each_attempt_would_succeed_if_it_were_allowed() {
    let mut fixture = Fixture::new().await;
    assert_eq!(fixture.tables().await.len(), TABLES);
    let service = Actor { login: "voice_worker", role: Some("service_role"), claims: None };
    for (table, verb, outcome) in outcomes(&mut fixture, &service).await {
        // What refers to a row keeps it from being deleted, and a call has one conversation and one recording.
        let referred = verb == "delete" && outcome == Outcome::Refused("23503".to_owned());
        let once = verb == "insert" && outcome == Outcome::Refused("23505".to_owned());
        let done = matches!(outcome, Outcome::Rows(rows) if rows > 0);
        assert!(done || referred || once, "{verb} {table}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_user_gets_at_nothing_of_another_tenant_whatever_the_claims_say() {
    let mut fixture = Fixture::new().await;
    let one = fixture.one;
    let before = everything(&mut fixture).await;
    let forged = json!({ "sub": one.user, "role": "service_role", "tenant_id": fixture.other.id, "app_metadata": {
        "role": "platform_admin", "tenant_id": fixture.other.id } });
    for actor in [Actor::user(one), Actor::claiming(forged)] {
        assert_eq!(holes(&outcomes(&mut fixture, &actor).await), [], "as {actor:?}");
    }
    assert_eq!(everything(&mut fixture).await, before);
}

#[tokio::test]
async fn nobody_gets_at_anything() {
    let mut fixture = Fixture::new().await;
    let nobody = [
        Actor { login: "voice_api", role: None, claims: None },
        Actor { login: "voice_worker", role: None, claims: None },
        Actor { login: "voice_api", role: Some("anon"), claims: Some(json!({ "sub": fixture.other.user })) },
    ];
    for actor in nobody {
        for (table, verb, outcome) in outcomes(&mut fixture, &actor).await {
            let is_public = table == "plans" && verb == "select" && actor.role == Some("anon");
            assert!(is_public || outcome.is_forbidden(), "{verb} {table}: {outcome:?}, as {actor:?}");
        }
    }
    let strangers = [json!({}), json!({ "sub": "" }), json!({ "sub": Uuid::new_v4() }), Value::Null];
    for actor in strangers.map(Actor::claiming) {
        assert_eq!(holes(&outcomes(&mut fixture, &actor).await), [], "as {actor:?}");
    }
}

#[tokio::test]
async fn a_user_sees_just_the_own_tenants_rows() {
    let mut fixture = Fixture::new().await;
    let (one, mut connection) = (fixture.one, fixture.database.connect_as("voice_api").await);
    for table in fixture.tables().await {
        let own = fixture.rows(&table, one).await.len();
        let seen = attempt(&mut connection, &Actor::user(one), &format!("select from {}", table.name), None).await;
        assert_eq!(seen, Outcome::Rows(own.try_into().unwrap()), "{}", table.name);
        assert!(own > 0, "{}", table.name);
    }
}

#[tokio::test]
async fn no_row_is_moved_to_another_tenant() {
    let mut fixture = Fixture::new().await;
    let (one, other) = (fixture.one, fixture.other);
    let mut connection = fixture.database.connect_as("voice_api").await;
    let mut tried = 0;
    for table in fixture.tables().await.iter().filter(|table| table.has_tenant) {
        let sql = format!("update {} set tenant_id = '{}'", table.name, other.id);
        let outcome = attempt(&mut connection, &Actor::user(one), &sql, None).await;
        assert!(outcome.is_forbidden(), "{}: {outcome:?}", table.name);
        tried += 1;
    }
    assert_eq!(tried, 9);
}

#[tokio::test]
async fn an_id_that_another_tenant_uses_is_taken_like_one_that_nobody_uses() {
    let mut fixture = Fixture::new().await;
    let (one, other) = (fixture.one, fixture.other);
    let mut connection = fixture.database.connect_as("voice_api").await;
    let mut taken = 0;
    for table in fixture.tables().await.iter().filter(|table| table.has_tenant) {
        let (own, theirs) = (fixture.rows(table, one).await, fixture.rows(table, other).await);
        let unused = table.another(&own[0]);
        let Some(id) = theirs[0].get("id").cloned() else { continue };
        let used = Value::from_iter(unused.as_object().unwrap().clone().into_iter().chain([("id".to_owned(), id)]));
        let (name, columns) = (&table.name, &table.columns);
        let sql = format!(
            "insert into {name} ({columns}) select {columns} from jsonb_populate_record(null::public.{name}, $1)"
        );
        let user = Actor::user(one);
        let outcome = attempt(&mut connection, &user, &sql, Some(&unused)).await;
        assert_eq!(attempt(&mut connection, &user, &sql, Some(&used)).await, outcome, "{name}");
        taken += u32::from(outcome == Outcome::Rows(1));
    }
    assert_eq!(taken, 3, "clients, campaigns and leads");
}

#[tokio::test]
async fn a_profile_changes_its_name_and_nothing_else() {
    let fixture = Fixture::new().await;
    let (one, other) = (fixture.one, fixture.other);
    let mut connection = fixture.database.connect_as("voice_api").await;
    let rename = "update user_profiles set full_name = 'Ada'";
    assert_eq!(attempt(&mut connection, &Actor::user(one), rename, None).await, Outcome::Rows(1));
    for change in
        ["role = 'platform_admin'".to_owned(), format!("tenant_id = '{}'", other.id), format!("id = '{}'", other.user)]
    {
        let sql = format!("update user_profiles set {change} where id = '{}'", one.user);
        assert!(attempt(&mut connection, &Actor::user(one), &sql, None).await.is_forbidden(), "{change}");
    }
}

async fn refuses(connection: &mut PgConnection, actor: &Actor, statements: &[&str]) {
    for sql in statements {
        let outcome = attempt(connection, actor, sql, None).await;
        assert!(outcome.is_forbidden(), "{sql}: {outcome:?}, as {actor:?}");
    }
}

#[tokio::test]
async fn no_user_becomes_somebody_else() {
    let fixture = Fixture::new().await;
    let user = Actor::user(fixture.one);
    let mut api = fixture.database.connect_as("voice_api").await;
    let ways = [
        "set local role service_role",
        "select set_config('role', 'service_role', true)",
        "set session authorization postgres",
        "set local role postgres",
        "set local role voice_worker",
        "alter role voice_api bypassrls",
        "grant service_role to voice_api",
        "alter table calls disable row level security",
        "drop policy calls_own on calls",
        "create policy mine on calls to authenticated using (true)",
        "create function app.current_tenant_id() returns uuid language sql return null",
        "select from app.audit_log",
        "select from app.schema_version",
        "select from auth.users",
        "copy calls to program 'true'",
        "truncate calls cascade",
        "create table public.mine (id integer)",
        "select from pg_authid",
    ];
    refuses(&mut api, &user, &ways).await;
    refuses(&mut api, &Actor { role: None, ..user.clone() }, &ways).await;
    let mut worker = fixture.database.connect_as("voice_worker").await;
    let service = Actor { login: "voice_worker", role: Some("service_role"), claims: None };
    refuses(&mut worker, &service, &["delete from app.audit_log", "update app.audit_log set at = now()", ways[10]])
        .await;
}

#[tokio::test]
async fn switching_policies_off_is_an_error_and_not_data() {
    let fixture = Fixture::new().await;
    let mut api = fixture.database.connect_as("voice_api").await;
    sqlx::raw_sql("set row_security = off").execute(&mut api).await.unwrap();
    for table in ["calls", "transcripts", "tenants", "user_profiles"] {
        let outcome = attempt(&mut api, &Actor::user(fixture.one), &format!("select from {table}"), None).await;
        assert!(outcome.is_forbidden(), "{table}: {outcome:?}");
    }
}

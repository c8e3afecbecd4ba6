//! Applying the schema.

use super::postgres_support::{self, TestDatabase, command};
use futures::future::join_all;
use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use voice_server::db::{Applied, ApplyError, DatabaseUrl, LoginPasswords, SCHEMA, apply};

async fn apply_to(database: &TestDatabase) -> Result<Applied, ApplyError> {
    apply(&DatabaseUrl::parse(&database.admin_url()).unwrap(), &LoginPasswords::default()).await
}

/// Everything that the schema makes, one line a thing.
async fn catalog(admin: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar(
        "select format('%s.%s %s %s %s', table_schema, table_name, column_name, data_type, is_nullable)
           from information_schema.columns where table_schema in ('public', 'app', 'auth')
         union all select format('%s %s', conrelid::regclass, pg_get_constraintdef(oid)) from pg_constraint
           where connamespace::regnamespace::text in ('public', 'app', 'auth')
         union all select indexdef from pg_indexes where schemaname in ('public', 'app', 'auth')
         union all select format('%s %s %s %s %s %s', schemaname, tablename, policyname, roles, qual, with_check) from pg_policies
         union all select format('%s %s %s %s', oid::regclass, relrowsecurity, relforcerowsecurity, relacl) from pg_class
           where relnamespace::regnamespace::text in ('public', 'app', 'auth') and relkind = 'r'
         union all select pg_get_functiondef(oid) from pg_proc
           where pronamespace::regnamespace::text in ('app', 'auth')
         order by 1",
    )
    .fetch_all(admin)
    .await
    .unwrap()
}

async fn plans(admin: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar("select plans::text from plans order by 1").fetch_all(admin).await.unwrap()
}

#[tokio::test]
async fn the_schema_can_be_run_three_times_and_changes_nothing_after_the_first() {
    let database = TestDatabase::new().await;
    let mut admin = database.admin().await;
    let (tables, rows) = (catalog(&mut admin).await, plans(&mut admin).await);
    assert!(tables.len() > 100 && rows.len() == 3, "{} lines, {rows:?}", tables.len());
    for _ in 0..2 {
        // As `psql -f` does, which knows nothing of what was applied before.
        sqlx::raw_sql(SCHEMA).execute(&mut admin).await.unwrap();
        assert_eq!((catalog(&mut admin).await, plans(&mut admin).await), (tables.clone(), rows.clone()));
    }
    assert_eq!(
        apply_to(&database).await.unwrap(),
        Applied::Changed,
        "what was run by hand is not known to be this schema"
    );
    assert_eq!(apply_to(&database).await.unwrap(), Applied::Unchanged);
    assert_eq!(catalog(&mut admin).await, tables);
}

#[tokio::test]
async fn a_database_whose_transcripts_know_no_lines_learns_them() {
    let database = TestDatabase::new().await;
    let mut admin = database.admin().await;
    let tables = catalog(&mut admin).await;
    let older = "alter table transcripts drop constraint transcripts_who_word; alter table transcripts add constraint \
        transcripts_who_word check (who in ('caller', 'agent', 'tool'))";
    sqlx::raw_sql(older).execute(&mut admin).await.unwrap();
    assert_ne!(catalog(&mut admin).await, tables);
    sqlx::raw_sql(SCHEMA).execute(&mut admin).await.unwrap();
    assert_eq!(catalog(&mut admin).await, tables);
}

#[tokio::test]
async fn four_servers_may_apply_it_at_once() {
    let database = TestDatabase::empty().await;
    let applied = join_all((0..4).map(|_| apply_to(&database))).await;
    for outcome in &applied {
        assert!(outcome.is_ok(), "{applied:?}");
    }
    assert_eq!(apply_to(&database).await.unwrap(), Applied::Unchanged);
}

#[tokio::test]
async fn a_schema_that_is_refused_leaves_nothing_behind() {
    let database = TestDatabase::empty().await;
    let mut admin = database.admin().await;
    // In the way of the last table that the schema makes.
    sqlx::raw_sql("create view dialer_jobs as select 1 as id").execute(&mut admin).await.unwrap();
    let refused = apply_to(&database).await.unwrap_err();
    assert!(matches!(refused, ApplyError::Refused(_)), "{refused}");
    let tables: i64 = sqlx::query_scalar("select count(*) from pg_tables where schemaname in ('public', 'app')")
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert_eq!(tables, 0);
}

#[tokio::test]
async fn an_owner_who_is_no_superuser_can_apply_it_and_isolation_holds() {
    // Roles are of the whole cluster, and stay longer than this owner.
    drop(TestDatabase::new().await);
    let database = TestDatabase::empty().await;
    let mut admin = database.admin().await;
    let name: String = sqlx::query_scalar("select current_database()::text").fetch_one(&mut admin).await.unwrap();
    let owner = format!("owner_{name}");
    let grants = format!(
        "create role {owner} login createrole; alter database {name} owner to {owner}; alter schema public owner to {owner}"
    );
    sqlx::raw_sql(AssertSqlSafe(grants)).execute(&mut admin).await.unwrap();
    apply(&DatabaseUrl::parse(&database.url_of(&owner)).unwrap(), &LoginPasswords::default()).await.unwrap();
    let mut api = database.connect_as("voice_api").await;
    sqlx::raw_sql("set role authenticated").execute(&mut api).await.unwrap();
    let seen: i64 = sqlx::query_scalar("select count(*) from tenants").fetch_one(&mut api).await.unwrap();
    assert_eq!(seen, 0);
    drop(api);
    let done = format!("drop database {name} with (force); drop role {owner}");
    let mut elsewhere = postgres_support::connect(&database.admin_url().replace(&name, "postgres")).await;
    drop(admin);
    for statement in done.split(';') {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut elsewhere).await.unwrap();
    }
}

/// Where nobody may give BYPASSRLS, the policies are all that the service role has.
#[tokio::test]
async fn the_service_role_sees_all_by_its_policies_alone() {
    let database = TestDatabase::new().await;
    let mut admin = database.admin().await;
    let mut transaction = admin.begin().await.unwrap();
    // Taken back at the end: the role is of the whole cluster.
    let sql = "insert into tenants (name, plan_id) select n::text, p.id from generate_series(1, 2) n, plans p limit 2;
        alter role service_role nobypassrls; set local role service_role;";
    sqlx::raw_sql(sql).execute(&mut *transaction).await.unwrap();
    let changed = sqlx::query("update tenants set name = 'seen'").execute(&mut *transaction).await.unwrap();
    assert_eq!(changed.rows_affected(), 2);
    sqlx::raw_sql("insert into app.audit_log (user_id, action) values (gen_random_uuid(), 'x')")
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.rollback().await.unwrap();
}

#[tokio::test]
async fn a_users_row_in_the_stand_in_comes_with_the_profile() {
    let database = TestDatabase::new().await;
    let mut worker = database.connect_as("voice_worker").await;
    sqlx::raw_sql("set role service_role").execute(&mut worker).await.unwrap();
    sqlx::raw_sql(
        "with tenant as (insert into tenants (name, plan_id) select 'A', id from plans limit 1 returning id)
         insert into user_profiles (id, tenant_id) select gen_random_uuid(), id from tenant",
    )
    .execute(&mut worker)
    .await
    .unwrap();
    let users: i64 =
        sqlx::query_scalar("select count(*) from auth.users").fetch_one(&mut database.admin().await).await.unwrap();
    assert_eq!(users, 1);
}

#[tokio::test]
async fn the_command_applies_it_and_says_so() {
    let database = TestDatabase::empty().await;
    let url = database.admin_url();
    let (code, said, _) = command(&["db", "apply"], &[("DATABASE_ADMIN_URL", &url)]);
    assert_eq!((code, said.as_str()), (Some(0), "the schema is applied\n"));
    let (code, said, _) = command(&["db", "apply", "--url", &url], &[]);
    assert_eq!((code, said.as_str()), (Some(0), "the schema was there already\n"));
}

#[test]
fn the_command_never_shows_a_password() {
    for url in ["postgres://u:hush@db.example.com/x", "nonsense hush"] {
        let (code, said, error) = command(&["db", "apply", "--url", url], &[("DATABASE_API_PASSWORD", "hush")]);
        assert_eq!(code, Some(1), "{error}");
        assert!(!said.contains("hush") && !error.contains("hush"), "{said}{error}");
    }
    let (_, help, _) = command(&["db", "apply", "--help"], &[("DATABASE_ADMIN_URL", "postgres://u:hush@h/x")]);
    assert!(help.contains("DATABASE_ADMIN_URL") && !help.contains("hush"), "{help}");
}

#[tokio::test]
async fn a_password_with_quotes_is_set_and_stays_a_password() {
    let database = TestDatabase::empty().await;
    let mut admin = database.admin().await;
    let stored = "select rolpassword from pg_authid where rolname = 'voice_worker'";
    let password = SecretString::from("it's \"quoted\"; drop role voice_api --");
    let passwords = LoginPasswords { worker: Some(password), ..LoginPasswords::default() };
    apply(&DatabaseUrl::parse(&database.admin_url()).unwrap(), &passwords).await.unwrap();
    let hash: Option<String> = sqlx::query_scalar(stored).fetch_one(&mut admin).await.unwrap();
    assert!(hash.is_some_and(|hash| hash.starts_with("SCRAM-SHA-256$")));
}

//! The doctor refuses what would not keep tenants apart.

use super::postgres_support::{TestDatabase, command};
use sqlx::{AssertSqlSafe, PgConnection};
use voice_server::db::{DatabaseUrl, DoctorError, Finding, LoginPasswords, SCHEMA, apply, doctor};
use voice_server::store::{PgConfig, PgStore};

/// What the doctor finds when the API logs in as `api` and the server as `worker`.
async fn findings(database: &TestDatabase, api: &str, worker: &str) -> Vec<Finding> {
    let [api, worker] = [api, worker].map(|login| DatabaseUrl::parse(&database.url_of(login)).unwrap());
    let config = PgConfig { api_connections: 1, worker_connections: 1, ..PgConfig::new(api, worker) };
    let store = PgStore::connect(&config).await.unwrap();
    let found = doctor(&store).await;
    store.close().await;
    match found {
        Ok(()) => vec![],
        Err(DoctorError::Unfit(findings)) => findings,
        Err(error) => panic!("{error}"),
    }
}

async fn run(admin: &mut PgConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(admin).await.unwrap();
}

/// A login that is gone after the test. Roles are of the whole cluster, so its name holds the database's.
struct Login {
    name: String,
}

impl Login {
    async fn new(admin: &mut PgConnection, kind: &str, roles: &str) -> Self {
        let database: String =
            sqlx::query_scalar("select current_database()::text").fetch_one(&mut *admin).await.unwrap();
        let name = format!("{kind}_{database}");
        run(admin, format!("create role {name} login noinherit in role {roles}")).await;
        Self { name }
    }

    async fn remove(self, admin: &mut PgConnection) {
        run(admin, format!("reassign owned by {0} to postgres; drop role {0}", self.name)).await;
    }
}

#[tokio::test]
async fn a_database_with_the_schema_and_its_logins_is_fit() {
    let database = TestDatabase::new().await;
    assert_eq!(findings(&database, "voice_api", "voice_worker").await, []);
}

#[tokio::test]
async fn a_superuser_serves_nobody() {
    let database = TestDatabase::new().await;
    let superuser = Finding::Superuser { login: "postgres".into() };
    assert_eq!(findings(&database, "postgres", "voice_worker").await, std::slice::from_ref(&superuser));
    assert_eq!(findings(&database, "voice_api", "postgres").await, [superuser]);
}

#[tokio::test]
async fn a_login_that_could_get_round_the_policies_is_named() {
    let database = TestDatabase::new().await;
    let mut admin = database.admin().await;

    let both = Login::new(&mut admin, "both", "authenticated, service_role").await;
    let serves = Finding::Serves { login: both.name.clone() };
    assert_eq!(findings(&database, &both.name, "voice_worker").await, [serves]);
    both.remove(&mut admin).await;

    let owner = Login::new(&mut admin, "owner", "authenticated").await;
    run(&mut admin, format!("alter table leads owner to {}", owner.name)).await;
    let owns = Finding::Owner { login: owner.name.clone(), table: "leads".into() };
    assert_eq!(findings(&database, &owner.name, "voice_worker").await, [owns]);
    owner.remove(&mut admin).await;

    let bypasses = Login::new(&mut admin, "bypasses", "authenticated").await;
    run(&mut admin, format!("alter role {} bypassrls", bypasses.name)).await;
    let found = Finding::Bypasses { login: bypasses.name.clone() };
    assert_eq!(findings(&database, &bypasses.name, "voice_worker").await, [found]);
    bypasses.remove(&mut admin).await;
}

#[tokio::test]
async fn the_two_logins_are_not_mistaken_for_each_other() {
    let database = TestDatabase::new().await;
    let found = findings(&database, "voice_worker", "voice_api").await;
    let variables = [("DATABASE_URL", "authenticated"), ("DATABASE_WORKER_URL", "service_role")];
    assert_eq!(found, variables.map(|(variable, role)| Finding::CannotAct { variable, role }));
}

#[tokio::test]
async fn tables_without_policies_and_another_schema_are_named() {
    let database = TestDatabase::new().await;
    let mut admin = database.admin().await;
    run(&mut admin, "create table extra (id int); update app.schema_version set hash = 'other'".into()).await;
    let expected = [Finding::Unguarded { table: "extra".into() }, Finding::OtherSchema];
    assert_eq!(findings(&database, "voice_api", "voice_worker").await, expected);
    sqlx::raw_sql(SCHEMA).execute(&mut admin).await.unwrap();
    run(&mut admin, "drop table extra".into()).await;
    assert_eq!(findings(&database, "voice_api", "voice_worker").await, [Finding::SchemaByHand]);
    apply(&DatabaseUrl::parse(&database.admin_url()).unwrap(), &LoginPasswords::default()).await.unwrap();
    assert_eq!(findings(&database, "voice_api", "voice_worker").await, []);
    let empty = TestDatabase::empty().await;
    assert_eq!(findings(&empty, "voice_api", "voice_worker").await, [Finding::OtherSchema]);
}

#[tokio::test]
async fn the_command_says_each_in_a_sentence_and_fails() {
    let database = TestDatabase::new().await;
    let (api, worker) = (database.api_url(), database.worker_url());
    let (code, said, error) = command(&["db", "check"], &[("DATABASE_URL", &api), ("DATABASE_WORKER_URL", &worker)]);
    assert_eq!((code, said.as_str()), (Some(0), "the database is fit to be served from\n"), "{error}");
    run(&mut database.admin().await, "create table extra (id int)".into()).await;
    let (code, _, error) = command(&["db", "check", "--url", &database.admin_url(), "--worker-url", &worker], &[]);
    assert_eq!((code, error.trim_end().lines().count()), (Some(1), 2), "{error}");
    assert!(error.contains("postgres is a superuser") && error.contains("extra has no row-level security"), "{error}");
    let network = "postgres://voice_api:hush@db.example.com/x";
    let (code, _, error) = command(&["db", "check", "--url", network, "--worker-url", &worker], &[]);
    assert!(code == Some(1) && error.contains("sslmode=verify-full") && !error.contains("hush"), "{error}");
}

#[tokio::test]
async fn a_server_does_not_start_on_a_database_that_is_not_fit() {
    let (database, data) = (TestDatabase::new().await, tempfile::tempdir().unwrap());
    let (superuser, worker) = (database.admin_url(), database.worker_url());
    let (code, _, error) = command(
        &["serve", "--listen", "127.0.0.1:0", "--data", data.path().to_str().unwrap()],
        &[("DATABASE_URL", &superuser), ("DATABASE_WORKER_URL", &worker)],
    );
    assert!(code == Some(78) && error.contains("postgres is a superuser"), "{code:?} {error}");
}

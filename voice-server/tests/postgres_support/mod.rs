//! A database of one's own in a real PostgreSQL: that of `VOICE_TEST_POSTGRES_URL` (a superuser's address, on a server that
//! asks no login for a password), or one that `scripts/postgres` starts for this test binary and removes after it. Without
//! either the test fails.
#![allow(dead_code, reason = "each test binary uses a part")]

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::str::FromStr;
use std::sync::OnceLock;
use url::Url;
use uuid::Uuid;
use voice_server::db::{Applied, DatabaseUrl, LoginPasswords, apply};
use voice_server::store::PgConfig;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/postgres");

/// A cluster, and what keeps it: it goes when this process does, however that ends.
struct Cluster {
    url: Url,
    _keeper: Option<Child>,
}

fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| match std::env::var("VOICE_TEST_POSTGRES_URL") {
        Ok(url) => Cluster { url: Url::parse(&url).unwrap(), _keeper: None },
        Err(_) => start_cluster(),
    })
}

fn start_cluster() -> Cluster {
    let mut keeper = Command::new(SCRIPT)
        .arg("hold")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{SCRIPT} does not run: {error}"));
    let mut line = String::new();
    BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = Url::parse(line.trim()).unwrap_or_else(|_| {
        panic!(
            "this test needs a PostgreSQL and none could be started; what scripts/postgres said is above. Install \
             PostgreSQL 15 or newer (Debian, Ubuntu: apt-get install postgresql), or name one with VOICE_TEST_POSTGRES_URL"
        )
    });
    Cluster { url, _keeper: Some(keeper) }
}

/// A database, removed when dropped.
pub(crate) struct TestDatabase {
    name: String,
}

impl TestDatabase {
    /// One with the schema.
    pub(crate) async fn new() -> Self {
        let database = Self::empty().await;
        let url = DatabaseUrl::parse(&database.admin_url()).unwrap();
        assert_eq!(apply(&url, &LoginPasswords::default()).await.unwrap(), Applied::Changed);
        database
    }

    /// One with nothing in it.
    pub(crate) async fn empty() -> Self {
        let database = Self { name: format!("voice_test_{}", Uuid::now_v7().simple()) };
        run(&cluster().url, format!("create database {} template template0", database.name)).await;
        database
    }

    /// Its address as the superuser.
    pub(crate) fn admin_url(&self) -> String {
        self.url(None)
    }

    /// Its address as the API's login.
    pub(crate) fn api_url(&self) -> String {
        self.url(Some("voice_api"))
    }

    /// Its address as the worker's login.
    pub(crate) fn worker_url(&self) -> String {
        self.url(Some("voice_worker"))
    }

    /// Its address as `login`.
    pub(crate) fn url_of(&self, login: &str) -> String {
        self.url(Some(login))
    }

    /// How a store reaches it. Few connections, because many tests run at a time.
    pub(crate) fn config(&self) -> PgConfig {
        let [api, worker] = [self.api_url(), self.worker_url()].map(|url| DatabaseUrl::parse(&url).unwrap());
        PgConfig { api_connections: 4, worker_connections: 2, ..PgConfig::new(api, worker) }
    }

    /// Breaks every connection to it and lets nobody in, as if its server were stopped.
    pub(crate) async fn stop(&self) {
        let mut other = connect(cluster().url.as_str()).await;
        let shut = format!("alter database {} with allow_connections false", self.name);
        sqlx::raw_sql(AssertSqlSafe(shut)).execute(&mut other).await.unwrap();
        let broken = "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = $1";
        loop {
            let left: i64 = sqlx::query_scalar(broken).bind(&self.name).fetch_one(&mut other).await.unwrap();
            if left == 0 {
                return;
            }
        }
    }

    /// After [`TestDatabase::stop`].
    pub(crate) async fn go_on(&self) {
        run(&cluster().url, format!("alter database {} with allow_connections true", self.name)).await;
    }

    /// A connection as the superuser.
    pub(crate) async fn admin(&self) -> PgConnection {
        connect(&self.admin_url()).await
    }

    /// A connection as `login`.
    pub(crate) async fn connect_as(&self, login: &str) -> PgConnection {
        connect(&self.url(Some(login))).await
    }

    fn url(&self, login: Option<&str>) -> String {
        let mut url = cluster().url.clone();
        url.set_path(&self.name);
        if let Some(login) = login {
            url.set_username(login).unwrap();
        }
        url.into()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let statement = format!("drop database if exists {} with (force)", self.name);
        let remove = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(run(&cluster().url, statement));
        };
        // A runtime cannot be entered from within another: the one of the test that just ended.
        if std::thread::Builder::new().spawn(remove).unwrap().join().is_err() {
            eprintln!("the database {} was left behind", self.name);
        }
    }
}

/// A connection to an address.
pub(crate) async fn connect(url: &str) -> PgConnection {
    let options = PgConnectOptions::from_str(url).unwrap();
    PgConnection::connect_with(&options).await.unwrap()
}

async fn run(url: &Url, statement: String) {
    let mut connection = connect(url.as_str()).await;
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    drop(connection.close().await);
}

/// Runs `voice-server` with these variables and no other address: its exit code and what it wrote.
pub(crate) fn command(arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_voice-server"));
    for variable in [
        "DATABASE_ADMIN_URL",
        "DATABASE_URL",
        "DATABASE_WORKER_URL",
        "DATABASE_API_PASSWORD",
        "DATABASE_WORKER_PASSWORD",
    ] {
        command.env_remove(variable);
    }
    let Output { status, stdout, stderr } = command.args(arguments).envs(variables.iter().copied()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

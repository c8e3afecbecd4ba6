//! The embedded store's file: who may read it, what becomes of it, and what is no such file.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a panic is how a test fails")]

use futures::future::join_all;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, SqliteConnection};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use uuid::Uuid;
use voice_server::store::{
    AdminStore, ClientFields, OpenError, PageRequest, SqliteStore, Store, StoreError, SystemStore,
};
use voice_server::{Principal, Role, TenantId, UserId};

async fn user(store: &SqliteStore) -> Principal {
    let (tenant, user) = (TenantId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
    store.ensure_development(tenant, user, Role::Member).await.unwrap();
    store.standing(user).await.unwrap().unwrap().principal
}

fn named(name: &str) -> ClientFields {
    ClientFields { name: name.into(), ..ClientFields::default() }
}

/// A connection past the store.
async fn beside(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn only_its_owner_may_read_the_file_and_what_lies_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("a").join("b");
    let path = data.join("voice.db");
    let store = SqliteStore::open(&path).await.unwrap();
    user(&store).await;
    assert_eq!((mode(&data), mode(&directory.path().join("a"))), (0o700, 0o700));
    let files: Vec<_> = fs::read_dir(&data).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() > 1, "its journal is beside it: {files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    store.close().await;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    SqliteStore::open(&path).await.unwrap();
    assert_eq!(mode(&path), 0o600);
}

#[tokio::test]
async fn what_was_stored_is_there_when_it_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("voice.db");
    let store = SqliteStore::open(&path).await.unwrap();
    let who = user(&store).await;
    let made = store.create_client(&who, &named("Ada")).await.unwrap();
    let plans = store.plans(&who).await.unwrap();
    store.close().await;
    for _ in 0..2 {
        let store = SqliteStore::open(&path).await.unwrap();
        assert_eq!(store.client(&who, made.id).await.unwrap(), made);
        assert_eq!(store.plans(&who).await.unwrap(), plans);
        store.close().await;
    }
}

#[tokio::test]
async fn a_file_whose_transcripts_know_no_lines_learns_them_and_keeps_its_rows() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("voice.db");
    let store = SqliteStore::open(&path).await.unwrap();
    user(&store).await;
    store.close().await;
    let mut file = beside(&path).await;
    let schema = "SELECT sql FROM sqlite_master WHERE name = 'transcripts'";
    let now: String = sqlx::query_scalar(schema).fetch_one(&mut file).await.unwrap();
    let older = now.replace(", 'line'", "");
    let call =
        "INSERT INTO calls (id, tenant_id, user_id, run, started_at) SELECT zeroblob(16), id, id, id, 0 FROM tenants";
    let said = |seq: u32, who: &str| {
        format!(
            "INSERT INTO transcripts (call_id, seq, tenant_id, call_day, turn, who, text, start_ms, end_ms, outcome) \
             SELECT zeroblob(16), {seq}, id, '1970-01-01', 1, '{who}', 'x', 0, 0, 'silence' FROM tenants"
        )
    };
    for step in ["DROP TABLE transcripts", &older, call, &said(0, "caller"), "PRAGMA user_version = 1"] {
        sqlx::raw_sql(AssertSqlSafe(step)).execute(&mut file).await.unwrap();
    }
    assert!(sqlx::raw_sql(AssertSqlSafe(said(1, "line"))).execute(&mut file).await.is_err());
    file.close().await.unwrap();
    for _ in 0..2 {
        SqliteStore::open(&path).await.unwrap().close().await;
    }
    let mut file = beside(&path).await;
    sqlx::raw_sql(AssertSqlSafe(said(1, "line"))).execute(&mut file).await.unwrap();
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM transcripts").fetch_one(&mut file).await.unwrap();
    assert_eq!((rows, sqlx::query_scalar::<_, String>(schema).fetch_one(&mut file).await.unwrap()), (2, now));
}

#[tokio::test]
async fn what_was_acknowledged_is_in_the_file_without_a_good_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("voice.db");
    let store = SqliteStore::open(&path).await.unwrap();
    let who = user(&store).await;
    let made = store.create_client(&who, &named("Ada")).await.unwrap();
    // As the disk is when the process dies: the files of this moment, without a word from who holds them.
    let copy = directory.path().join("copy.db");
    for ending in ["", "-wal"] {
        let from = directory.path().join(format!("voice.db{ending}"));
        fs::copy(from, directory.path().join(format!("copy.db{ending}"))).unwrap();
    }
    let copy = SqliteStore::open(&copy).await.unwrap();
    assert_eq!(copy.client(&who, made.id).await.unwrap(), made);
}

#[tokio::test]
async fn several_may_open_a_new_file_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("voice.db");
    let opened = join_all((0..4).map(|_| SqliteStore::open(&path))).await;
    let stores: Vec<_> = opened.into_iter().map(Result::unwrap).collect();
    let who = user(&stores[0]).await;
    for (n, store) in stores.iter().enumerate() {
        store.create_client(&who, &named(&n.to_string())).await.unwrap();
    }
    let found = stores[0].clients(&who, PageRequest::default()).await.unwrap();
    assert_eq!(found.items.len(), stores.len());
    assert_eq!(stores[1].plans(&who).await.unwrap().len(), 4, "three to begin with and development's");
}

#[tokio::test]
async fn a_newer_servers_file_is_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("voice.db");
    let mut newer = beside(&path).await;
    newer.execute("PRAGMA user_version = 99").await.unwrap();
    newer.close().await.unwrap();
    let refused = SqliteStore::open(&path).await.unwrap_err();
    assert!(matches!(refused, OpenError::Newer { .. }), "{refused}");
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_master").fetch_one(&mut beside(&path).await).await.unwrap();
    assert_eq!(tables, 0);
}

#[tokio::test]
async fn what_is_no_such_file_is_told_by_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let refused = SqliteStore::open(directory.path()).await.unwrap_err();
    assert!(matches!(refused, OpenError::File { .. }), "{refused}");
    assert!(refused.to_string().contains(&directory.path().display().to_string()), "{refused}");
    let text = directory.path().join("notes.txt");
    fs::write(&text, "not a database, but long enough to have the header of one".repeat(99)).unwrap();
    let refused = SqliteStore::open(&text).await.unwrap_err();
    assert!(matches!(refused, OpenError::Database(_)), "{refused}");
}

#[tokio::test]
async fn another_processs_lock_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("voice.db");
    let store = SqliteStore::open(&path).await.unwrap();
    let who = user(&store).await;
    let mut other = beside(&path).await;
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let fields = named("Ada");
    let mut making = store.create_client(&who, &fields);
    assert!(futures::poll!(&mut making).is_pending());
    // Readers are not kept out meanwhile.
    assert_eq!(store.clients(&who, PageRequest::default()).await.unwrap().items, []);
    other.execute("COMMIT").await.unwrap();
    making.await.unwrap();
}

#[tokio::test]
async fn a_store_that_was_closed_is_away() {
    for in_memory in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let store = match in_memory {
            true => SqliteStore::in_memory().await.unwrap(),
            false => SqliteStore::open(&directory.path().join("voice.db")).await.unwrap(),
        };
        store.ping().await.unwrap();
        store.close().await;
        assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))));
        assert!(matches!(store.write(&[]).await, Err(StoreError::Unavailable(_))));
    }
}

#[tokio::test]
async fn a_store_in_memory_is_of_its_own() {
    let [one, other] = [SqliteStore::in_memory().await.unwrap(), SqliteStore::in_memory().await.unwrap()];
    let who = user(&one).await;
    let made = one.create_client(&who, &named("Ada")).await.unwrap();
    assert_eq!(one.clone().client(&who, made.id).await.unwrap(), made);
    assert_eq!(other.standing(who.user()).await.unwrap(), None);
}

/// As an operator does whose server keeps everything in a file.
fn appoint(path: &Path, user: UserId, tenant: &str) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_voice-server"));
    let url = format!("sqlite:{}", path.display());
    command.env_clear().env("ENVIRONMENT", "production").env("DATABASE_URL", url);
    let output = command.args(["db", "admin", "--user", &user.to_string(), "--tenant", tenant]).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[tokio::test]
async fn the_first_administrator_of_a_file_is_made_once_and_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let (path, user) = (directory.path().join("voice.db"), UserId(Uuid::from_u128(7)));
    for when in ["now", "already"] {
        let (code, said) = appoint(&path, user, "Acme");
        assert!(code == Some(0) && said.contains(when), "{said}");
    }
    let (code, said) = appoint(&path, user, "Other");
    assert!(code == Some(1) && said.contains("of another tenant"), "{said}");
    let store = SqliteStore::open(&path).await.unwrap();
    let who = store.standing(user).await.unwrap().unwrap().principal;
    assert_eq!(who.role(), Role::PlatformAdmin);
    let deeds: Vec<String> = sqlx::query_scalar("SELECT action FROM audit_log ORDER BY id")
        .fetch_all(&mut beside(&path).await)
        .await
        .unwrap();
    assert_eq!(deeds, ["tenant.create", "user.create"]);
    let first = PageRequest { after: None, max_rows: 9 };
    let tenants = store.tenants(&who, first).await.unwrap().items;
    assert_eq!(tenants.iter().map(|tenant| tenant.name.as_str()).collect::<Vec<_>>(), ["Acme"]);
}

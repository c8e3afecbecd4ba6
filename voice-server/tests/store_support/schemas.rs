//! The two schemas beside each other.

use crate::postgres_support::TestDatabase;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use std::collections::BTreeMap;
use voice_server::store::SqliteStore;

const OF_SQLITE: &str = "SELECT m.name, c.name, c.\"notnull\" OR c.pk > 0 FROM sqlite_master m \
    JOIN pragma_table_xinfo(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'";
/// But the version of the schema, which SQLite keeps in the file's header.
const OF_POSTGRES: &str = "select table_name::text, column_name::text, is_nullable = 'NO' from information_schema.columns \
    where table_schema in ('public', 'app') and table_name <> 'schema_version'";

/// Tables and columns, and whether a column must have a value.
type Columns = BTreeMap<(String, String), bool>;

fn columns(rows: Vec<(String, String, bool)>) -> Columns {
    rows.into_iter().map(|(table, column, needed)| ((table, column), needed)).collect()
}

async fn of_sqlite() -> Columns {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("voice.db");
    SqliteStore::open(&path).await.unwrap().close().await;
    let options = SqliteConnectOptions::new().filename(&path);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    columns(sqlx::query_as(OF_SQLITE).fetch_all(&mut connection).await.unwrap())
}

pub(crate) async fn both_have_the_same_tables_and_columns() {
    let database = TestDatabase::new().await;
    let postgres = columns(sqlx::query_as(OF_POSTGRES).fetch_all(&mut database.admin().await).await.unwrap());
    let tables: std::collections::BTreeSet<_> = postgres.keys().map(|(table, _)| table).collect();
    assert_eq!(tables.len(), 12, "eleven and the audit's: {tables:?}");
    assert_eq!(of_sqlite().await, postgres);
}

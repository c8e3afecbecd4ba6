//! An empty store of either kind, and what to put into it.

pub(crate) mod admin;
pub(crate) mod calls;
pub(crate) mod isolation;
mod made;
pub(crate) mod outreach;
pub(crate) mod paging;
pub(crate) mod retention;
pub(crate) mod schemas;
pub(crate) mod standing;
pub(crate) mod totals;
pub(crate) mod write;

use crate::postgres_support::TestDatabase;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use time::OffsetDateTime;
use uuid::Uuid;
use voice_server::store::{AnyStore, PageRequest, PgStore, SqliteStore, StoreError, Stored};
use voice_server::{Principal, Role, TenantId, UserId};

/// A store with nothing in it, and where it keeps what it has.
pub(crate) struct Bench {
    store: Arc<dyn AnyStore>,
    kept: Kept,
}

enum Kept {
    File { path: PathBuf, _directory: TempDir },
    Postgres(TestDatabase),
}

impl Deref for Bench {
    type Target = dyn AnyStore;

    fn deref(&self) -> &Self::Target {
        self.store.as_ref()
    }
}

/// An administrator's deed as it was recorded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Deed {
    pub(crate) user: Uuid,
    pub(crate) action: String,
    pub(crate) tenant: Option<Uuid>,
    pub(crate) subject: Option<Uuid>,
}

impl Bench {
    /// The embedded store, in a directory of its own.
    pub(crate) async fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data").join("voice.db");
        let store = Arc::new(SqliteStore::open(&path).await.unwrap());
        Self { store, kept: Kept::File { path, _directory: directory } }
    }

    /// The store in Postgres, in a database of its own.
    pub(crate) async fn postgres() -> Self {
        let database = TestDatabase::new().await;
        let store = Arc::new(PgStore::connect(&database.config()).await.unwrap());
        Self { store, kept: Kept::Postgres(database) }
    }

    /// A user of a new tenant.
    pub(crate) async fn somebody(&self, role: Role) -> Principal {
        self.colleague_of(TenantId(Uuid::now_v7()), role).await
    }

    /// A member of a new tenant.
    pub(crate) async fn member(&self) -> Principal {
        self.somebody(Role::Member).await
    }

    /// A new user of `tenant`, which is made if it is missing.
    pub(crate) async fn colleague_of(&self, tenant: TenantId, role: Role) -> Principal {
        let user = UserId(Uuid::now_v7());
        self.ensure_development(tenant, user, role).await.unwrap();
        self.standing(user).await.unwrap().unwrap().principal
    }

    /// What administrators did, in order.
    pub(crate) async fn deeds(&self) -> Vec<Deed> {
        let rows: Vec<(Uuid, String, Option<Uuid>, Option<Uuid>)> = match &self.kept {
            Kept::File { path, .. } => {
                let options = SqliteConnectOptions::new().filename(path).read_only(true);
                let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
                let rows = sqlx::query_as("SELECT user_id, action, tenant_id, subject FROM audit_log ORDER BY id");
                rows.fetch_all(&mut connection).await.unwrap()
            }
            Kept::Postgres(database) => {
                let rows = sqlx::query_as("select user_id, action, tenant_id, subject from app.audit_log order by id");
                rows.fetch_all(&mut database.admin().await).await.unwrap()
            }
        };
        rows.into_iter().map(|(user, action, tenant, subject)| Deed { user, action, tenant, subject }).collect()
    }
}

/// `seconds` after the time at which most things happen here.
pub(crate) fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_780_000_000 + seconds).unwrap()
}

/// The newest `max_rows`.
pub(crate) fn first(max_rows: u32) -> PageRequest {
    PageRequest { after: None, max_rows }
}

/// The sentence of a conflict.
pub(crate) fn refusal<T: std::fmt::Debug>(answer: Stored<T>) -> String {
    match answer {
        Err(StoreError::Conflict { sentence }) => sentence,
        other => panic!("{other:?} is no conflict"),
    }
}

/// Refused for good: it can never be written, or its call is not there.
pub(crate) fn never(answer: Stored<()>) {
    assert!(matches!(answer, Err(StoreError::Conflict { .. } | StoreError::NotFound { what: "call" })), "{answer:?}");
}

/// What was not found.
pub(crate) fn missing<T: std::fmt::Debug>(answer: Stored<T>) -> &'static str {
    match answer {
        Err(StoreError::NotFound { what }) => what,
        other => panic!("{other:?} should not be found"),
    }
}

/// Reads a whole list in pages of `$rows`, each after the last.
macro_rules! whole {
    ($rows:expr, |$page:ident| $list:expr) => {{
        let mut $page = $crate::store_support::first($rows);
        let mut items = vec![];
        loop {
            let part = $list.await.unwrap();
            assert!(part.items.len() <= $rows as usize);
            items.extend(part.items);
            match part.next {
                Some(next) => $page.after = Some(next),
                None => break items,
            }
        }
    }};
}
pub(crate) use whole;

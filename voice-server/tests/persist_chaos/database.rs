//! The database of one home's server. It can go away from that server and leaves every other test alone.

use crate::persist_support::process::{Home, ServerProcess};
use crate::postgres_support::TestDatabase;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, PgConnection, SqliteConnection};

/// How a database is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Every connection is broken and none can be made, as if it were stopped.
    Stopped,
    /// It takes what it is asked and does not answer: another holds what a writer needs.
    Held,
}

/// A database and, while it is away, what keeps it.
pub(crate) enum Database {
    Embedded { away: Option<SqliteConnection> },
    Postgres { database: TestDatabase, away: Option<Away> },
}

/// What keeps a Postgres away.
pub(crate) enum Away {
    Stopped,
    Held(PgConnection),
}

impl Database {
    pub(crate) fn embedded() -> (Home, Self) {
        (Home::new(), Self::Embedded { away: None })
    }

    pub(crate) async fn postgres() -> (Home, Self) {
        let database = TestDatabase::new().await;
        let home = Home::new().with("DATABASE_URL", &database.api_url());
        let home = home.with("DATABASE_WORKER_URL", &database.worker_url());
        (home, Self::Postgres { database, away: None })
    }

    /// In which manners it can go away.
    pub(crate) fn manners(&self) -> &'static [Manner] {
        match self {
            Self::Embedded { .. } => &[Manner::Held],
            Self::Postgres { .. } => &[Manner::Stopped, Manner::Held],
        }
    }

    pub(crate) async fn go_away(&mut self, home: &Home, manner: Manner) {
        match self {
            Self::Embedded { away } => *away = Some(hold_file(home).await),
            Self::Postgres { database, away } => match manner {
                Manner::Stopped => {
                    database.stop().await;
                    *away = Some(Away::Stopped);
                }
                Manner::Held => *away = Some(Away::Held(hold_table(database).await)),
            },
        }
    }

    /// Lets the database go on, if it is away.
    pub(crate) async fn come_back(&mut self) {
        match self {
            Self::Embedded { away } => {
                if let Some(mut holder) = away.take() {
                    sqlx::raw_sql("ROLLBACK").execute(&mut holder).await.unwrap();
                }
            }
            Self::Postgres { database, away } => match away.take() {
                Some(Away::Stopped) => database.go_on().await,
                Some(Away::Held(mut holder)) => {
                    sqlx::raw_sql("rollback").execute(&mut holder).await.unwrap();
                }
                None => {}
            },
        }
    }

    /// The next server, and the database again. Where it is still away, a server is started before it comes back, unless
    /// that would only wait: without a database there is none, and one that is held keeps none from starting.
    pub(crate) async fn start_server(&mut self, home: &Home) -> ServerProcess {
        match self {
            Self::Postgres { away: Some(Away::Stopped), .. } => {
                home.spawn().until_it_gave_up();
                self.come_back().await;
                home.start()
            }
            Self::Postgres { away: Some(Away::Held(_)), .. } => {
                let server = home.start();
                self.come_back().await;
                server
            }
            _ => {
                self.come_back().await;
                home.start()
            }
        }
    }
}

/// Takes the one place for a writer.
async fn hold_file(home: &Home) -> SqliteConnection {
    let file = SqliteConnectOptions::new().filename(home.data().join("voice.db"));
    let mut holder = SqliteConnection::connect_with(&file).await.unwrap();
    // It waits its turn for longer than any transaction of a server lasts.
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut holder).await.unwrap();
    holder
}

/// Takes the table that every entry of a call depends on.
async fn hold_table(database: &TestDatabase) -> PgConnection {
    let mut holder = database.admin().await;
    sqlx::raw_sql("begin; lock table calls in access exclusive mode").execute(&mut holder).await.unwrap();
    holder
}

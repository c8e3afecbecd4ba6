//! Putting the schema into a database.
//!
//! Invariant: a database has all of the schema or none of it, whoever else applies it at the same time; what is there
//! already is left alone.

use super::address::DatabaseUrl;
use secrecy::{ExposeSecret, SecretString};
use sqlx::{Connection, PgConnection};

/// The schema: `schema.sql`, one transaction in itself.
pub const SCHEMA: &str = include_str!("../../../schema.sql");

const OLDEST_VERSION: i32 = 15;

/// Whether anything had to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The database had this schema already.
    Unchanged,
    /// It has it now.
    Changed,
}

/// New passwords of the server's logins; `None` leaves one as it is.
#[derive(Clone, Debug, Default)]
pub struct LoginPasswords {
    /// Of `voice_api`.
    pub api: Option<SecretString>,
    /// Of `voice_worker`.
    pub worker: Option<SecretString>,
}

/// Why the schema was not applied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// No connection.
    #[error("the database cannot be reached: {0}; is the address right, and does this login exist there?")]
    Unreachable(#[source] sqlx::Error),
    /// Too old for the schema.
    #[error("the database is PostgreSQL {version}, and the schema needs {OLDEST_VERSION} or newer")]
    TooOld {
        /// Which it is.
        version: i32,
    },
    /// The database refused it; nothing was changed.
    #[error("the schema was not applied: {0}; the login needs to own the database and to be allowed to create roles")]
    Refused(#[source] sqlx::Error),
    /// The schema is there, a password is not.
    #[error("the password of {login} was not set: {source}")]
    Password {
        /// Whose.
        login: &'static str,
        /// Why.
        source: sqlx::Error,
    },
}

/// Applies the schema as an administrator, and then sets `passwords`. Safe to run again and at the same time as another.
///
/// # Errors
/// [`ApplyError`]. Dropped midway, nothing is changed, or all of it.
pub async fn apply(url: &DatabaseUrl, passwords: &LoginPasswords) -> Result<Applied, ApplyError> {
    let mut admin = url.connect().await.map_err(ApplyError::Unreachable)?;
    require_version(&mut admin).await?;
    let applied = if is_current(&mut admin).await.map_err(ApplyError::Refused)? {
        Applied::Unchanged
    } else {
        run_schema(&mut admin).await.map_err(ApplyError::Refused)?;
        Applied::Changed
    };
    for (login, password) in [("voice_api", &passwords.api), ("voice_worker", &passwords.worker)] {
        if let Some(password) = password {
            let set = set_password(&mut admin, login, password).await;
            set.map_err(|source| ApplyError::Password { login, source })?;
        }
    }
    // Everything is committed: how the connection ends does not matter.
    drop(admin.close().await);
    Ok(applied)
}

async fn require_version(admin: &mut PgConnection) -> Result<(), ApplyError> {
    let version: i32 = sqlx::query_scalar("select current_setting('server_version_num')::int / 10000")
        .fetch_one(admin)
        .await
        .map_err(ApplyError::Unreachable)?;
    if version < OLDEST_VERSION { Err(ApplyError::TooOld { version }) } else { Ok(()) }
}

/// Whether the schema that was applied last is this one.
async fn is_current(admin: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let is_there: bool =
        sqlx::query_scalar("select to_regclass('app.schema_version') is not null").fetch_one(&mut *admin).await?;
    if !is_there {
        return Ok(false);
    }
    sqlx::query_scalar(
        "select exists (select from app.schema_version where hash = encode(sha256(convert_to($1, 'UTF8')), 'hex'))",
    )
    .bind(SCHEMA)
    .fetch_one(admin)
    .await
}

async fn run_schema(admin: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("select set_config('app.schema_hash', encode(sha256(convert_to($1, 'UTF8')), 'hex'), false)")
        .bind(SCHEMA)
        .execute(&mut *admin)
        .await?;
    sqlx::raw_sql(SCHEMA).execute(admin).await?;
    Ok(())
}

/// `ALTER ROLE` takes no parameter, so the database puts the statement together itself, from two settings.
async fn set_password(admin: &mut PgConnection, login: &str, password: &SecretString) -> Result<(), sqlx::Error> {
    let mut transaction = admin.begin().await?;
    sqlx::query("select set_config('app.login', $1, true), set_config('app.password', $2, true)")
        .bind(login)
        .bind(password.expose_secret())
        .execute(&mut *transaction)
        .await?;
    sqlx::query(
        "do $$ begin execute format('alter role %I password %L', current_setting('app.login'), \
         current_setting('app.password')); end $$",
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await
}

//! The `db` subcommand: what an operator does to a database before it is served from.

use super::address::{AddressError, DatabaseUrl};
use super::apply::{Applied, ApplyError, LoginPasswords, apply};
use super::{DoctorError, doctor};
use crate::store::{OpenError, PgConfig, PgStore};
use secrecy::{ExposeSecret, SecretString};

/// Flags of `voice-server db`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DbArgs {
    #[command(subcommand)]
    command: DbCommand,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum DbCommand {
    /// Puts the schema into a Postgres database, or does nothing if it is there.
    Apply(ApplyArgs),
    /// Says what is wrong with a database and its logins before anything is served from it.
    Check(CheckArgs),
}

/// Flags of `voice-server db apply`.
#[derive(Clone, Debug, clap::Args)]
struct ApplyArgs {
    /// The database, as a login that owns it and may create roles.
    #[arg(long, value_name = "URL", env = "DATABASE_ADMIN_URL", hide_env_values = true)]
    url: SecretString,
    /// A new password for the login voice_api; a variable is safer than a flag, which others can see.
    #[arg(long, value_name = "PASSWORD", env = "DATABASE_API_PASSWORD", hide_env_values = true)]
    api_password: Option<SecretString>,
    /// A new password for the login voice_worker.
    #[arg(long, value_name = "PASSWORD", env = "DATABASE_WORKER_PASSWORD", hide_env_values = true)]
    worker_password: Option<SecretString>,
}

/// Flags of `voice-server db check`.
#[derive(Clone, Debug, clap::Args)]
struct CheckArgs {
    /// The database, as the login that users act through.
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    url: SecretString,
    /// The same database, as the login that the server acts through.
    #[arg(long, value_name = "URL", env = "DATABASE_WORKER_URL", hide_env_values = true)]
    worker_url: SecretString,
}

/// Why `voice-server db` did not do it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DbError {
    /// The address is of no use.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The schema was not applied.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// A login does not get in.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database is not fit.
    #[error(transparent)]
    Doctor(#[from] DoctorError),
}

/// Does what the flags say, and prints one line on standard output.
///
/// # Errors
/// [`DbError`].
pub(crate) async fn run(args: DbArgs) -> Result<(), DbError> {
    match args.command {
        DbCommand::Apply(args) => run_apply(args).await,
        DbCommand::Check(args) => run_check(args).await,
    }
}

async fn run_apply(args: ApplyArgs) -> Result<(), DbError> {
    let url = DatabaseUrl::parse(args.url.expose_secret())?;
    let passwords = LoginPasswords { api: args.api_password, worker: args.worker_password };
    match apply(&url, &passwords).await? {
        Applied::Changed => println!("the schema is applied"),
        Applied::Unchanged => println!("the schema was there already"),
    }
    Ok(())
}

async fn run_check(args: CheckArgs) -> Result<(), DbError> {
    let api = DatabaseUrl::parse(args.url.expose_secret())?;
    let worker = DatabaseUrl::parse(args.worker_url.expose_secret())?;
    let config = PgConfig { api_connections: 1, worker_connections: 1, ..PgConfig::new(api, worker) };
    let store = PgStore::connect(&config).await?;
    doctor(&store).await?;
    println!("the database is fit to be served from");
    store.close().await;
    Ok(())
}

//! The `db` subcommand: what an operator does to a database before it is served from.

use super::address::{AddressError, DatabaseUrl};
use super::apply::{Applied, ApplyError, LoginPasswords, apply};
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

/// Why `voice-server db` did not do it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DbError {
    /// The address is of no use.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The schema was not applied.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

/// Does what the flags say, and prints one line on standard output.
///
/// # Errors
/// [`DbError`].
pub(crate) async fn run(args: DbArgs) -> Result<(), DbError> {
    match args.command {
        DbCommand::Apply(args) => run_apply(args).await,
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

//! The `db` subcommand: what an operator does to a database before it is served from.

use super::address::{AddressError, DatabaseUrl};
use super::apply::{Applied, ApplyError, LoginPasswords, apply};
use super::appoint::{AppointError, Appointed, Wanted, appoint};
use super::{DoctorError, doctor};
use crate::config::DEFAULT_DATA;
use crate::environment::{Environment, EnvironmentError};
use crate::principal::UserId;
use crate::store::{OpenError, PgConfig, PgStore, SqliteStore, StoreChoice};
use secrecy::{ExposeSecret, SecretString};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// The longest name of a tenant, in characters.
const MAX_NAME_CHARS: usize = 200;

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
    /// Makes a user a platform administrator, and the tenant they are of, or does nothing if it is so.
    Admin(AdminArgs),
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

/// Flags of `voice-server db admin`.
#[derive(Clone, Debug, clap::Args)]
struct AdminArgs {
    /// The user: the subject (`sub`) of their tokens.
    #[arg(long, value_name = "UUID")]
    user: Uuid,
    /// The user's tenant: a name, with which one is made where it is missing, or the id of one.
    #[arg(long, value_name = "NAME-or-UUID", value_parser = parse_name)]
    tenant: String,
    /// The plan of a tenant that is made. Default the cheapest.
    #[arg(long, value_name = "NAME")]
    plan: Option<String>,
    /// The Postgres, as the login of `db apply`. Without it, the file of SQLite that would be served from.
    #[arg(long, value_name = "URL", env = "DATABASE_ADMIN_URL", hide_env_values = true)]
    url: Option<SecretString>,
    /// The folder of that file, where DATABASE_URL names no other. Default .data.
    #[arg(long, value_name = "DIR", env = "VOICE_DATA_DIR")]
    data: Option<PathBuf>,
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
    /// The environment is wrong.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// Nobody was appointed.
    #[error(transparent)]
    Appoint(#[from] AppointError),
    /// The logins that serve make no administrators.
    #[error(
        "DATABASE_URL is a Postgres, and its logins make no administrators: set DATABASE_ADMIN_URL to the login that owns \
         the database, as for `voice-server db apply`"
    )]
    NoOwner,
}

/// Does what the flags say, and prints one line on standard output.
///
/// # Errors
/// [`DbError`].
pub(crate) async fn run(args: DbArgs) -> Result<(), DbError> {
    match args.command {
        DbCommand::Apply(args) => run_apply(args).await,
        DbCommand::Check(args) => run_check(args).await,
        DbCommand::Admin(args) => run_admin(args).await,
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

async fn run_admin(args: AdminArgs) -> Result<(), DbError> {
    let AdminArgs { user, tenant, plan, url, data } = args;
    let wanted = Wanted { user: UserId(user), tenant, plan };
    let Appointed { tenant, applied } = match url {
        Some(url) => appoint(&DatabaseUrl::parse(url.expose_secret())?, &wanted).await?,
        None => appoint_in_file(data.as_deref(), &wanted).await?,
    };
    let when = match applied {
        Applied::Changed => "now",
        Applied::Unchanged => "already",
    };
    println!("the user {user} is a platform administrator {when}, of the tenant {tenant}");
    Ok(())
}

/// In the file of SQLite that a server of this environment would open.
async fn appoint_in_file(data: Option<&Path>, wanted: &Wanted) -> Result<Appointed, DbError> {
    let environment = Environment::of_process()?;
    let data = data.unwrap_or(Path::new(DEFAULT_DATA));
    match environment.store().choose(environment.issuers().deployment, data)? {
        StoreChoice::Sqlite { path } => {
            let store = SqliteStore::open(&path).await?;
            let appointed = store.appoint(wanted).await;
            store.close().await;
            Ok(appointed?)
        }
        StoreChoice::Postgres(_) => Err(DbError::NoOwner),
    }
}

fn parse_name(name: &str) -> Result<String, &'static str> {
    let is_name =
        !name.trim().is_empty() && name.chars().count() <= MAX_NAME_CHARS && !name.chars().any(char::is_control);
    if is_name { Ok(name.to_owned()) } else { Err("write 1 to 200 characters on one line") }
}

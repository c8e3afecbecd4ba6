//! Which store the server opens: the one that the environment names, or the embedded one.
//!
//! Invariant: a server for real callers keeps nothing in the embedded store unless the environment says so by name, and no
//! error and no `Debug` shows an address: it may hold a password.

use super::{AnyStore, DoctorError, PgConfig, PgStore, SqliteStore, doctor};
use crate::auth::Deployment;
use crate::db::{AddressError, DatabaseUrl};
use secrecy::{ExposeSecret, SecretString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const URL: &str = "DATABASE_URL";
const WORKER_URL: &str = "DATABASE_WORKER_URL";

/// The variables that are read here.
#[cfg(test)]
pub(crate) const VARIABLES: [&str; 2] = [URL, WORKER_URL];

/// The embedded store's file within the data directory.
const FILE: &str = "voice.db";

/// Where the environment says that everything is kept.
#[derive(Clone, Debug, Default)]
pub struct StoreAddress {
    /// `DATABASE_URL`: Postgres as `voice_api`, or `sqlite:PATH`.
    pub url: Option<SecretString>,
    /// `DATABASE_WORKER_URL`: the same Postgres as `voice_worker`.
    pub worker_url: Option<SecretString>,
}

/// A store that can be opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StoreChoice {
    /// Postgres.
    Postgres(Box<PgConfig>),
    /// The embedded store.
    Sqlite {
        /// Its file.
        path: PathBuf,
    },
}

/// A store that is open.
pub struct OpenedStore {
    /// The store.
    pub store: Arc<dyn AnyStore>,
    /// What the log should say of it.
    pub note: String,
}

/// Why there is no store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Real callers, and nothing says where to keep what they say.
    #[error(
        "DATABASE_URL is not set and ENVIRONMENT is production: set it to postgres://USER:PASSWORD@HOST/DATABASE, or to \
         sqlite:PATH to keep everything in one file"
    )]
    NotNamed,
    /// An address of something else.
    #[error("DATABASE_URL names no store that there is: write postgres://USER:PASSWORD@HOST/DATABASE or sqlite:PATH")]
    Unknown,
    /// One of the two logins is missing.
    #[error(
        "DATABASE_URL and DATABASE_WORKER_URL go together: with Postgres set both, the one for the login voice_api and the \
         other for voice_worker, and without it neither of them or only DATABASE_URL=sqlite:PATH"
    )]
    Unpaired,
    /// An address of Postgres that is of no use.
    #[error("{variable}: {problem}")]
    Address {
        /// Which variable.
        variable: &'static str,
        /// What is wrong with its value.
        problem: AddressError,
    },
    /// The file of the embedded store cannot be made or written.
    #[error("cannot use the database file {}: {source}; choose another place with --data or DATABASE_URL", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A newer server made the file's tables.
    #[error(
        "{} was written by a newer voice-server: start that one, or choose another place with --data or DATABASE_URL",
        path.display()
    )]
    Newer {
        /// Which file.
        path: PathBuf,
    },
    /// The database refuses to be opened or prepared.
    #[error("the database of DATABASE_URL or --data cannot be opened: {0}")]
    Database(#[source] sqlx::Error),
    /// Postgres would not keep tenants apart, or has other tables.
    #[error(transparent)]
    Unfit(#[from] DoctorError),
}

impl OpenError {
    /// Whether it stays as it is until somebody changes an address or a database.
    pub(crate) fn is_configuration(&self) -> bool {
        match self {
            Self::NotNamed | Self::Unknown | Self::Unpaired | Self::Address { .. } => true,
            Self::Unfit(error) => matches!(error, DoctorError::Unfit(_)),
            Self::File { .. } | Self::Newer { .. } | Self::Database(_) => false,
        }
    }
}

impl StoreAddress {
    /// What `value` says, by the variables' names.
    pub(crate) fn read(value: impl Fn(&'static str) -> Option<String>) -> Self {
        let secret = |variable| value(variable).map(SecretString::from);
        Self { url: secret(URL), worker_url: secret(WORKER_URL) }
    }

    /// The store of a server that is for `deployment` and whose data directory is `data`.
    ///
    /// # Errors
    /// [`OpenError`], of which variable to set and how.
    pub fn choose(&self, deployment: Deployment, data: &Path) -> Result<StoreChoice, OpenError> {
        let (url, worker_url) = (self.url.as_ref(), self.worker_url.as_ref());
        let (url, worker_url) = (url.map(ExposeSecret::expose_secret), worker_url.map(ExposeSecret::expose_secret));
        let path = match (url, worker_url) {
            (Some(url), Some(worker_url)) if is_postgres(url) => return postgres(url, worker_url),
            (Some(url), None) if !is_postgres(url) => named_file(url)?,
            (None, None) if deployment == Deployment::Production => return Err(OpenError::NotNamed),
            (None, None) => data.join(FILE),
            _ => return Err(OpenError::Unpaired),
        };
        Ok(StoreChoice::Sqlite { path })
    }
}

impl StoreChoice {
    /// Opens the store.
    ///
    /// # Errors
    /// [`OpenError`] if it cannot be used.
    pub async fn open(self) -> Result<OpenedStore, OpenError> {
        match self {
            Self::Postgres(config) => {
                let store = Arc::new(PgStore::connect(&config).await?);
                doctor(&store).await?;
                Ok(OpenedStore { store, note: format!("everything is kept in Postgres, {:?}", config.api) })
            }
            Self::Sqlite { path } => {
                let store = Arc::new(SqliteStore::open(&path).await?);
                let note = format!(
                    "everything is kept in {}: tenants are kept apart by the server's code only; with a Postgres in \
                     DATABASE_URL row-level security keeps them apart as well",
                    path.display()
                );
                Ok(OpenedStore { store, note })
            }
        }
    }
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

fn postgres(url: &str, worker_url: &str) -> Result<StoreChoice, OpenError> {
    let parse = |variable, url| DatabaseUrl::parse(url).map_err(|problem| OpenError::Address { variable, problem });
    let config = PgConfig::new(parse(URL, url)?, parse(WORKER_URL, worker_url)?);
    Ok(StoreChoice::Postgres(Box::new(config)))
}

/// The path in `sqlite:PATH`. What begins with a colon SQLite would keep in memory.
fn named_file(url: &str) -> Result<PathBuf, OpenError> {
    let path = url.strip_prefix("sqlite:").ok_or(OpenError::Unknown)?;
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path.starts_with(':') || path.contains('?') {
        return Err(OpenError::Unknown);
    }
    Ok(PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PG: &str = "postgres://voice_api:hush@localhost/voice";
    const WORKER: &str = "postgres://voice_worker:hush@localhost/voice";

    fn choose(url: &str, worker_url: &str, deployment: Deployment) -> Result<StoreChoice, OpenError> {
        let value = |variable| match variable {
            URL => Some(url.to_owned()),
            WORKER_URL => Some(worker_url.to_owned()),
            _ => None,
        };
        let address = StoreAddress::read(|variable| value(variable).filter(|value| !value.is_empty()));
        let chosen = address.choose(deployment, Path::new("/data"));
        let shown =
            format!("{address:?} {chosen:?} {}", chosen.as_ref().map_or_else(ToString::to_string, |_| String::new()));
        assert!(!shown.contains("hush"), "{shown}");
        chosen
    }

    fn path(choice: Result<StoreChoice, OpenError>) -> PathBuf {
        let Ok(StoreChoice::Sqlite { path }) = choice else { panic!("{choice:?} is not the embedded store") };
        path
    }

    #[test]
    fn nothing_said_is_the_embedded_store_in_development_only() {
        assert_eq!(path(choose("", "", Deployment::Development)), Path::new("/data/voice.db"));
        assert!(matches!(choose("", "", Deployment::Production), Err(OpenError::NotNamed)));
    }

    #[test]
    fn the_embedded_store_can_be_asked_for_by_name() {
        for deployment in [Deployment::Development, Deployment::Production] {
            assert_eq!(path(choose("sqlite:/x/y.db", "", deployment)), Path::new("/x/y.db"));
            assert_eq!(path(choose("sqlite:y.db", "", deployment)), Path::new("y.db"));
            assert_eq!(path(choose("sqlite:///x/y.db", "", deployment)), Path::new("/x/y.db"));
        }
    }

    #[test]
    fn postgres_is_chosen_where_both_logins_are_named() {
        for deployment in [Deployment::Development, Deployment::Production] {
            assert!(matches!(choose(PG, WORKER, deployment), Ok(StoreChoice::Postgres(_))));
        }
    }

    #[test]
    fn a_wrong_address_is_told_by_its_variable() {
        for (url, worker_url, variable) in [
            ("mysql://u:hush@h/x", "", "DATABASE_URL"),
            ("hush", "", "DATABASE_URL"),
            ("sqlite:", "", "DATABASE_URL"),
            ("sqlite::memory:", "", "DATABASE_URL"),
            ("sqlite:x.db?mode=hush", "", "DATABASE_URL"),
            (PG, "", "DATABASE_WORKER_URL"),
            ("", WORKER, "DATABASE_URL"),
            ("sqlite:x.db", WORKER, "DATABASE_WORKER_URL"),
            (PG, "hush", "DATABASE_WORKER_URL"),
            ("postgres://u:hush@db.example.com/x", WORKER, "DATABASE_URL"),
        ] {
            let error = choose(url, worker_url, Deployment::Development).unwrap_err().to_string();
            assert!(error.contains(variable), "{url} {worker_url}: {error}");
        }
    }
}

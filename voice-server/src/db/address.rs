//! The address of a Postgres database, with whom to be there.
//!
//! Invariant: an address that was parsed is on this machine or is reached over TLS that verifies the server's name; and
//! its password is in no error and no `Debug`.

use crate::this_machine::is_this_machine;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions, PgConnection};
use std::fmt;
use std::str::FromStr;

/// Where a database is and who connects: `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full`.
#[derive(Clone)]
pub struct DatabaseUrl {
    options: PgConnectOptions,
}

/// Why an address is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It cannot be read.
    #[error(
        "a database's address is no address: write postgres://USER:PASSWORD@HOST:PORT/DATABASE, with what is not a \
         letter or a digit of the password percent-encoded"
    )]
    Unreadable,
    /// Whoever sits on the way could read and answer.
    #[error(
        "the database at {host} is on a network and its address does not ask for TLS: add ?sslmode=verify-full, and \
         &sslrootcert=FILE where its certificate is of an authority of its own"
    )]
    Unverified {
        /// Where it is.
        host: String,
    },
}

impl DatabaseUrl {
    /// Reads an address. What it leaves out comes from the variables that `psql` knows.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn parse(url: &str) -> Result<Self, AddressError> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(AddressError::Unreadable);
        }
        let options = PgConnectOptions::from_str(url).map_err(|_| AddressError::Unreadable)?;
        if !is_here(&options) && !matches!(options.get_ssl_mode(), PgSslMode::VerifyFull) {
            return Err(AddressError::Unverified { host: options.get_host().to_owned() });
        }
        Ok(Self { options })
    }

    /// What to connect with.
    pub(crate) fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    /// A connection of its own.
    ///
    /// # Errors
    /// Whatever sqlx met.
    pub(crate) async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        self.options.connect().await
    }
}

/// Where and who.
impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.options;
        let database = options.get_database().unwrap_or_default();
        write!(f, "{}@{}:{}/{database}", options.get_username(), options.get_host(), options.get_port())
    }
}

/// Whether nothing leaves this machine on the way to it.
fn is_here(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    options.get_socket().is_some() || host.starts_with('/') || is_this_machine(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_on_a_network_needs_tls_that_verifies() {
        for url in ["postgres://u:secret@db.example.com/x", "postgres://u:secret@10.0.0.7/x?sslmode=require"] {
            let error = DatabaseUrl::parse(url).unwrap_err();
            assert!(matches!(error, AddressError::Unverified { .. }), "{url}: {error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        DatabaseUrl::parse("postgres://u:secret@db.example.com/x?sslmode=verify-full").unwrap();
    }

    #[test]
    fn this_machine_needs_none() {
        for url in [
            "postgres://u@localhost/x",
            "postgresql://u@127.0.0.1:5433/x",
            "postgres://u@[::1]/x",
            "postgres://u@localhost/x?host=/run/postgresql",
            "postgres://u@%2Frun%2Fpostgresql/x",
        ] {
            DatabaseUrl::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        }
    }

    #[test]
    fn what_is_no_address_is_told_without_showing_it() {
        for url in
            ["", "secret", "mysql://u:secret@h/x", "postgres://u:secret@h:port/x", "postgres://u@h/x?sslmode=secret"]
        {
            assert_eq!(DatabaseUrl::parse(url).unwrap_err(), AddressError::Unreadable, "{url}");
        }
    }

    #[test]
    fn debug_shows_no_password() {
        let url = DatabaseUrl::parse("postgres://u:secret@localhost:5433/x").unwrap();
        assert_eq!(format!("{url:?}"), "u@localhost:5433/x");
    }
}

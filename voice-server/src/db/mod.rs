//! What an operator does to a database: putting the schema into Postgres, judging whether a database is fit to be served
//! from, and naming who administers the platform.
//!
//! Invariant: `schema.sql` at the root of the repository is the only text that makes tables, and nothing here changes a
//! row of a tenant but to make one with its administrator.

mod address;
mod apply;
pub(crate) mod appoint;
mod command;

pub use crate::store::{DoctorError, Finding, doctor};
pub use address::{AddressError, DatabaseUrl};
pub use apply::{Applied, ApplyError, LoginPasswords, SCHEMA, apply};
pub(crate) use command::{DbArgs, DbError, run};

//! The schema of Postgres: putting it into a database, and judging whether a database is fit to be served from.
//!
//! Invariant: `schema.sql` at the root of the repository is the only text that makes tables, and nothing here changes a
//! row of a tenant.

mod address;
mod apply;
mod command;

pub use crate::store::{DoctorError, Finding, doctor};
pub use address::{AddressError, DatabaseUrl};
pub use apply::{Applied, ApplyError, LoginPasswords, SCHEMA, apply};
pub(crate) use command::{DbArgs, run};

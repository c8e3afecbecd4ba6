//! The first platform administrator, and the tenant they are of: nobody could make them over the API.
//!
//! Invariant: one transaction, recorded like any administrator's deed; what is so already stays as it is, and nobody is
//! taken from one tenant to another. What is to be done is decided in [`decide`], for every store alike, and done elsewhere.

mod decide;
mod postgres;

pub(crate) use decide::{Found, OfTenant, OfUser, Steps, decide};
pub(super) use postgres::appoint;

use super::Applied;
use crate::principal::{TenantId, UserId};
use crate::store::{OpenError, StoreError};

/// Who did it, in the detail of each record: the record's user is the one whom it is about.
pub(crate) const BY: &str = "voice-server db admin";

/// Who is to administer the platform.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// The subject of their tokens.
    pub(crate) user: UserId,
    /// Their tenant: the name of one, which is made where it is missing, or the id of one.
    pub(crate) tenant: String,
    /// The plan of a tenant that is made; the cheapest unless it is said.
    pub(crate) plan: Option<String>,
}

/// Somebody who administers the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Appointed {
    /// As a user of this tenant.
    pub(crate) tenant: TenantId,
    /// Whether anything had to be done for it.
    pub(crate) applied: Applied,
}

/// Why nobody is to be appointed so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Refusal {
    /// The user is somebody else's.
    #[error("there is such a user already, of another tenant: give the --tenant that they are of, or another --user")]
    OtherTenant,
    /// Which is meant?
    #[error("several tenants have this name: give the id of one with --tenant")]
    Ambiguous,
    /// An id is not a name to make a tenant with.
    #[error("there is no tenant of this id: give a name with --tenant, and one is made")]
    NoTenant,
    /// It cannot be on it.
    #[error("there is no plan of this name: --plan is one of {0}")]
    NoPlan(String),
    /// A tenant that is there stays as it is.
    #[error("the tenant is on the plan {0}: leave --plan out; PATCH /v1/admin/tenants/{{id}} changes it")]
    OtherPlan(String),
}

/// Why nobody was appointed. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum AppointError {
    /// It is not to be.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// No connection.
    #[error("the database cannot be reached: {0}; is the address right, and does this login exist there?")]
    Unreachable(#[source] sqlx::Error),
    /// There are no tables.
    #[error("the database has no tables yet: run `voice-server db apply` first")]
    NoSchema,
    /// Tokens of this user are issued by nobody.
    #[error("the project has no account of this id: the user signs up first, and their id is then told there")]
    NoAccount,
    /// The database refused it.
    #[error("nothing was changed: {0}; the login needs to own the database, as for `voice-server db apply`")]
    Database(#[source] sqlx::Error),
    /// The file cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The file cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

//! Why a store did not do what it was asked.

/// Why a store did not do what it was asked. What is another tenant's is [`StoreError::NotFound`], like what does not exist.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such row, or it is another tenant's.
    #[error("there is no such {what}")]
    NotFound {
        /// The kind of thing that was looked for: `call`, `lead`.
        what: &'static str,
    },
    /// The rows forbid it: a duplicate, a reference to nothing, a value out of range.
    #[error("{sentence}")]
    Conflict {
        /// What is wrong and what to do, without a value of another row.
        sentence: String,
    },
    /// The principal's role does not allow it.
    #[error("this needs the role {needed}")]
    Forbidden {
        /// The role it needs.
        needed: &'static str,
    },
    /// The tenant has as many operations under way as one may.
    #[error("this tenant asks more of the database at a time than it may; try again in a moment")]
    Busy,
    /// The database is away, too slow, or closing: the same may work later.
    #[error("the database cannot be reached now: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// The database answered what this server does not understand, or refused what it should not refuse.
    #[error("the database refused what it was asked: {0}")]
    Database(#[source] sqlx::Error),
}

//! What SQLite refused, as a store says it.

use crate::store::{StoreError, rules};
use sqlx::error::{DatabaseError, ErrorKind};

/// SQLite names the columns of a broken UNIQUE, and not the rule.
const UNIQUE_RULES: [(&str, &str); 2] =
    [(": user_profiles.id", "user_profiles_once"), (", leads.phone", "leads_phone_once")];

/// What the store answers when SQLite said `error`.
pub(super) fn refused(error: sqlx::Error) -> StoreError {
    if let Some(said) = error.as_database_error() {
        return match rule(said) {
            Some(rule) => broken(rule),
            None if is_passing(said) => StoreError::Unavailable(error),
            None => StoreError::Database(error),
        };
    }
    match error {
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed
        | sqlx::Error::InvalidSavePointStatement
        | sqlx::Error::Io(_) => StoreError::Unavailable(error),
        _ => StoreError::Database(error),
    }
}

/// What the store answers where `rule` would be broken.
pub(super) fn broken(rule: &str) -> StoreError {
    StoreError::Conflict { sentence: rules::sentence(rule).to_owned() }
}

/// The rule that was broken; `None` if it is something else that went wrong. SQLite does not tell which reference leads
/// nowhere, so what can be told is asked for before.
fn rule(said: &dyn DatabaseError) -> Option<&str> {
    match said.kind() {
        ErrorKind::Other => None,
        ErrorKind::CheckViolation => said.message().rsplit(": ").next(),
        _ => {
            let unique = UNIQUE_RULES.iter().find(|(end, _)| said.message().ends_with(end));
            Some(unique.map_or("", |(_, rule)| rule))
        }
    }
}

/// Whether the same may work later: busy, locked, no memory, read-only for now, interrupted at its time limit, a disk that fails or is full, a file that
/// cannot be opened.
fn is_passing(said: &dyn DatabaseError) -> bool {
    let code = said.code().and_then(|code| code.parse::<i32>().ok());
    code.is_some_and(|code| matches!(code & 0xff, 5 | 6 | 7 | 8 | 9 | 10 | 13 | 14))
}

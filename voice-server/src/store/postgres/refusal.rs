//! What Postgres refused, as a store says it.

use crate::store::{StoreError, rules};

/// The rules that a row of a call has its call.
const TO_CALLS: [&str; 3] = ["conversations_call", "recordings_call", "transcripts_call"];

/// What the store answers when sqlx met `error`.
pub(super) fn refused(error: sqlx::Error) -> StoreError {
    if let Some(said) = error.as_database_error() {
        let code = said.code().unwrap_or_default();
        return match code.as_ref() {
            code if is_broken_rule(code) => match said.constraint() {
                Some(rule) if TO_CALLS.contains(&rule) => StoreError::NotFound { what: "call" },
                rule => broken(rule.unwrap_or_default()),
            },
            code if is_passing(code) => StoreError::Unavailable(error),
            _ => StoreError::Database(error),
        };
    }
    match error {
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed
        | sqlx::Error::InvalidSavePointStatement
        | sqlx::Error::Protocol(_)
        | sqlx::Error::Io(_)
        | sqlx::Error::Tls(_) => StoreError::Unavailable(error),
        _ => StoreError::Database(error),
    }
}

/// What the store answers where `rule` would be broken.
pub(super) fn broken(rule: &str) -> StoreError {
    StoreError::Conflict { sentence: rules::sentence(rule).to_owned() }
}

/// Whether the rows forbid it for good: a constraint, or a value that no column can hold.
fn is_broken_rule(code: &str) -> bool {
    code.starts_with("22") || code.starts_with("23")
}

/// Whether the same may work later: no connection, no room, a transaction that lost to another, a statement that took too
/// long, a server that stops or is a replica, a database that takes no connections; and once an operator has mended it, a
/// login that is locked out, a database that is not there, an inner fault.
fn is_passing(code: &str) -> bool {
    matches!(code.get(..2), Some("08" | "28" | "3D" | "40" | "53" | "55" | "57" | "58" | "XX"))
        || matches!(code, "25006" | "25P03")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_of_a_connection_is_passing() {
        let of_connections = [
            sqlx::Error::BeginFailed,
            sqlx::Error::InvalidSavePointStatement,
            sqlx::Error::Protocol("an answer that ends early".into()),
        ];
        for error in of_connections {
            let said = refused(error);
            assert!(matches!(said, StoreError::Unavailable(_)), "{said:?}");
        }
    }

    #[test]
    fn what_may_work_later_is_told_from_what_never_will() {
        for code in [
            "57P01", "57P03", "57014", "08006", "53300", "40001", "40P01", "55P03", "55000", "25006", "28P01", "3D000",
            "XX000",
        ] {
            assert!(is_passing(code) && !is_broken_rule(code), "{code}");
        }
        for code in ["23505", "23503", "23514", "23502", "22003", "22021", "22P05"] {
            assert!(is_broken_rule(code) && !is_passing(code), "{code}");
        }
        for code in ["42501", "42P01", "", "X"] {
            assert!(!is_broken_rule(code) && !is_passing(code), "{code}");
        }
    }
}

//! Why somebody was not let in, and why a server has no keys to judge by.
//!
//! Invariant: nothing here holds a token, a key or a claim; a reason is for the metrics and the log, and whoever was
//! refused is told the same whatever it was.

use crate::principal::Principal;
use std::io;
use std::path::PathBuf;

/// Why somebody was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// Nothing was shown.
    #[error("no token was sent")]
    Missing,
    /// It is longer than any token is.
    #[error("the token is over {} bytes long", super::MAX_TOKEN_BYTES)]
    TooLong,
    /// It is no signed token at all.
    #[error("what was sent is not a signed token")]
    Malformed,
    /// Its algorithm is not the one of the key it names.
    #[error("the token's algorithm is not the one of its key")]
    Algorithm,
    /// No key here has its name, or it names none where there are several.
    #[error("no key of this server is the one the token names")]
    UnknownKey,
    /// The signature is not the key's.
    #[error("the token's signature is wrong")]
    Signature,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// It is for somebody else.
    #[error("the token is for another audience")]
    Audience,
    /// It is from somebody else.
    #[error("the token is from another issuer")]
    Issuer,
    /// A claim is missing or not of its form.
    #[error("a claim of the token is missing or not of its form")]
    Claims,
    /// It is no user's: a service's, or that of someone who has not signed in.
    #[error("the token is not that of a user who has signed in")]
    Role,
    /// The user is unknown here.
    #[error("the user of the token has no profile here")]
    NoProfile,
    /// The ticket is used up, too old, of another page or was never given out.
    #[error("the ticket is used up, too old, of another page or was never given out")]
    Ticket,
    /// The tenant is suspended.
    #[error("the tenant is suspended")]
    Suspended {
        /// Who it would be.
        who: Principal,
    },
    /// The user asks more often than they may.
    #[error("the user asks more often than they may")]
    TooOften,
    /// The issuer's keys cannot be had now.
    #[error("the issuer's keys cannot be fetched now")]
    NoKeys,
    /// Who it is cannot be looked up now.
    #[error("the database that knows the users cannot be asked now")]
    NoStore,
}

impl AuthError {
    /// One word for a metric's label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
            Self::Algorithm => "algorithm",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Audience => "audience",
            Self::Issuer => "issuer",
            Self::Claims => "claims",
            Self::Role => "role",
            Self::NoProfile => "no_profile",
            Self::Ticket => "ticket",
            Self::Suspended { .. } => "suspended",
            Self::TooOften => "too_often",
            Self::NoKeys => "no_keys",
            Self::NoStore => "no_store",
        }
    }
}

/// Why a server has no keys to judge tokens by. It then does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Nothing says whose tokens to trust.
    #[error(
        "ENVIRONMENT=production needs somebody whose tokens it trusts: set SUPABASE_URL (and SUPABASE_JWT_SECRET for a project that signs with HS256)"
    )]
    NoSource,
    /// A secret that can be guessed.
    #[error(
        "SUPABASE_JWT_SECRET has {bytes} bytes and needs at least {}: copy the project's JWT secret whole",
        super::MIN_SECRET_BYTES
    )]
    ShortSecret {
        /// How many it has.
        bytes: usize,
    },
    /// Nothing says who issues the tokens that the secret signs.
    #[error(
        "SUPABASE_JWT_SECRET is set, but not whose it is: set SUPABASE_URL, or SUPABASE_JWT_ISSUER to the tokens' `iss`"
    )]
    NoIssuer,
    /// The address of the keys is of no use.
    #[error("SUPABASE_URL {problem}: write https://PROJECT.supabase.co")]
    Url {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The keys could not be fetched, and there are no others.
    #[error("the keys at SUPABASE_URL cannot be fetched: {0}")]
    Fetch(#[from] FetchError),
    /// The local key cannot be read or written.
    #[error("the key of this server's own tokens, {}, cannot be used: {reason}", path.display())]
    LocalFile {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// The local key is no key, or others can read it.
    #[error("the key of this server's own tokens, {}, {problem}", path.display())]
    LocalKey {
        /// Which file.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: &'static str,
    },
    /// There is no randomness, or a token could not be signed.
    #[error("no token can be made: {0}")]
    Sign(String),
}

impl KeyError {
    /// Whether it stays as it is until somebody changes the configuration.
    pub(crate) fn is_configuration(&self) -> bool {
        !matches!(self, Self::Fetch(_) | Self::LocalFile { .. } | Self::Sign(_))
    }
}

/// Why an issuer's keys could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// No whole answer came.
    #[error("no answer: {0}")]
    Request(String),
    /// The answer is not 200.
    #[error("the answer is HTTP {0}")]
    Status(u16),
    /// The answer is longer than key sets are.
    #[error("the answer is over {} bytes long", super::MAX_KEY_SET_BYTES)]
    TooLong,
    /// The answer is no key set.
    #[error("the answer is no JSON Web Key Set")]
    NoSet,
}

//! One key: with its algorithm, its issuer and everything else a token signed with it must be.
//!
//! Invariant: a key verifies one algorithm, fixed when it was made; what a token says of itself only chooses among keys.

use super::clock;
use super::error::AuthError;
use crate::principal::UserId;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use std::fmt;
use tokio::time::Instant;
use uuid::Uuid;

/// Whom tokens are for, and the only role whose tokens are taken: users who have signed in.
pub(super) const AUTHENTICATED: &str = "authenticated";

/// How far clocks may be apart, in seconds.
const LEEWAY_S: u64 = 5;

/// What a token proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Its subject.
    pub user: UserId,
    /// When it is over.
    pub expires_at: Instant,
}

/// A key and what it is for.
pub(super) struct VerifyingKey {
    key: DecodingKey,
    validation: Validation,
}

/// What is read of a token; the library checks the audience and the times.
#[derive(Deserialize)]
struct Claims {
    sub: Uuid,
    exp: u64,
    role: String,
    /// A list of issuers, which the library would take if one of them is right, is none.
    #[serde(rename = "iss")]
    _iss: String,
}

impl VerifyingKey {
    pub(super) fn new(key: DecodingKey, algorithm: Algorithm, issuer: &str) -> Self {
        let mut validation = Validation::new(algorithm);
        validation.set_audience(&[AUTHENTICATED]);
        validation.set_issuer(&[issuer]);
        validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = LEEWAY_S;
        Self { key, validation }
    }

    /// What `token` proves, if this key signed it.
    pub(super) fn verify(&self, token: &str) -> Result<Verified, AuthError> {
        let token = jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation);
        let claims = token.map_err(|error| reason(error.kind()))?.claims;
        if claims.role != AUTHENTICATED {
            return Err(AuthError::Role);
        }
        Ok(Verified { user: UserId(claims.sub), expires_at: clock::expiry(claims.exp) })
    }
}

fn reason(kind: &ErrorKind) -> AuthError {
    match kind {
        ErrorKind::InvalidSignature => AuthError::Signature,
        ErrorKind::ExpiredSignature => AuthError::Expired,
        ErrorKind::ImmatureSignature => AuthError::NotYetValid,
        ErrorKind::InvalidAudience => AuthError::Audience,
        ErrorKind::InvalidIssuer => AuthError::Issuer,
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) | ErrorKind::Json(_) => AuthError::Claims,
        ErrorKind::InvalidAlgorithm | ErrorKind::UnsupportedAlgorithm | ErrorKind::InvalidKeyFormat => {
            AuthError::Algorithm
        }
        _ => AuthError::Malformed,
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey").field("algorithms", &self.validation.algorithms).finish_non_exhaustive()
    }
}

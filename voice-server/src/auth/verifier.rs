//! All keys of a server, and the one question put to them.
//!
//! Invariant: there is no way around the signature: a [`Verified`] comes from a token that one of the keys has signed.

use super::MAX_TOKEN_BYTES;
use super::error::AuthError;
use super::jwks::Jwks;
use super::key::{Verified, VerifyingKey};
use super::local::{KEY_ID, LocalIssuer};
use super::secret::SharedSecret;
use jsonwebtoken::{Algorithm, Header};
use std::future::pending;

/// The keys of a server, fixed at its start; the published ones change as their issuer changes them. Without any, nobody
/// is let in.
#[derive(Debug, Default)]
pub struct Verifier {
    shared: Option<VerifyingKey>,
    local: Option<VerifyingKey>,
    published: Option<Jwks>,
}

impl Verifier {
    /// Also takes tokens signed with a shared secret.
    pub fn with_secret(self, secret: SharedSecret) -> Self {
        Self { shared: Some(secret.into_key()), ..self }
    }

    /// Also takes tokens signed with a published key.
    pub fn with_published(self, keys: Jwks) -> Self {
        Self { published: Some(keys), ..self }
    }

    /// Also takes development's own tokens.
    pub fn with_local(self, issuer: &LocalIssuer) -> Self {
        Self { local: Some(issuer.key()), ..self }
    }

    /// What `token` proves. It may wait for the issuer's keys, 5 s at most for each of two fetches. Cancellation safe.
    ///
    /// # Errors
    /// [`AuthError`].
    pub async fn verify(&self, token: &str) -> Result<Verified, AuthError> {
        if token.is_empty() {
            return Err(AuthError::Missing);
        }
        if token.len() > MAX_TOKEN_BYTES {
            return Err(AuthError::TooLong);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| AuthError::Malformed)?;
        // An extension that must be understood, and is not.
        if header.crit.is_some() {
            return Err(AuthError::Malformed);
        }
        match header.alg {
            Algorithm::HS256 => self.secret_of(&header)?.verify(token),
            Algorithm::ES256 | Algorithm::RS256 | Algorithm::EdDSA => {
                self.published.as_ref().ok_or(AuthError::Algorithm)?.verify(&header, token).await
            }
            _ => Err(AuthError::Algorithm),
        }
    }

    /// The shared secret has no name here: its tokens may have any.
    fn secret_of(&self, header: &Header) -> Result<&VerifyingKey, AuthError> {
        let local = self.local.as_ref().filter(|_| header.kid.as_deref() == Some(KEY_ID));
        local.or(self.shared.as_ref()).ok_or(AuthError::UnknownKey)
    }

    /// Keeps the published keys fresh, for ever. Whoever serves with this verifier lets it run beside. Cancellation safe.
    pub async fn keep_fresh(&self) {
        match &self.published {
            Some(published) => published.keep_fresh().await,
            None => pending().await,
        }
    }
}

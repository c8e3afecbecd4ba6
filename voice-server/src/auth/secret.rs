//! A secret shared with the issuer (HS256), as older projects have one.
//!
//! Invariant: too short to guess is too short to use.

use super::error::KeyError;
use super::key::VerifyingKey;
use jsonwebtoken::{Algorithm, DecodingKey};
use secrecy::{ExposeSecret, SecretString};

/// A secret and who signs with it.
#[derive(Debug)]
pub struct SharedSecret(VerifyingKey);

impl SharedSecret {
    /// The secret of `issuer`, which is the `iss` of its tokens.
    ///
    /// # Errors
    /// [`KeyError::ShortSecret`].
    pub fn new(secret: &SecretString, issuer: &str) -> Result<Self, KeyError> {
        let secret = secret.expose_secret().as_bytes();
        if secret.len() < super::MIN_SECRET_BYTES {
            return Err(KeyError::ShortSecret { bytes: secret.len() });
        }
        Ok(Self(VerifyingKey::new(DecodingKey::from_secret(secret), Algorithm::HS256, issuer)))
    }

    pub(super) fn into_key(self) -> VerifyingKey {
        self.0
    }
}

//! A key set: what of it can verify tokens, and which key a token means.
//!
//! Invariant: a key verifies with the one algorithm it is for; symmetric keys have no place in what is published and are
//! never used. Keys that are not understood are as those that are not there.

use crate::auth::error::{AuthError, FetchError};
use crate::auth::key::VerifyingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header};
use serde::Deserialize;

/// The most keys that are kept of a set; an issuer has two or three.
const MAX_KEYS: usize = 32;

pub(super) struct KeySet {
    keys: Vec<PublishedKey>,
}

struct PublishedKey {
    id: Option<String>,
    algorithm: Algorithm,
    key: VerifyingKey,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

impl KeySet {
    pub(super) fn read(body: &[u8], issuer: &str) -> Result<Self, FetchError> {
        let document: Document = serde_json::from_slice(body).map_err(|_| FetchError::NoSet)?;
        let keys = document.keys.into_iter().filter_map(|key| PublishedKey::read(key, issuer)).take(MAX_KEYS);
        Ok(Self { keys: keys.collect() })
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The key that a token means: the one of its `kid`, or the only one there is.
    pub(super) fn find(&self, header: &Header) -> Result<&VerifyingKey, AuthError> {
        let mut named = self.keys.iter().filter(|key| header.kid.is_none() || key.id == header.kid);
        let (Some(key), None) = (named.next(), named.next()) else { return Err(AuthError::UnknownKey) };
        if key.algorithm == header.alg { Ok(&key.key) } else { Err(AuthError::Algorithm) }
    }
}

impl PublishedKey {
    fn read(key: serde_json::Value, issuer: &str) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(key).ok()?;
        let algorithm = algorithm_of(&jwk).filter(|_| is_for_signatures(&jwk))?;
        let key = VerifyingKey::new(DecodingKey::from_jwk(&jwk).ok()?, algorithm, issuer);
        Some(Self { id: jwk.common.key_id, algorithm, key })
    }
}

fn is_for_signatures(jwk: &Jwk) -> bool {
    matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature))
}

/// Follows from the kind of key; where the key names one too, it is the same.
fn algorithm_of(jwk: &Jwk) -> Option<Algorithm> {
    let (algorithm, name) = match &jwk.algorithm {
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
        }
        _ => return None,
    };
    (jwk.common.key_algorithm.is_none_or(|named| named == name)).then_some(algorithm)
}

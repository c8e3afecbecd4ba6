//! Where whoever wants something from the server is identified.
//!
//! Invariant: a [`Standing`] that leaves here is that of a verified user of an active tenant, as the store has it now.

use super::error::AuthError;
use super::key::Verified;
use super::verifier::Verifier;
use crate::metrics::ServerMetrics;
use crate::store::{Standing, SystemStore, TenantStatus};
use std::sync::Arc;
use tokio::time::Instant;
use tracing::{debug, warn};

/// Identifies. Clones are the same gate.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Inner>);

struct Inner {
    verifier: Verifier,
    store: Arc<dyn SystemStore>,
    metrics: Arc<ServerMetrics>,
}

/// Who it is.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// What they are here.
    pub(crate) standing: Standing,
    /// When the token is over.
    pub(crate) expires_at: Instant,
}

impl Gate {
    pub(crate) fn new(verifier: Verifier, store: Arc<dyn SystemStore>, metrics: Arc<ServerMetrics>) -> Self {
        Self(Arc::new(Inner { verifier, store, metrics }))
    }

    /// Who sent `token`; a refusal is counted and logged. Cancellation safe.
    pub(crate) async fn identify(&self, token: Option<&str>) -> Result<Identity, AuthError> {
        let identity = match token {
            Some(token) => self.look_up(token).await,
            None => Err(AuthError::Missing),
        };
        identity.inspect_err(|why| self.refused(*why))
    }

    async fn look_up(&self, token: &str) -> Result<Identity, AuthError> {
        let verified = self.0.verifier.verify(token).await?;
        self.standing_of(verified).await
    }

    async fn standing_of(&self, verified: Verified) -> Result<Identity, AuthError> {
        let standing = self.0.store.standing(verified.user).await.map_err(|error| {
            warn!(%error, "a user cannot be looked up");
            AuthError::NoStore
        })?;
        let standing = standing.ok_or(AuthError::NoProfile)?;
        match standing.status {
            TenantStatus::Active => Ok(Identity { standing, expires_at: verified.expires_at }),
            TenantStatus::Suspended => Err(AuthError::Suspended),
        }
    }

    fn refused(&self, why: AuthError) {
        debug!(reason = why.label(), "not let in");
        self.0.metrics.not_let_in(why.label());
    }
}

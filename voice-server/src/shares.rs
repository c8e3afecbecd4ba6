//! What only a few of each tenant's do at a time.
//!
//! Invariant: a tenant that waits for its own share keeps no other waiting. Only tenants that hold a share or wait for one have
//! an entry. What is shared is not known here.

use crate::principal::TenantId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// As many places for each tenant.
#[derive(Debug)]
pub(crate) struct Shares {
    of_each: usize,
    places: Mutex<HashMap<TenantId, Weak<Semaphore>>>,
}

/// A place; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    /// None only of places that were closed, which these never are.
    _place: Option<OwnedSemaphorePermit>,
}

impl Shares {
    /// `of_each` places for each tenant, at least one.
    pub(crate) fn new(of_each: usize) -> Self {
        Self { of_each: of_each.clamp(1, Semaphore::MAX_PERMITS), places: Mutex::default() }
    }

    /// A place of `tenant`'s; waits for one in the order of those who ask, however long that takes. Cancellation safe, but for
    /// the place in that order.
    pub(crate) async fn take(&self, tenant: TenantId) -> Share {
        Share { _place: self.places_of(tenant).acquire_owned().await.ok() }
    }

    fn places_of(&self, tenant: TenantId) -> Arc<Semaphore> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = places.get(&tenant).and_then(Weak::upgrade) {
            return places;
        }
        places.retain(|_, places| places.strong_count() > 0);
        let new = Arc::new(Semaphore::new(self.of_each));
        places.insert(tenant, Arc::downgrade(&new));
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use uuid::Uuid;

    const ONE: TenantId = TenantId(Uuid::from_u128(1));

    #[tokio::test]
    async fn a_tenant_waits_for_its_own_and_for_no_others() {
        let shares = Shares::new(2);
        let first = shares.take(ONE).await;
        let _second = shares.take(ONE).await;
        let mut third = std::pin::pin!(shares.take(ONE));
        assert!(third.as_mut().now_or_never().is_none());
        assert!(shares.take(TenantId(Uuid::from_u128(2))).now_or_never().is_some());
        drop(first);
        assert!(third.now_or_never().is_some());
    }

    #[tokio::test]
    async fn only_tenants_that_hold_or_wait_have_an_entry() {
        let shares = Shares::new(0);
        let held = shares.take(ONE).await;
        for other in 2..100 {
            drop(shares.take(TenantId(Uuid::from_u128(other))).await);
        }
        assert_eq!(shares.places.lock().unwrap().len(), 2, "the one that is held, and the last");
        assert!(shares.take(ONE).now_or_never().is_none());
        drop(held);
    }
}

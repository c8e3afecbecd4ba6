//! How much of the server one tenant may take: calls at a time, requests at a time and requests a second.
//!
//! Invariant: what a tenant does at its bounds changes nothing for another. A place is given back when it is dropped. Only
//! tenants of the store have an entry, and those that do nothing lose theirs.

use super::clock;
use crate::principal::TenantId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Beyond so many entries those of tenants that do nothing are dropped.
const MAX_IDLE: usize = 1_000;

/// What one tenant may ask of the API.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestLimits {
    /// Requests that are worked on at a time.
    pub(super) at_a_time: u32,
    /// Requests a second, in the long run; twice as many may come at once.
    pub(super) per_second: u32,
}

/// What all tenants do.
#[derive(Clone)]
pub(super) struct Tenants {
    limits: RequestLimits,
    doing: Arc<Mutex<HashMap<TenantId, Doing>>>,
}

/// What one tenant does.
struct Doing {
    calls: u32,
    requests: u32,
    /// Requests it may make at once now, as of `counted_at`.
    credit: f64,
    counted_at: Instant,
}

/// What a place is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Call,
    Request,
}

/// A place among the tenant's calls or requests.
pub(crate) struct Place {
    tenants: Tenants,
    tenant: TenantId,
    kind: Kind,
}

/// The bound of the tenant is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AtBound {
    /// When it is worth trying again.
    pub(super) retry_after: Duration,
}

const SOON: Duration = Duration::from_secs(1);

impl Tenants {
    pub(super) fn new(limits: RequestLimits) -> Self {
        Self { limits, doing: Arc::default() }
    }

    /// A place for a call, of at most `max_calls`.
    pub(super) fn call(&self, tenant: TenantId, max_calls: u32) -> Result<Place, AtBound> {
        let mut all = self.lock();
        let doing = self.doing_of(&mut all, tenant);
        if doing.calls >= max_calls {
            return Err(AtBound { retry_after: SOON });
        }
        doing.calls += 1;
        Ok(self.place(tenant, Kind::Call))
    }

    /// A place for a request.
    pub(super) fn request(&self, tenant: TenantId) -> Result<Place, AtBound> {
        let mut all = self.lock();
        let doing = self.doing_of(&mut all, tenant);
        doing.earn(self.limits);
        if doing.requests >= self.limits.at_a_time || doing.credit < 1.0 {
            return Err(AtBound { retry_after: SOON });
        }
        doing.requests += 1;
        doing.credit -= 1.0;
        Ok(self.place(tenant, Kind::Request))
    }

    fn place(&self, tenant: TenantId, kind: Kind) -> Place {
        Place { tenants: self.clone(), tenant, kind }
    }

    fn doing_of<'a>(&self, all: &'a mut HashMap<TenantId, Doing>, tenant: TenantId) -> &'a mut Doing {
        if all.len() > MAX_IDLE && !all.contains_key(&tenant) {
            all.retain(|_, doing| !doing.is_idle(self.limits));
        }
        let new = || Doing { calls: 0, requests: 0, credit: self.limits.burst(), counted_at: clock::now() };
        all.entry(tenant).or_insert_with(new)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, Doing>> {
        self.doing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RequestLimits {
    fn burst(self) -> f64 {
        2.0 * f64::from(self.per_second)
    }
}

impl Doing {
    fn earn(&mut self, limits: RequestLimits) {
        let now = clock::now();
        let earned = now.saturating_duration_since(self.counted_at).as_secs_f64() * f64::from(limits.per_second);
        (self.credit, self.counted_at) = ((self.credit + earned).min(limits.burst()), now);
    }

    /// Whether a new entry would be the same.
    fn is_idle(&mut self, limits: RequestLimits) -> bool {
        self.earn(limits);
        self.calls == 0 && self.requests == 0 && self.credit >= limits.burst()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(doing) = self.tenants.lock().get_mut(&self.tenant) {
            match self.kind {
                Kind::Call => doing.calls = doing.calls.saturating_sub(1),
                Kind::Request => doing.requests = doing.requests.saturating_sub(1),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;
    use uuid::Uuid;

    const ONE: TenantId = TenantId(Uuid::from_u128(1));
    const OTHER: TenantId = TenantId(Uuid::from_u128(2));

    fn tenants() -> Tenants {
        Tenants::new(RequestLimits { at_a_time: 3, per_second: 2 })
    }

    #[tokio::test(start_paused = true)]
    async fn a_tenant_at_its_bound_of_calls_is_refused_and_another_is_not() {
        let tenants = tenants();
        let first = tenants.call(ONE, 1).ok();
        assert!(first.is_some() && tenants.call(ONE, 1).is_err() && tenants.call(OTHER, 1).is_ok());
        drop(first);
        assert!(tenants.call(ONE, 1).is_ok() && tenants.call(ONE, 0).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_bounded_at_a_time_and_a_second() {
        let tenants = tenants();
        let three: Vec<_> = (0..3).map(|_| tenants.request(ONE).ok().unwrap()).collect();
        assert!(tenants.request(ONE).is_err(), "three at a time");
        assert!(tenants.request(OTHER).is_ok());
        drop(three);
        assert!(tenants.request(ONE).is_ok(), "four at once");
        assert!(tenants.request(ONE).is_err());
        advance(Duration::from_millis(500)).await;
        assert!(tenants.request(ONE).is_ok(), "two a second");
        assert!(tenants.request(ONE).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn tenants_that_do_nothing_are_forgotten_and_those_at_their_bound_are_not() {
        let tenants = tenants();
        let all = (0..1_001).map(|n| TenantId(Uuid::from_u128(n)));
        all.for_each(|tenant| drop(tenants.request(tenant)));
        let busy = tenants.call(ONE, 1);
        advance(Duration::from_secs(2)).await;
        (0..4).for_each(|_| drop(tenants.request(OTHER)));
        drop(tenants.request(TenantId(Uuid::max())));
        assert_eq!(tenants.lock().len(), 3);
        assert!(tenants.request(OTHER).is_err() && busy.is_ok());
    }
}

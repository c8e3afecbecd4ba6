//! How much of the server one tenant may take: calls at a time, requests at a time, of them those whose answer is long, and
//! requests a second.
//!
//! Invariant: what a tenant does at its bounds changes nothing for another. A place is given back when it is dropped. Only
//! tenants of the store have an entry, and those that do nothing lose theirs.

use super::rate::{Rate, TooOften};
use crate::principal::TenantId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What one tenant may ask of the API.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestLimits {
    /// Requests that are worked on at a time.
    pub(super) at_a_time: u32,
    /// Of those, the ones whose answer goes on as long as its client takes it.
    pub(super) bodies_at_a_time: u32,
    /// Requests a second, in the long run; twice as many may come at once.
    pub(super) per_second: u32,
}

/// What all tenants do.
#[derive(Clone)]
pub(super) struct Tenants(Arc<Inner>);

struct Inner {
    requests_at_a_time: u32,
    bodies_at_a_time: u32,
    rate: Rate<TenantId>,
    doing: Mutex<HashMap<TenantId, Doing>>,
}

/// What one tenant does.
#[derive(Default)]
struct Doing {
    calls: u32,
    requests: u32,
    bodies: u32,
}

/// What a place is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Call,
    Request,
    Body,
}

/// A place among the tenant's calls, requests or long answers.
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

impl From<TooOften> for AtBound {
    fn from(TooOften { retry_after }: TooOften) -> Self {
        Self { retry_after }
    }
}

impl Tenants {
    pub(super) fn new(limits: RequestLimits) -> Self {
        let RequestLimits { at_a_time: requests_at_a_time, bodies_at_a_time, per_second } = limits;
        let rate = Rate::new(per_second);
        Self(Arc::new(Inner { requests_at_a_time, bodies_at_a_time, rate, doing: Mutex::default() }))
    }

    /// A place for a call, of at most `max_calls`.
    pub(super) fn call(&self, tenant: TenantId, max_calls: u32) -> Result<Place, AtBound> {
        self.place(tenant, Kind::Call, max_calls)
    }

    /// A place for a request.
    pub(super) fn request(&self, tenant: TenantId) -> Result<Place, AtBound> {
        let place = self.place(tenant, Kind::Request, self.0.requests_at_a_time)?;
        self.0.rate.take(&tenant)?;
        Ok(place)
    }

    fn place(&self, tenant: TenantId, kind: Kind, max: u32) -> Result<Place, AtBound> {
        let mut all = self.0.lock();
        let taken = all.get(&tenant).map_or(0, |doing| doing.count(kind));
        if taken >= max {
            return Err(AtBound { retry_after: SOON });
        }
        *all.entry(tenant).or_default().count_mut(kind) = taken + 1;
        Ok(Place { tenants: self.clone(), tenant, kind })
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, Doing>> {
        self.doing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Doing {
    fn count(&self, kind: Kind) -> u32 {
        match kind {
            Kind::Call => self.calls,
            Kind::Request => self.requests,
            Kind::Body => self.bodies,
        }
    }

    fn count_mut(&mut self, kind: Kind) -> &mut u32 {
        match kind {
            Kind::Call => &mut self.calls,
            Kind::Request => &mut self.requests,
            Kind::Body => &mut self.bodies,
        }
    }
}

impl Place {
    /// A further place of the same tenant, for a long answer to its request.
    pub(super) fn body(&self) -> Result<Self, AtBound> {
        self.tenants.place(self.tenant, Kind::Body, self.tenants.0.bodies_at_a_time)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.tenants.0.lock();
        let Some(doing) = all.get_mut(&self.tenant) else { return };
        let count = doing.count_mut(self.kind);
        *count = count.saturating_sub(1);
        if doing.calls == 0 && doing.requests == 0 && doing.bodies == 0 {
            all.remove(&self.tenant);
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
        Tenants::new(RequestLimits { at_a_time: 3, bodies_at_a_time: 1, per_second: 2 })
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
    async fn long_answers_leave_places_for_requests() {
        let tenants = tenants();
        let (first, second) = (tenants.request(ONE).ok().unwrap(), tenants.request(ONE).ok().unwrap());
        let body = first.body().ok();
        assert!(body.is_some() && second.body().is_err() && tenants.request(ONE).is_ok());
        assert!(tenants.request(OTHER).ok().unwrap().body().is_ok(), "another's bound is another's");
        drop(body);
        assert!(second.body().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn tenants_that_do_nothing_are_forgotten_and_those_that_do_something_are_not() {
        let tenants = tenants();
        let all = (0..100).map(|n| TenantId(Uuid::from_u128(n)));
        all.for_each(|tenant| drop(tenants.request(tenant)));
        let busy = [tenants.call(ONE, 1).ok(), tenants.request(OTHER).ok()];
        assert_eq!(tenants.0.lock().len(), 2);
        drop(busy);
        assert!(tenants.0.lock().is_empty());
    }
}

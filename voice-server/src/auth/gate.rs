//! Where whoever wants something from the server is identified, and held to what their tenant may take.
//!
//! Invariant: an [`Identity`] that leaves here is that of a verified user of an active tenant, as the store had it a second
//! ago at most, or when it was last asked, if it takes longer to answer.

use super::believed::{Believed, Lives};
use super::error::AuthError;
use super::key::Verified;
use super::minutes::{Minutes, until_next_month};
use super::rate::Rate;
use super::refused::Refused;
use super::tenants::{Place, RequestLimits, Tenants};
use super::tickets::{NoTicket, Tickets};
use super::verifier::Verifier;
use super::{Stranger, clock};
use crate::addresses::{AddressLimits, Addresses};
use crate::limits::ServerLimits;
use crate::metrics::ServerMetrics;
use crate::principal::UserId;
use crate::store::{Standing, StoreError, SystemStore, TenantStatus};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tracing::{debug, warn};

/// For how long the store is believed what somebody is here, be it nobody; that it says nothing is not believed at all.
const STANDING: Lives = Lives { answer: Duration::from_secs(1), failure: Duration::ZERO };

/// The gate of a server. Clones are the same gate.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Inner>);

struct Inner {
    verifier: Arc<Verifier>,
    store: Arc<dyn SystemStore>,
    metrics: Arc<ServerMetrics>,
    tickets: Tickets,
    users: Rate<UserId>,
    standings: Believed<UserId, Option<Standing>>,
    tenants: Tenants,
    max_calls_of_tenant: u32,
    longest_call: Duration,
    strangers: Addresses,
    minutes: Minutes,
}

/// Who it is.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// What they are here.
    pub(crate) standing: Standing,
    /// When what says so is over.
    pub(crate) expires_at: Instant,
}

impl Gate {
    pub(crate) fn new(
        verifier: Arc<Verifier>,
        store: Arc<dyn SystemStore>,
        metrics: Arc<ServerMetrics>,
        limits: &ServerLimits,
        longest_call: Duration,
    ) -> Self {
        let requests = RequestLimits {
            at_a_time: limits.tenant_requests,
            bodies_at_a_time: limits.tenant_bodies(),
            per_second: limits.tenant_requests_per_s,
        };
        let strangers = AddressLimits { max: limits.strangers, max_of_address: limits.strangers_of_address };
        Self(Arc::new(Inner {
            verifier,
            store,
            metrics,
            tickets: Tickets::default(),
            users: Rate::new(limits.user_requests_per_s),
            standings: Believed::new(STANDING),
            tenants: Tenants::new(requests),
            max_calls_of_tenant: limits.max_calls_of_tenant(),
            longest_call,
            strangers: Addresses::new(strangers),
            minutes: Minutes::default(),
        }))
    }

    /// What time it is where tokens' lives are counted.
    pub(crate) fn now(&self) -> Instant {
        clock::now()
    }

    /// Who sent `token`; a refusal is counted and logged. Cancellation safe.
    pub(crate) async fn identify(&self, token: Option<&str>) -> Result<Identity, AuthError> {
        let token = token.ok_or(AuthError::Missing);
        let identity = async { self.standing_of(self.0.verifier.verify(token?).await?).await };
        identity.await.inspect_err(|why| self.count(*why))
    }

    /// Whose ticket it is, shown by a page of `origin`; it is spent. Cancellation safe, but for the ticket.
    pub(crate) async fn spend(&self, ticket: &str, origin: Option<&str>) -> Result<Identity, AuthError> {
        let identity = async {
            let (verified, tenant) = self.0.tickets.spend(ticket, origin).ok_or(AuthError::Ticket)?;
            if verified.expires_at <= clock::now() {
                return Err(AuthError::Expired);
            }
            let identity = self.standing_of(verified).await?;
            let is_same = identity.standing.principal.tenant() == tenant;
            if is_same { Ok(identity) } else { Err(AuthError::Ticket) }
        };
        identity.await.inspect_err(|why| self.count(*why))
    }

    /// A ticket that stands for `identity` on pages of `origin`.
    pub(super) fn make_ticket(&self, identity: &Identity, origin: Option<&str>) -> Result<String, Refused> {
        let principal = &identity.standing.principal;
        let verified = Verified { user: principal.user(), expires_at: identity.expires_at };
        let made = self.0.tickets.make(verified, principal.tenant(), origin.map(str::to_owned));
        made.map_err(|why| match why {
            NoTicket::TooMany => Refused::Tickets,
            NoTicket::NoRandomness => Refused::Auth(AuthError::NoStore),
        })
    }

    /// A place among the tenant's requests, to be kept while one is worked on.
    pub(super) fn request(&self, identity: &Identity) -> Result<Place, Refused> {
        let place = self.0.tenants.request(identity.standing.principal.tenant());
        place.map_err(|at_bound| Refused::Requests { retry_after: at_bound.retry_after })
    }

    /// A place among the tenant's calls, to be kept while one lasts, if its plan and its share of this server have one left.
    /// Cancellation safe.
    pub(crate) async fn call(&self, identity: &Identity) -> Result<Place, Refused> {
        let (tenant, limits) = (identity.standing.principal.tenant(), identity.standing.limits);
        let (of_plan, share) = (limits.max_concurrent_calls, self.0.max_calls_of_tenant);
        let bound = if of_plan <= share { Refused::Calls { max: of_plan } } else { Refused::CallShare { max: share } };
        let place = self.0.tenants.call(tenant, of_plan.min(share)).map_err(|_| bound)?;
        let now = clock::wall();
        let (store, longest_call) = (Arc::clone(&self.0.store), self.0.longest_call);
        let ask = |since| async move {
            store.talk_time(tenant, since, now, longest_call).await.map_err(|error| no_store(&error))
        };
        let talked = self.0.minutes.talked(tenant, now, ask).await?;
        if talked >= Duration::from_secs(60) * limits.max_call_minutes {
            return Err(Refused::Minutes { max: limits.max_call_minutes, retry_after: until_next_month(now) });
        }
        Ok(place)
    }

    /// A place for a client that has not said yet who it is.
    pub(crate) fn stranger(&self, address: Option<IpAddr>) -> Result<Stranger, Refused> {
        self.0.strangers.admit(address).ok_or(Refused::Strangers)
    }

    /// Bounded before the store is asked: whoever asks too often costs it nothing.
    async fn standing_of(&self, verified: Verified) -> Result<Identity, AuthError> {
        self.0.users.take(&verified.user).map_err(|_| AuthError::TooOften)?;
        let (store, user) = (Arc::clone(&self.0.store), verified.user);
        let ask = || async move { store.standing(user).await.map_err(|error| no_store(&error)) };
        let standing = self.0.standings.get(user, ask).await?.ok_or(AuthError::NoProfile)?;
        match standing.status {
            TenantStatus::Active => Ok(Identity { standing, expires_at: verified.expires_at }),
            TenantStatus::Suspended => Err(AuthError::Suspended { who: standing.principal }),
        }
    }

    /// Counts a request of a known user that was refused for lack of room.
    pub(crate) fn request_refused(&self, reason: &'static str) {
        self.0.metrics.request_refused(reason);
    }

    fn count(&self, why: AuthError) {
        debug!(reason = why.label(), "not let in");
        self.0.metrics.not_let_in(why.label());
    }
}

fn no_store(error: &StoreError) -> AuthError {
    warn!(%error, "a user or tenant cannot be looked up");
    AuthError::NoStore
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::LONGEST_CALL;
    use crate::persist::testing::ScriptedStore;
    use futures::future::join_all;
    use tokio::time::advance;
    use uuid::Uuid;

    #[tokio::test(start_paused = true)]
    async fn however_much_a_user_asks_the_store_is_asked_who_it_is_once_a_second() {
        let store = Arc::new(ScriptedStore::default());
        let asked_of = Arc::clone(&store) as Arc<dyn SystemStore>;
        let metrics = Arc::new(ServerMetrics::new());
        let gate = Gate::new(Arc::default(), asked_of, metrics, &ServerLimits::default(), LONGEST_CALL);
        let who = |_| gate.standing_of(Verified { user: UserId(Uuid::nil()), expires_at: clock::now() });
        for second in 1..=3 {
            let refused = join_all((0..40).map(who)).await;
            assert!(refused.iter().all(|answer| matches!(answer, Err(AuthError::NoProfile))));
            assert_eq!(store.looked_up(), second);
            advance(Duration::from_secs(1)).await;
        }
    }
}

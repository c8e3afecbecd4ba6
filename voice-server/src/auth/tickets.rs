//! One-time tickets: what a browser, which cannot send a header with a WebSocket, shows instead of its token.
//!
//! Invariant: a ticket is good for one look, for 30 s, for the page it was made for; spent or wrong it is gone. There are
//! never more than the bound, and never more of one tenant than its share.

use super::clock;
use super::key::Verified;
use crate::principal::TenantId;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long a ticket is good.
pub(super) const LIFE: Duration = Duration::from_secs(30);

/// Unspent tickets of all tenants; at the bound no more are made until some are spent or too old.
const MAX: usize = 10_000;

/// Of one tenant.
const MAX_OF_TENANT: usize = 200;

/// 128 bits, from the system.
type Number = [u8; 16];

/// The tickets that are out.
#[derive(Default)]
pub(super) struct Tickets {
    out: Mutex<HashMap<Number, Ticket>>,
}

struct Ticket {
    verified: Verified,
    tenant: TenantId,
    origin: Option<String>,
    until: Instant,
}

/// Why there is no ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoTicket {
    /// Too many are out.
    TooMany,
    /// There is no randomness.
    NoRandomness,
}

impl Tickets {
    /// A ticket for a user of `tenant`, good on pages of `origin`, or where there is no page if that is `None`.
    pub(super) fn make(
        &self,
        verified: Verified,
        tenant: TenantId,
        origin: Option<String>,
    ) -> Result<String, NoTicket> {
        let mut number = Number::default();
        getrandom::fill(&mut number).map_err(|_| NoTicket::NoRandomness)?;
        let (now, mut out) = (clock::now(), self.lock());
        out.retain(|_, ticket| ticket.until > now);
        let of_tenant = out.values().filter(|ticket| ticket.tenant == tenant).count();
        if out.len() >= MAX || of_tenant >= MAX_OF_TENANT {
            return Err(NoTicket::TooMany);
        }
        out.insert(number, Ticket { verified, tenant, origin, until: now + LIFE });
        Ok(URL_SAFE_NO_PAD.encode(number))
    }

    /// Whose ticket it was and of which tenant, shown by a page of `origin`. It is spent, whatever comes of it.
    pub(super) fn spend(&self, ticket: &str, origin: Option<&str>) -> Option<(Verified, TenantId)> {
        let number = URL_SAFE_NO_PAD.decode(ticket).ok()?.try_into().ok()?;
        let ticket = self.lock().remove::<Number>(&number)?;
        let is_good = ticket.until > clock::now() && ticket.origin.as_deref() == origin;
        is_good.then_some((ticket.verified, ticket.tenant))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Number, Ticket>> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::principal::UserId;
    use tokio::time::advance;
    use uuid::Uuid;

    const TENANT: TenantId = TenantId(Uuid::nil());

    fn verified() -> Verified {
        Verified { user: UserId(Uuid::nil()), expires_at: clock::now() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_ticket_is_good_once_for_its_page_and_not_for_long() {
        let tickets = Tickets::default();
        let make = |origin: Option<&str>| tickets.make(verified(), TENANT, origin.map(Into::into)).unwrap();
        let page = Some("https://app.example");
        let ticket = make(page);
        assert_eq!(ticket.len(), 22);
        assert!(tickets.spend(&ticket, page).is_some());
        assert!(tickets.spend(&ticket, page).is_none(), "spent");
        for origin in [None, Some("https://evil.example")] {
            let ticket = make(page);
            assert!(tickets.spend(&ticket, origin).is_none());
            assert!(tickets.spend(&ticket, page).is_none(), "a wrong page spends it too");
        }
        let ticket = make(None);
        advance(LIFE).await;
        assert!(tickets.spend(&ticket, None).is_none(), "too old");
        for guess in ["", "x", "AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "\u{1f600}"] {
            assert!(tickets.spend(guess, None).is_none(), "{guess}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_tenant_that_makes_too_many_waits_and_the_others_do_not() {
        let tickets = Tickets::default();
        for _ in 0..MAX_OF_TENANT {
            tickets.make(verified(), TENANT, None).unwrap();
        }
        assert_eq!(tickets.make(verified(), TENANT, None), Err(NoTicket::TooMany));
        tickets.make(verified(), TenantId(Uuid::max()), None).unwrap();
        advance(LIFE).await;
        tickets.make(verified(), TENANT, None).unwrap();
        assert_eq!(tickets.lock().len(), 1, "old ones are forgotten");
    }
}

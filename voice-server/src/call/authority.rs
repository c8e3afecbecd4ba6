//! How long a call may go on by what the client showed, and how the client makes it longer.
//!
//! Invariant: a call is the same user's and the same tenant's from its first sample to its last. It does not outlive what
//! was shown by more than the grace, and is told a minute before that runs out.

use crate::auth::{Gate, Identity, Refused};
use crate::principal::Principal;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tracing::info;
use voice_core::transport::native::{AuthToken, ServerMessage};
use voice_core::transport::{WireSender, WireTokens};

/// How long before the end the client is told.
const WARNING: Duration = Duration::from_secs(60);

/// Between two tokens that are looked at.
const BETWEEN_TOKENS: Duration = Duration::from_secs(1);

/// What a call goes on by.
pub(super) struct Authority {
    gate: Gate,
    principal: Principal,
    expires_at: Instant,
    grace: Duration,
}

/// What a token during the call is.
enum Renewal {
    /// A later end.
    Until(Instant),
    /// Nothing; the call goes on as before.
    Refused(Refused),
    /// Somebody else's.
    Somebody,
}

impl Authority {
    pub(super) fn new(gate: Gate, identity: &Identity, grace: Duration) -> Self {
        Self { gate, principal: identity.standing.principal, expires_at: identity.expires_at, grace }
    }

    /// Ready once the call has to end: what was shown has run out, or somebody else's was shown. Until then it tells the
    /// client what there is to tell; whoever does not read misses it. Cancellation safe.
    pub(super) async fn run_out(mut self, mut tokens: WireTokens, client: &WireSender) {
        let mut is_told = false;
        let mut next_token = self.gate.now();
        loop {
            let due = if is_told { self.expires_at + self.grace } else { self.before_end() };
            let token = async {
                sleep_until(next_token).await;
                tokens.next().await
            };
            tokio::select! {
                () = sleep_until(due) => {
                    if is_told {
                        return info!("nothing says any more who the caller is: the call ends");
                    }
                    is_told = true;
                    let _ = client.try_send(ServerMessage::AuthExpiring { in_ms: self.left_ms() });
                }
                Some(token) = token => {
                    match self.renew(&token).await {
                        Renewal::Until(expires_at) => {
                            (self.expires_at, is_told) = (expires_at, false);
                            let _ = client.try_send(ServerMessage::AuthRenewed { in_ms: self.left_ms() });
                        }
                        Renewal::Refused(why) => {
                            let _ = client.try_send(ServerMessage::Error { code: why.code(), message: why.to_string() });
                        }
                        Renewal::Somebody => return info!("somebody else's token was sent: the call ends"),
                    }
                    next_token = self.gate.now() + BETWEEN_TOKENS;
                }
            }
        }
    }

    async fn renew(&self, token: &AuthToken) -> Renewal {
        match self.gate.identify(Some(token.expose())).await {
            Ok(Identity { standing, expires_at }) => {
                let (now, then) = (standing.principal, self.principal);
                let is_same = (now.user(), now.tenant()) == (then.user(), then.tenant());
                if is_same { Renewal::Until(expires_at) } else { Renewal::Somebody }
            }
            Err(why) => Renewal::Refused(why.into()),
        }
    }

    fn before_end(&self) -> Instant {
        self.expires_at.checked_sub(WARNING).unwrap_or(self.expires_at)
    }

    fn left_ms(&self) -> u64 {
        self.expires_at.saturating_duration_since(self.gate.now()).as_millis() as u64
    }
}

//! How long a call may go on by what the client showed, and how the client makes it longer.
//!
//! Invariant: a call is the same user's and the same tenant's from its first sample to its last. It does not outlive what
//! was shown by more than the grace, and is told a minute before that runs out. Each token that is shown is looked up anew.

use super::resume::Renewed;
use crate::auth::{AuthError, Gate, Identity, Refused};
use crate::principal::Principal;
use std::ops::ControlFlow;
use std::time::Duration;
use tokio::sync::watch;
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
    warned: Warned,
}

/// Whether the client knows that the end is near.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Warned {
    NotYet,
    Yes,
}

/// What a token during the call is.
enum Renewal {
    /// A later end.
    Until(Instant),
    /// Nothing; the call goes on as before.
    Refused(Refused),
    /// Somebody else's, or that of a tenant that may not call any more.
    Over,
}

impl Authority {
    pub(super) fn new(gate: Gate, identity: &Identity, grace: Duration) -> Self {
        let (principal, expires_at) = (identity.standing.principal, identity.expires_at);
        Self { gate, principal, expires_at, grace, warned: Warned::NotYet }
    }

    /// Ready once the call has to end: what was shown has run out, or what ends it was shown. Until then it tells the
    /// client what there is to tell; whoever does not read misses it. Cancellation safe.
    pub(super) async fn run_out(
        mut self,
        mut tokens: WireTokens,
        mut renewals: Option<watch::Receiver<Renewed>>,
        client: &WireSender,
    ) {
        let mut next_token = self.gate.now();
        loop {
            let token = async {
                sleep_until(next_token).await;
                tokens.next().await
            };
            tokio::select! {
                () = sleep_until(self.due()) => match self.warned {
                    Warned::NotYet => self.warn(client),
                    Warned::Yes => return info!("nothing says any more who the caller is: the call ends"),
                },
                shown = renewed(&mut renewals) => match shown {
                    Renewed::Until(expires_at) => self.renewed(expires_at),
                    Renewed::Suspended => return info!("the tenant is suspended: the call ends"),
                },
                Some(token) = token => {
                    if self.take(&token, client).await.is_break() {
                        return info!("the token is somebody else's, or its tenant is suspended: the call ends");
                    }
                    next_token = self.gate.now() + BETWEEN_TOKENS;
                }
            }
        }
    }

    fn renewed(&mut self, expires_at: Instant) {
        (self.expires_at, self.warned) = (expires_at, Warned::NotYet);
    }

    /// When there is something to do.
    fn due(&self) -> Instant {
        match self.warned {
            Warned::NotYet => self.expires_at.checked_sub(WARNING).unwrap_or(self.expires_at),
            Warned::Yes => self.expires_at + self.grace,
        }
    }

    fn warn(&mut self, client: &WireSender) {
        self.warned = Warned::Yes;
        let _ = client.try_send(ServerMessage::AuthExpiring { in_ms: self.left_ms() });
    }

    /// Judges a token and tells the client; breaks if the call is over by it.
    async fn take(&mut self, token: &AuthToken, client: &WireSender) -> ControlFlow<()> {
        let answer = match self.renew(token).await {
            Renewal::Until(expires_at) => {
                self.renewed(expires_at);
                ServerMessage::AuthRenewed { in_ms: self.left_ms() }
            }
            Renewal::Refused(why) => ServerMessage::Error { code: why.code(), message: why.to_string() },
            Renewal::Over => return ControlFlow::Break(()),
        };
        let _ = client.try_send(answer);
        ControlFlow::Continue(())
    }

    async fn renew(&self, token: &AuthToken) -> Renewal {
        match self.gate.identify(Some(token.expose())).await {
            Ok(Identity { standing, expires_at }) => {
                let (now, then) = (standing.principal, self.principal);
                let is_same = (now.user(), now.tenant()) == (then.user(), then.tenant());
                if is_same { Renewal::Until(expires_at) } else { Renewal::Over }
            }
            // It is a good token, of this tenant or another: the call is over by it in either case.
            Err(AuthError::Suspended { .. }) => Renewal::Over,
            Err(why) => Renewal::Refused(why.into()),
        }
    }

    fn left_ms(&self) -> u64 {
        self.expires_at.saturating_duration_since(self.gate.now()).as_millis() as u64
    }
}

/// What the user showed to take the call up again. Cancellation safe.
async fn renewed(renewals: &mut Option<watch::Receiver<Renewed>>) -> Renewed {
    if let Some(renewals) = renewals
        && renewals.changed().await.is_ok()
    {
        return *renewals.borrow_and_update();
    }
    std::future::pending().await
}

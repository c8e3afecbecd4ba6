//! From a request for a call to whoever may hold it.
//!
//! Invariant: nobody has a [`Pass`] who was not identified, from a page that may call, within the tenant's plan and with a
//! place on the server. All of that is decided before the upgrade, except for clients that say who they are only then.

use super::resume::Returning;
use crate::admission::Admitted;
use crate::auth::{AuthError, Identity, Place, Refused, Shown, Stranger, call_to_resume, origin};
use crate::server::Server;
use axum::http::HeaderMap;
use std::net::IpAddr;
use tokio::time::timeout;

/// Who comes in.
pub(crate) enum Entrance {
    /// A user, who may hold a call.
    Pass(Box<Pass>),
    /// A user whose call runs already, on a socket that broke.
    Returning(Box<Returning>),
    /// Somebody who has to say first who they are.
    Stranger(Box<Newcomer>),
}

/// What a call is held with; given back when it is dropped.
pub(crate) struct Pass {
    pub(crate) identity: Identity,
    _call: Place,
    _admitted: Admitted,
}

/// Somebody of whom nothing is known but the request.
pub(crate) struct Newcomer {
    headers: HeaderMap,
    _stranger: Stranger,
}

/// Who may come in with a request of these headers and this query. Decided within the time of a handshake, or refused: whoever
/// waits holds a connection and perhaps a place.
pub(crate) async fn enter(
    server: &Server,
    headers: HeaderMap,
    query: &str,
    address: Option<IpAddr>,
) -> Result<Entrance, Refused> {
    in_time(server, decide(server, headers, query, address)).await
}

async fn in_time<T>(server: &Server, deciding: impl Future<Output = Result<T, Refused>>) -> Result<T, Refused> {
    let decided = timeout(server.limits.handshake(), deciding).await;
    decided.unwrap_or(Err(Refused::Auth(AuthError::NoStore)))
}

async fn decide(
    server: &Server,
    headers: HeaderMap,
    query: &str,
    address: Option<IpAddr>,
) -> Result<Entrance, Refused> {
    let identified = match Shown::by(&headers, query).map_err(|_| Refused::TokenInAddress)? {
        Shown::Token(token) => server.gate.identify(Some(&token)).await,
        Shown::Ticket(ticket) => server.gate.spend(&ticket, origin::of(&headers)).await,
        // Whoever takes a call up again has shown once who they are, and can do so with the request.
        Shown::Nothing if call_to_resume(query).is_some() => return Err(Refused::Auth(AuthError::Missing)),
        Shown::Nothing => {
            server.check()?;
            let _stranger = server.gate.stranger(address)?;
            return Ok(Entrance::Stranger(Box::new(Newcomer { headers, _stranger })));
        }
    };
    if let (Err(AuthError::Suspended { who }), Some(call)) = (&identified, call_to_resume(query)) {
        server.resumables.end_suspended(&call, who);
    }
    let identity = identified?;
    if let Some(call) = call_to_resume(query) {
        return returning(server, &identity, &headers, &call);
    }
    Pass::of(server, identity, &headers).await.map(|pass| Entrance::Pass(Box::new(pass)))
}

/// The call has its places already.
fn returning(server: &Server, identity: &Identity, headers: &HeaderMap, call: &str) -> Result<Entrance, Refused> {
    check_origin(server, identity, headers)?;
    let returning = server.resumables.claim(call, identity, server.gate.now())?;
    Ok(Entrance::Returning(Box::new(returning)))
}

fn check_origin(server: &Server, identity: &Identity, headers: &HeaderMap) -> Result<(), Refused> {
    let allowed = origin::is_allowed(headers, &[&server.limits.allowed_origins, &identity.standing.allowed_origins]);
    if allowed { Ok(()) } else { Err(Refused::Origin) }
}

impl Pass {
    async fn of(server: &Server, identity: Identity, headers: &HeaderMap) -> Result<Self, Refused> {
        check_origin(server, &identity, headers)?;
        let _call = server.gate.call(&identity).await?;
        server.keeps()?;
        let _admitted = server.admission.admit()?;
        Ok(Self { identity, _call, _admitted })
    }
}

impl Newcomer {
    /// The pass of whoever sent `token`; with it they are no stranger any more.
    pub(crate) async fn pass(self, server: &Server, token: &str) -> Result<Pass, Refused> {
        in_time(server, async {
            let identity = server.gate.identify(Some(token)).await?;
            Pass::of(server, identity, &self.headers).await
        })
        .await
    }
}

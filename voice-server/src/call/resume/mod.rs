//! Calls that outlive their sockets: a client whose socket broke takes its call up again on another one.
//!
//! Invariant: a call is taken up by the user who placed it and by nobody else; it never has two sockets. What the client
//! was sent and has not got is sent again, once and in order; where that is not possible any more, the call is not taken
//! up. While it has no socket, the call waits, for [`ServerLimits::resume_ms`](crate::limits::ServerLimits).

mod come_back;
mod door;
mod line;
mod outbox;
mod pulse;
mod socket;
#[cfg(test)]
mod tests;

pub(super) use come_back::come_back;
pub(super) use line::with_presence;
pub(super) use socket::{Lasting, LastingSocket};

use super::handshake::Agreed;
use super::socket::CallSocket;
use crate::auth::{Identity, Refused};
use crate::principal::Principal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use door::{Door, Pending};
use outbox::Span;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use voice_core::transport::native::ResumeOffer;

/// When a client that came back too often may try again.
const AGAIN: Duration = Duration::from_secs(1);

/// A client that is back, with its new socket.
pub(crate) struct Arrival {
    pub(super) socket: CallSocket,
    /// Messages that it has got.
    pub(super) received: u64,
}

/// The calls of a server that can be taken up again; no more than there are calls.
#[derive(Clone, Default)]
pub(crate) struct Resumables(Arc<Mutex<HashMap<String, Seat>>>);

/// A running call, to whoever takes it up.
#[derive(Clone)]
struct Seat {
    owner: Principal,
    agreed: Agreed,
    kept: Span,
    arrivals: mpsc::Sender<Arrival>,
    door: Arc<Door>,
    /// What its user showed last.
    shown: watch::Sender<Renewed>,
}

/// A call's place among the resumables, with what its socket needs. Dropped, it is given up.
pub(super) struct Registration {
    held: Held,
    within: Duration,
    kept: Span,
    arrivals: mpsc::Receiver<Arrival>,
    renewals: watch::Receiver<Renewed>,
}

/// What somebody is who wants to take a call up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renewed {
    /// Its user, until then.
    Until(Instant),
    /// Its user, whose tenant is suspended.
    Suspended,
}

/// Holds the place for as long as the call runs.
pub(super) struct Held {
    resumables: Resumables,
    token: String,
}

/// A call that its user may take up.
pub(crate) struct Returning {
    seat: Seat,
    /// When what the user has shown for it runs out.
    expires_at: Instant,
    _pending: Pending,
}

/// Why a call that is there is not taken up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotResumed {
    #[error("hello must say \"resume\": {{\"received\": …}} here, and the same audio and played_reports as at first")]
    Hello,
    #[error("{received} messages cannot have been received, or are too far back: the call cannot be taken up again")]
    Received { received: u64 },
    #[error("the call is being taken up by another socket, or is over")]
    Taken,
}

impl Resumables {
    /// A place for a call of whoever was identified; none where the system has no randomness.
    pub(super) fn register(&self, who: &Identity, agreed: Agreed, within: Duration) -> Option<Registration> {
        let mut number = [0; 16];
        getrandom::fill(&mut number).ok()?;
        let token = URL_SAFE_NO_PAD.encode(number);
        let (sender, arrivals) = mpsc::channel(1);
        let kept = Span::default();
        let (shown, renewals) = watch::channel(Renewed::Until(who.expires_at));
        let owner = who.standing.principal;
        let seat = Seat { owner, agreed, kept: kept.clone(), arrivals: sender, door: Arc::default(), shown };
        self.lock().insert(token.clone(), seat);
        Some(Registration { held: Held { resumables: self.clone(), token }, within, kept, arrivals, renewals })
    }

    /// The call that `token` names, if it runs and is of whoever was identified. Others' calls are answered like ones that
    /// are not there.
    pub(super) fn claim(&self, token: &str, who: &Identity, now: Instant) -> Result<Returning, Refused> {
        let seats = self.lock();
        let seat = seats.get(token).filter(|seat| seat.is_of(&who.standing.principal));
        let seat = seat.filter(|seat| !seat.arrivals.is_closed());
        let seat = seat.ok_or(Refused::CallGone)?;
        let _pending = seat.door.enter(now).ok_or(Refused::Requests { retry_after: AGAIN })?;
        Ok(Returning { seat: seat.clone(), expires_at: who.expires_at, _pending })
    }

    /// Ends the call that `token` names, if it is of `who`, whose tenant is suspended.
    pub(super) fn end_suspended(&self, token: &str, who: &Principal) {
        if let Some(seat) = self.lock().get(token).filter(|seat| seat.is_of(who)) {
            seat.shown.send_replace(Renewed::Suspended);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Seat>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    fn is_of(&self, who: &Principal) -> bool {
        (self.owner.tenant(), self.owner.user()) == (who.tenant(), who.user())
    }
}

impl Registration {
    /// What the client is told of it.
    pub(super) fn offer(&self) -> ResumeOffer {
        ResumeOffer { token: self.held.token.as_str().into(), within_ms: self.within.as_millis() as u64 }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.resumables.lock().remove(&self.token);
    }
}

impl Returning {
    /// Whether a client that said `hello` can go on.
    ///
    /// # Errors
    /// [`NotResumed`].
    pub(super) fn check(&self, hello: &Agreed) -> Result<u64, NotResumed> {
        let Some(resume) = hello.resume else { return Err(NotResumed::Hello) };
        if (hello.format, hello.played) != (self.seat.agreed.format, self.seat.agreed.played) {
            return Err(NotResumed::Hello);
        }
        let received = resume.received;
        if self.seat.kept.has(received) { Ok(received) } else { Err(NotResumed::Received { received }) }
    }

    /// Gives the call its new socket, and what its user has shown for it.
    ///
    /// # Errors
    /// The socket, if the call is over or another one came just before.
    pub(super) fn give(&self, arrival: Arrival) -> Result<(), Box<Arrival>> {
        self.seat.arrivals.try_send(arrival).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(arrival) | mpsc::error::TrySendError::Closed(arrival) => Box::new(arrival),
        })?;
        self.seat.shown.send_replace(Renewed::Until(self.expires_at));
        Ok(())
    }
}

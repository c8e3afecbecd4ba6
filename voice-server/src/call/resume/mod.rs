//! Calls that outlive their sockets: a client whose socket broke takes its call up again on another one.
//!
//! Invariant: a call is taken up by the user who placed it and by nobody else; it never has two sockets. What the client
//! was sent and has not got is sent again, once and in order; where that is not possible any more, the call is not taken
//! up. While it has no socket, the call waits, for [`ServerLimits::resume_ms`](crate::limits::ServerLimits).

mod come_back;
mod line;
mod outbox;
mod socket;
#[cfg(test)]
mod tests;

pub(super) use come_back::come_back;
pub(super) use line::with_presence;
pub(super) use socket::LastingSocket;

use super::handshake::Agreed;
use super::socket::CallSocket;
use crate::principal::Principal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use outbox::Span;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use voice_core::transport::native::ResumeOffer;

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
}

/// A call's place among the resumables, with what its socket needs. Dropped, it is given up.
pub(super) struct Registration {
    held: Held,
    within: Duration,
    kept: Span,
    arrivals: mpsc::Receiver<Arrival>,
}

/// Holds the place for as long as the call runs.
pub(super) struct Held {
    resumables: Resumables,
    token: String,
}

/// A call that its user may take up.
pub(crate) struct Returning(Seat);

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
    /// A place for a call of `owner`; none where the system has no randomness.
    pub(super) fn register(&self, owner: Principal, agreed: Agreed, within: Duration) -> Option<Registration> {
        let mut number = [0; 16];
        getrandom::fill(&mut number).ok()?;
        let token = URL_SAFE_NO_PAD.encode(number);
        let (sender, arrivals) = mpsc::channel(1);
        let kept = Span::default();
        let seat = Seat { owner, agreed, kept: kept.clone(), arrivals: sender };
        self.lock().insert(token.clone(), seat);
        Some(Registration { held: Held { resumables: self.clone(), token }, within, kept, arrivals })
    }

    /// The call that `token` names, if it runs and is `user`'s. Others' calls are answered like ones that are not there.
    pub(super) fn claim(&self, token: &str, user: &Principal) -> Option<Returning> {
        let seats = self.lock();
        let seat = seats.get(token)?;
        let is_owner = (seat.owner.tenant(), seat.owner.user()) == (user.tenant(), user.user());
        (is_owner && !seat.arrivals.is_closed()).then(|| Returning(seat.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Seat>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        if (hello.format, hello.played) != (self.0.agreed.format, self.0.agreed.played) {
            return Err(NotResumed::Hello);
        }
        let received = resume.received;
        if self.0.kept.has(received) { Ok(received) } else { Err(NotResumed::Received { received }) }
    }

    /// Gives the call its new socket.
    ///
    /// # Errors
    /// The socket, if the call is over or another one came just before.
    pub(super) fn give(&self, arrival: Arrival) -> Result<(), Box<Arrival>> {
        self.0.arrivals.try_send(arrival).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(arrival) | mpsc::error::TrySendError::Closed(arrival) => Box::new(arrival),
        })
    }
}

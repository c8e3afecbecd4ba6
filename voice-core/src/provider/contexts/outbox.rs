//! The way to the vendor, and what its end means.

use crate::provider::net::{SocketEnd, SocketWriter, Vendor};
use crate::stage::{Fault, StageError};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

/// Takes messages for the vendor, in order, without waiting.
pub(crate) trait Outbox: Send + Sync {
    /// Queues a message.
    ///
    /// # Errors
    /// [`StageError::Full`] where the vendor takes nothing, [`StageError::Ended`] where the socket is gone.
    fn send(&self, message: String) -> Result<(), StageError>;

    /// Whether the socket still stands.
    fn is_open(&self) -> bool;
}

impl Outbox for SocketWriter {
    fn send(&self, message: String) -> Result<(), StageError> {
        self.text(message)
    }

    fn is_open(&self) -> bool {
        self.is_open()
    }
}

/// What the end of the socket is to the replies that lived then.
pub(crate) fn end_error(vendor: &Vendor, end: SocketEnd) -> StageError {
    match end {
        SocketEnd::Farewell => vendor.ended(),
        SocketEnd::Failed(error) => error,
        SocketEnd::Closed { code, reason } => {
            let code = code.map_or_else(|| "no code".to_owned(), |code| code.to_string());
            vendor.failed(Fault::Engine, &format!("it closed the connection ({code}): {reason}"))
        }
    }
}

/// The way to the vendor as the socket's own task knows it: it must not keep its own socket open. The session and its
/// replies hold the way itself, and when the last of them is gone the socket says farewell.
#[derive(Default)]
pub(crate) struct Line {
    way: OnceLock<Weak<dyn Outbox>>,
    is_silent: AtomicBool,
}

impl Line {
    /// Tells which way it is; the first one stays.
    pub(crate) fn connect(&self, out: &Arc<dyn Outbox>) {
        let _ = self.way.set(Arc::downgrade(out));
    }

    /// The way, while anybody holds it.
    pub(crate) fn outbox(&self) -> Option<Arc<dyn Outbox>> {
        self.way.get().and_then(Weak::upgrade)
    }

    /// A reply waited in vain: nobody may be there any more, and only a further reply would find out by waiting as long.
    pub(crate) fn fell_silent(&self) {
        self.is_silent.store(true, Ordering::Relaxed);
    }

    /// Whether a further reply had better have a socket of its own.
    pub(crate) fn is_silent(&self) -> bool {
        self.is_silent.load(Ordering::Relaxed)
    }
}

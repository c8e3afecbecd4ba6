//! Where replies with something to speak wait for the voice thread, in order of arrival.
//!
//! Bound: a reply waits here at most once, so the line is never longer than the replies that are open.

use super::reply::Reply;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The line of waiting replies.
#[derive(Default)]
pub(super) struct Desk {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Arc<Reply>>,
    closed: bool,
}

impl Desk {
    /// Puts `reply` at the end of the line. The reply itself sees to it that it is there once only.
    pub(super) fn put(&self, reply: Arc<Reply>) {
        self.lock().waiting.push_back(reply);
        self.arrived.notify_one();
    }

    /// Whether a reply waits.
    pub(super) fn has_waiting(&self) -> bool {
        !self.lock().waiting.is_empty()
    }

    /// The next reply, if one waits.
    pub(super) fn take(&self) -> Option<Arc<Reply>> {
        self.lock().waiting.pop_front()
    }

    /// Blocks until a reply waits (`true`) or the desk is closed (`false`).
    pub(super) fn wait(&self) -> bool {
        let state = self.lock();
        let idle = |state: &mut State| state.waiting.is_empty() && !state.closed;
        let state = self.arrived.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
        !state.waiting.is_empty()
    }

    /// Nothing more comes: the thread ends when the line is empty.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

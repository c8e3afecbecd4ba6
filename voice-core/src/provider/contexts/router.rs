//! From the id of a context to its reply.
//!
//! Invariant: an id leads to at most one reply and is dropped when its context is dead; what comes later for it is
//! counted and goes nowhere. Once closed it takes no context and has told every reply.

use crate::stage::StageError;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The contexts of one socket.
pub(crate) struct Router<R> {
    routes: Mutex<Routes<R>>,
}

struct Routes<R> {
    live: HashMap<String, Arc<R>>,
    closed: Option<StageError>,
    late: u64,
}

impl<R> Router<R> {
    pub(crate) fn new() -> Self {
        Self { routes: Mutex::new(Routes { live: HashMap::new(), closed: None, late: 0 }) }
    }

    /// Leads `context` to `reply` from here on.
    ///
    /// # Errors
    /// What the socket ended with.
    pub(crate) fn open(&self, context: &str, reply: &Arc<R>) -> Result<(), StageError> {
        let mut routes = self.lock();
        match &routes.closed {
            Some(error) => Err(error.clone()),
            None => {
                routes.live.insert(context.to_owned(), reply.clone());
                Ok(())
            }
        }
    }

    /// The context is dead: what still comes for it is dropped.
    pub(crate) fn close(&self, context: &str) {
        self.lock().live.remove(context);
    }

    /// The reply of `context`. A message of a dead context is counted.
    pub(crate) fn find(&self, context: &str) -> Option<Arc<R>> {
        let mut routes = self.lock();
        let found = routes.live.get(context).cloned();
        if found.is_none() {
            routes.late += 1;
            tracing::debug!(late = routes.late, "a message of a dead context was dropped");
        }
        found
    }

    /// The live context that is named in `text`, the id of a request say.
    pub(crate) fn named_in(&self, text: &str) -> Option<String> {
        self.lock().live.keys().find(|context| text.split(':').any(|part| part == context.as_str())).cloned()
    }

    /// The only live context.
    pub(crate) fn only(&self) -> Option<String> {
        only(self.lock().live.keys()).cloned()
    }

    /// What the socket ended with.
    pub(crate) fn closed(&self) -> Option<StageError> {
        self.lock().closed.clone()
    }

    /// The socket is gone, or as good as: no further context. The first reason stays. Gives the replies that lived, each
    /// as often as it had contexts.
    pub(crate) fn shut(&self, error: StageError) -> Vec<Arc<R>> {
        let mut routes = self.lock();
        routes.closed.get_or_insert(error);
        routes.live.drain().map(|(_, reply)| reply).collect()
    }

    /// Messages of dead contexts so far.
    #[cfg(test)]
    pub(crate) fn late(&self) -> u64 {
        self.lock().late
    }

    fn lock(&self) -> MutexGuard<'_, Routes<R>> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next();
    if items.next().is_some() { None } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GONE: StageError = StageError::Ended { engine: "a TTS" };

    #[test]
    fn messages_reach_their_reply_until_its_context_is_dead() {
        let router = Router::new();
        router.open("a", &Arc::new(1)).expect("open");
        router.open("b", &Arc::new(2)).expect("open");
        assert_eq!((router.find("a").as_deref(), router.find("b").as_deref()), (Some(&1), Some(&2)));
        router.close("a");
        assert_eq!((router.find("a"), router.late()), (None, 1));
    }

    #[test]
    fn a_context_is_found_in_a_compound_id_or_as_the_only_one() {
        let router = Router::new();
        assert_eq!(router.only(), None);
        router.open("a", &Arc::new(1)).expect("open");
        assert_eq!(router.only().as_deref(), Some("a"));
        router.open("b", &Arc::new(2)).expect("open");
        assert_eq!(router.only(), None);
        assert_eq!(router.named_in("0f0e:b:77aa").as_deref(), Some("b"));
        assert_eq!(router.named_in("0f0e:bb:77aa"), None);
    }

    #[test]
    fn a_shut_router_has_told_all_and_takes_none() {
        let router = Router::new();
        router.open("a", &Arc::new(1)).expect("open");
        assert_eq!(router.shut(GONE).len(), 1);
        assert_eq!(router.shut(StageError::Full { engine: "a TTS" }).len(), 0);
        assert_eq!((router.open("b", &Arc::new(2)), router.closed()), (Err(GONE), Some(GONE)));
    }
}

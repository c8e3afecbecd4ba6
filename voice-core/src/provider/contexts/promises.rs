//! For fuzzing: what holds of a reply's events whatever the vendor says.

use super::Outbox;
use crate::stage::{StageError, TtsEvent};

/// Takes everything and does nothing.
pub(crate) struct Nowhere;

impl Outbox for Nowhere {
    fn send(&self, _message: String) -> Result<(), StageError> {
        Ok(())
    }

    fn is_open(&self) -> bool {
        true
    }
}

/// Panics unless audio comes in whole samples, words and clauses go forward, and nothing follows the end.
pub(crate) fn assert_kept(events: &[Result<TtsEvent, StageError>]) {
    let mut complete = 0;
    for (at, event) in events.iter().enumerate() {
        match event {
            Ok(TtsEvent::Audio(pcm)) => assert!(!pcm.is_empty() && pcm.len() % 2 == 0, "{} bytes", pcm.len()),
            Ok(TtsEvent::Word { text, start_samples, end_samples }) => {
                assert!(!text.trim().is_empty() && start_samples <= end_samples, "{text:?}");
            }
            Ok(TtsEvent::ClauseEnd { clauses }) => {
                assert!(*clauses > complete, "{clauses} after {complete}");
                complete = *clauses;
            }
            Ok(TtsEvent::Done | TtsEvent::Serving(_)) | Err(_) => assert_eq!(at + 1, events.len(), "after the end"),
        }
    }
}

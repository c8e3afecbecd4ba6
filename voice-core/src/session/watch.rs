//! What the watcher of a call is told, without the call ever waiting for it.

use super::event::{Finality, SessionEvent, SessionEvents};
use super::record::CallRecord;
use tokio::sync::{mpsc, oneshot};

/// Below this many free places only what cannot be told later is sent.
const RESERVED: usize = SessionEvents::CAPACITY / 4;

/// The sending end of [`SessionEvents`].
pub(super) struct Watch {
    sender: mpsc::Sender<SessionEvent>,
    record: oneshot::Sender<CallRecord>,
    lost: u64,
}

impl Watch {
    pub(super) fn new() -> (Self, SessionEvents) {
        let (sender, receiver) = mpsc::channel(SessionEvents::CAPACITY);
        let (record, recorded) = oneshot::channel();
        (Self { sender, record, lost: 0 }, SessionEvents { receiver, record: recorded })
    }

    /// Whether anybody watches: where nobody does, no text need be made.
    pub(super) fn is_watched(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Ends the events and gives whoever still watches the record.
    pub(super) fn end(self, record: &CallRecord) {
        if !self.record.is_closed() {
            // Nobody to take it is no loss: whoever runs the session has it too.
            let _ = self.record.send(record.clone());
        }
    }

    /// Tells the watcher, or counts what it was too slow for.
    pub(super) fn tell(&mut self, event: SessionEvent) {
        if is_progress(&event) && self.sender.capacity() < RESERVED {
            self.lost += 1;
            return;
        }
        if self.lost > 0 && self.sender.try_send(SessionEvent::EventsLost { count: self.lost }).is_ok() {
            self.lost = 0;
        }
        if let Err(mpsc::error::TrySendError::Full(_)) = self.sender.try_send(event) {
            self.lost += 1;
        }
    }
}

/// Whether a later event says the same better.
fn is_progress(event: &SessionEvent) -> bool {
    matches!(event, SessionEvent::Transcript { finality: Finality::Interim, .. } | SessionEvent::AgentText { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{ReplyId, TurnId};

    #[test]
    fn a_slow_watcher_loses_progress_first_and_learns_how_much() {
        let (mut watch, mut events) = Watch::new();
        let text =
            || SessionEvent::AgentText { turn: TurnId(1), reply: ReplyId(1), text: String::new(), heard_bytes: 0 };
        (0..SessionEvents::CAPACITY).for_each(|_| watch.tell(text()));
        watch.tell(SessionEvent::CallerIdle);
        let mut seen = Vec::new();
        while let Ok(event) = events.receiver.try_recv() {
            seen.push(event);
        }
        let progress = SessionEvents::CAPACITY - RESERVED + 1;
        assert_eq!(seen.len(), progress + 2);
        assert!(matches!(seen[progress], SessionEvent::EventsLost { count } if count as usize == RESERVED - 1));
        assert!(matches!(seen[progress + 1], SessionEvent::CallerIdle));
    }
}

//! Changes to a running stream: one under way at a time.
//!
//! Deepgram bounds how many changes may be unanswered. Invariant: the next is sent when the one before is answered or
//! given up; what is asked for meanwhile is one change, the later value of each field counting. It reads no clock.

use crate::stage::SttHints;
use std::time::Duration;
use tokio::time::Instant;

/// An answer is waited for this long.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The changes of one connection.
#[derive(Debug, Default)]
pub(super) struct Configuring {
    /// When the one under way is given up.
    until: Option<Instant>,
    waiting: Option<SttHints>,
}

impl Configuring {
    /// Asks for a change.
    pub(super) fn ask(&mut self, hints: SttHints) {
        match &mut self.waiting {
            Some(waiting) => waiting.merge(&hints),
            None => self.waiting = Some(hints),
        }
    }

    /// The change to send now, if there is one and none is under way.
    pub(super) fn next(&mut self, now: Instant) -> Option<SttHints> {
        if let Some(until) = self.until {
            if now < until {
                return None;
            }
            tracing::warn!("Deepgram did not answer a Configure: the next one is sent");
            self.until = None;
        }
        self.waiting.take()
    }

    /// The change was sent.
    pub(super) fn sent(&mut self, now: Instant) {
        self.until = Some(now + ANSWER_WITHIN);
    }

    /// The one under way was answered, well or badly.
    pub(super) fn answered(&mut self) {
        self.until = None;
    }

    /// When to look again though nothing is heard.
    pub(super) fn due(&self) -> Option<Instant> {
        self.until.filter(|_| self.waiting.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::clock;

    fn keyterm(term: &str) -> SttHints {
        SttHints { keyterms: Some(vec![term.to_owned()]), ..SttHints::default() }
    }

    #[test]
    fn changes_behind_one_under_way_become_one() {
        let now = clock::now();
        let mut configuring = Configuring::default();
        configuring.ask(keyterm("first"));
        assert_eq!(configuring.next(now), Some(keyterm("first")));
        configuring.sent(now);
        configuring.ask(keyterm("second"));
        configuring.ask(SttHints { eot_threshold: Some(0.8), ..SttHints::default() });
        configuring.ask(keyterm("third"));
        assert_eq!(configuring.next(now), None);
        configuring.answered();
        let merged = SttHints { eot_threshold: Some(0.8), ..keyterm("third") };
        assert_eq!(configuring.next(now), Some(merged));
        assert_eq!(configuring.next(now), None);
    }

    #[test]
    fn an_answer_that_never_comes_is_given_up() {
        let now = clock::now();
        let mut configuring = Configuring::default();
        configuring.sent(now);
        assert_eq!(configuring.due(), None, "nothing waits for it");
        configuring.ask(keyterm("next"));
        assert_eq!(configuring.due(), Some(now + ANSWER_WITHIN));
        assert_eq!(configuring.next(now + ANSWER_WITHIN - Duration::from_millis(1)), None);
        assert_eq!(configuring.next(now + ANSWER_WITHIN), Some(keyterm("next")));
    }
}

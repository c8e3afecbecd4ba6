//! What the store said lately, and is believed for a moment.
//!
//! Invariant: of each key there is one question at a time, and it runs to its end whether or not anybody still waits: whoever
//! asks and goes away again costs the store no second one. An answer is believed from when it was asked for, so that what
//! changes meanwhile is known once that time is over. What is asked is not known here.

use super::clock;
use super::error::AuthError;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Answers that are kept. Beyond it those that are too old are dropped; where there are none, an answer is for the one who asked
/// and not kept.
const MAX_KEPT: usize = 4_096;

/// For how long it is believed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lives {
    /// What the store said.
    pub(super) answer: Duration,
    /// That it said nothing. Whoever waits then is told so in any case.
    pub(super) failure: Duration,
}

/// What was asked about each key.
pub(super) struct Believed<K, V> {
    lives: Lives,
    asked: Mutex<HashMap<K, Asked<V>>>,
}

type Answer<V> = Result<V, AuthError>;
type Question<V> = Shared<BoxFuture<'static, Answer<V>>>;

struct Asked<V> {
    question: Question<V>,
    since: Instant,
}

impl<K: Hash + Eq, V: Clone + Send + Sync + 'static> Believed<K, V> {
    pub(super) fn new(lives: Lives) -> Self {
        Self { lives, asked: Mutex::default() }
    }

    /// What is said of `key`: what `ask` answers, unless that is known or is being asked. Cancellation safe.
    ///
    /// # Errors
    /// That of `ask`.
    pub(super) async fn get<F>(&self, key: K, ask: impl FnOnce() -> F) -> Answer<V>
    where
        F: Future<Output = Answer<V>> + Send + 'static,
    {
        // Waited for without the lock.
        let question = self.question(key, ask);
        question.await
    }

    fn question<F>(&self, key: K, ask: impl FnOnce() -> F) -> Question<V>
    where
        F: Future<Output = Answer<V>> + Send + 'static,
    {
        let (now, mut asked) = (clock::now(), self.lock());
        if let Some(known) = asked.get(&key).filter(|known| known.holds(now, self.lives)) {
            return known.question.clone();
        }
        if asked.len() >= MAX_KEPT {
            asked.retain(|_, known| known.holds(now, self.lives));
        }
        let question = begin(ask());
        if asked.len() < MAX_KEPT {
            asked.insert(key, Asked { question: question.clone(), since: now });
        }
        question
    }

    /// The map is whole at every instant, so a thread that panicked holding it left nothing half done.
    fn lock(&self) -> MutexGuard<'_, HashMap<K, Asked<V>>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V: Clone> Asked<V> {
    /// It is being asked, or its answer is not too old.
    fn holds(&self, now: Instant, lives: Lives) -> bool {
        let age = now.saturating_duration_since(self.since);
        match self.question.clone().now_or_never() {
            Some(Ok(_)) => age < lives.answer,
            Some(Err(_)) => age < lives.failure,
            None => true,
        }
    }
}

/// Asks, in a task of its own, which ends when the store has answered or given up.
#[expect(clippy::disallowed_methods, reason = "a question ends also when whoever asked goes away")]
fn begin<V: Clone + Send + Sync + 'static>(ask: impl Future<Output = Answer<V>> + Send + 'static) -> Question<V> {
    let answer = tokio::spawn(ask);
    async move { answer.await.unwrap_or(Err(AuthError::NoStore)) }.boxed().shared()
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join_all;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::time::{advance, sleep};

    const SECOND: Duration = Duration::from_secs(1);

    /// A store that takes a tenth of a second and counts how often it is asked.
    #[derive(Clone, Default)]
    struct Oracle(Arc<AtomicUsize>);

    impl Oracle {
        async fn says(self, answer: Answer<u8>) -> Answer<u8> {
            self.0.fetch_add(1, Ordering::Relaxed);
            sleep(SECOND / 10).await;
            answer
        }

        fn asked(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn believed(failure: Duration) -> Believed<usize, u8> {
        Believed::new(Lives { answer: SECOND, failure })
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_while_somebody_asks_or_soon_after_gets_that_answer() {
        let (believed, oracle) = (believed(Duration::ZERO), Oracle::default());
        let get = |key| believed.get(key, || oracle.clone().says(Ok(7)));
        assert_eq!(join_all([1, 1, 2, 1].map(get)).await, [Ok(7); 4]);
        assert_eq!(oracle.asked(), 2, "once for each key");
        advance(SECOND - SECOND / 5).await;
        get(1).await.unwrap();
        assert_eq!(oracle.asked(), 2);
        advance(SECOND / 5).await;
        get(1).await.unwrap();
        assert_eq!(oracle.asked(), 3, "it is believed from when it was asked for");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_told_to_all_who_wait_and_believed_as_long_as_it_is_to_be() {
        for (life, then) in [(Duration::ZERO, 2), (SECOND, 1)] {
            let (believed, oracle) = (believed(life), Oracle::default());
            let get = |_| believed.get(1, || oracle.clone().says(Err(AuthError::NoStore)));
            assert_eq!(join_all([(); 3].map(get)).await, [Err(AuthError::NoStore); 3]);
            assert_eq!(oracle.asked(), 1);
            get(()).await.unwrap_err();
            assert_eq!(oracle.asked(), then);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_goes_away_leaves_no_second_question_and_no_old_answer() {
        let (believed, oracle) = (believed(Duration::ZERO), Oracle::default());
        for _ in 0..9 {
            assert!(believed.get(1, || oracle.clone().says(Ok(7))).now_or_never().is_none());
        }
        sleep(SECOND / 2).await;
        assert_eq!(oracle.asked(), 1);
        sleep(SECOND).await;
        assert_eq!(believed.get(1, || oracle.clone().says(Ok(8))).await, Ok(8));
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_is_kept_than_the_bound_and_what_is_old_goes_first() {
        let believed = believed(Duration::ZERO);
        for key in 0..MAX_KEPT + 9 {
            assert_eq!(believed.get(key, || async { Ok(1) }).await, Ok(1));
        }
        assert_eq!(believed.lock().len(), MAX_KEPT);
        advance(SECOND).await;
        assert_eq!(believed.get(MAX_KEPT, || async { Ok(2) }).await, Ok(2));
        assert_eq!(believed.lock().len(), 1);
    }
}

use super::*;
use crate::stage::{Fault, TtsFeed};
use crate::units::CallId;
use futures::{StreamExt, stream};
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Fails to open so many times, then works.
struct Flaky {
    failures: usize,
    error: StageError,
    opened: AtomicUsize,
}

struct Works;

struct Deaf;

impl Tts for Flaky {
    fn open(&self) -> BoxFuture<'static, Result<Box<dyn TtsSession>, StageError>> {
        let works = self.opened.fetch_add(1, Ordering::Relaxed) >= self.failures;
        let error = self.error.clone();
        async move {
            tokio::task::yield_now().await;
            works.then(|| Box::new(Works) as Box<dyn TtsSession>).ok_or(error)
        }
        .boxed()
    }
}

impl TtsSession for Works {
    fn sample_rate(&self) -> SampleRate {
        SampleRate::Hz8000
    }

    fn begin(&mut self, _: ReplyId) -> Result<TtsReply, StageError> {
        Ok(TtsReply { feed: Box::new(Deaf), events: stream::pending().boxed() })
    }
}

impl TtsFeed for Deaf {
    fn speak(&mut self, _: &str) -> Result<(), StageError> {
        Ok(())
    }

    fn finish(&mut self) {}

    fn cancel(&mut self) {}
}

fn flaky(failures: usize) -> (TtsLink, Arc<Flaky>) {
    failing_with(StageError::Ended { engine: "a TTS" }, failures)
}

fn failing_with(error: StageError, failures: usize) -> (TtsLink, Arc<Flaky>) {
    let tts = Arc::new(Flaky { failures, error, opened: AtomicUsize::new(0) });
    (TtsLink::new(tts.clone(), Retry::of(&CallId::new("test"))), tts)
}

fn opened(tts: &Flaky) -> usize {
    tts.opened.load(Ordering::Relaxed)
}

/// Waits until nothing is being opened.
async fn settle(link: &mut TtsLink) {
    while matches!(link.link, Link::Opening(_)) {
        poll_fn(|cx| link.poll_opened(cx)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn while_nobody_waits_a_failure_is_tried_again_only_when_the_caller_speaks() {
    let (mut link, tts) = flaky(usize::MAX);
    settle(&mut link).await;
    assert_eq!(opened(&tts), 1);
    for speeches in 1..4 {
        link.warm();
        link.warm();
        settle(&mut link).await;
        assert_eq!(opened(&tts), 1 + speeches);
    }
}

#[tokio::test(start_paused = true)]
async fn what_failed_before_a_reply_asked_is_not_counted_against_it() {
    for failed_before in 0..4 {
        let (mut link, _) = flaky(failed_before + RETRY_AFTER.len() - 1);
        for _ in 0..failed_before {
            settle(&mut link).await;
            link.warm();
        }
        assert!(matches!(link.begin(ReplyId(1)), Voice::Wait));
        settle(&mut link).await;
        assert!(matches!(link.begin(ReplyId(1)), Voice::Begun(..)), "after {failed_before}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_has_its_tries_whether_or_not_an_opening_was_under_way_when_it_asked() {
    for is_under_way in [true, false] {
        let (mut link, tts) = flaky(usize::MAX);
        if !is_under_way {
            settle(&mut link).await;
        }
        assert!(matches!(link.begin(ReplyId(1)), Voice::Wait));
        settle(&mut link).await;
        assert!(matches!(link.begin(ReplyId(1)), Voice::Failed(_)));
        assert_eq!(opened(&tts), 1 + RETRY_AFTER.len(), "{is_under_way}");
        assert!(matches!(link.begin(ReplyId(2)), Voice::Wait), "the next one asks anew");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_whose_reply_is_gone_is_not_the_next_ones() {
    let (mut link, tts) = flaky(1 + RETRY_AFTER.len());
    assert!(matches!(link.begin(ReplyId(1)), Voice::Wait));
    settle(&mut link).await;
    link.nobody_waits();
    assert!(matches!(link.begin(ReplyId(2)), Voice::Wait));
    settle(&mut link).await;
    assert!(matches!(link.begin(ReplyId(2)), Voice::Begun(..)));
    assert_eq!(opened(&tts), 2 + RETRY_AFTER.len());
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_takes_the_place_of_one_that_waited_has_its_own_tries() {
    let (mut link, _) = flaky(1 + RETRY_AFTER.len());
    assert!(matches!(link.begin(ReplyId(1)), Voice::Wait));
    settle(&mut link).await;
    assert!(link.error.is_some());
    assert!(matches!(link.begin(ReplyId(2)), Voice::Wait));
    settle(&mut link).await;
    assert!(matches!(link.begin(ReplyId(2)), Voice::Begun(..)));
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_names_a_time_is_not_opened_before_it_whoever_asks() {
    let (reason, retry_after) = ("too many calls".to_owned(), Duration::from_secs(3));
    let busy = StageError::Busy { engine: "a TTS", reason, fault: Fault::Overload, retry_after };
    for awaited in [true, false] {
        let (mut link, tts) = failing_with(busy.clone(), 1);
        let start = clock::now();
        if awaited {
            assert!(matches!(link.begin(ReplyId(1)), Voice::Wait));
        }
        settle(&mut link).await;
        if awaited {
            assert!(matches!(link.begin(ReplyId(1)), Voice::Failed(_)));
        }
        link.warm();
        settle(&mut link).await;
        assert_eq!(opened(&tts), 2);
        assert!(clock::now() - start >= retry_after, "{awaited}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_is_not_kept_waiting_for_an_engine_that_wants_to_be_left_alone_for_long() {
    let (reason, retry_after) = ("too many calls".to_owned(), Duration::from_secs(20));
    let busy = StageError::Busy { engine: "a TTS", reason, fault: Fault::Overload, retry_after };
    let (mut link, tts) = failing_with(busy.clone(), 1);
    let start = clock::now();
    assert!(matches!(link.begin(ReplyId(1)), Voice::Wait));
    settle(&mut link).await;
    assert!(matches!(link.begin(ReplyId(1)), Voice::Failed(error) if error == busy));
    link.warm();
    assert!(matches!(link.begin(ReplyId(2)), Voice::Failed(error) if error == busy), "nor the next one");
    assert_eq!((opened(&tts), clock::now() - start), (1, Duration::ZERO));
    settle(&mut link).await;
    assert!(matches!(link.begin(ReplyId(3)), Voice::Begun(..)), "it was opened when its time had come");
}

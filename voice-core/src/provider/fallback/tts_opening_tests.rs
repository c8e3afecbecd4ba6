//! Voices that open late, or never.

use super::*;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

/// What opens only after `ms`.
fn opening_in(name: &'static str, ms: u64) -> Arc<dyn Tts> {
    engine(name, TtsConfig { open_ms: ms, ..manner(vec![]) }).0
}

const NEVER_MS: u64 = 10_000_000;

/// How long the first reply of a session waits for its voice, in milliseconds, and whose that is.
async fn first_voice(tts: &FallbackTts) -> (u64, Vec<String>) {
    let start = tokio::time::sleep(Duration::ZERO).deadline();
    let mut session = tts.open().await.unwrap();
    let waited = tokio::time::sleep(Duration::ZERO).deadline() - start;
    (waited.as_millis() as u64, spoken(session.as_mut(), 1, &["Hello."]).await.engines)
}

#[tokio::test(start_paused = true)]
async fn engines_that_do_not_open_have_others_opened_beside_them() {
    let tts = of(vec![opening_in("A", NEVER_MS), opening_in("B", NEVER_MS), opening_in("C", 400)]);
    assert_eq!(first_voice(&tts).await, (3_400, vec!["C".into()]), "before a call gives up after five seconds");
    assert_eq!(first_voice(&tts).await, (400, vec!["C".into()]), "the others rest");
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_opens_in_time_has_no_other_opened_beside_it() {
    let (second, log) = engine("B", manner(vec![]));
    assert_eq!(first_voice(&of(vec![opening_in("A", 1_400), second])).await, (1_400, vec!["A".into()]));
    assert!(log.replies().is_empty());
    let slower = of(vec![opening_in("A", 1_700), opening_in("B", 600)]);
    assert_eq!(first_voice(&slower).await, (1_700, vec!["A".into()]), "it is still the first that is open");
}

#[tokio::test(start_paused = true)]
async fn a_reply_whose_voice_breaks_waits_for_the_first_that_opens() {
    let (first, _) = engine("A", manner(vec![(0, TtsFault::ErrorAfter(480))]));
    let tts = of(vec![first, opening_in("B", NEVER_MS), opening_in("C", 400)]);
    let mut session = tts.open().await.unwrap();
    let start = tokio::time::sleep(Duration::ZERO).deadline();
    let reply = spoken(session.as_mut(), 1, &CLAUSES).await;
    let took = tokio::time::sleep(Duration::ZERO).deadline() - start;
    assert_eq!((reply.engines, reply.end.as_str()), (vec!["A".into(), "C".into()], "done"));
    assert!((1_900..2_500).contains(&took.as_millis()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_rests_is_not_opened_beside_a_slow_one() {
    let (second, log) = engine("B", manner(vec![]));
    let tts = of(vec![opening_in("A", 2_900), second]);
    tts.choice.failed(1, &StageError::Ended { engine: "B" });
    assert_eq!(first_voice(&tts).await, (2_900, vec!["A".into()]));
    assert!(log.replies().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_was_being_opened_when_the_call_gave_up_is_not_asked_first_again() {
    let tts = of(vec![opening_in("A", NEVER_MS), opening_in("B", 2_000)]);
    let given_up = tokio::time::timeout(Duration::from_millis(2_500), tts.open()).await;
    assert!(given_up.is_err(), "A has had its time, B not yet");
    assert_eq!(first_voice(&tts).await, (2_000, vec!["B".into()]));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_ends_while_an_engine_opens_says_nothing_of_it() {
    let tts = of(vec![opening_in("A", 1_200), engine("B", manner(vec![])).0]);
    assert!(tokio::time::timeout(Duration::from_secs(1), tts.open()).await.is_err());
    let mut session = tts.open().await.unwrap();
    assert_eq!(spoken(session.as_mut(), 1, &["Hello."]).await.engines, ["A"]);
}

type Opening = BoxFuture<'static, Result<Box<dyn TtsSession>, StageError>>;

/// Opens so many times; what then comes of it is another's.
struct OpensOnly {
    tts: Arc<dyn Tts>,
    left: AtomicU32,
    then: fn() -> Opening,
}

impl OpensOnly {
    /// Then never again.
    fn times(times: u32, tts: Arc<dyn Tts>) -> Arc<Self> {
        Arc::new(Self { tts, left: AtomicU32::new(times), then: || std::future::pending().boxed() })
    }

    /// Then it refuses at once.
    fn refusing_after(times: u32, tts: Arc<dyn Tts>) -> Arc<Self> {
        let then = || std::future::ready(Err(StageError::Ended { engine: "A" })).boxed();
        Arc::new(Self { tts, left: AtomicU32::new(times), then })
    }

    fn left(&self) -> u32 {
        self.left.load(Relaxed)
    }
}

impl Tts for OpensOnly {
    fn name(&self) -> &str {
        self.tts.name()
    }
    fn open(&self) -> Opening {
        match self.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)) {
            Ok(_) => self.tts.open(),
            Err(_) => (self.then)(),
        }
    }
}

/// How long a reply takes, in milliseconds, and who speaks it.
async fn timed(session: &mut dyn TtsSession, reply: u32) -> (u64, Vec<String>) {
    let start = tokio::time::sleep(Duration::ZERO).deadline();
    let spoken = spoken(session, reply, &["Hello."]).await;
    assert_eq!(spoken.end, "done");
    ((tokio::time::sleep(Duration::ZERO).deadline() - start).as_millis() as u64, spoken.engines)
}

#[tokio::test(start_paused = true)]
async fn one_that_is_open_stands_in_where_a_better_one_does_not_open_again() {
    let faults = vec![(0, TtsFault::ErrorAfter(0)), (2, TtsFault::SessionEnded)];
    let first = OpensOnly::times(2, engine("A", manner(faults)).0);
    let mut session = of(vec![first, opening_in("B", 0)]).open().await.unwrap();
    assert_eq!(timed(session.as_mut(), 1).await.1, ["A", "B"]);
    tokio::time::advance(Duration::from_secs(31)).await;
    assert_eq!(timed(session.as_mut(), 2).await.1, ["B"]);
    let (usual_ms, engines) = timed(session.as_mut(), 3).await;
    assert_eq!(engines, ["A"]);
    let (waited_ms, engines) = timed(session.as_mut(), 4).await;
    assert_eq!(engines, ["B"]);
    assert!((1_500..1_600).contains(&(waited_ms - usual_ms)), "{waited_ms} ms");
}

#[tokio::test(start_paused = true)]
async fn a_better_one_that_is_being_opened_speaks_where_the_open_one_does_not_and_is_opened_once() {
    let first = engine("A", TtsConfig { open_ms: 500, ..manner(vec![(0, TtsFault::ErrorAfter(0))]) }).0;
    let first = OpensOnly::times(9, first);
    let second = OpensOnly::times(1, engine("B", manner(vec![(1, TtsFault::SessionEnded)])).0);
    let mut session = of(vec![Arc::clone(&first) as _, second]).open().await.unwrap();
    assert_eq!(timed(session.as_mut(), 1).await.1, ["A", "B"]);
    tokio::time::advance(Duration::from_secs(31)).await;
    let (waited_ms, engines) = timed(session.as_mut(), 2).await;
    assert_eq!((engines, first.left()), (vec!["A".into()], 7));
    assert!((500..1_400).contains(&waited_ms), "{waited_ms} ms");
}

#[tokio::test(start_paused = true)]
async fn one_that_is_open_speaks_at_once_where_a_better_one_refuses_to_open_again() {
    let faults = vec![(0, TtsFault::ErrorAfter(0)), (2, TtsFault::SessionEnded)];
    let first = OpensOnly::refusing_after(2, engine("A", manner(faults)).0);
    let mut session = of(vec![first, opening_in("B", 0), opening_in("C", 0)]).open().await.unwrap();
    assert_eq!(timed(session.as_mut(), 1).await.1, ["A", "B"]);
    tokio::time::advance(Duration::from_secs(31)).await;
    assert_eq!(timed(session.as_mut(), 2).await.1, ["B"]);
    let (usual_ms, engines) = timed(session.as_mut(), 3).await;
    assert_eq!(engines, ["A"]);
    assert_eq!(timed(session.as_mut(), 4).await, (usual_ms, vec!["B".into()]));
}

#[tokio::test(start_paused = true)]
async fn a_better_one_that_is_being_opened_when_the_voice_breaks_is_waited_for_and_opened_once() {
    let first = engine("A", TtsConfig { open_ms: 500, ..manner(vec![(0, TtsFault::ErrorAfter(0))]) }).0;
    let first = OpensOnly::times(9, first);
    let second = engine("B", manner(vec![(1, TtsFault::ErrorAfter(480))])).0;
    let mut session = of(vec![Arc::clone(&first) as _, second]).open().await.unwrap();
    assert_eq!(timed(session.as_mut(), 1).await.1, ["A", "B"]);
    tokio::time::advance(Duration::from_secs(31)).await;
    let (_, engines) = timed(session.as_mut(), 2).await;
    assert_eq!((engines, first.left()), (vec!["B".into(), "A".into()], 7));
}

#[tokio::test(start_paused = true)]
async fn one_that_opens_and_cannot_begin_stops_no_other_that_is_being_opened() {
    let (first, _) = engine("A", manner(vec![(0, TtsFault::ErrorAfter(0))]));
    let second = engine("B", TtsConfig { open_ms: 1_600, ..manner(vec![(0, TtsFault::SessionEnded)]) }).0;
    let third = OpensOnly::times(1, opening_in("C", 400));
    let mut session = of(vec![first, second, third]).open().await.unwrap();
    assert_eq!(timed(session.as_mut(), 1).await.1, ["A", "C"]);
}

#[tokio::test(start_paused = true)]
async fn who_took_too_long_to_open_is_named_by_who_speaks() {
    let (first, _) = engine("A", manner(vec![(0, TtsFault::ErrorAfter(0))]));
    let mut session = of(vec![first, opening_in("B", NEVER_MS), opening_in("C", 400)]).open().await.unwrap();
    let TtsReply { mut feed, mut events } = session.begin(ReplyId(1)).unwrap();
    feed.speak("Hello.").unwrap();
    feed.finish();
    let mut serving = Vec::new();
    while let Some(event) = events.next().await {
        if let Ok(TtsEvent::Serving(now)) = event {
            serving.push(now);
        }
    }
    let passed_over: Vec<_> = serving[1].passed_over.iter().map(|passed| passed.engine.as_str()).collect();
    assert_eq!((serving[1].engine.as_str(), passed_over), ("C", vec!["A", "B"]));
}

use super::*;
use crate::provider::scripted::{ScriptedStt, SttAction, SttAt, SttConfig, SttDriver, Utterance};
use crate::stage::Serving;
use std::time::Duration;

struct Named(&'static str, ScriptedStt);

impl Stt for Named {
    fn name(&self) -> &str {
        self.0
    }
    fn open(&self) -> BoxFuture<'static, Result<SttSession, StageError>> {
        self.1.open()
    }
}

fn manual(name: &'static str) -> (Arc<dyn Stt>, SttDriver) {
    let (stt, driver) = ScriptedStt::manual();
    (Arc::new(Named(name, stt)), driver)
}

fn refusing(name: &'static str) -> Arc<dyn Stt> {
    Arc::new(Named(name, ScriptedStt::new(SttConfig { failing_opens: u32::MAX, ..SttConfig::default() })))
}

fn of(engines: Vec<Arc<dyn Stt>>) -> FallbackStt {
    FallbackStt::new(engines, FallbackConfig::default()).unwrap()
}

async fn who(stt: &FallbackStt) -> (Serving, SttSession) {
    let mut session = stt.open().await.unwrap();
    match session.events.next().await {
        Some(Ok(SttEvent::Serving(serving))) => (serving, session),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_list_without_engines_is_refused() {
    let error = FallbackStt::new(vec![], FallbackConfig::default()).err().unwrap();
    assert!(!error.is_retryable(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_first_that_opens_listens_and_says_why_the_others_do_not() {
    let never = Named("B", ScriptedStt::new(SttConfig { open_ms: 1_000_000, ..SttConfig::default() }));
    let (third, _driver) = manual("C");
    let stt = of(vec![refusing("A"), Arc::new(never), third]);
    let start = tokio::time::sleep(Duration::ZERO).deadline();
    let (serving, _session) = who(&stt).await;
    let passed: Vec<_> = serving.passed_over.iter().map(|passed| passed.engine.as_str()).collect();
    assert_eq!((serving.engine.as_str(), passed), ("C", vec!["A", "B"]));
    assert!(matches!(serving.passed_over[1].why, StageError::Stalled { .. }));
    let waited = tokio::time::sleep(Duration::ZERO).deadline() - start;
    assert_eq!(waited.as_secs(), 3, "the deadline of one opening");
    let start = tokio::time::sleep(Duration::ZERO).deadline();
    who(&stt).await;
    assert_eq!(tokio::time::sleep(Duration::ZERO).deadline(), start, "those that rest are not asked again");
}

#[tokio::test(start_paused = true)]
async fn an_engine_whose_stream_breaks_rests_and_is_asked_again_later() {
    let ((first, a), (second, b)) = (manual("A"), manual("B"));
    let stt = of(vec![first, second]);
    let (serving, mut session) = who(&stt).await;
    assert_eq!(serving.engine, "A");
    a.send(SttEvent::Interim { text: "hel".into() }).unwrap();
    a.end();
    assert!(session.events.next().await.unwrap().is_ok());
    assert!(session.events.next().await.is_none());
    let (serving, mut session) = who(&stt).await;
    assert_eq!((serving.engine.as_str(), serving.passed_over.len()), ("B", 1));
    b.send(SttEvent::Interim { text: "hello".into() }).unwrap();
    assert!(session.events.next().await.unwrap().is_ok());
    tokio::time::advance(Duration::from_secs(31)).await;
    let (serving, _session) = who(&stt).await;
    assert_eq!(serving, Serving { engine: "A".into(), passed_over: vec![] });
}

#[tokio::test(start_paused = true)]
async fn where_all_fail_the_error_says_so_and_all_are_asked_again() {
    let breaks = Utterance::new().at(SttAt::CallTime(0), SttAction::End);
    let one_refusal = SttConfig { failing_opens: 1, utterances: vec![breaks], ..SttConfig::default() };
    let stt = of(vec![refusing("A"), Arc::new(Named("B", ScriptedStt::new(one_refusal)))]);
    let error = stt.open().await.err().unwrap();
    assert!(error.is_retryable() && matches!(error, StageError::Open { .. }), "{error}");
    assert_eq!(who(&stt).await.0.engine, "B");
}

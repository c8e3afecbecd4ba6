use super::super::{ScriptedStt, SttAction, SttAt, SttConfig, Utterance};
use super::Since;
use crate::stage::{Fault, StageError, Stt, SttEvent, SttSession};
use crate::units::Position;
use futures::{FutureExt, StreamExt};

const FRAME: usize = 320;

/// A call that is fed frames of speech and silence.
struct Call {
    session: SttSession,
    position: Position,
}

impl Call {
    async fn of(utterances: Vec<Utterance>) -> Self {
        Self::with(SttConfig { utterances, ..SttConfig::default() }).await
    }

    async fn with(config: SttConfig) -> Self {
        Self { session: ScriptedStt::new(config).open().await.unwrap(), position: Position::ZERO }
    }

    /// Feeds `ms` of `level` and gives the events of it, each with the call time in ms after the frame that brought it.
    fn feed(&mut self, level: i16, ms: u64) -> Vec<(u64, Result<SttEvent, StageError>)> {
        let mut events = Vec::new();
        for _ in 0..ms / 20 {
            self.session.feed.push(&[level; FRAME], self.position).unwrap();
            self.position = self.position.plus(FRAME as u64);
            while let Some(Some(item)) = self.session.events.next().now_or_never() {
                events.push((self.position.0 / 16, item));
            }
        }
        events
    }

    fn speech(&mut self, ms: u64) -> Vec<(u64, SttEvent)> {
        unwrapped(self.feed(4_000, ms))
    }

    fn quiet(&mut self, ms: u64) -> Vec<(u64, SttEvent)> {
        unwrapped(self.feed(0, ms))
    }
}

fn unwrapped(events: Vec<(u64, Result<SttEvent, StageError>)>) -> Vec<(u64, SttEvent)> {
    events.into_iter().map(|(at, event)| (at, event.unwrap())).collect()
}

fn interim(text: &str) -> SttEvent {
    SttEvent::Interim { text: text.into() }
}

fn last(text: &str, end_ms: u64) -> SttEvent {
    SttEvent::Final { text: text.into(), end: Position(end_ms * 16) }
}

#[tokio::test(start_paused = true)]
async fn an_utterance_follows_its_speech() {
    let mut call = Call::of(vec![Utterance::say("good morning"), Utterance::noise()]).await;
    assert_eq!(call.quiet(200), []);
    assert_eq!(call.speech(700), [(500, interim("good")), (800, interim("good morning"))]);
    assert_eq!(call.quiet(400), [(960, interim("good morning")), (1_200, last("good morning", 900))]);
    assert_eq!(call.speech(200), []);
    assert_eq!(call.quiet(400), [(1_800, last("", 1_500))]);
    assert_eq!((call.speech(400), call.quiet(2_000)), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_request_brings_the_final_early() {
    let mut call = Call::of(vec![Utterance::say("yes")]).await;
    call.speech(400);
    call.quiet(80);
    call.session.feed.finalize(Position(400 * 16));
    assert_eq!(call.session.events.next().now_or_never().unwrap().unwrap().unwrap(), last("yes", 400));
}

#[tokio::test(start_paused = true)]
async fn a_request_is_answered_after_the_set_delay() {
    let at = SttAt::Finalize { after_request_ms: 70, after_end_ms: 10_000 };
    let mut call = Call::of(vec![Utterance::new().at(at, SttAction::Final("yes".into()))]).await;
    call.speech(400);
    call.quiet(80);
    let since = Since::now();
    call.session.feed.finalize(Position(400 * 16));
    assert_eq!(call.session.events.next().await.unwrap().unwrap(), last("yes", 400));
    assert_eq!(since.ms(), 70);
}

#[tokio::test(start_paused = true)]
async fn a_request_before_a_pause_within_the_speech_is_forgotten() {
    let mut call = Call::of(vec![
        Utterance::new()
            .at(SttAt::SpeechEnd(500), SttAction::Interim("a b".into()))
            .at(SttAt::Finalize { after_request_ms: 0, after_end_ms: 600 }, SttAction::Final("a b".into())),
    ])
    .await;
    call.speech(400);
    call.quiet(200);
    call.session.feed.finalize(Position(400 * 16));
    assert_eq!(call.speech(400), []);
    assert_eq!(call.quiet(700), [(1_500, interim("a b")), (1_600, last("a b", 1_000))]);
}

#[tokio::test(start_paused = true)]
async fn an_engine_with_turns_can_take_its_guess_back() {
    let script = Utterance::new()
        .at(SttAt::SpeechStart(100), SttAction::StartOfTurn("I".into()))
        .at(SttAt::SpeechEnd(100), SttAction::EagerEndOfTurn("I want".into()))
        .at(SttAt::SpeechAgain, SttAction::TurnResumed)
        .at(SttAt::SpeechEnd(300), SttAction::EndOfTurn("I want tea".into()));
    let mut call = Call::of(vec![script]).await;
    let mut events = call.speech(300);
    events.extend(call.quiet(160));
    events.extend(call.speech(240));
    events.extend(call.quiet(400));
    let expected = [
        (100, SttEvent::StartOfTurn { text: "I".into() }),
        (400, SttEvent::EagerEndOfTurn { text: "I want".into() }),
        (480, SttEvent::TurnResumed),
        (1_000, SttEvent::EndOfTurn { text: "I want tea".into(), end: None }),
    ];
    assert_eq!(events, expected);
}

#[tokio::test(start_paused = true)]
async fn a_call_time_needs_no_speech() {
    let mut call = Call::of(vec![Utterance::new().at(SttAt::CallTime(500), SttAction::Final("Hello?".into()))]).await;
    assert_eq!(call.quiet(1_000), [(500, last("Hello?", 0))]);
}

#[tokio::test(start_paused = true)]
async fn faults_happen_where_the_script_says() {
    let error = StageError::Stream { engine: "test", reason: "by script".into(), fault: Fault::Engine };
    let mut call = Call::of(vec![Utterance::new().at(SttAt::SpeechStart(100), SttAction::Fail(error))]).await;
    let mut heard = call.feed(4_000, 100);
    assert!(heard.remove(0).1.is_err() && call.session.events.next().await.is_none());
    assert!(matches!(call.session.feed.push(&[0; FRAME], call.position), Err(StageError::Ended { .. })));

    let mut call = Call::of(vec![Utterance::new().at(SttAt::SpeechStart(100), SttAction::End)]).await;
    call.feed(4_000, 100);
    assert!(call.session.events.next().await.is_none());

    let stall = Utterance::new().at(SttAt::SpeechStart(100), SttAction::Stall);
    let mut call = Call::of(vec![stall, Utterance::say("unheard")]).await;
    assert_eq!((call.speech(400), call.quiet(900), call.speech(900), call.quiet(900)), Default::default());
}

#[tokio::test(start_paused = true)]
async fn a_final_can_wait_for_its_request_for_ever() {
    let at = SttAt::Finalize { after_request_ms: 0, after_end_ms: u64::MAX };
    let script = Utterance::new().at(SttAt::SpeechEnd(40), SttAction::Interim("well".into()));
    let mut call = Call::of(vec![script.at(at, SttAction::Final("well".into()))]).await;
    call.speech(400);
    assert_eq!(call.quiet(60_000), [(440, interim("well"))]);
}

#[tokio::test(start_paused = true)]
async fn opening_takes_its_time_and_can_fail() {
    let stt = ScriptedStt::new(SttConfig { open_ms: 120, failing_opens: 1, ..SttConfig::default() });
    let since = Since::now();
    assert!(stt.open().await.is_err_and(|error| error.is_retryable()));
    assert!(stt.open().await.is_ok());
    assert_eq!((since.ms(), stt.log().opened()), (240, 2));
}

#[tokio::test(start_paused = true)]
async fn a_driver_sends_events_and_sees_what_was_fed() {
    let (stt, driver) = ScriptedStt::manual();
    assert!(matches!(driver.send(interim("early")), Err(StageError::Ended { .. })));
    let mut session = stt.open().await.unwrap();
    driver.send(interim("now")).unwrap();
    assert_eq!(session.events.next().now_or_never().unwrap().unwrap().unwrap(), interim("now"));
    session.feed.push(&[0; FRAME], Position(640)).unwrap();
    session.feed.finalize(Position(700));
    session.feed.speech_started(Position(650));
    let log = driver.log();
    assert_eq!((log.pushed_samples(), log.end()), (320, Position(960)));
    assert_eq!((log.finalized(), log.speech_started()), (vec![Position(700)], vec![Position(650)]));
    driver.end();
    assert!(session.events.next().await.is_none() && session.feed.push(&[0; FRAME], Position(960)).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_never_reads_is_noticed() {
    let (stt, driver) = ScriptedStt::manual();
    let _session = stt.open().await.unwrap();
    let full = (0..2_000).find(|_| driver.send(SttEvent::TurnResumed).is_err());
    assert_eq!(full, Some(1_024));
    assert!(matches!(driver.send(SttEvent::TurnResumed), Err(StageError::Full { .. })));
}

#[tokio::test(start_paused = true)]
async fn jitter_is_the_same_under_the_same_seed() {
    let mut runs = Vec::new();
    for seed in [5, 5, 6] {
        let utterances = vec![Utterance::say("a"), Utterance::say("b"), Utterance::say("c")];
        let mut call = Call::with(SttConfig { utterances, jitter_ms: 900, seed, ..SttConfig::default() }).await;
        let mut events = Vec::new();
        for _ in 0..3 {
            events.extend(call.speech(400));
            events.extend(call.quiet(2_000));
        }
        assert_eq!(events.len(), 9);
        runs.push(events);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}

proptest::proptest! {
    /// Whatever is fed in whatever pieces, at most the script's finals come, in its order.
    #[test]
    fn any_audio_gives_the_script_in_order(
        pieces in proptest::collection::vec((0usize..900, proptest::bool::ANY, 0u8..12), 0..80)
    ) {
        let words = ["one", "two", "three"];
        let utterances = words.map(Utterance::say).to_vec();
        let stt = ScriptedStt::new(SttConfig { utterances, ..SttConfig::default() });
        let mut session = stt.open().now_or_never().unwrap().unwrap();
        let (mut position, mut finals) = (Position::ZERO, Vec::new());
        for (len, is_loud, chance) in pieces {
            session.feed.push(&vec![if is_loud { 9_000 } else { 0 }; len], position).unwrap();
            position = position.plus(len as u64);
            if chance == 0 {
                session.feed.finalize(position);
            }
            while let Some(Some(Ok(event))) = session.events.next().now_or_never() {
                if let SttEvent::Final { text, end } = event {
                    assert!(end <= position);
                    finals.push(text);
                }
            }
        }
        assert!(words.map(String::from).starts_with(&finals), "{finals:?}");
    }
}

//! Against the fakes, which decide by themselves what to say from the audio that comes: whole conversations, odd
//! manners, and faults on the wire with the stream that follows.

use super::support::{Ears, KEY, soon};
use voice_core::provider::ApiKey;
use voice_core::provider::deepgram::{FluxConfig, FluxStt, ForceEndTurn, NovaConfig, NovaStt};
use voice_core::provider::fakes::{
    Closing, ConfigureAnswer, Ear, FakeTurn, Fakes, FakesConfig, Fault, FaultRule, FaultScript, FinalizeAnswer,
    FluxFake, NovaFake, Service, SpeechStarts,
};
use voice_core::stage::{Fault as Blame, Stt, SttEvent, SttHints};
use voice_core::units::Position;

/// Where the audio begins in the call.
const BASE: u64 = 80_000;
const SAMPLES_PER_MS: u64 = 16;

/// Two turns: 900 ms of speech and a pause, twice. How long it is, and where each speech ends, in milliseconds.
const SPOKEN: [(u64, i16); 4] = [(900, 4_000), (1_500, 0), (900, 4_000), (1_500, 0)];
const SPEECH_ENDS_MS: [u64; 2] = [900, 3_300];
const TURNS: [&str; 2] = ["Book a table for two.", "Tonight at eight."];

/// Hears the two turns, taken as `manner` says.
fn script(manner: impl Fn(FakeTurn) -> FakeTurn) -> Ear {
    Ear::Script(TURNS.into_iter().map(|text| manner(FakeTurn::new(text))).collect())
}

async fn fakes(config: FakesConfig) -> Fakes {
    Fakes::start(FakesConfig { key: Some(KEY.to_owned()), ..config }).await.unwrap()
}

fn key() -> Option<ApiKey> {
    Some(ApiKey::new(KEY, "DEEPGRAM_API_KEY"))
}

/// Flux at the fakes; all audio is sent at once, so that it alone decides what happens.
fn flux(fakes: &Fakes) -> FluxConfig {
    FluxConfig { url: fakes.http_url(), key: key(), catch_up_percent: 0, ..FluxConfig::default() }
}

fn nova(fakes: &Fakes) -> NovaConfig {
    NovaConfig { url: fakes.http_url(), key: key(), catch_up_percent: 0, ..NovaConfig::default() }
}

/// Says one of the stretches of [`SPOKEN`].
fn say(ears: &mut Ears, which: usize) {
    let before_ms: u64 = SPOKEN.iter().take(which).map(|(ms, _)| ms).sum();
    let (ms, level) = SPOKEN[which];
    for at_ms in (before_ms..before_ms + ms).step_by(20) {
        let position = Position(BASE + at_ms * SAMPLES_PER_MS);
        ears.feed.push(&[level; 320], position).unwrap();
    }
}

fn say_all(ears: &mut Ears) {
    (0..SPOKEN.len()).for_each(|which| say(ears, which));
}

/// The events up to the end of the second turn, checked turn by turn: a start, words within, one end just after the
/// speech, at the call's positions.
async fn two_turns(ears: &mut Ears) -> Vec<SttEvent> {
    let mut events = Vec::new();
    for (text, speech_end_ms) in TURNS.into_iter().zip(SPEECH_ENDS_MS) {
        let first = ears.event().await;
        assert!(matches!(first, SttEvent::StartOfTurn { .. }), "{first:?}");
        events.push(first);
        loop {
            let event = ears.event().await;
            events.push(event.clone());
            match event {
                SttEvent::EndOfTurn { text: heard, end: Some(end) } => {
                    assert_eq!(heard, text);
                    let speech_end = BASE + speech_end_ms * SAMPLES_PER_MS;
                    let late = end.since(Position(speech_end));
                    assert!((1..=1_300 * SAMPLES_PER_MS).contains(&late), "{late} samples after the speech");
                    break;
                }
                SttEvent::Interim { .. } | SttEvent::EagerEndOfTurn { .. } | SttEvent::TurnResumed => {}
                other => panic!("{other:?} within a turn"),
            }
        }
    }
    events
}

fn count(events: &[SttEvent], is_it: impl Fn(&SttEvent) -> bool) -> usize {
    events.iter().filter(|event| is_it(event)).count()
}

#[tokio::test]
async fn flux_in_any_manner_is_understood() {
    let polite = || FluxFake { ear: script(|turn| turn), ..FluxFake::default() };
    let manners = [
        polite(),
        FluxFake { tells_trigger: false, tells_word_times: false, sequence_step: 7, ..polite() },
        FluxFake { greeting_ms: 50, jitter_ms: 5, ..polite() },
        FluxFake { seed: 77, ear: script(FakeTurn::without_eager), ..polite() },
    ];
    for (nth, fake) in manners.into_iter().enumerate() {
        let fakes = fakes(FakesConfig { flux: fake, ..FakesConfig::default() }).await;
        let mut ears = soon(Ears::open(&FluxStt::new(flux(&fakes)).unwrap())).await.unwrap();
        say_all(&mut ears);
        let events = two_turns(&mut ears).await;
        let eager = count(&events, |event| matches!(event, SttEvent::EagerEndOfTurn { .. }));
        assert_eq!(eager, if nth == 3 { 0 } else { 2 }, "manner {nth}");
    }
}

#[tokio::test]
async fn eager_ends_that_are_taken_back_are_told_as_that() {
    let ear = script(|turn| turn.eager_then_resumed(2));
    let fakes = fakes(FakesConfig { flux: FluxFake { ear, ..FluxFake::default() }, ..FakesConfig::default() }).await;
    let mut ears = soon(Ears::open(&FluxStt::new(flux(&fakes)).unwrap())).await.unwrap();
    say_all(&mut ears);
    let events = two_turns(&mut ears).await;
    assert_eq!(count(&events, |event| matches!(event, SttEvent::TurnResumed)), 4);
    assert_eq!(count(&events, |event| matches!(event, SttEvent::EagerEndOfTurn { .. })), 6);

    let calm = FluxConfig { eager_eot_threshold: None, ..flux(&fakes) };
    let mut ears = soon(Ears::open(&FluxStt::new(calm).unwrap())).await.unwrap();
    say_all(&mut ears);
    let events = two_turns(&mut ears).await;
    assert_eq!(count(&events, |event| matches!(event, SttEvent::TurnResumed | SttEvent::EagerEndOfTurn { .. })), 0);
}

#[tokio::test]
async fn a_turn_that_the_session_ended_is_ended_there() {
    let ear = script(FakeTurn::never_ends);
    for knows_force_end in [true, false] {
        let fake = FluxFake { ear: ear.clone(), knows_force_end, ..FluxFake::default() };
        let fakes = fakes(FakesConfig { flux: fake, ..FakesConfig::default() }).await;
        let stt = FluxStt::new(FluxConfig { force_end_turn: ForceEndTurn::On, ..flux(&fakes) }).unwrap();
        let mut ears = soon(Ears::open(&stt)).await.unwrap();
        say(&mut ears, 0);
        assert!(matches!(ears.event().await, SttEvent::StartOfTurn { .. }));
        say(&mut ears, 1);
        ears.feed.turn_ended();
        if knows_force_end {
            let ended = async {
                loop {
                    if let SttEvent::EndOfTurn { text, .. } = ears.event().await {
                        break text;
                    }
                }
            };
            assert_eq!(soon(ended).await, TURNS[0]);
        } else {
            assert_eq!(until_error(&mut ears).await.fault(), Blame::Engine);
            // The stream that follows is told nothing of the kind.
            let mut ears = soon(Ears::open(&stt)).await.unwrap();
            say(&mut ears, 0);
            assert!(matches!(ears.event().await, SttEvent::StartOfTurn { .. }));
            ears.feed.turn_ended();
            drop(ears);
            let counts = soon(fakes.log().until(|counts| counts.flux.ended == 2)).await;
            assert_eq!(counts.flux.commands, 2, "a forced end, and the farewell of the second stream");
        }
    }
}

async fn until_error(ears: &mut Ears) -> voice_core::stage::StageError {
    soon(async {
        loop {
            if let Some(Err(error)) = ears.item().await {
                return error;
            }
        }
    })
    .await
}

#[tokio::test]
async fn faults_end_one_stream_and_the_next_hears_the_audio_again() {
    for service in [Service::Flux, Service::Nova] {
        for fault in [
            Fault::Close { code: Some(1011), reason: "NET-0000".to_owned() },
            Fault::Close { code: Some(1008), reason: "DATA-0000".to_owned() },
            Fault::Close { code: None, reason: String::new() },
            Fault::Reset,
            Fault::ErrorMessage,
            Fault::Malformed,
            Fault::Stall,
        ] {
            // A stall is noticed by what stays unanswered: nothing but the greeting may come before it.
            let after = match (&fault, service) {
                (Fault::Stall, Service::Flux) => 1,
                (Fault::Stall, _) => 0,
                _ => 3,
            };
            let rule = FaultRule::new(service, fault.clone()).on(1).after_messages(after);
            let fakes = fakes(FakesConfig {
                faults: rule.into(),
                flux: FluxFake { ear: script(|turn| turn), ..FluxFake::default() },
                nova: NovaFake { ear: script(|turn| turn), ..NovaFake::default() },
                ..FakesConfig::default()
            })
            .await;
            let open = async |stall_ms| match service {
                Service::Flux => FluxStt::new(FluxConfig { stall_ms, ..flux(&fakes) }).unwrap().open().await,
                _ => NovaStt::new(NovaConfig { stall_ms, ..nova(&fakes) }).unwrap().open().await,
            };
            let mut ears = Ears::read(soon(open(200)).await.unwrap());
            say_all(&mut ears);
            let error = until_error(&mut ears).await;
            assert_eq!(error.fault(), Blame::Engine, "{service:?} {fault:?}: {error}");
            let mut ears = Ears::read(soon(open(9_000)).await.unwrap());
            say_all(&mut ears);
            if service == Service::Flux {
                two_turns(&mut ears).await;
            } else {
                assert_eq!(finals(&mut ears).await, words(), "after {fault:?}");
            }
        }
    }
}

#[tokio::test]
async fn the_wire_may_cut_messages_anywhere_and_hold_strange_ones() {
    let rules = [Service::Flux, Service::Nova].into_iter().flat_map(|service| {
        [
            FaultRule::new(service, Fault::SplitWrites { bytes: 5 }),
            FaultRule::new(service, Fault::Fragment),
            FaultRule::new(service, Fault::UnknownType).after_messages(2),
        ]
    });
    let fakes = fakes(FakesConfig {
        faults: FaultScript::new(rules),
        flux: FluxFake { ear: script(|turn| turn), ..FluxFake::default() },
        nova: NovaFake { ear: script(|turn| turn), ..NovaFake::default() },
        ..FakesConfig::default()
    })
    .await;
    let mut ears = soon(Ears::open(&FluxStt::new(flux(&fakes)).unwrap())).await.unwrap();
    say_all(&mut ears);
    two_turns(&mut ears).await;
    let mut ears = soon(Ears::open(&NovaStt::new(nova(&fakes)).unwrap())).await.unwrap();
    say_all(&mut ears);
    assert_eq!(finals(&mut ears).await, words());
}

#[tokio::test]
async fn openings_that_fail_say_who_can_mend_it() {
    let refusals = [
        (Fault::Refuse { status: 403, retry_after_ms: None, body: None }, Blame::Configuration),
        (Fault::Refuse { status: 429, retry_after_ms: Some(100), body: None }, Blame::Overload),
        (Fault::Refuse { status: 500, retry_after_ms: None, body: Some("<html>oh</html>".to_owned()) }, Blame::Engine),
        (Fault::NeverGreet, Blame::Engine),
    ];
    for (fault, blame) in refusals {
        let faults = FaultRule::new(Service::Flux, fault.clone()).into();
        let fakes = fakes(FakesConfig { faults, ..FakesConfig::default() }).await;
        let stt = FluxStt::new(FluxConfig { connected_ms: 200, ..flux(&fakes) }).unwrap();
        let error = soon(stt.open()).await.err().unwrap();
        assert_eq!(error.fault(), blame, "{fault:?}: {error}");
        assert!(soon(stt.check()).await.is_err());
    }
    let fakes = fakes(FakesConfig::default()).await;
    let wrong = Some(ApiKey::new("another", "DEEPGRAM_API_KEY"));
    let stt = NovaStt::new(NovaConfig { key: wrong, ..nova(&fakes) }).unwrap();
    let error = soon(stt.check()).await.unwrap_err();
    assert_eq!(error.fault(), Blame::Configuration);
    assert!(error.to_string().contains("DEEPGRAM_API_KEY"), "{error}");
    assert!(soon(NovaStt::new(nova(&fakes)).unwrap().check()).await.is_ok());
    assert!(soon(FluxStt::new(flux(&fakes)).unwrap().check()).await.is_ok());
}

#[tokio::test]
async fn changes_are_survived_however_they_are_answered() {
    for configure in [
        ConfigureAnswer::Judged,
        ConfigureAnswer::Late { ms: 50 },
        ConfigureAnswer::Fails,
        ConfigureAnswer::FailsSilently,
        ConfigureAnswer::Never,
    ] {
        let fake = FluxFake { ear: script(|turn| turn), configure, ..FluxFake::default() };
        let fakes = fakes(FakesConfig { flux: fake, ..FakesConfig::default() }).await;
        let mut ears = soon(Ears::open(&FluxStt::new(flux(&fakes)).unwrap())).await.unwrap();
        for term in ["Wexford", "Tullamore", "Cork"] {
            let mut hints = SttHints::default();
            hints.keyterms = Some(vec![term.to_owned()]);
            ears.feed.expect(&hints);
        }
        say_all(&mut ears);
        two_turns(&mut ears).await;
    }
}

/// The words of the finals until there are as many as were said.
async fn finals(ears: &mut Ears) -> Vec<String> {
    let all = words().len();
    let mut heard = Vec::new();
    while heard.len() < all {
        match ears.event().await {
            SttEvent::Final { text, .. } if !text.is_empty() => heard.extend(text.split(' ').map(str::to_owned)),
            SttEvent::Final { .. } | SttEvent::Interim { .. } => {}
            other => panic!("{other:?} is not for Nova"),
        }
    }
    heard
}

/// All words of the two turns.
fn words() -> Vec<&'static str> {
    TURNS.into_iter().flat_map(|text| text.split(' ')).collect()
}

#[tokio::test]
async fn nova_in_any_manner_gives_each_word_once() {
    let polite = || NovaFake { ear: script(|turn| turn), ..NovaFake::default() };
    let manners = [
        polite(),
        NovaFake { tells_flags: false, repeats_finals: true, ..polite() },
        NovaFake { speech_starts: SpeechStarts::Doubled, jitter_ms: 5, ..polite() },
        NovaFake { finalize: FinalizeAnswer::Late { ms: 200 }, ..polite() },
        NovaFake { finalize: FinalizeAnswer::Empty, repeats_finals: true, ..polite() },
        NovaFake { finalize: FinalizeAnswer::Silent, closes: Closing::Stays, ..polite() },
    ];
    for (nth, fake) in manners.into_iter().enumerate() {
        let fakes = fakes(FakesConfig { nova: fake, ..FakesConfig::default() }).await;
        let config = NovaConfig { close_ms: 300, ..nova(&fakes) };
        let mut ears = soon(Ears::open(&NovaStt::new(config).unwrap())).await.unwrap();
        for which in 0..SPOKEN.len() {
            say(&mut ears, which);
            if which % 2 == 0 {
                ears.feed.finalize(Position(BASE));
            }
        }
        assert_eq!(finals(&mut ears).await, words(), "manner {nth}");
        ears.drop_feed();
        let rest = async {
            while let Some(event) = ears.item().await {
                match event.unwrap() {
                    SttEvent::Final { text, .. } | SttEvent::Interim { text } => assert_eq!(text, "", "manner {nth}"),
                    other => panic!("{other:?}"),
                }
            }
        };
        soon(rest).await;
        soon(fakes.log().until(|counts| counts.nova.ended == 1)).await;
    }
}

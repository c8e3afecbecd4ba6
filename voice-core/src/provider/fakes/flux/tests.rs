//! Turns from audio alone, and the whole service over a real socket.

use super::FluxFake;
use super::query::Thresholds;
use super::turns::{Event, Trigger, TurnInfo, Turns};
use crate::provider::fakes::ConfigureAnswer;
use crate::provider::fakes::{Ear, FakeTurn, Fakes, FakesConfig, Fault, FaultRule, FaultScript, Service};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const EAGER: Thresholds = Thresholds { eot: 0.7, eager: Some(0.5), timeout_ms: 2_000 };
const TEXT: &str = "Book a table for four.";

fn turns(thresholds: Thresholds, script: impl IntoIterator<Item = FakeTurn>) -> Turns {
    Turns::new(&Ear::Script(script.into_iter().collect()), 16_000, thresholds, 7)
}

fn sound(level: i16, ms: usize) -> Vec<i16> {
    (0..ms * 16).map(|n| if n % 2 == 0 { level } else { -level }).collect()
}

/// Loud and quiet stretches in turn, quiet first.
fn play(turns: &mut Turns, stretches_ms: &[usize]) -> Vec<TurnInfo> {
    let levels = [0, 3_000].into_iter().cycle();
    stretches_ms.iter().zip(levels).flat_map(|(ms, level)| turns.audio(&sound(level, *ms))).collect()
}

/// What was told but for updates.
fn told(infos: &[TurnInfo]) -> Vec<(Event, String)> {
    let events = infos.iter().filter(|info| info.event != Event::Update);
    events.map(|info| (info.event, info.transcript())).collect()
}

fn events(infos: &[TurnInfo]) -> Vec<Event> {
    told(infos).into_iter().map(|(event, _)| event).collect()
}

#[test]
fn a_turn_begins_after_updates_is_eagerly_over_and_then_over() {
    let mut turns = turns(EAGER, [FakeTurn::new(TEXT)]);
    let infos = play(&mut turns, &[960, 1_600, 960]);
    let expected = [
        (Event::StartOfTurn, "Book".to_owned()),
        (Event::EagerEndOfTurn, TEXT.to_owned()),
        (Event::EndOfTurn, TEXT.to_owned()),
    ];
    assert_eq!(told(&infos), expected);
    let start = infos.iter().position(|info| info.event == Event::StartOfTurn).unwrap();
    assert_eq!(infos[0].transcript(), "", "idle updates have no words");
    assert!(infos[..start].iter().any(|info| !info.words.is_empty()), "words come before the start");
    let end = infos.iter().position(|info| info.event == Event::EndOfTurn).unwrap();
    assert_eq!((infos[end].turn, infos[end].trigger), (0, Some(Trigger::Model)));
    assert_eq!(infos[end - 1].event, Event::Update, "between the eager end and the end");
    assert_eq!(infos[end].window_ms.1 - 2_560, 400, "after 400 ms of quiet");
    let idle = &infos[end + 1..];
    assert!(!idle.is_empty() && idle.iter().all(|info| info.turn == 1 && info.words.is_empty()));
    assert_eq!(idle[0].window_ms.0, infos[end].window_ms.1);
}

#[test]
fn updates_come_each_240_ms_and_each_80_ms_near_an_end() {
    let mut turns = turns(EAGER, [FakeTurn::new(TEXT)]);
    let infos = play(&mut turns, &[2_400, 1_600, 400]);
    let steps: Vec<u64> = infos.windows(2).map(|pair| pair[1].window_ms.1 - pair[0].window_ms.1).collect();
    assert!(steps.iter().all(|ms| [80, 160, 240].contains(ms)), "{steps:?}");
    assert_eq!(steps[..9], [240; 9]);
    assert_eq!(steps[steps.len() - 4..], [80; 4]);
}

#[test]
fn an_update_may_hold_a_word_that_is_revised() {
    let mut turns = turns(EAGER, [FakeTurn::new("Bring perfection, wonderful perfection, quickly, please.")]);
    let infos = play(&mut turns, &[0, 3_000, 600]);
    let words: Vec<Vec<String>> =
        infos.iter().map(|info| info.words.iter().map(|word| word.text.clone()).collect()).collect();
    let is_revised = |pair: &[Vec<String>]| pair[0].iter().zip(&pair[1]).any(|(old, new)| old != new);
    assert!(words.windows(2).any(is_revised), "{words:?}");
    let moved = infos.windows(2).any(|pair| match (pair[0].words.first(), pair[1].words.first()) {
        (Some(old), Some(new)) => old.start_ms != new.start_ms,
        _ => false,
    });
    assert!(moved, "word times move");
}

#[test]
fn without_the_threshold_there_is_no_eager_end_and_a_change_brings_it_in_mid_turn() {
    let script = [FakeTurn::new(TEXT).eager_then_resumed(1), FakeTurn::new("Yes.")];
    let mut turns = turns(Thresholds { eager: None, ..EAGER }, script);
    assert_eq!(events(&play(&mut turns, &[80, 1_600, 960])), [Event::StartOfTurn, Event::EndOfTurn]);
    assert_eq!(events(&play(&mut turns, &[0, 400])), [Event::StartOfTurn]);
    turns.thresholds = EAGER;
    assert_eq!(events(&play(&mut turns, &[960])), [Event::EagerEndOfTurn, Event::EndOfTurn]);
}

#[test]
fn eager_ends_are_taken_back_by_themselves_each_with_more_of_the_words() {
    let mut turns = turns(EAGER, [FakeTurn::new(TEXT).eager_then_resumed(2)]);
    let infos = play(&mut turns, &[80, 320, 3_000]);
    let eager: Vec<String> =
        told(&infos).into_iter().filter(|(event, _)| *event == Event::EagerEndOfTurn).map(|(_, text)| text).collect();
    assert_eq!(eager, ["Book", "Book a table", TEXT]);
    use Event::{EagerEndOfTurn, EndOfTurn, StartOfTurn, TurnResumed};
    let expected = [StartOfTurn, EagerEndOfTurn, TurnResumed, EagerEndOfTurn, TurnResumed, EagerEndOfTurn, EndOfTurn];
    assert_eq!(events(&infos), expected);
    assert_eq!(told(&infos).last().unwrap().1, TEXT);
}

#[test]
fn a_caller_who_goes_on_resumes_the_turn() {
    let mut turns = turns(EAGER, [FakeTurn::new(TEXT).eager_then_resumed(1)]);
    let infos = play(&mut turns, &[80, 800, 240, 800, 800]);
    use Event::{EagerEndOfTurn, EndOfTurn, StartOfTurn, TurnResumed};
    assert_eq!(events(&infos), [StartOfTurn, EagerEndOfTurn, TurnResumed, EagerEndOfTurn, EndOfTurn]);
    assert_eq!(told(&infos)[1].1, "Book a");
}

#[test]
fn a_turn_without_an_end_times_out_and_one_that_hears_no_audio_hangs() {
    let mut turns = turns(EAGER, [FakeTurn::new(TEXT).never_ends()]);
    assert_eq!(events(&play(&mut turns, &[80, 1_600, 1_920])), [Event::StartOfTurn]);
    assert!(turns.audio(&[]).is_empty());
    let infos = play(&mut turns, &[160]);
    assert_eq!(told(&infos), [(Event::EndOfTurn, TEXT.to_owned())]);
    assert_eq!(infos.iter().find_map(|info| info.trigger), Some(Trigger::Timeout));
}

#[test]
fn an_end_by_confidence_is_off_at_a_threshold_of_one() {
    let mut turns = turns(Thresholds { eot: 1.0, eager: None, timeout_ms: 60_000 }, [FakeTurn::new(TEXT)]);
    assert_eq!(events(&play(&mut turns, &[80, 1_600, 5_000])), [Event::StartOfTurn]);
    assert_eq!(turns.force_end().map(|info| info.transcript()).as_deref(), Some(TEXT));
}

#[test]
fn an_end_can_be_forced_from_both_states_and_what_follows_is_the_next_turn() {
    let mut turns = turns(EAGER, [FakeTurn::new(TEXT), FakeTurn::new("Yes."), FakeTurn::new("No.")]);
    assert!(turns.force_end().is_none());
    play(&mut turns, &[80, 800]);
    let forced = turns.force_end().unwrap();
    assert_eq!((forced.transcript().as_str(), forced.trigger), ("Book a", Some(Trigger::Manual)));
    assert!(turns.force_end().is_none());
    let infos = [play(&mut turns, &[0, 400]), play(&mut turns, &[240])].concat();
    assert_eq!(events(&infos), [Event::StartOfTurn, Event::EagerEndOfTurn]);
    assert_eq!(infos.last().unwrap().turn, 1);
    assert_eq!(turns.force_end().unwrap().transcript(), "Yes.");
    assert_eq!(events(&play(&mut turns, &[960])), []);
}

#[test]
fn a_blip_is_no_turn_and_a_short_word_is_one() {
    let mut turns = turns(EAGER, [FakeTurn::new("Yes."), FakeTurn::new("Indeed.")]);
    assert_eq!(events(&play(&mut turns, &[400, 100, 800])), []);
    let infos = play(&mut turns, &[0, 160, 800]);
    assert_eq!(events(&infos), [Event::StartOfTurn, Event::EagerEndOfTurn, Event::EndOfTurn]);
    assert_eq!(told(&infos)[0].1, "Yes.");
}

#[test]
fn speech_after_the_script_is_not_understood_and_a_close_tells_what_is_left() {
    let mut turns = turns(EAGER, [FakeTurn::new(TEXT)]);
    play(&mut turns, &[80, 400]);
    let last = turns.close();
    assert_eq!((last.event, last.transcript().as_str()), (Event::Update, "Book"));
    turns.force_end();
    assert_eq!(events(&play(&mut turns, &[400, 800, 800])), []);
}

#[test]
fn the_same_audio_gives_the_same_events_in_any_chunks() {
    let audio = [sound(0, 500), sound(3_000, 1_300), sound(0, 900)].concat();
    let script = [FakeTurn::new(TEXT).eager_then_resumed(1)];
    let whole = turns(EAGER, script.clone()).audio(&audio);
    for size in [1, 333, 1_280] {
        let mut chunked = turns(EAGER, script.clone());
        let infos: Vec<TurnInfo> = audio.chunks(size).flat_map(|chunk| chunked.audio(chunk)).collect();
        assert_eq!(infos, whole, "chunks of {size}");
    }
}

// From here on over a socket.

const QUERY: &str = "model=flux-general-en&encoding=linear16&sample_rate=16000&eager_eot_threshold=0.5";

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn fakes(flux: FluxFake, faults: impl Into<FaultScript>) -> Fakes {
    let config = FakesConfig { key: Some("secret".into()), flux, faults: faults.into(), ..FakesConfig::default() };
    Fakes::start(config).await.unwrap()
}

fn says(turns: impl IntoIterator<Item = FakeTurn>) -> FluxFake {
    FluxFake { ear: Ear::Script(turns.into_iter().collect()), ..FluxFake::default() }
}

async fn connect(fakes: &Fakes, query: &str, authorization: &str) -> Result<Client, Error> {
    let mut request = format!("ws://{}/v2/listen?{query}", fakes.address()).into_client_request().unwrap();
    request.headers_mut().insert("authorization", authorization.parse().unwrap());
    connect_async(request).await.map(|(client, _)| client)
}

async fn next(client: &mut Client) -> Option<Result<Message, Error>> {
    let message = tokio::time::timeout(Duration::from_secs(10), client.next());
    message.await.expect("a message within ten seconds")
}

async fn json(client: &mut Client) -> Value {
    loop {
        match next(client).await.expect("open").expect("a message") {
            Message::Text(text) => return serde_json::from_str(text.as_str()).expect("JSON"),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn until_type(client: &mut Client, kind: &str) -> Value {
    loop {
        let message = json(client).await;
        if message["type"] == kind {
            return message;
        }
    }
}

async fn until_event(client: &mut Client, event: &str) -> Value {
    loop {
        let message = json(client).await;
        if message["event"] == event {
            return message;
        }
    }
}

async fn say(client: &mut Client, text: Value) {
    client.send(Message::text(text.to_string())).await.unwrap();
}

async fn speak(client: &mut Client, level: i16, ms: usize) {
    for chunk in sound(level, ms).chunks(1_280) {
        let bytes: Vec<u8> = chunk.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        client.send(Message::binary(bytes)).await.unwrap();
    }
}

#[tokio::test]
async fn a_conversation_over_a_socket() {
    let fakes = fakes(says([FakeTurn::new(TEXT)]), FaultScript::default()).await;
    let mut client = connect(&fakes, QUERY, "Token secret").await.unwrap();
    let connected = json(&mut client).await;
    assert_eq!((&connected["type"], &connected["sequence_id"]), (&json!("Connected"), &json!(0)));
    speak(&mut client, 0, 400).await;
    speak(&mut client, 3_000, 1_600).await;
    speak(&mut client, 0, 800).await;
    let end = until_event(&mut client, "EndOfTurn").await;
    assert_eq!((&end["transcript"], &end["trigger"], &end["turn_index"]), (&json!(TEXT), &json!("model"), &json!(0)));
    say(&mut client, json!({"type": "ForceEndTurn"})).await;
    assert_eq!(until_type(&mut client, "Warning").await["code"], "FORCE_END_TURN_NO_ACTIVE_TURN");
    say(&mut client, json!({"type": "CloseStream"})).await;
    assert_eq!(json(&mut client).await["event"], "Update");
    assert!(matches!(next(&mut client).await, Some(Ok(Message::Close(None)))));
    assert!(next(&mut client).await.is_none(), "and the connection ends");
    let counts = fakes.log().until(|counts| counts.flux.ended == 1).await.flux;
    assert_eq!((counts.opened, counts.turns, counts.turn_ends, counts.eager_ends), (1, 1, 1, 1));
    assert_eq!(counts.audio_samples, 2_800 * 16);
}

#[tokio::test]
async fn refusals_have_the_vendors_status_headers_and_body() {
    let refuse = Fault::Refuse { status: 429, retry_after_ms: Some(1_500), body: None };
    let fakes = fakes(says([]), FaultRule::new(Service::Flux, refuse).on(3)).await;
    for (query, key, status, body_key) in [
        ("model=nova-3", "Token secret", 400, "description"),
        (QUERY, "Token wrong", 401, "err_msg"),
        (QUERY, "Token secret", 429, "err_msg"),
    ] {
        let Err(Error::Http(response)) = connect(&fakes, query, key).await else { panic!("refused with {status}") };
        assert_eq!(response.status().as_u16(), status);
        assert!(response.headers().contains_key("dg-request-id") && response.headers().contains_key("dg-error"));
        assert_eq!(response.headers().contains_key("retry-after"), status == 429);
        let body: Value = serde_json::from_slice(response.body().as_deref().unwrap()).unwrap();
        assert!(body[body_key].is_string(), "{body}");
    }
    assert_eq!(fakes.log().counts().refused, 3);
}

#[tokio::test]
async fn a_key_may_come_as_a_subprotocol_and_its_scheme_is_echoed() {
    let fakes = fakes(says([]), FaultScript::default()).await;
    let mut request = format!("ws://{}/v2/listen?{QUERY}", fakes.address()).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "bearer, secret".parse().unwrap());
    let (_, response) = connect_async(request).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "bearer");
}

#[tokio::test]
async fn what_is_not_understood_is_an_error_and_a_close() {
    let fake = FluxFake { knows_force_end: false, ..says([]) };
    let fakes = fakes(fake, FaultScript::default()).await;
    for text in [r#"{"type":"KeepAlive"}"#, r#"{"type":"Finalize"}"#, r#"{"type":"ForceEndTurn"}"#, "hello"] {
        let mut client = connect(&fakes, QUERY, "Token secret").await.unwrap();
        client.send(Message::text(text)).await.unwrap();
        assert_eq!(until_type(&mut client, "Error").await["code"], "UNPARSABLE_CLIENT_MESSAGE", "{text}");
        assert!(matches!(next(&mut client).await, Some(Ok(Message::Close(None)))));
    }
}

#[tokio::test]
async fn a_configure_is_answered_as_told() {
    let change = json!({"type": "Configure", "thresholds": {"eot_timeout_ms": 900}, "keyterms": ["Wexford"]});
    for (answer, kind, has_code) in [
        (ConfigureAnswer::Judged, "ConfigureSuccess", false),
        (ConfigureAnswer::Late { ms: 20 }, "ConfigureSuccess", false),
        (ConfigureAnswer::Fails, "ConfigureFailure", true),
        (ConfigureAnswer::FailsSilently, "ConfigureFailure", false),
    ] {
        let fakes = fakes(FluxFake { configure: answer, ..says([]) }, FaultScript::default()).await;
        let mut client = connect(&fakes, QUERY, "Token secret").await.unwrap();
        say(&mut client, change.clone()).await;
        assert_eq!(json(&mut client).await["type"], "Connected");
        let answered = json(&mut client).await;
        assert_eq!((&answered["type"], answered.get("code").is_some()), (&json!(kind), has_code), "{answered}");
        if kind == "ConfigureSuccess" {
            assert_eq!(answered["thresholds"]["eot_timeout_ms"], 900);
            assert_eq!(answered["keyterms"], json!(["Wexford"]));
        }
    }
}

#[tokio::test]
async fn faults_between_messages_are_seen_by_the_client() {
    let rules = [
        FaultRule::new(Service::Flux, Fault::Close { code: Some(1011), reason: "NET-0000".into() })
            .on(1)
            .after_messages(2),
        FaultRule::new(Service::Flux, Fault::Reset).on(2).after_messages(2),
        FaultRule::new(Service::Flux, Fault::ErrorMessage).on(3).after_messages(2),
        FaultRule::new(Service::Flux, Fault::NeverGreet).on(4),
        FaultRule::new(Service::Flux, Fault::Malformed).on(5),
        FaultRule::new(Service::Flux, Fault::UnknownType).on(6),
        FaultRule::new(Service::Flux, Fault::OutOfOrder).on(7),
    ];
    let fakes = fakes(says([]), FaultScript::new(rules)).await;
    let mut firsts = Vec::new();
    for visit in 1..=7 {
        let mut client = connect(&fakes, QUERY, "Token secret").await.unwrap();
        // A reset may come while this is sent.
        let silence = Message::binary(vec![0; 16_000 * 2]);
        let _ = client.send(silence).await;
        let mut messages = Vec::new();
        for _ in 0..3 {
            messages.push(match next(&mut client).await {
                Some(Ok(Message::Text(text))) => match serde_json::from_str::<Value>(text.as_str()) {
                    Ok(json) => json["type"].as_str().unwrap().to_owned(),
                    Err(_) => "malformed".into(),
                },
                Some(Ok(Message::Close(Some(frame)))) => {
                    assert_eq!((frame.code, frame.reason.as_str()), (CloseCode::Error, "NET-0000"));
                    "close".into()
                }
                Some(Err(_)) => "reset".into(),
                other => panic!("visit {visit}: {other:?} after {messages:?}"),
            });
        }
        firsts.push(messages.join(" "));
    }
    let expected = [
        "Connected TurnInfo close",
        "Connected TurnInfo reset",
        "Connected TurnInfo Error",
        "TurnInfo TurnInfo TurnInfo",
        "malformed Connected TurnInfo",
        "Unheard Connected TurnInfo",
        "TurnInfo Connected TurnInfo",
    ];
    assert_eq!(firsts, expected);
    assert_eq!(fakes.log().counts().faults, 7);
}

#[tokio::test]
async fn split_fragmented_and_cut_messages_are_the_same_messages() {
    let rules = [
        FaultRule::new(Service::Flux, Fault::SplitWrites { bytes: 3 }).on(1),
        FaultRule::new(Service::Flux, Fault::Fragment).on(2).times(u64::MAX),
        FaultRule::new(Service::Flux, Fault::CutUtf8).on(3).times(u64::MAX),
    ];
    let fakes = fakes(says([FakeTurn::new("Grüße aus Köln.")]), FaultScript::new(rules)).await;
    for visit in 1..=3 {
        let mut client = connect(&fakes, QUERY, "Token secret").await.unwrap();
        speak(&mut client, 3_000, 800).await;
        speak(&mut client, 0, 800).await;
        assert_eq!(until_event(&mut client, "EndOfTurn").await["transcript"], "Grüße aus Köln.", "visit {visit}");
    }
}

#[tokio::test]
async fn dropping_the_fakes_ends_every_connection() {
    let fakes = fakes(says([]), FaultScript::default()).await;
    let mut client = connect(&fakes, QUERY, "Token secret").await.unwrap();
    json(&mut client).await;
    drop(fakes);
    assert!(matches!(next(&mut client).await, None | Some(Err(_))));
}

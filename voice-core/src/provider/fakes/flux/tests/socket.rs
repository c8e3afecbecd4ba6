//! The whole service over a real socket.

use super::*;
use crate::provider::fakes::ConfigureAnswer;
use crate::provider::fakes::{Ear, Fakes, FakesConfig, Fault, FaultRule, FaultScript, Service};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

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

//! Results from audio alone, and the whole service over a real socket.

use super::query::Settings;
use super::segments::{Kind, Segments, Told};
use super::{Closing, FinalizeAnswer, NovaFake, SpeechStarts};
use crate::provider::fakes::ear::joined;
use crate::provider::fakes::{ConfigureAnswer, Ear, FakeTurn, Fakes, FakesConfig};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const TEXT: &str = "Yes, that works.";
const LONG: &str = "I would like to book a table for four people on Tuesday evening at half past seven please.";

fn says(texts: &[&str]) -> NovaFake {
    NovaFake { ear: Ear::Script(texts.iter().copied().map(FakeTurn::new).collect()), ..NovaFake::default() }
}

fn settings() -> Settings {
    Settings {
        is_nova3: true,
        is_multilingual: false,
        gives_interims: true,
        tells_speech_started: true,
        endpointing_ms: Some(300),
        utterance_end_ms: Some(1_000),
    }
}

fn segments(fake: &NovaFake, settings: Settings) -> Segments {
    Segments::new(fake, 16_000, settings, 3)
}

fn sound(level: i16, ms: usize) -> Vec<i16> {
    (0..ms * 16).map(|n| if n % 2 == 0 { level } else { -level }).collect()
}

/// Quiet and loud stretches in turn, quiet first.
fn play(segments: &mut Segments, stretches_ms: &[usize]) -> Vec<Told> {
    let levels = [0, 3_000].into_iter().cycle();
    stretches_ms.iter().zip(levels).flat_map(|(ms, level)| segments.audio(&sound(level, *ms))).collect()
}

/// Interims left out: a letter for what it is and the words.
fn brief(told: &[Told]) -> Vec<String> {
    let brief = |told: &Told| match told {
        Told::SpeechStarted { at_ms } => Some(format!("started {at_ms}")),
        Told::UtteranceEnd { .. } => Some("utterance end".into()),
        Told::Results(results) => match results.kind {
            Kind::Interim => None,
            kind => Some(format!("{kind:?}: {}", joined(&results.words))),
        },
    };
    told.iter().filter_map(brief).collect()
}

#[test]
fn an_utterance_starts_grows_ends_and_is_over() {
    let mut segments = segments(&says(&[TEXT]), settings());
    let told = play(&mut segments, &[400, 1_200, 1_400]);
    let expected = ["started 400", "SpeechFinal: Yes, that works.", "utterance end"];
    assert_eq!(brief(&told), expected);
    let interims: Vec<String> = told
        .iter()
        .filter_map(|told| match told {
            Told::Results(results) if results.kind == Kind::Interim => Some(joined(&results.words)),
            _ => None,
        })
        .collect();
    assert!(interims[0].starts_with("Yes"), "{interims:?}");
    assert_eq!(interims.last().map(String::as_str), Some(""), "empty in silence");
}

#[test]
fn long_speech_is_final_in_parts_that_repeat_no_word() {
    let mut segments = segments(&says(&[LONG]), settings());
    let told = play(&mut segments, &[0, 6_000, 600]);
    let finals = brief(&told);
    assert!(finals.len() >= 3 && finals[1].starts_with("Final: I would"), "{finals:?}");
    let words: Vec<&str> = finals.iter().filter_map(|text| text.split_once("inal: ").map(|(_, words)| words)).collect();
    assert_eq!(words.join(" "), LONG);
    let windows: Vec<(u64, u64)> = told
        .iter()
        .filter_map(|told| match told {
            Told::Results(results) if results.kind != Kind::Interim => Some(results.window_ms),
            _ => None,
        })
        .collect();
    assert!(windows.windows(2).all(|pair| pair[0].1 == pair[1].0), "each begins where the one before ended");
}

#[test]
fn a_finalize_is_answered_as_told() {
    let quiet = |answer| {
        let mut segments = segments(&NovaFake { finalize: answer, ..says(&[TEXT, "No."]) }, settings());
        let before = play(&mut segments, &[0, 1_200, 200]);
        let answered = segments.finalize();
        let later = segments.audio(&sound(0, 1_000));
        let next = play(&mut segments, &[0, 400, 400]);
        [before, answered, later, next].map(|told| brief(&told).join(", "))
    };
    let (started, next) = ("started 0", "started 2400, SpeechFinal: No.");
    let words = "FromFinalize: Yes, that works.";
    let over = "utterance end";
    assert_eq!(quiet(FinalizeAnswer::Words), [started, words, over, next]);
    assert_eq!(quiet(FinalizeAnswer::Empty), [started, "Final: Yes, that works., FromFinalize: ", over, next]);
    let endpoint = format!("SpeechFinal: Yes, that works., {over}");
    assert_eq!(quiet(FinalizeAnswer::Silent), [started, "", &endpoint, next]);
    let late = format!("SpeechFinal: Yes, that works., FromFinalize: , {over}");
    assert_eq!(quiet(FinalizeAnswer::Late { ms: 600 }), [started, "", &late, next]);
}

#[test]
fn a_finalize_in_mid_speech_takes_what_is_there_and_the_rest_follows() {
    let mut segments = segments(&says(&[TEXT]), settings());
    play(&mut segments, &[0, 700]);
    assert_eq!(brief(&segments.finalize()), ["FromFinalize: Yes, that"]);
    assert_eq!(brief(&play(&mut segments, &[0, 600, 400])), ["SpeechFinal: works."]);
}

#[test]
fn a_finalize_of_silence_is_empty() {
    let mut segments = segments(&says(&[TEXT]), settings());
    play(&mut segments, &[500]);
    assert_eq!(brief(&segments.finalize()), ["FromFinalize: "]);
}

#[test]
fn the_start_of_speech_can_be_missing_doubled_or_late() {
    for (starts, expected) in [
        (SpeechStarts::Missing, vec!["SpeechFinal: Yes, that works."]),
        (SpeechStarts::Doubled, vec!["started 80", "started 80", "SpeechFinal: Yes, that works."]),
        (SpeechStarts::Late, vec!["SpeechFinal: Yes, that works.", "started 80"]),
    ] {
        let mut segments = segments(&NovaFake { speech_starts: starts, ..says(&[TEXT]) }, settings());
        assert_eq!(brief(&play(&mut segments, &[80, 600, 400])), expected, "{starts:?}");
    }
}

#[test]
fn a_blip_has_no_words_and_long_silence_gives_an_empty_end() {
    let mut segments = segments(&says(&[TEXT]), settings());
    let told = play(&mut segments, &[400, 80, 5_000]);
    assert_eq!(brief(&told), ["SpeechFinal: "]);
}

#[test]
fn without_an_endpoint_the_words_come_in_a_final_that_ends_nothing() {
    let off = Settings { endpointing_ms: None, ..settings() };
    let mut segments = segments(&says(&[TEXT]), off);
    assert_eq!(
        brief(&play(&mut segments, &[0, 600, 2_600])),
        ["started 0", "utterance end", "Final: Yes, that works."]
    );
}

#[test]
fn the_end_of_a_stream_gives_the_words_that_are_open_and_finals_can_repeat() {
    let mut segments = segments(&NovaFake { repeats_finals: true, ..says(&[TEXT]) }, settings());
    play(&mut segments, &[0, 600]);
    assert_eq!(brief(&segments.end()), ["Final: Yes, that", "Final: Yes, that"]);
}

// From here on over a socket.

const QUERY: &str =
    "model=nova-3&encoding=linear16&sample_rate=16000&interim_results=true&vad_events=true&endpointing=300";

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn fakes(nova: NovaFake) -> Fakes {
    Fakes::start(FakesConfig { nova, ..FakesConfig::default() }).await.unwrap()
}

async fn connect(fakes: &Fakes) -> Client {
    connect_async(format!("ws://{}/v1/listen?{QUERY}", fakes.address())).await.unwrap().0
}

/// The next message: its type with what matters of it, or the close code.
async fn next(client: &mut Client) -> String {
    let message = tokio::time::timeout(Duration::from_secs(10), client.next()).await.expect("within ten seconds");
    match message {
        Some(Ok(Message::Text(text))) => {
            let json: Value = serde_json::from_str(text.as_str()).unwrap();
            let transcript = json["channel"]["alternatives"][0]["transcript"].as_str().unwrap_or_default();
            format!("{} {transcript}", json["type"].as_str().unwrap())
        }
        Some(Ok(Message::Close(Some(frame)))) => format!("{} {}", u16::from(frame.code), frame.reason),
        other => format!("{other:?}"),
    }
}

async fn speak(client: &mut Client, level: i16, ms: usize) {
    for chunk in sound(level, ms).chunks(1_600) {
        let bytes: Vec<u8> = chunk.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        client.send(Message::binary(bytes)).await.unwrap();
    }
}

async fn say(client: &mut Client, text: Value) {
    client.send(Message::text(text.to_string())).await.unwrap();
}

#[tokio::test]
async fn a_conversation_over_a_socket() {
    let fakes = fakes(says(&[TEXT, "Goodbye."])).await;
    let mut client = connect(&fakes).await;
    speak(&mut client, 3_000, 600).await;
    speak(&mut client, 0, 400).await;
    assert_eq!(next(&mut client).await, "SpeechStarted ");
    assert_eq!(next(&mut client).await, "Results Yes, that works.");
    say(&mut client, json!({"type": "Nope"})).await;
    assert_eq!(next(&mut client).await, "Error ");
    speak(&mut client, 3_000, 400).await;
    say(&mut client, json!({"type": "CloseStream"})).await;
    assert_eq!(next(&mut client).await, "SpeechStarted ");
    assert_eq!(next(&mut client).await, "Results Goodbye.");
    assert_eq!(next(&mut client).await, "Metadata ");
    assert_eq!(next(&mut client).await, "1000 ");
    assert_eq!(next(&mut client).await, "None");
    let counts = fakes.log().until(|counts| counts.nova.ended == 1).await.nova;
    assert_eq!((counts.opened, counts.turns, counts.turn_ends, counts.audio_samples), (1, 2, 2, 1_400 * 16));
}

#[tokio::test]
async fn a_client_that_sends_nothing_is_closed_with_the_long_reason() {
    let fakes = fakes(NovaFake { inactivity_ms: 50, ..says(&[]) }).await;
    let mut client = connect(&fakes).await;
    // No audio yet: this does not count.
    say(&mut client, json!({"type": "KeepAlive"})).await;
    assert_eq!(next(&mut client).await, "Metadata ");
    let close = next(&mut client).await;
    assert!(close.starts_with("1011 ") && close.contains("net0001"), "{close}");
}

#[tokio::test]
async fn an_empty_frame_ends_the_stream() {
    let fakes = fakes(says(&[TEXT])).await;
    let mut client = connect(&fakes).await;
    client.send(Message::binary(Vec::new())).await.unwrap();
    let all = [next(&mut client).await, next(&mut client).await, next(&mut client).await];
    assert_eq!(all, ["Results ", "Metadata ", "1000 "]);
}

#[tokio::test]
async fn a_service_may_not_close_and_may_fall_silent_over_a_configure() {
    let fakes = fakes(NovaFake { closes: Closing::Stays, inactivity_ms: 1_000, ..says(&[]) }).await;
    let mut client = connect(&fakes).await;
    say(&mut client, json!({"type": "CloseStream"})).await;
    assert_eq!(next(&mut client).await, "Results ");
    assert_eq!(next(&mut client).await, "Metadata ", "only because nothing was sent");

    let never = NovaFake { configure: ConfigureAnswer::Never, inactivity_ms: 1_000, ..says(&[]) };
    let fakes = self::fakes(never).await;
    let mut client = connect(&fakes).await;
    say(&mut client, json!({"type": "Configure", "keyterms": ["a"]})).await;
    assert!(next(&mut client).await.starts_with("1011 NET-0000"));
}

#[tokio::test]
async fn a_configure_is_answered_as_told() {
    let change = json!({"type": "Configure", "keyterms": ["Wexford"], "features": {"numerals": true}});
    let too_many = json!({"type": "Configure", "keyterms": vec!["two words"; 251]});
    for (answer, message, kind) in [
        (ConfigureAnswer::Judged, &change, "ConfigureSuccess "),
        (ConfigureAnswer::Late { ms: 10 }, &change, "ConfigureSuccess "),
        (ConfigureAnswer::Judged, &too_many, "ConfigureFailure "),
        (ConfigureAnswer::Fails, &change, "ConfigureFailure "),
    ] {
        let fakes = fakes(NovaFake { configure: answer, ..says(&[]) }).await;
        let mut client = connect(&fakes).await;
        say(&mut client, message.clone()).await;
        assert_eq!(next(&mut client).await, kind, "{answer:?}");
    }
}

#[tokio::test]
async fn a_wrong_query_is_refused() {
    let fakes = fakes(says(&[])).await;
    let url = format!("ws://{}/v1/listen?model=nova-3", fakes.address());
    let Err(Error::Http(response)) = connect_async(url).await else { panic!("refused") };
    assert_eq!(response.status().as_u16(), 400);
    let body: Value = serde_json::from_slice(response.body().as_deref().unwrap()).unwrap();
    assert!(body["err_msg"].as_str().unwrap().contains("encoding"), "{body}");
}

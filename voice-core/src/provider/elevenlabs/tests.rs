//! Sessions against a scripted vendor on a real socket.

use super::{ElevenLabsConfig, ElevenLabsFormat, ElevenLabsTts};
use crate::provider::ApiKey;
use crate::provider::contexts::scripted_server::{Peer, ScriptedServer, base64, heard, next, rest, within, words};
use crate::stage::{Fault, StageError, Tts, TtsEvent, TtsReply, TtsSession};
use crate::units::{ReplyId, SampleRate};
use serde_json::{Value, json};
use std::time::Duration;

/// Deadlines that no test is to reach, unless it says so.
fn config() -> ElevenLabsConfig {
    ElevenLabsConfig {
        key: Some(ApiKey::new("sk-1", "ELEVENLABS_API_KEY")),
        voice: "v1".into(),
        format: ElevenLabsFormat::Pcm8000,
        first_audio_ms: 9_000,
        stall_ms: 9_000,
        quiet_ms: 9_000,
        keep_alive_ms: 60_000,
        ..ElevenLabsConfig::default()
    }
}

async fn call(config: ElevenLabsConfig) -> (Box<dyn TtsSession>, Peer) {
    let server = ScriptedServer::start().await;
    let tts = ElevenLabsTts::new(ElevenLabsConfig { url: server.url(), ..config }).expect("a configuration");
    let (session, peer) = within(async { tokio::join!(tts.open(), server.accept()) }).await;
    (session.expect("a session"), peer)
}

/// A reply with one clause, and the context it is spoken in.
async fn speaking(session: &mut dyn TtsSession, peer: &mut Peer, id: u32, clause: &str) -> (TtsReply, String) {
    let mut reply = session.begin(ReplyId(id)).expect("a reply");
    reply.feed.speak(clause).expect("taken");
    let (open, text) = (peer.hear().await, peer.hear().await);
    assert_eq!((&open["text"], &text["flush"]), (&json!(" "), &json!(true)));
    (reply, context_of(&text))
}

fn context_of(message: &Value) -> String {
    message["context_id"].as_str().expect("a context").to_owned()
}

fn output(context: &str, data: &[u8]) -> Value {
    json!({"audio": base64(data), "contextId": context, "isFinal": null, "alignment": null})
}

fn aligned(context: &str, data: &[u8], text: &str) -> Value {
    let chars: Vec<String> = text.chars().map(String::from).collect();
    let starts: Vec<usize> = (0..chars.len()).map(|at| at * 10).collect();
    let alignment = json!({"chars": chars, "charStartTimesMs": starts, "charDurationsMs": vec![10; starts.len()]});
    json!({"audio": base64(data), "context_id": context, "alignment": alignment})
}

fn last(context: &str) -> Value {
    json!({"contextId": context, "isFinal": true})
}

fn audio(data: &[u8]) -> Option<Result<TtsEvent, StageError>> {
    Some(Ok(TtsEvent::Audio(data.to_vec().into())))
}

const DONE: Option<Result<TtsEvent, StageError>> = Some(Ok(TtsEvent::Done));

#[tokio::test]
async fn a_socket_is_opened_for_its_voice_with_the_key_in_a_header() {
    let (session, peer) =
        call(ElevenLabsConfig { voice: "a/b?".into(), language: Some("de".into()), ..config() }).await;
    let (path, query) = peer.target.split_once('?').expect("a query");
    assert_eq!(path, "/v1/text-to-speech/a%2Fb%3F/multi-stream-input");
    for part in [
        "model_id=eleven_flash_v2_5",
        "output_format=pcm_8000",
        "inactivity_timeout=180",
        "auto_mode=true",
        "language_code=de",
    ] {
        assert!(query.split('&').any(|pair| pair == part), "{part} in {query}");
    }
    assert!(peer.headers["xi-api-key"] == "sk-1" && !query.contains("sk-1"));
    assert_eq!(session.sample_rate(), SampleRate::Hz8000);
}

#[tokio::test]
async fn clauses_are_spoken_at_once_and_the_reply_ends_with_its_context() {
    let (mut session, mut peer) = call(config()).await;
    let (mut reply, context) = speaking(&mut *session, &mut peer, 1, "One moment, ").await;
    reply.feed.speak("please.").expect("taken");
    reply.feed.finish();
    assert_eq!(peer.hear().await, json!({"context_id": context, "text": "please. ", "flush": true}));
    assert_eq!(peer.hear().await, json!({"context_id": context, "close_context": true}));
    peer.say(output(&context, &[1, 0])).await;
    peer.say(json!({"audio": "", "contextId": context})).await;
    peer.say(output(&context, &[2, 0])).await;
    peer.say(last(&context)).await;
    let events = rest(&mut reply).await;
    assert_eq!(heard(&events), [1, 0, 2, 0]);
    assert_eq!(events[2..], [Ok(TtsEvent::ClauseEnd { clauses: 2 }), Ok(TtsEvent::Done)]);
}

#[tokio::test]
async fn settings_go_with_the_first_message_of_each_context_only() {
    let (mut session, mut peer) = call(ElevenLabsConfig { speed: Some(1.1), ..config() }).await;
    for id in 1..3 {
        let mut reply = session.begin(ReplyId(id)).expect("a reply");
        reply.feed.speak("One. ").expect("taken");
        reply.feed.speak("Two. ").expect("taken");
        let messages = [peer.hear().await, peer.hear().await, peer.hear().await];
        let with = messages.each_ref().map(|message| message.get("voice_settings").is_some());
        assert_eq!(with, [true, false, false]);
        drop(reply);
        peer.hear().await;
    }
}

#[tokio::test]
async fn contexts_are_interleaved_and_never_mixed() {
    let (mut session, mut peer) = call(config()).await;
    let (mut first, a) = speaking(&mut *session, &mut peer, 1, "One. ").await;
    let (mut second, b) = speaking(&mut *session, &mut peer, 2, "Two. ").await;
    first.feed.finish();
    second.feed.finish();
    for round in 0..20 {
        // Samples are split between messages.
        peer.say(output(&a, &[1])).await;
        peer.say(output(&b, &[2, round, 2])).await;
        peer.say(output(&a, &[round])).await;
        peer.say(output(&b, &[round])).await;
    }
    peer.say(last(&b)).await;
    peer.say(last(&a)).await;
    let expected = |id: u8, times: usize| (0..20).flat_map(|round| [id, round].repeat(times)).collect::<Vec<u8>>();
    assert_eq!(heard(&rest(&mut second).await), expected(2, 2));
    assert_eq!(heard(&rest(&mut first).await), expected(1, 1));
}

#[tokio::test]
async fn words_are_timed_by_the_audio_before_their_message() {
    let (mut session, mut peer) = call(config()).await;
    let (mut reply, context) = speaking(&mut *session, &mut peer, 1, "One moment. ").await;
    reply.feed.finish();
    peer.say(aligned(&context, &[0; 1_600], "One mo")).await;
    peer.say(aligned(&context, &[0; 1_600], "ment.")).await;
    peer.say(last(&context)).await;
    assert_eq!(words(&rest(&mut reply).await), [("One".into(), 0, 240), ("moment.".into(), 320, 1_200)]);
}

#[tokio::test]
async fn after_a_cancel_nothing_of_the_context_is_heard_and_the_next_reply_is_whole() {
    let (mut session, mut peer) = call(config()).await;
    let (mut reply, old) = speaking(&mut *session, &mut peer, 1, "One. ").await;
    peer.say(output(&old, &[1, 0])).await;
    assert_eq!(next(&mut reply).await, audio(&[1, 0]));
    reply.feed.cancel();
    assert_eq!(peer.hear().await, json!({"context_id": old, "close_context": true}));
    peer.say(output(&old, &[1, 1])).await;
    let (mut new_reply, new) = speaking(&mut *session, &mut peer, 1, "Two. ").await;
    assert_ne!(old, new, "the same reply, said again");
    new_reply.feed.finish();
    peer.say(output(&new, &[2, 0])).await;
    for late in [aligned(&old, &[1, 2], "One."), last(&old), json!({"error": "x", "context_id": old})] {
        peer.say(late).await;
    }
    peer.say(output(&new, &[2, 1])).await;
    peer.say(last(&new)).await;
    assert_eq!(next(&mut reply).await, None);
    let events = rest(&mut new_reply).await;
    assert_eq!((heard(&events), words(&events)), (vec![2, 0, 2, 1], vec![]));
    assert_eq!(events.last(), DONE.as_ref());
}

#[tokio::test]
async fn a_missing_end_is_made_up_for_by_quiet() {
    let (mut session, mut peer) = call(ElevenLabsConfig { quiet_ms: 40, ..config() }).await;
    let (mut reply, context) = speaking(&mut *session, &mut peer, 1, "One. ").await;
    reply.feed.finish();
    peer.say(aligned(&context, &[1, 0], "One.")).await;
    let events = rest(&mut reply).await;
    assert_eq!((heard(&events), words(&events)), (vec![1, 0], vec![("One.".to_owned(), 0, 320)]));
    assert_eq!(events.last(), DONE.as_ref());
}

#[tokio::test]
async fn silence_of_the_vendor_is_noticed_before_the_first_audio_and_after() {
    let stalled = |ms| Some(Err(StageError::Stalled { engine: "ElevenLabs", waited: Duration::from_millis(ms) }));
    let (mut session, mut peer) = call(ElevenLabsConfig { first_audio_ms: 60, ..config() }).await;
    let (mut reply, context) = speaking(&mut *session, &mut peer, 1, "One. ").await;
    assert_eq!(next(&mut reply).await, stalled(60));
    assert_eq!(peer.hear().await, json!({"context_id": context, "close_context": true}));
    let (mut session, mut peer) = call(ElevenLabsConfig { stall_ms: 50, quiet_ms: 10, ..config() }).await;
    let (mut reply, context) = speaking(&mut *session, &mut peer, 1, "One moment. ").await;
    reply.feed.finish();
    peer.say(aligned(&context, &[1, 0], "One")).await;
    assert_eq!((next(&mut reply).await, next(&mut reply).await), (audio(&[1, 0]), stalled(50)));
}

#[tokio::test]
async fn a_pause_after_the_last_clause_is_no_end_while_a_character_has_no_time() {
    for (clause, chunk) in [("One. ", None), ("Twelve. ", Some("Twelve"))] {
        let (mut session, mut peer) = call(ElevenLabsConfig { stall_ms: 60, quiet_ms: 10, ..config() }).await;
        let (mut reply, context) = speaking(&mut *session, &mut peer, 1, clause).await;
        reply.feed.finish();
        peer.say(chunk.map_or_else(|| output(&context, &[1, 0]), |text| aligned(&context, &[1, 0], text))).await;
        let end = rest(&mut reply).await.pop();
        assert!(matches!(end, Some(Err(StageError::Stalled { .. }))), "{clause}: {end:?}");
    }
}

#[tokio::test]
async fn signs_of_life_go_to_the_context_while_one_is_open_and_to_the_socket_before() {
    let (mut session, mut peer) = call(ElevenLabsConfig { keep_alive_ms: 40, ..config() }).await;
    assert_eq!(peer.hear().await, json!({"text": ""}));
    let mut reply = session.begin(ReplyId(1)).expect("a reply");
    reply.feed.speak("One. ").expect("taken");
    let context = loop {
        let message = peer.hear().await;
        if message["flush"] == json!(true) {
            break context_of(&message);
        }
    };
    peer.say(output(&context, &[1, 0])).await;
    assert_eq!(next(&mut reply).await, audio(&[1, 0]));
    let kept = async {
        loop {
            let message = peer.hear().await;
            if message.get("context_id").is_some() {
                return message;
            }
        }
    };
    tokio::select! {
        message = kept => assert_eq!(message, json!({"context_id": context, "text": ""})),
        event = next(&mut reply) => panic!("nothing was to come: {event:?}"),
    }
}

#[tokio::test]
async fn a_refused_key_is_told_to_the_reply_that_met_it_and_to_the_next() {
    let (mut session, mut peer) = call(config()).await;
    let (mut reply, _) = speaking(&mut *session, &mut peer, 1, "One. ").await;
    peer.say(json!({"error": "invalid_api_key", "code": 1008, "message": "Invalid API key sk-1"})).await;
    let end = next(&mut reply).await.expect("an end").expect_err("a failure");
    assert_eq!(end.fault(), Fault::Configuration);
    assert!(end.to_string().contains("ELEVENLABS_API_KEY") && !end.to_string().contains("sk-1"), "{end}");
    assert_eq!(session.begin(ReplyId(2)).err().map(|error| error.fault()), Some(Fault::Configuration));
}

#[tokio::test]
async fn a_timeout_while_nobody_speaks_is_the_end_of_the_session_and_no_error() {
    let (mut session, mut peer) = call(config()).await;
    let (mut reply, context) = speaking(&mut *session, &mut peer, 1, "One. ").await;
    reply.feed.finish();
    peer.say(output(&context, &[1, 0])).await;
    peer.say(last(&context)).await;
    peer.say(json!({"error": "input_timeout_exceeded", "code": 1008, "message": "no input for 20 s"})).await;
    peer.close(1008, "input_timeout_exceeded").await;
    assert_eq!(rest(&mut reply).await.last(), DONE.as_ref());
    assert_eq!(session.begin(ReplyId(2)).err(), Some(StageError::Ended { engine: "ElevenLabs" }));
}

#[tokio::test]
async fn a_close_with_a_reason_and_a_reset_tell_every_reply_once() {
    for closes in [true, false] {
        let (mut session, mut peer) = call(config()).await;
        let (mut first, _) = speaking(&mut *session, &mut peer, 1, "One. ").await;
        let (mut second, _) = speaking(&mut *session, &mut peer, 2, "Two. ").await;
        if closes {
            peer.close(1008, "quota_exceeded").await;
        } else {
            peer.reset();
        }
        for reply in [&mut first, &mut second] {
            let events = rest(reply).await;
            let fault = events[0].as_ref().expect_err("a failure").fault();
            assert_eq!((events.len(), fault), (1, if closes { Fault::Configuration } else { Fault::Engine }));
        }
    }
}

#[tokio::test]
async fn an_error_of_a_context_ends_its_reply_and_no_other() {
    let (mut session, mut peer) = call(config()).await;
    let (mut first, a) = speaking(&mut *session, &mut peer, 1, "One. ").await;
    let (mut second, b) = speaking(&mut *session, &mut peer, 2, "Two. ").await;
    peer.say(json!({"error": "too_many_concurrent_requests", "message": "wait", "contextId": a})).await;
    peer.say(json!({"type": "telemetry"})).await;
    peer.say(json!({"audio": "AAA="})).await;
    peer.say(output(&b, &[2, 0])).await;
    assert_eq!(next(&mut first).await.expect("an end").expect_err("a failure").fault(), Fault::Overload);
    assert_eq!(next(&mut second).await, audio(&[2, 0]));
}

#[tokio::test]
async fn a_context_that_ended_by_itself_between_clauses_is_followed_by_another() {
    let (mut session, mut peer) = call(config()).await;
    let (mut reply, a) = speaking(&mut *session, &mut peer, 1, "One. ").await;
    peer.say(output(&a, &[1, 0])).await;
    peer.say(last(&a)).await;
    peer.say(output(&a, &[9, 9])).await;
    let (mut marker, m) = speaking(&mut *session, &mut peer, 2, "Mark. ").await;
    peer.say(output(&m, &[5, 0])).await;
    assert_eq!(next(&mut marker).await, audio(&[5, 0]), "what was said before was taken");
    assert_eq!(next(&mut reply).await, audio(&[1, 0]));
    reply.feed.speak("Two. ").expect("taken");
    let (open, text) = (peer.hear().await, peer.hear().await);
    let b = context_of(&text);
    assert_eq!((&open["text"], a == b), (&json!(" "), false));
    reply.feed.finish();
    peer.say(aligned(&b, &[2, 0], "Two.")).await;
    peer.say(last(&b)).await;
    let events = rest(&mut reply).await;
    assert_eq!((heard(&events), words(&events)), (vec![2, 0], vec![("Two.".to_owned(), 1, 321)]));
}

#[tokio::test]
async fn a_reply_that_nobody_reads_delays_no_other_and_fails_at_its_bound() {
    let (mut session, mut peer) = call(ElevenLabsConfig { max_unread_ms: 2_000, ..config() }).await;
    let (mut slow, a) = speaking(&mut *session, &mut peer, 1, "One. ").await;
    let (mut quick, b) = speaking(&mut *session, &mut peer, 2, "Two. ").await;
    for _ in 0..5 {
        peer.say(output(&a, &[1; 8_000])).await;
    }
    peer.say(output(&b, &[2, 0])).await;
    assert_eq!(next(&mut quick).await, audio(&[2, 0]));
    assert_eq!(peer.hear().await, json!({"context_id": a, "close_context": true}));
    assert_eq!(rest(&mut slow).await.last(), Some(&Err(StageError::Full { engine: "ElevenLabs" })));
}

#[tokio::test]
async fn a_message_of_a_mebibyte_is_taken() {
    let (mut session, mut peer) = call(config()).await;
    let (mut reply, context) = speaking(&mut *session, &mut peer, 1, "One. ").await;
    let data = vec![7; 1 << 20];
    peer.say(output(&context, &data)).await;
    assert_eq!(next(&mut reply).await, audio(&data));
}

#[tokio::test]
async fn the_session_says_farewell() {
    let (mut session, mut peer) = call(config()).await;
    drop(session.begin(ReplyId(1)).expect("a reply"));
    drop(session);
    assert_eq!(peer.hear().await, json!({"close_socket": true}));
    assert_eq!(peer.heard().await, None);
}

#[tokio::test]
async fn the_check_speaks_a_word_or_says_what_is_wrong() {
    let server = ScriptedServer::start().await;
    let tts = ElevenLabsTts::new(ElevenLabsConfig { url: server.url(), ..config() }).expect("a configuration");
    for works in [true, false] {
        let vendor = async {
            let mut peer = server.accept().await;
            let context = context_of(&peer.hear().await);
            let answer = json!({"error": "voice_not_found", "message": "no such voice"});
            peer.say(if works { output(&context, &[1, 0]) } else { answer }).await;
            while peer.heard().await.is_some() {}
        };
        let (report, ()) = within(async { tokio::join!(tts.check(), vendor) }).await;
        match report {
            Ok(report) => assert!(works && report.detail.contains("ElevenLabs eleven_flash_v2_5"), "{report:?}"),
            Err(error) => assert!(!works && error.to_string().contains("`voice`"), "{error}"),
        }
    }
}

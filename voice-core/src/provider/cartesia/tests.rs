//! Sessions against a scripted vendor on a real socket.

use super::{CartesiaConfig, CartesiaTts};
use crate::provider::ApiKey;
use crate::provider::contexts::scripted_server::{Peer, ScriptedServer, base64, heard, next, rest, within, words};
use crate::stage::{Fault, StageError, Tts, TtsEvent, TtsReply, TtsSession};
use crate::units::{ReplyId, SampleRate};
use serde_json::{Value, json};
use std::time::Duration;

/// Deadlines that no test is to reach, unless it says so.
fn config() -> CartesiaConfig {
    CartesiaConfig {
        voice: "v1".into(),
        sample_rate: 8_000,
        first_audio_ms: 9_000,
        stall_ms: 9_000,
        context_idle_ms: 9_000,
        ..CartesiaConfig::default()
    }
}

async fn call(config: CartesiaConfig) -> (Box<dyn TtsSession>, Peer) {
    let server = ScriptedServer::start().await;
    let tts = CartesiaTts::new(CartesiaConfig { url: server.url(), ..config }).expect("a configuration");
    let (session, peer) = within(async { tokio::join!(tts.open(), server.accept()) }).await;
    (session.expect("a session"), peer)
}

/// A reply with one clause, and the context it is spoken in.
async fn speaking(session: &mut dyn TtsSession, peer: &mut Peer, id: u32, clause: &str) -> (TtsReply, String) {
    let mut reply = session.begin(ReplyId(id)).expect("a reply");
    reply.feed.speak(clause).expect("taken");
    let context = context_of(&peer.hear().await);
    (reply, context)
}

fn context_of(message: &Value) -> String {
    message["context_id"].as_str().expect("a context").to_owned()
}

fn chunk(context: &str, data: &[u8]) -> Value {
    json!({"type": "chunk", "context_id": context, "status_code": 206, "done": false, "step_time": 41.7, "data": base64(data)})
}

fn timestamps(context: &str, word: &str, start: f64, end: f64) -> Value {
    let times = json!({"words": [word], "start": [start], "end": [end]});
    json!({"type": "timestamps", "context_id": context, "done": false, "word_timestamps": times})
}

fn flush_done(context: &str, id: u64) -> Value {
    json!({"type": "flush_done", "context_id": context, "done": false, "flush_done": true, "flush_id": id})
}

fn done(context: &str) -> Value {
    json!({"type": "done", "context_id": context, "status_code": 206, "done": true})
}

fn error(context: &str, status: u16, code: &str, message: &str) -> Value {
    json!({"type": "error", "context_id": context, "done": true, "status_code": status, "error_code": code, "title": "No", "message": message})
}

fn audio(data: &[u8]) -> Option<Result<TtsEvent, StageError>> {
    Some(Ok(TtsEvent::Audio(data.to_vec().into())))
}

fn clause_end(clauses: u32) -> Option<Result<TtsEvent, StageError>> {
    Some(Ok(TtsEvent::ClauseEnd { clauses }))
}

const DONE: Option<Result<TtsEvent, StageError>> = Some(Ok(TtsEvent::Done));

#[tokio::test]
async fn a_socket_is_opened_with_the_key_and_version_in_its_headers() {
    let key = Some(ApiKey::new("sk-1", "CARTESIA_API_KEY"));
    let (session, peer) = call(CartesiaConfig { key, ..config() }).await;
    assert_eq!(peer.target, "/tts/websocket");
    assert_eq!((peer.headers["x-api-key"].as_str(), peer.headers["cartesia-version"].as_str()), ("sk-1", "2026-08-14"));
    assert_eq!(session.sample_rate(), SampleRate::Hz8000);
}

#[tokio::test]
async fn clauses_go_out_as_they_come_and_the_reply_ends_with_its_context() {
    let (mut session, mut peer) = call(config()).await;
    let (mut reply, context) = speaking(&mut *session, &mut peer, 1, "One moment, ").await;
    reply.feed.speak("please.").expect("taken");
    reply.feed.finish();
    let (second, end) = (peer.hear().await, peer.hear().await);
    assert_eq!((&second["transcript"], &second["continue"]), (&json!("please."), &json!(true)));
    assert_eq!((&end["transcript"], &end["continue"], context_of(&end)), (&json!(""), &json!(false), context.clone()));
    peer.say(chunk(&context, &[1, 0])).await;
    peer.say(flush_done(&context, 1)).await;
    peer.say(chunk(&context, &[2, 0])).await;
    assert_eq!(next(&mut reply).await, audio(&[1, 0]));
    assert_eq!(next(&mut reply).await, clause_end(1));
    assert_eq!(next(&mut reply).await, audio(&[2, 0]));
    peer.say(done(&context)).await;
    assert_eq!((next(&mut reply).await, next(&mut reply).await), (clause_end(2), DONE));
    assert_eq!(next(&mut reply).await, None);
    assert_eq!(reply.feed.speak("more"), Err(StageError::Ended { engine: "Cartesia" }));
}

#[tokio::test]
async fn contexts_are_interleaved_and_never_mixed() {
    let (mut session, mut peer) = call(config()).await;
    let (mut first, a) = speaking(&mut *session, &mut peer, 1, "One. ").await;
    let (mut second, b) = speaking(&mut *session, &mut peer, 2, "Two. ").await;
    assert_ne!(a, b);
    first.feed.finish();
    second.feed.finish();
    for round in 0..20 {
        peer.say(chunk(&a, &[1, round])).await;
        peer.say(chunk(&b, &[2, round])).await;
    }
    peer.say(done(&b)).await;
    peer.say(done(&a)).await;
    let expected = |id: u8| (0..20).flat_map(|round| [id, round]).collect::<Vec<u8>>();
    assert_eq!(heard(&rest(&mut second).await), expected(2));
    assert_eq!(heard(&rest(&mut first).await), expected(1));
}

#[tokio::test]
async fn odd_and_empty_chunks_are_joined_to_whole_samples() {
    let (mut session, mut peer) = call(config()).await;
    let (mut reply, context) = speaking(&mut *session, &mut peer, 1, "One. ").await;
    reply.feed.finish();
    for data in [&[1][..], &[], &[2, 3, 4, 5], &[6]] {
        peer.say(chunk(&context, data)).await;
    }
    peer.say(done(&context)).await;
    let events = rest(&mut reply).await;
    assert_eq!(heard(&events), [1, 2, 3, 4, 5, 6]);
    let whole = |event: &Result<TtsEvent, StageError>| !matches!(event, Ok(TtsEvent::Audio(pcm)) if pcm.len() % 2 != 0);
    assert!(events.iter().all(whole));
}

#[tokio::test]
async fn word_times_count_whether_they_come_before_or_after_their_audio() {
    let (mut session, mut peer) = call(config()).await;
    let (mut reply, context) = speaking(&mut *session, &mut peer, 1, "One two. ").await;
    reply.feed.finish();
    peer.say(timestamps(&context, "One", 0.0, 0.25)).await;
    peer.say(chunk(&context, &[0; 1_600])).await;
    peer.say(timestamps(&context, "<break time=\"1s\"/>", 0.25, 0.25)).await;
    peer.say(timestamps(&context, "two.", 0.5, 1.0)).await;
    peer.say(done(&context)).await;
    let expected = [("One".to_owned(), 0, 2_000), ("two.".to_owned(), 4_000, 8_000)];
    assert_eq!(words(&rest(&mut reply).await), expected);
}

#[tokio::test]
async fn after_a_cancel_nothing_of_the_context_is_heard_and_the_next_reply_is_whole() {
    let (mut session, mut peer) = call(config()).await;
    let (mut reply, old) = speaking(&mut *session, &mut peer, 1, "One. ").await;
    peer.say(chunk(&old, &[1, 0])).await;
    assert_eq!(next(&mut reply).await, audio(&[1, 0]));
    reply.feed.cancel();
    assert_eq!(peer.hear().await, json!({"context_id": old, "cancel": true}));
    peer.say(chunk(&old, &[1, 1])).await;
    peer.say(timestamps(&old, "One.", 0.0, 1.0)).await;
    let (mut new_reply, new) = speaking(&mut *session, &mut peer, 2, "Two. ").await;
    new_reply.feed.finish();
    peer.say(chunk(&new, &[2, 0])).await;
    for late in [chunk(&old, &[1, 2]), flush_done(&old, 1), done(&old), error(&old, 500, "x", "late")] {
        peer.say(late).await;
    }
    peer.say(chunk(&new, &[2, 1])).await;
    peer.say(done(&new)).await;
    assert_eq!(next(&mut reply).await, None);
    let events = rest(&mut new_reply).await;
    assert_eq!((heard(&events), words(&events)), (vec![2, 0, 2, 1], vec![]));
    assert_eq!(events.last(), DONE.as_ref());
}

#[tokio::test]
async fn dropping_a_reply_cancels_it_and_one_that_said_nothing_is_not_spoken_of() {
    let (mut session, mut peer) = call(config()).await;
    drop(session.begin(ReplyId(1)).expect("a reply"));
    let (reply, context) = speaking(&mut *session, &mut peer, 2, "Two. ").await;
    let TtsReply { feed, events } = reply;
    drop(events);
    assert_eq!(peer.hear().await, json!({"context_id": context, "cancel": true}));
    drop(feed);
    drop(session);
    assert_eq!(peer.heard().await, None, "the socket closes without another word");
}

#[tokio::test]
async fn a_context_that_ran_dry_is_followed_by_another_whose_times_go_on() {
    let (mut session, mut peer) = call(CartesiaConfig { context_idle_ms: 0, ..config() }).await;
    let (mut reply, a) = speaking(&mut *session, &mut peer, 1, "One. ").await;
    peer.say(chunk(&a, &[1, 0, 1, 1])).await;
    peer.say(flush_done(&a, 1)).await;
    assert_eq!((next(&mut reply).await, next(&mut reply).await), (audio(&[1, 0, 1, 1]), clause_end(1)));
    reply.feed.speak("Two. ").expect("taken");
    let message = peer.hear().await;
    let b = context_of(&message);
    assert_eq!((&message["transcript"], a == b), (&json!("Two. "), false));
    peer.say(error(&a, 400, "x", "context expired")).await;
    peer.say(timestamps(&b, "Two.", 0.0, 1.0)).await;
    peer.say(chunk(&b, &[2, 0])).await;
    peer.say(chunk(&a, &[9, 9])).await;
    peer.say(flush_done(&b, 1)).await;
    let word = TtsEvent::Word { text: "Two.".into(), start_samples: 2, end_samples: 8_002 };
    assert_eq!((next(&mut reply).await, next(&mut reply).await), (Some(Ok(word)), audio(&[2, 0])));
    assert_eq!(next(&mut reply).await, clause_end(2));
    reply.feed.finish();
    assert_eq!(next(&mut reply).await, DONE, "all is spoken and the context is forgotten: nobody is asked");
}

#[tokio::test]
async fn a_clause_that_met_a_forgotten_context_is_said_again_once() {
    let (mut session, mut peer) = call(config()).await;
    let (mut reply, a) = speaking(&mut *session, &mut peer, 1, "One. ").await;
    peer.say(chunk(&a, &[1, 0])).await;
    peer.say(flush_done(&a, 1)).await;
    assert_eq!((next(&mut reply).await, next(&mut reply).await), (audio(&[1, 0]), clause_end(1)));
    reply.feed.speak("Two. ").expect("taken");
    reply.feed.finish();
    let _ = (peer.hear().await, peer.hear().await);
    peer.say(error(&a, 400, "x", "context expired")).await;
    peer.say(error(&a, 400, "x", "context expired")).await;
    let (again, end) = (peer.hear().await, peer.hear().await);
    let b = context_of(&again);
    assert_eq!((&again["transcript"], &end["continue"], a == b), (&json!("Two. "), &json!(false), false));
    peer.say(chunk(&b, &[2, 0])).await;
    peer.say(done(&b)).await;
    assert_eq!(next(&mut reply).await, audio(&[2, 0]));
    assert_eq!((next(&mut reply).await, next(&mut reply).await), (clause_end(2), DONE));
}

#[tokio::test]
async fn a_clause_that_is_forgotten_twice_fails() {
    let (mut session, mut peer) = call(config()).await;
    let (mut reply, a) = speaking(&mut *session, &mut peer, 1, "One. ").await;
    peer.say(chunk(&a, &[1, 0])).await;
    peer.say(flush_done(&a, 1)).await;
    assert_eq!((next(&mut reply).await, next(&mut reply).await), (audio(&[1, 0]), clause_end(1)));
    reply.feed.speak("Two. ").expect("taken");
    peer.hear().await;
    peer.say(error(&a, 400, "x", "context expired")).await;
    let b = context_of(&peer.hear().await);
    peer.say(error(&b, 400, "x", "context expired")).await;
    let end = next(&mut reply).await.expect("an end").expect_err("a failure");
    assert!(end.to_string().contains("context expired"), "{end}");
}

#[tokio::test]
async fn a_vendor_without_marks_is_understood() {
    let (mut session, mut peer) = call(config()).await;
    let (mut reply, context) = speaking(&mut *session, &mut peer, 1, "One. ").await;
    peer.say(chunk(&context, &[1, 0])).await;
    assert_eq!(next(&mut reply).await, audio(&[1, 0]));
    reply.feed.speak("Two. ").expect("taken");
    reply.feed.finish();
    peer.say(chunk(&context, &[2, 0])).await;
    peer.say(done(&context)).await;
    assert_eq!(next(&mut reply).await, audio(&[2, 0]));
    assert_eq!((next(&mut reply).await, next(&mut reply).await), (clause_end(2), DONE));
}

#[tokio::test]
async fn no_clause_is_said_again_because_its_audio_has_the_id_of_the_first() {
    for max_buffer_delay_ms in [0, 3_000] {
        let (mut session, mut peer) = call(CartesiaConfig { max_buffer_delay_ms, ..config() }).await;
        let (mut reply, context) = speaking(&mut *session, &mut peer, 1, "One. ").await;
        reply.feed.speak("Two. ").expect("taken");
        reply.feed.speak("Three. ").expect("taken");
        reply.feed.finish();
        for sample in 1..=3 {
            let mut chunk = chunk(&context, &[sample, 0]);
            chunk["flush_id"] = json!(1);
            peer.say(chunk).await;
        }
        peer.say(done(&context)).await;
        assert_eq!(rest(&mut reply).await.last(), DONE.as_ref(), "{max_buffer_delay_ms}");
    }
}

#[tokio::test]
async fn errors_end_their_reply_and_no_other() {
    let (mut session, mut peer) = call(config()).await;
    type Shape<'a> = &'a dyn Fn(&str) -> Value;
    let shapes: [(Shape<'_>, Fault, &str); 5] = [
        (&|id| error(id, 429, "concurrency_limited", "plan limit"), Fault::Overload, "plan limit"),
        (&|id| error(id, 404, "model_not_found", "?"), Fault::Configuration, "`model`"),
        (&|id| error(id, 402, "quota_exceeded", "?"), Fault::Configuration, "credit"),
        (
            &|id| json!({"type": "error", "error": "Invalid voice: ?", "status_code": 404, "done": true, "context_id": id}),
            Fault::Configuration,
            "`voice`",
        ),
        (
            &|id| json!({"type": "error", "done": true, "error_code": null, "request_id": format!("0f:{id}:77")}),
            Fault::Engine,
            "error",
        ),
    ];
    let (mut other, other_context) = speaking(&mut *session, &mut peer, 1, "Go on. ").await;
    for (at, (shape, fault, says)) in (2..).zip(shapes) {
        let (mut reply, context) = speaking(&mut *session, &mut peer, at, "One. ").await;
        peer.say(shape(&context)).await;
        let end = next(&mut reply).await.expect("an end").expect_err("a failure");
        assert_eq!(end.fault(), fault, "{end}");
        assert!(end.to_string().contains(says), "{end}");
        assert_eq!(next(&mut reply).await, None);
    }
    peer.say(json!({"type": "telemetry"})).await;
    peer.say(json!({"type": "done"})).await;
    other.feed.finish();
    peer.say(chunk(&other_context, &[1, 0])).await;
    assert_eq!(next(&mut other).await, audio(&[1, 0]), "the socket stays");
}

#[tokio::test]
async fn an_error_without_an_address_is_for_the_only_reply() {
    let (mut session, mut peer) = call(config()).await;
    let (mut reply, _) = speaking(&mut *session, &mut peer, 1, "One. ").await;
    peer.say(json!({"type": "error", "done": true, "status_code": 500, "message": "broken"})).await;
    assert!(next(&mut reply).await.expect("an end").is_err());
}

#[tokio::test]
async fn an_idle_close_is_the_end_of_the_session_and_of_no_reply() {
    let (mut session, mut peer) = call(config()).await;
    let (mut reply, context) = speaking(&mut *session, &mut peer, 1, "One. ").await;
    reply.feed.finish();
    peer.say(done(&context)).await;
    let again = context_of_resaid(&mut peer).await;
    peer.say(chunk(&again, &[1, 0])).await;
    peer.say(done(&again)).await;
    peer.close(1000, "connection idle timeout").await;
    assert_eq!(rest(&mut reply).await.last(), DONE.as_ref());
    let ended = within(async {
        loop {
            match session.begin(ReplyId(2)) {
                Err(error) => return error,
                Ok(_) => tokio::task::yield_now().await,
            }
        }
    });
    assert_eq!(ended.await, StageError::Ended { engine: "Cartesia" });
}

/// Past what was already sent, the context in which a clause is said again.
async fn context_of_resaid(peer: &mut Peer) -> String {
    let end = peer.hear().await;
    assert_eq!(end["continue"], json!(false));
    let again = peer.hear().await;
    assert_eq!(again["continue"], json!(true));
    context_of(&again)
}

#[tokio::test]
async fn a_reset_tells_every_reply_once() {
    let (mut session, mut peer) = call(config()).await;
    let (mut first, a) = speaking(&mut *session, &mut peer, 1, "One. ").await;
    let (mut second, _) = speaking(&mut *session, &mut peer, 2, "Two. ").await;
    let mut silent = session.begin(ReplyId(3)).expect("a reply");
    peer.say(chunk(&a, &[1, 0])).await;
    assert_eq!(next(&mut first).await, audio(&[1, 0]));
    peer.reset();
    for reply in [&mut first, &mut second, &mut silent] {
        let events = rest(reply).await;
        assert!(events.len() == 1 && events[0].as_ref().is_err_and(StageError::is_retryable), "{events:?}");
        assert!(reply.feed.speak("more").is_err());
    }
    assert_eq!(session.begin(ReplyId(4)).err(), Some(StageError::Ended { engine: "Cartesia" }));
}

#[tokio::test]
async fn a_reply_that_nobody_reads_delays_no_other_and_fails_at_its_bound() {
    let (mut session, mut peer) = call(CartesiaConfig { max_unread_ms: 2_000, ..config() }).await;
    let (mut slow, a) = speaking(&mut *session, &mut peer, 1, "One. ").await;
    let (mut quick, b) = speaking(&mut *session, &mut peer, 2, "Two. ").await;
    for _ in 0..5 {
        peer.say(chunk(&a, &[1; 8_000])).await;
    }
    peer.say(chunk(&b, &[2, 0])).await;
    assert_eq!(next(&mut quick).await, audio(&[2, 0]));
    assert_eq!(peer.hear().await, json!({"context_id": a, "cancel": true}));
    let events = rest(&mut slow).await;
    assert_eq!(heard(&events).len(), 32_000, "what was taken is not lost");
    assert_eq!(events.last(), Some(&Err(StageError::Full { engine: "Cartesia" })));
}

#[tokio::test]
async fn a_clause_beyond_the_bound_is_refused_until_there_is_room() {
    let (mut session, mut peer) = call(CartesiaConfig { max_unread_ms: 2_000, ..config() }).await;
    let (mut reply, context) = speaking(&mut *session, &mut peer, 1, "A clause of a second. ").await;
    assert_eq!(reply.feed.speak("Another one. "), Err(StageError::Full { engine: "Cartesia" }));
    peer.say(chunk(&context, &[0; 16_000])).await;
    assert_eq!(next(&mut reply).await, audio(&[0; 16_000]));
    assert_eq!(reply.feed.speak("Another one. "), Ok(()));
    assert_eq!(peer.hear().await["transcript"], json!("Another one. "));
}

#[tokio::test]
async fn a_message_of_a_mebibyte_is_taken() {
    let (mut session, mut peer) = call(config()).await;
    let (mut reply, context) = speaking(&mut *session, &mut peer, 1, "One. ").await;
    let data = vec![7; 1 << 20];
    peer.say(chunk(&context, &data)).await;
    assert_eq!(next(&mut reply).await, audio(&data));
}

#[tokio::test]
async fn silence_of_the_vendor_is_noticed_before_the_first_audio_and_after() {
    let stalled = |ms| Some(Err(StageError::Stalled { engine: "Cartesia", waited: Duration::from_millis(ms) }));
    let (mut session, mut peer) = call(CartesiaConfig { first_audio_ms: 60, ..config() }).await;
    let (mut reply, a) = speaking(&mut *session, &mut peer, 1, "One. ").await;
    assert_eq!(next(&mut reply).await, stalled(60));
    assert_eq!(peer.hear().await, json!({"context_id": a, "cancel": true}));
    let (mut session, mut peer) = call(CartesiaConfig { stall_ms: 50, ..config() }).await;
    let (mut reply, b) = speaking(&mut *session, &mut peer, 1, "Two. ").await;
    reply.feed.finish();
    peer.say(chunk(&b, &[1, 0])).await;
    assert_eq!((next(&mut reply).await, next(&mut reply).await), (audio(&[1, 0]), stalled(50)));
}

#[tokio::test]
async fn a_slow_model_is_no_stall() {
    let (mut session, mut peer) = call(CartesiaConfig { first_audio_ms: 9_000, stall_ms: 30, ..config() }).await;
    let (mut reply, context) = speaking(&mut *session, &mut peer, 1, "One. ").await;
    peer.say(chunk(&context, &[1, 0])).await;
    peer.say(flush_done(&context, 1)).await;
    assert_eq!((next(&mut reply).await, next(&mut reply).await), (audio(&[1, 0]), clause_end(1)));
    let pause = tokio::time::timeout(Duration::from_millis(100), next(&mut reply));
    assert!(pause.await.is_err(), "nothing is owed");
}

#[tokio::test]
async fn a_context_that_ends_without_a_word_about_it_is_complete_when_all_was_spoken() {
    let (mut session, mut peer) = call(CartesiaConfig { first_audio_ms: 9_000, stall_ms: 30, ..config() }).await;
    let (mut reply, context) = speaking(&mut *session, &mut peer, 1, "One. ").await;
    peer.say(chunk(&context, &[1, 0])).await;
    peer.say(flush_done(&context, 1)).await;
    reply.feed.finish();
    assert_eq!((next(&mut reply).await, next(&mut reply).await), (audio(&[1, 0]), clause_end(1)));
    assert_eq!(next(&mut reply).await, DONE);
}

#[tokio::test]
async fn punctuation_alone_is_not_sent_by_itself() {
    let (mut session, mut peer) = call(config()).await;
    let mut reply = session.begin(ReplyId(1)).expect("a reply");
    reply.feed.speak("… ").expect("taken");
    reply.feed.speak("Well. ").expect("taken");
    reply.feed.finish();
    assert_eq!(peer.hear().await["transcript"], json!("… Well. "));
    let mut mute = session.begin(ReplyId(2)).expect("a reply");
    mute.feed.speak("—").expect("taken");
    mute.feed.finish();
    assert_eq!((next(&mut mute).await, next(&mut mute).await), (clause_end(1), DONE));
}

#[tokio::test]
async fn the_socket_is_kept_warm_and_closed_with_its_session() {
    let (session, mut peer) = call(CartesiaConfig { keep_alive_ms: 20, ..config() }).await;
    peer.hear_ping().await;
    drop(session);
    assert_eq!(peer.heard().await, None);
}

#[tokio::test]
async fn what_is_not_the_protocol_ends_the_session() {
    let (mut session, mut peer) = call(config()).await;
    let (mut reply, _) = speaking(&mut *session, &mut peer, 1, "One. ").await;
    peer.say_text("{".into()).await;
    let end = next(&mut reply).await.expect("an end").expect_err("a failure");
    assert!(end.to_string().contains("not its protocol") && end.is_retryable(), "{end}");
}

#[tokio::test]
async fn the_check_speaks_a_word() {
    let server = ScriptedServer::start().await;
    let tts = CartesiaTts::new(CartesiaConfig { url: server.url(), ..config() }).expect("a configuration");
    let vendor = async {
        let mut peer = server.accept().await;
        let context = context_of(&peer.hear().await);
        peer.say(chunk(&context, &[1, 0])).await;
        while peer.heard().await.is_some() {}
    };
    let (report, ()) = within(async { tokio::join!(tts.check(), vendor) }).await;
    let detail = report.expect("a report").detail;
    assert!(detail.contains("Cartesia sonic-3.5") && detail.contains("v1"), "{detail}");
}

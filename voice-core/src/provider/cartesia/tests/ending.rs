//! How replies and the session end: errors, silence, bounds, what is no protocol.

use super::*;

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

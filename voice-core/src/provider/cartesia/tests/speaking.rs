//! Replies as they are spoken: contexts, word times, cancels, what was forgotten.

use super::*;

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

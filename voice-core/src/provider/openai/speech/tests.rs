//! The voice against a server of raw TCP: requests in order, and what a real connection does to audio.

use super::config::SpeechConfig;
use super::tts::SpeechTts;
use super::wav::tests::wav_header;
use crate::provider::net::ApiKey;
use crate::provider::openai::test_server::{Peer, TestServer, both};
use crate::stage::{Fault, StageError, Tts, TtsEvent, TtsReply};
use crate::units::{ReplyId, SampleRate};
use futures::StreamExt;
use std::time::Duration;
use tokio::sync::oneshot;

const SECRET: &str = "sk-very-secret";
const PCM: &str = "audio/pcm";
const MODELS: &str = "{\"data\":[]}";

fn config(server: &TestServer) -> SpeechConfig {
    let key = ApiKey::new(SECRET, "OPENAI_API_KEY");
    SpeechConfig { url: server.url(), ..SpeechConfig::new(key, "gpt-voice", "coral") }
}

/// A reply of an open session with these clauses and no more.
async fn reply(server: &TestServer, config: SpeechConfig, clauses: &[&str]) -> TtsReply {
    let tts = SpeechTts::new(config).unwrap();
    let open = async { server.asked().await.answer("200 OK", "connection: close\r\n", MODELS).await };
    let (_, session) = both(open, tts.open()).await;
    let mut reply = session.unwrap().begin(ReplyId(1)).unwrap();
    for clause in clauses {
        reply.feed.speak(clause).unwrap();
    }
    reply.feed.finish();
    reply
}

async fn all(reply: TtsReply) -> Vec<Result<TtsEvent, StageError>> {
    reply.events.collect().await
}

/// Audio joined to one item, as its cuts mean nothing.
fn joined(events: Vec<Result<TtsEvent, StageError>>) -> Vec<Result<TtsEvent, StageError>> {
    let mut joined: Vec<Result<TtsEvent, StageError>> = Vec::new();
    for event in events {
        match (joined.last_mut(), &event) {
            (Some(Ok(TtsEvent::Audio(before))), Ok(TtsEvent::Audio(audio))) => {
                *before = [&before[..], &audio[..]].concat().into();
            }
            _ => joined.push(event),
        }
    }
    joined
}

fn audio(bytes: &'static [u8]) -> Result<TtsEvent, StageError> {
    Ok(TtsEvent::Audio(bytes.into()))
}

fn clause_end(clauses: u32) -> Result<TtsEvent, StageError> {
    Ok(TtsEvent::ClauseEnd { clauses })
}

async fn speak(peer: &mut Peer, pieces: &[&[u8]]) {
    peer.begin(PCM).await;
    for piece in pieces {
        peer.chunk(piece).await;
    }
    peer.end().await;
}

/// The only item, an error.
fn refusal(heard: Vec<Result<TtsEvent, StageError>>) -> StageError {
    assert_eq!(heard.len(), 1, "{heard:?}");
    heard.into_iter().next().unwrap().unwrap_err()
}

#[tokio::test]
async fn clauses_are_spoken_in_order_and_the_next_is_asked_for_while_one_sounds() {
    let server = TestServer::listen().await;
    let reply = reply(&server, config(&server), &["Good evening. ", "How are you? ", "…", "Bye."]).await;
    let serve = async {
        let mut first = server.accept().await;
        let request = first.request().await;
        first.begin(PCM).await;
        assert!(server.is_quiet().await, "the next is not asked for before the first sounds");
        first.chunk([1, 2, 3, 4, 5]).await;
        let mut second = server.accept().await;
        assert!(second.request().await.contains("\"input\":\"How are you?\""));
        speak(&mut second, &[&[11, 12]]).await;
        assert!(server.is_quiet().await, "no more than two are under way");
        first.chunk([6]).await;
        first.end().await;
        let (third, is_first) = tokio::select! {
            request = first.request() => (request, true),
            request = second.request() => (request, false),
        };
        assert!(third.contains("\"input\":\"Bye.\""));
        speak(if is_first { &mut first } else { &mut second }, &[&[21], &[22, 23], &[24]]).await;
        request
    };
    let (request, heard) = both(serve, all(reply)).await;
    let expected = vec![
        audio(&[1, 2, 3, 4, 5, 6]),
        clause_end(1),
        audio(&[11, 12]),
        clause_end(2),
        clause_end(3),
        audio(&[21, 22, 23, 24]),
        clause_end(4),
        Ok(TtsEvent::Done),
    ];
    assert_eq!(joined(heard), expected);
    assert!(request.starts_with("POST /v1/audio/speech HTTP/1.1\r\n"), "{request}");
    assert!(request.to_lowercase().contains(&format!("authorization: bearer {SECRET}\r\n")), "{request}");
    for field in
        ["\"model\":\"gpt-voice\"", "\"voice\":\"coral\"", "\"response_format\":\"pcm\"", "\"input\":\"Good evening.\""]
    {
        assert!(request.contains(field), "{request}");
    }
}

#[tokio::test]
async fn a_clause_of_several_requests_ends_once() {
    let server = TestServer::listen().await;
    let reply = reply(&server, config(&server), &["word ".repeat(1_000).as_str()]).await;
    let serve = async {
        let mut first = server.asked().await;
        first.begin(PCM).await;
        first.chunk([1, 2, 3, 4]).await;
        let mut second = server.asked().await;
        first.end().await;
        speak(&mut second, &[&[3, 4]]).await;
    };
    let (_, heard) = both(serve, all(reply)).await;
    assert_eq!(joined(heard), vec![audio(&[1, 2, 3, 4, 3, 4]), clause_end(1), Ok(TtsEvent::Done)]);
}

#[tokio::test]
async fn wav_is_spoken_without_its_header() {
    let server = TestServer::listen().await;
    let reply = reply(&server, config(&server), &["Hi."]).await;
    let wav = [wav_header((1, 1, 24_000, 16), b"", u32::MAX), vec![1, 2]].concat();
    let serve = async { speak(&mut server.asked().await, &[&wav[..20], &wav[20..]]).await };
    let (_, heard) = both(serve, all(reply)).await;
    assert_eq!(joined(heard), vec![audio(&[1, 2]), clause_end(1), Ok(TtsEvent::Done)]);
}

#[tokio::test]
async fn what_is_no_speech_is_an_error() {
    let error = "{\"error\":{\"message\":\"no such voice\"}}";
    for (content_type, body, said) in [
        ("application/json", error, "no such voice"),
        (PCM, error, "no such voice"),
        (PCM, "", "no audio"),
        ("audio/mpeg", "ID3 and so on", "MP3"),
    ] {
        let server = TestServer::listen().await;
        let config = SpeechConfig { retries: 0, ..config(&server) };
        let reply = reply(&server, config, &["Hi."]).await;
        let serve =
            async { server.asked().await.answer("200 OK", &format!("content-type: {content_type}\r\n"), body).await };
        let (_, heard) = both(serve, all(reply)).await;
        let error = refusal(heard);
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[tokio::test]
async fn a_voice_that_stops_is_not_waited_for() {
    let server = TestServer::listen().await;
    let never = SpeechConfig { first_audio_ms: 50, ..config(&server) };
    let reply_of_none = reply(&server, never, &["Hi."]).await;
    let (_peer, heard) = both(server.asked(), all(reply_of_none)).await;
    assert!(matches!(refusal(heard), StageError::Stalled { waited, .. } if waited.as_millis() == 50));

    let no_more = SpeechConfig { audio_ms: 20, ..config(&server) };
    let reply_of_half = reply(&server, no_more, &["Hi."]).await;
    let serve = async {
        let mut peer = server.asked().await;
        peer.begin(PCM).await;
        peer.chunk([1, 2, 3, 4]).await;
        peer
    };
    let (_peer, heard) = both(serve, all(reply_of_half)).await;
    assert!(
        matches!(heard[..], [Ok(_), Err(StageError::Stalled { waited, .. })] if waited.as_millis() == 20),
        "{heard:?}"
    );
}

#[tokio::test]
async fn a_clause_that_was_asked_for_early_is_not_late_because_nobody_looked() {
    let server = TestServer::listen().await;
    // Only what is asked of the second clause passes.
    let config = SpeechConfig { audio_ms: 60_000, ..config(&server) };
    let first_audio_ms = config.first_audio_ms;
    let mut reply = reply(&server, config, &["One. ", "Two."]).await;
    let (asked, was_asked) = oneshot::channel();
    let (looks, looks_again) = oneshot::channel();
    let serve = async {
        let mut first = server.asked().await;
        first.begin(PCM).await;
        first.chunk([1, 2, 5, 6]).await;
        let mut second = server.asked().await;
        asked.send(()).unwrap();
        looks_again.await.unwrap();
        first.end().await;
        speak(&mut second, &[&[3, 4]]).await;
    };
    let listen = async {
        assert_eq!(reply.events.next().await, Some(audio(&[1, 2, 5, 6])));
        tokio::select! {
            _ = reply.events.next() => panic!("nothing more was spoken"),
            asked = was_asked => asked.unwrap(),
        }
        // The call has enough to play for longer than a first audio may take.
        tokio::time::pause();
        tokio::time::advance(Duration::from_millis(first_audio_ms + 1_000)).await;
        tokio::time::resume();
        looks.send(()).unwrap();
        all(reply).await
    };
    let (_, heard) = both(serve, listen).await;
    assert_eq!(joined(heard), vec![clause_end(1), audio(&[3, 4]), clause_end(2), Ok(TtsEvent::Done)]);
}

#[tokio::test]
async fn a_failure_before_the_first_audio_is_tried_again() {
    for (status, headers) in [
        ("500 Internal Server Error", ""),
        ("429 Too Many Requests", "retry-after-ms: 20\r\n"),
        ("503 Service Unavailable", "retry-after: 0\r\n"),
        ("200 OK", "content-type: application/json\r\n"),
    ] {
        let server = TestServer::listen().await;
        let reply = reply(&server, config(&server), &["Hi."]).await;
        let serve = async {
            let mut peer = server.asked().await;
            peer.answer(status, headers, "{\"error\":\"busy\"}").await;
            peer.request().await;
            speak(&mut peer, &[&[1, 2]]).await;
        };
        let (_, heard) = both(serve, all(reply)).await;
        assert_eq!(joined(heard), vec![audio(&[1, 2]), clause_end(1), Ok(TtsEvent::Done)], "{status}");
    }
}

#[tokio::test]
async fn a_refusal_is_told_and_classed() {
    for (status, headers, fault) in [
        ("429 Too Many Requests", "retry-after: 60\r\n", Fault::Overload),
        ("401 Unauthorized", "", Fault::Configuration),
        ("400 Bad Request", "", Fault::Configuration),
    ] {
        let server = TestServer::listen().await;
        let reply = reply(&server, config(&server), &["Hi.", "There."]).await;
        let body = format!("{{\"error\":{{\"message\":\"not with {SECRET}\"}}}}");
        let serve = async { server.asked().await.answer(status, headers, &body).await };
        let (_, heard) = both(serve, all(reply)).await;
        let error = refusal(heard);
        assert_eq!(error.fault(), fault, "{error}");
        assert!(error.to_string().contains("not with [key]"), "{error}");
    }
}

#[tokio::test]
async fn a_reset_after_the_first_audio_is_told_and_not_tried_again() {
    let server = TestServer::listen().await;
    let mut reply = reply(&server, config(&server), &["Hi."]).await;
    let (sounded, has_sounded) = oneshot::channel();
    let serve = async {
        let mut peer = server.asked().await;
        peer.begin(PCM).await;
        peer.chunk([1, 2, 3, 4]).await;
        has_sounded.await.unwrap();
        peer.reset();
    };
    let listen = async {
        assert_eq!(reply.events.next().await, Some(audio(&[1, 2, 3, 4])));
        sounded.send(()).unwrap();
        all(reply).await
    };
    let (_, heard) = both(serve, listen).await;
    assert_eq!(refusal(heard).fault(), Fault::Engine);
    assert!(server.is_quiet().await);
}

#[tokio::test]
async fn a_cancel_hangs_up_on_both_requests() {
    let server = TestServer::listen().await;
    let mut reply = reply(&server, config(&server), &["One. ", "Two. ", "Three."]).await;
    let (asked, was_asked) = oneshot::channel();
    let serve = async {
        let mut first = server.asked().await;
        first.begin(PCM).await;
        first.chunk([1, 2, 3, 4]).await;
        let second = server.asked().await;
        asked.send(()).unwrap();
        futures::join!(first.hung_up(), second.hung_up());
    };
    let cancel = async {
        assert_eq!(reply.events.next().await, Some(audio(&[1, 2, 3, 4])));
        tokio::select! {
            _ = reply.events.next() => panic!("nothing more was spoken"),
            asked = was_asked => asked.unwrap(),
        }
        reply.feed.cancel();
        reply.feed.cancel();
        assert_eq!(reply.events.next().await, None);
        assert!(matches!(reply.feed.speak("More."), Err(StageError::Ended { .. })));
    };
    both(serve, cancel).await;
    assert!(server.is_quiet().await);
}

#[tokio::test]
async fn dropping_the_reply_hangs_up() {
    let server = TestServer::listen().await;
    let mut reply = reply(&server, config(&server), &["One."]).await;
    let serve = async {
        let mut peer = server.asked().await;
        peer.begin(PCM).await;
        peer.chunk([1, 2, 3, 4]).await;
        peer.hung_up().await;
    };
    let listen = async {
        assert_eq!(reply.events.next().await, Some(audio(&[1, 2, 3, 4])));
        drop(reply);
    };
    both(serve, listen).await;
}

#[tokio::test]
async fn a_reply_without_clauses_is_done_and_a_feed_that_is_dropped_is_finished() {
    let server = TestServer::listen().await;
    let mut reply = reply(&server, config(&server), &[]).await;
    assert!(matches!(reply.feed.speak("Late."), Err(StageError::Ended { .. })));
    assert_eq!(all(reply).await, vec![Ok(TtsEvent::Done)]);
    assert!(server.is_quiet().await);
}

#[tokio::test]
async fn more_clauses_than_can_wait_are_refused() {
    let server = TestServer::listen().await;
    let tts = SpeechTts::new(config(&server)).unwrap();
    let open = async { server.asked().await.answer("200 OK", "", MODELS).await };
    let mut session = both(open, tts.open()).await.1.unwrap();
    let mut reply = session.begin(ReplyId(1)).unwrap();
    assert!(matches!(reply.feed.speak(&"x".repeat(100_000)), Err(StageError::Full { .. })));
    let refused = (0..10_000).find(|_| reply.feed.speak("Word. ").is_err());
    assert_eq!(refused, Some(256));
    assert!(matches!(reply.feed.speak("Word. "), Err(StageError::Full { .. })));
}

#[tokio::test]
async fn opening_makes_the_connection_that_speaks() {
    for status in ["200 OK", "404 Not Found", "403 Forbidden"] {
        let server = TestServer::listen().await;
        let tts = SpeechTts::new(config(&server)).unwrap();
        let serve = async {
            let mut peer = server.accept().await;
            assert!(peer.request().await.starts_with("GET /v1/models"));
            peer.answer(status, "", MODELS).await;
            assert!(peer.request().await.starts_with("POST /v1/audio/speech"));
            speak(&mut peer, &[&[1, 2]]).await;
        };
        let talk = async {
            let mut session = tts.open().await.unwrap();
            assert_eq!(session.sample_rate(), SampleRate::Hz24000);
            assert!(tts.open().await.is_ok(), "the second needs no request");
            let mut reply = session.begin(ReplyId(1)).unwrap();
            reply.feed.speak("Hi.").unwrap();
            reply.feed.finish();
            all(reply).await
        };
        let (_, heard) = both(serve, talk).await;
        assert_eq!(heard.last(), Some(&Ok(TtsEvent::Done)));
    }
}

#[tokio::test]
async fn a_server_that_cannot_serve_does_not_open() {
    let server = TestServer::listen().await;
    let tts = SpeechTts::new(config(&server)).unwrap();
    let serve = async { server.asked().await.answer("401 Unauthorized", "", "{}").await };
    let (_, outcome) = both(serve, tts.open()).await;
    let error = outcome.err().unwrap();
    assert!(error.fault() == Fault::Configuration && error.to_string().contains("OPENAI_API_KEY"), "{error}");

    let tts = SpeechTts::new(config(&server)).unwrap();
    drop(server);
    let error = tts.open().await.err().unwrap();
    assert!(error.fault() == Fault::Engine && error.to_string().contains("OPENAI_URL"), "{error}");
}

#[tokio::test]
async fn a_check_has_a_word_spoken() {
    let server = TestServer::listen().await;
    let tts = SpeechTts::new(config(&server)).unwrap();
    let serve = async { speak(&mut server.asked().await, &[&[1, 2]]).await };
    let (_, report) = both(serve, tts.check()).await;
    assert!(report.unwrap().detail.contains("gpt-voice"));
}

//! The voice: order of events, cancelling, backpressure, fairness, text it cannot speak.

use crate::models;
use futures::{FutureExt, StreamExt};
use std::time::Duration;
use voice_core::provider::local::{LocalModels, PicoConfig, PicoLanguage, PicoTts};
use voice_core::stage::{StageError, Tts, TtsEvent, TtsReply, TtsSession};
use voice_core::units::{ReplyId, SampleRate};

async fn session(config: PicoConfig) -> (PicoTts, Box<dyn TtsSession>) {
    let tts = PicoTts::start(&models(), config).unwrap();
    let session = tts.open().await.unwrap();
    (tts, session)
}

/// The samples of a reply, with the count of samples at which each clause ended.
async fn listen(mut reply: TtsReply) -> (Vec<i16>, Vec<usize>) {
    let (mut samples, mut ends) = (Vec::new(), Vec::new());
    while let Some(event) = reply.events.next().await {
        match event.unwrap() {
            TtsEvent::Audio(bytes) => samples.extend(bytes.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]]))),
            TtsEvent::ClauseEnd { clauses } => {
                ends.push(samples.len());
                assert_eq!(clauses as usize, ends.len());
            }
            TtsEvent::Done => return (samples, ends),
            other => panic!("unexpected {other:?}"),
        }
    }
    panic!("the reply ended without Done")
}

fn said(session: &mut dyn TtsSession, id: u32, clauses: &[&str]) -> TtsReply {
    let mut reply = session.begin(ReplyId(id)).unwrap();
    for clause in clauses {
        reply.feed.speak(clause).unwrap();
    }
    reply.feed.finish();
    reply
}

/// `text` as the default voice says it.
pub(crate) async fn spoken(text: &str) -> Vec<i16> {
    let (_tts, mut session) = session(PicoConfig::default()).await;
    listen(said(&mut *session, 1, &[text])).await.0
}

#[tokio::test]
async fn clauses_are_spoken_in_order_and_end_with_done() {
    let (_tts, mut session) = session(PicoConfig::default()).await;
    assert_eq!(session.sample_rate(), SampleRate::Hz16000);
    let (samples, ends) = listen(said(&mut *session, 1, &["Good morning, ", "how can I help you today?"])).await;
    assert_eq!(ends.len(), 2);
    assert_eq!(ends[1], samples.len());
    let ms = |samples: usize| samples / 16;
    assert!((500..2_500).contains(&ms(ends[0])), "the first clause lasts {} ms", ms(ends[0]));
    assert!((800..3_500).contains(&ms(ends[1] - ends[0])), "the second lasts {} ms", ms(ends[1] - ends[0]));
    assert!(samples.iter().any(|s| s.unsigned_abs() > 3_000), "it is audible");
}

#[tokio::test]
async fn a_clause_without_sound_gives_its_end_and_no_audio() {
    let (_tts, mut session) = session(PicoConfig::default()).await;
    let (samples, ends) = listen(said(&mut *session, 1, &["\u{1f600} ", "<break/>", "Yes."])).await;
    assert_eq!(ends[..2], [0, 0]);
    assert_eq!(ends[2], samples.len());
    assert!(!samples.is_empty());
    assert_eq!(listen(said(&mut *session, 2, &[])).await, (vec![], vec![]));
}

#[tokio::test]
async fn marks_in_the_text_do_not_reach_the_engine() {
    let (_tts, mut session) = session(PicoConfig::default()).await;
    let plain = listen(said(&mut *session, 1, &["Hello there."])).await;
    let marked = listen(said(&mut *session, 2, &["<speed level='20'>Hello there.</speed>"])).await;
    // The voice's breath is noise that differs from engine state to engine state; the length does not.
    assert_eq!(plain.1, marked.1);
}

#[tokio::test]
async fn speed_changes_the_length() {
    let (_tts, mut slow) = session(PicoConfig { speed_percent: 60, ..PicoConfig::default() }).await;
    let (_tts, mut fast) = session(PicoConfig { speed_percent: 180, ..PicoConfig::default() }).await;
    let text = ["This is a sentence of some length."];
    let slow = listen(said(&mut *slow, 1, &text)).await.0.len();
    let fast = listen(said(&mut *fast, 1, &text)).await.0.len();
    assert!(slow > fast * 2, "{slow} and {fast} samples");
}

#[tokio::test]
async fn every_voice_speaks() {
    for language in
        [PicoLanguage::EnUs, PicoLanguage::EnGb, PicoLanguage::De, PicoLanguage::Es, PicoLanguage::Fr, PicoLanguage::It]
    {
        let (_tts, mut session) = session(PicoConfig { language, ..PicoConfig::default() }).await;
        assert!(listen(said(&mut *session, 1, &["Radio."])).await.0.len() > 4_000, "{language:?}");
    }
}

#[tokio::test]
async fn after_a_cancel_nothing_comes() {
    let (_tts, mut session) = session(PicoConfig::default()).await;
    let long = "This sentence goes on and on, and then a little further. ".repeat(10);
    let mut reply = session.begin(ReplyId(1)).unwrap();
    reply.feed.speak(&long).unwrap();
    assert!(matches!(reply.events.next().await, Some(Ok(TtsEvent::Audio(_)))));
    reply.feed.cancel();
    reply.feed.cancel();
    assert!(reply.events.next().await.is_none());
    assert!(matches!(reply.feed.speak("more"), Err(StageError::Ended { .. })));
}

#[tokio::test]
async fn nothing_of_a_cancelled_reply_is_in_the_next() {
    let (_tts, mut session) = session(PicoConfig { lanes: 1, ..PicoConfig::default() }).await;
    let fresh = listen(said(&mut *session, 1, &["Yes, of course."])).await.1;
    for blocks in [1, 2, 7, 20] {
        let mut reply = said(&mut *session, 2, &["This sentence goes on and on, and then a little further still."]);
        for _ in 0..blocks {
            assert!(matches!(reply.events.next().await, Some(Ok(TtsEvent::Audio(_)))));
        }
        reply.feed.cancel();
        assert_eq!(listen(said(&mut *session, 3, &["Yes, of course."])).await.1, fresh, "after {blocks} blocks");
    }
}

#[tokio::test]
async fn a_waiting_reader_is_woken_by_a_cancel() {
    let (_tts, mut session) = session(PicoConfig::default()).await;
    let mut reply = session.begin(ReplyId(1)).unwrap();
    assert!(reply.events.next().now_or_never().is_none(), "nothing to say yet");
    let (next, ()) = tokio::join!(reply.events.next(), async { reply.feed.cancel() });
    assert!(next.is_none());
}

#[tokio::test]
async fn a_reader_that_lags_stops_the_voice_until_it_reads() {
    let (_tts, mut session) = session(PicoConfig { ahead: Duration::from_secs(1), ..PicoConfig::default() }).await;
    let sentence = "This sentence is about three seconds long, more or less. ";
    let clauses = [sentence; 20];
    let lagging = said(&mut *session, 1, &clauses);
    // Another reply is spoken meanwhile, although the first one's reader does not read.
    let (other, ends) = listen(said(&mut *session, 2, &[sentence])).await;
    assert_eq!(ends, [other.len()]);
    let (samples, ends) = listen(lagging).await;
    assert_eq!(ends.len(), 20);
    assert_eq!(samples.len(), 20 * other.len(), "no clause is lost");
}

#[tokio::test]
async fn more_replies_than_lanes_are_all_spoken_as_if_alone() {
    let (_tts, mut session) = session(PicoConfig { lanes: 2, ..PicoConfig::default() }).await;
    let texts: Vec<String> = (1..9).map(|n| "This is spoken among others. ".repeat(n)).collect();
    let mut alone = Vec::new();
    for text in &texts {
        alone.push(listen(said(&mut *session, 1, &[text])).await.1);
    }
    let replies: Vec<TtsReply> = texts.iter().map(|text| said(&mut *session, 2, &[text])).collect();
    let together = futures::future::join_all(replies.into_iter().map(listen)).await;
    assert_eq!(alone, together.into_iter().map(|(_, ends)| ends).collect::<Vec<_>>());
}

/// The C library reads memory it never wrote; what was there before must not change how it speaks. The allocator of these
/// tests hands out every large block with other dirt.
#[tokio::test]
async fn an_engine_opened_in_used_memory_speaks_alike() {
    let text = ["One sentence. Another sentence, with a pause. And a third one."];
    let mut lengths = Vec::new();
    for _ in 0..6 {
        let (_tts, mut session) = session(PicoConfig::default()).await;
        lengths.push(listen(said(&mut *session, 1, &text)).await.1);
    }
    assert!(lengths.windows(2).all(|pair| pair[0] == pair[1]), "{lengths:?}");
}

#[tokio::test]
async fn too_much_text_is_refused_with_a_sentence() {
    let (_tts, mut session) = session(PicoConfig { ahead: Duration::from_millis(1), ..PicoConfig::default() }).await;
    let mut reply = session.begin(ReplyId(1)).unwrap();
    let refused = (0..100).find_map(|_| reply.feed.speak(&"word ".repeat(200)).err());
    assert_eq!(refused.unwrap().to_string(), "SVOX Pico is behind: its queue is full, this input was dropped");
}

#[test]
fn a_damaged_voice_is_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("pico")).unwrap();
    for name in ["en-US_ta.bin", "en-US_lh0_sg.bin"] {
        std::fs::write(dir.path().join("pico").join(name), b"not a voice").unwrap();
    }
    let error = PicoTts::start(&LocalModels::find(dir.path()), PicoConfig::default()).err().unwrap();
    assert!(error.to_string().starts_with("SVOX Pico cannot be loaded: "), "{error}");
}

use super::super::{
    RaggedChunks, ScriptedTts, ToneTts, TtsConfig, TtsFault, TtsSound, WordTimes, ramp_sample, read_ramp,
};
use super::{Since, is_stuck};
use crate::stage::{StageError, Tts, TtsEvent, TtsReply};
use crate::units::{ReplyId, SampleRate};
use futures::{FutureExt, StreamExt};

async fn begin(tts: &ScriptedTts, reply: u32) -> TtsReply {
    tts.open().await.unwrap().begin(ReplyId(reply)).unwrap()
}

fn samples(events: &[TtsEvent]) -> Vec<i16> {
    let audio = events.iter().filter_map(|event| match event {
        TtsEvent::Audio(bytes) => Some(bytes.clone()),
        _ => None,
    });
    audio
        .flat_map(|bytes| bytes.chunks(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect::<Vec<_>>())
        .collect()
}

async fn speak(tts: &ScriptedTts, reply: u32, clauses: &[&str]) -> Vec<TtsEvent> {
    let mut speech = begin(tts, reply).await;
    for clause in clauses {
        speech.feed.speak(clause).unwrap();
    }
    speech.feed.finish();
    speech.events.map(|item| item.unwrap()).collect().await
}

#[test]
fn without_delays_everything_is_there_at_once_and_needs_no_runtime() {
    let tts = ScriptedTts::new(TtsConfig::default());
    let events = speak(&tts, 1, &["Good day. ", "Yes?"]).now_or_never().unwrap();
    assert_eq!(samples(&events).len(), 14 * 960);
    assert_eq!(events.last(), Some(&TtsEvent::Done));
    assert_eq!(tts.log().replies()[0].samples, 14 * 960);
}

#[tokio::test(start_paused = true)]
async fn every_sample_of_a_ramp_says_what_it_is() {
    let config = TtsConfig { leading_silence_ms: 10, ragged_chunks: RaggedChunks::On, ..TtsConfig::default() };
    let heard = samples(&speak(&ScriptedTts::new(config), 9, &["One, ", "two."]).await);
    assert!(heard[..160].iter().all(|sample| *sample == 0 && read_ramp(*sample).is_none()));
    for (position, sample) in (0u64..).zip(&heard).skip(160) {
        assert_eq!(*sample, ramp_sample(ReplyId(9), position));
        let read = read_ramp(*sample).unwrap();
        assert_eq!((read.reply, read.position), (2, position % 4096));
    }
}

#[tokio::test(start_paused = true)]
async fn words_sound_for_their_characters_at_every_rate() {
    for rate in [SampleRate::Hz8000, SampleRate::Hz16000, SampleRate::Hz24000, SampleRate::Hz48000] {
        let config = TtsConfig { rate, sound: TtsSound::Tone, ..TtsConfig::default() };
        let events = speak(&ScriptedTts::new(config), 1, &["Hi you. "]).await;
        let character = rate.samples_in_ms(60);
        let word = |text: &str, from: u64, to: u64| TtsEvent::Word {
            text: text.into(),
            start_samples: from * character,
            end_samples: to * character,
        };
        assert_eq!(events[..2], [word("Hi", 0, 2), word("you.", 3, 7)]);
        let heard = samples(&events);
        let is_loud = |from: u64, to: u64| {
            heard[(from * character) as usize..(to * character) as usize].iter().any(|sample| sample.abs() > 3_000)
        };
        assert_eq!([is_loud(0, 2), is_loud(2, 3), is_loud(3, 7), is_loud(7, 8)], [true, false, true, false]);
    }
}

#[tokio::test(start_paused = true)]
async fn audio_comes_at_its_pace() {
    let config =
        TtsConfig { first_audio_ms: 100, ms_per_audio_second: 500, word_times: WordTimes::Off, ..TtsConfig::default() };
    let mut speech = begin(&ScriptedTts::new(config), 1).await;
    let since = Since::now();
    speech.feed.speak("ab").unwrap();
    speech.feed.finish();
    let mut times = Vec::new();
    while let Some(Ok(TtsEvent::Audio(_))) = speech.events.next().await {
        times.push(since.ms());
    }
    assert_eq!(times, [120, 140, 160]);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_ends_the_stream_even_while_it_waits() {
    let tts = ScriptedTts::new(TtsConfig { first_audio_ms: 1_000, ..TtsConfig::default() });
    let mut speech = begin(&tts, 1).await;
    speech.feed.speak("Never heard.").unwrap();
    let since = Since::now();
    let (next, ()) = tokio::join!(speech.events.next(), async {
        tokio::task::yield_now().await;
        speech.feed.cancel();
        speech.feed.cancel();
    });
    assert!(next.is_none() && since.ms() == 0);
    assert!(matches!(speech.feed.speak("More."), Err(StageError::Ended { .. })));
    let record = tts.log().replies().remove(0);
    assert!(record.is_cancelled && record.samples == 0 && record.clauses == ["Never heard."]);
}

#[tokio::test(start_paused = true)]
async fn faults_happen_where_the_script_says() {
    let faults = vec![
        (0, TtsFault::ErrorAfter(1_000)),
        (1, TtsFault::StallAfter(1_000)),
        (2, TtsFault::BreakAfter(1_000)),
        (3, TtsFault::IgnoreCancel),
    ];
    let tts = ScriptedTts::new(TtsConfig { faults, word_times: WordTimes::Off, ..TtsConfig::default() });
    let mut ends = Vec::new();
    for reply in 0..4 {
        let mut speech = begin(&tts, reply).await;
        speech.feed.speak("A whole clause.").unwrap();
        speech.feed.finish();
        if reply == 3 {
            speech.feed.cancel();
        }
        let mut last = None;
        while let Ok(Some(item)) = tokio::time::timeout(std::time::Duration::from_secs(9), speech.events.next()).await {
            last = Some(item);
        }
        ends.push(last.unwrap());
        let is_stalled = is_stuck(speech.events.next()).await;
        assert_eq!(is_stalled, reply == 1);
    }
    assert!(ends[0].is_err() && matches!(ends[1], Ok(TtsEvent::Audio(_))) && matches!(ends[2], Ok(TtsEvent::Audio(_))));
    assert_eq!(ends[3].as_ref().unwrap(), &TtsEvent::Done);
    let given: Vec<_> = tts.log().replies().iter().map(|reply| reply.samples).collect();
    assert_eq!(given, [1_280, 1_280, 1_280, 15 * 960]);
}

#[tokio::test(start_paused = true)]
async fn an_ended_session_must_be_opened_again() {
    let config = TtsConfig { open_ms: 80, faults: vec![(0, TtsFault::SessionEnded)], ..TtsConfig::default() };
    let tts = ScriptedTts::new(config);
    let mut session = tts.open().await.unwrap();
    assert!(session.begin(ReplyId(1)).is_err() && session.begin(ReplyId(1)).is_err());
    let since = Since::now();
    assert!(tts.open().await.unwrap().begin(ReplyId(1)).is_ok());
    assert_eq!(since.ms(), 80);
}

#[tokio::test(start_paused = true)]
async fn two_replies_of_a_session_do_not_wait_for_each_other() {
    let tts = ScriptedTts::new(TtsConfig { word_times: WordTimes::Off, ..TtsConfig::default() });
    let mut session = tts.open().await.unwrap();
    let (first, mut second) = (session.begin(ReplyId(1)).unwrap(), session.begin(ReplyId(2)).unwrap());
    second.feed.speak("Yes.").unwrap();
    let heard = samples(&[second.events.next().await.unwrap().unwrap()]);
    assert_eq!(read_ramp(heard[0]).unwrap().reply, 2);
    drop(first);
    let is_cancelled: Vec<_> = tts.log().replies().iter().map(|reply| reply.is_cancelled).collect();
    assert_eq!(is_cancelled, [true, false]);
    assert_eq!(second.events.next().await.unwrap().map(|event| samples(&[event]).len()).unwrap(), 640);
}

#[tokio::test(start_paused = true)]
async fn the_stand_in_voice_is_a_fraction_of_real_time_and_names_its_words() {
    let mut session = ToneTts::new().open().await.unwrap();
    let mut speech = session.begin(ReplyId(1)).unwrap();
    let since = Since::now();
    speech.feed.speak("What can I do for you? ").unwrap();
    speech.feed.finish();
    let events: Vec<_> = speech.events.map(|item| item.unwrap()).collect().await;
    let words = events.iter().filter(|event| matches!(event, TtsEvent::Word { .. })).count();
    let heard = samples(&events);
    assert_eq!((words, heard.len(), session.sample_rate()), (6, 23 * 960, SampleRate::Hz16000));
    assert!(since.ms() < 100 && heard.iter().all(|sample| sample.abs() <= 6_000));
}

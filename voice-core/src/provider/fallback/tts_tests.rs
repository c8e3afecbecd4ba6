use super::*;
use crate::audio::pcm16_from_le_bytes;
use crate::provider::scripted::{RaggedChunks, ScriptedTts, TtsConfig, TtsFault, TtsLog, WordTimes};
use crate::stage::{Handed, TtsEvent};
use std::time::Duration;

struct Named(&'static str, ScriptedTts);

impl Tts for Named {
    fn name(&self) -> &str {
        self.0
    }
    fn open(&self) -> BoxFuture<'static, Result<Box<dyn TtsSession>, StageError>> {
        self.1.open()
    }
}

fn engine(name: &'static str, config: TtsConfig) -> (Arc<dyn Tts>, TtsLog) {
    let tts = ScriptedTts::new(config);
    let log = tts.log();
    (Arc::new(Named(name, tts)), log)
}

fn manner(faults: Vec<(u32, TtsFault)>) -> TtsConfig {
    TtsConfig { faults, chunk_samples: 480, ..TtsConfig::default() }
}

fn of(engines: Vec<Arc<dyn Tts>>) -> FallbackTts {
    FallbackTts::new(engines, FallbackConfig::default()).unwrap()
}

/// What came of a reply.
#[derive(Debug, Default, PartialEq)]
struct Spoken {
    engines: Vec<String>,
    samples: u64,
    words: Vec<(String, u64, u64)>,
    clause_ends: Vec<(u32, u64)>,
    end: String,
}

async fn spoken(session: &mut dyn TtsSession, reply: u32, clauses: &[&str]) -> Spoken {
    let TtsReply { mut feed, mut events } = session.begin(ReplyId(reply)).unwrap();
    clauses.iter().for_each(|clause| feed.speak(clause).unwrap());
    feed.finish();
    let mut spoken = Spoken::default();
    while let Some(item) = events.next().await {
        match item {
            Ok(TtsEvent::Serving(serving)) => spoken.engines.push(serving.engine),
            Ok(TtsEvent::Audio(pcm)) => {
                let mut samples = Vec::new();
                pcm16_from_le_bytes(&pcm, &mut samples).unwrap();
                spoken.samples += samples.len() as u64;
            }
            Ok(TtsEvent::Word { text, start_samples, end_samples }) => {
                // A resampler gives the last 4 ms later.
                assert!(end_samples <= spoken.samples + 64, "{text} is told before its audio");
                spoken.words.push((text, start_samples, end_samples));
            }
            Ok(TtsEvent::ClauseEnd { clauses }) => spoken.clause_ends.push((clauses, spoken.samples)),
            Ok(TtsEvent::Done) => spoken.end = "done".into(),
            Err(error) => spoken.end = format!("{:?}", error.fault()),
        }
    }
    spoken
}

fn said(spoken: &Spoken) -> String {
    spoken.words.iter().map(|(word, ..)| word.as_str()).collect::<Vec<_>>().join(" ")
}

const CLAUSES: [&str; 3] = ["We are open ", "from nine to five. ", "On Sundays we are closed."];
const TEXT: &str = "We are open from nine to five. On Sundays we are closed.";
/// The scripted voice gives 60 ms a character, at 16 kHz.
const PER_CHAR: u64 = 960;

#[tokio::test(start_paused = true)]
async fn a_voice_that_breaks_off_anywhere_is_gone_on_from_with_every_word_once() {
    let whole = TEXT.len() as u64 * PER_CHAR;
    for at in (0..whole).step_by(1_700) {
        for fault in [TtsFault::ErrorAfter(at), TtsFault::BreakAfter(at)] {
            let (first, _) = engine("A", manner(vec![(0, fault)]));
            let (second, log) = engine("B", TtsConfig { rate: SampleRate::Hz24000, ..manner(vec![]) });
            let tts = of(vec![first, second]);
            let mut session = tts.open().await.unwrap();
            let spoken = spoken(session.as_mut(), 1, &CLAUSES).await;
            let context = format!("{fault:?}: {spoken:?} {:?}", log.replies());
            assert_eq!((said(&spoken).as_str(), spoken.end.as_str()), (TEXT, "done"), "{context}");
            assert_eq!(spoken.engines, ["A", "B"], "{context}");
            let clauses: Vec<_> = spoken.clause_ends.iter().map(|(clauses, _)| *clauses).collect();
            assert_eq!(clauses, [1, 2, 3], "{context}");
            assert!(spoken.words.is_sorted_by_key(|(_, start, _)| *start), "{context}");
            let last = spoken.words.last().unwrap().2;
            assert!(last <= spoken.samples && spoken.samples - last < 2_000, "{context}");
            // A word that was cut off is said again, and nothing else.
            assert!(spoken.samples.abs_diff(whole) <= 9 * PER_CHAR, "{context}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_word_times_the_audio_tells_what_is_left() {
    let quiet = |faults| TtsConfig { word_times: WordTimes::Off, ..manner(faults) };
    // Twelve characters and six of the next eighteen.
    let (first, _) = engine("A", quiet(vec![(0, TtsFault::ErrorAfter(18 * PER_CHAR))]));
    let (second, log) = engine("B", quiet(vec![]));
    let tts = of(vec![first, second]);
    let mut session = tts.open().await.unwrap();
    let spoken = spoken(session.as_mut(), 1, &CLAUSES).await;
    assert_eq!(log.replies()[0].clauses, [" to five. ", "On Sundays we are closed."]);
    let clauses: Vec<_> = spoken.clause_ends.iter().map(|(clauses, _)| *clauses).collect();
    assert_eq!((clauses, spoken.end.as_str()), (vec![1, 2, 3], "done"));
}

/// Says the same in every reply, whatever it is given.
struct Told(Vec<Result<TtsEvent, StageError>>);

impl Tts for Told {
    fn open(&self) -> BoxFuture<'static, Result<Box<dyn TtsSession>, StageError>> {
        std::future::ready(Ok(Box::new(Told(self.0.clone())) as Box<dyn TtsSession>)).boxed()
    }
}

impl TtsSession for Told {
    fn sample_rate(&self) -> SampleRate {
        SampleRate::Hz16000
    }
    fn begin(&mut self, _: ReplyId) -> Result<TtsReply, StageError> {
        struct Deaf;
        impl crate::stage::TtsFeed for Deaf {
            fn speak(&mut self, _: &str) -> Result<(), StageError> {
                Ok(())
            }
            fn finish(&mut self) {}
            fn cancel(&mut self) {}
        }
        Ok(TtsReply { feed: Box::new(Deaf), events: futures::stream::iter(self.0.clone()).boxed() })
    }
}

/// The audio of so many characters.
fn audio(characters: u64) -> Result<TtsEvent, StageError> {
    Ok(TtsEvent::Audio(vec![0; (characters * PER_CHAR * 2) as usize].into()))
}

fn word(text: &str, start: u64, end: u64) -> Result<TtsEvent, StageError> {
    Ok(TtsEvent::Word { text: text.into(), start_samples: start * PER_CHAR, end_samples: end * PER_CHAR })
}

#[tokio::test(start_paused = true)]
async fn audio_whose_word_times_did_not_come_any_more_is_not_said_again() {
    let reset = || Err(StageError::Ended { engine: "A" });
    let first_clause = [word("We", 0, 2), word("are", 3, 6), word("open", 7, 11)];
    let early = [first_clause.to_vec(), vec![audio(12), audio(13), reset()]].concat();
    let clause_end = Ok(TtsEvent::ClauseEnd { clauses: 1 });
    let late = [vec![audio(12)], first_clause.to_vec(), vec![clause_end, audio(13), reset()]].concat();
    for (told, unsaid) in [(late, " five. "), (early, "from nine to five. ")] {
        let (second, log) = engine("B", manner(vec![]));
        let mut session = of(vec![Arc::new(Told(told)), second]).open().await.unwrap();
        assert_eq!(spoken(session.as_mut(), 1, &CLAUSES).await.end, "done");
        let heard = log.replies()[0].clauses.concat();
        assert_eq!(heard.trim_start(), format!("{unsaid}{}", CLAUSES[2]).trim_start());
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_gives_no_audio_in_time_is_stood_in_for_and_comes_back_later() {
    let (first, _) = engine("A", manner(vec![(0, TtsFault::StallAfter(0))]));
    let (second, _) = engine("B", manner(vec![]));
    let tts = of(vec![first, second]);
    let mut session = tts.open().await.unwrap();
    let start = tokio::time::sleep(Duration::ZERO).deadline();
    assert_eq!(spoken(session.as_mut(), 1, &CLAUSES).await.engines, ["A", "B"]);
    assert_eq!((tokio::time::sleep(Duration::ZERO).deadline() - start).as_secs(), 3);
    assert_eq!(spoken(session.as_mut(), 2, &CLAUSES).await.engines, ["B"], "it rests");
    tokio::time::advance(Duration::from_secs(31)).await;
    assert_eq!(spoken(session.as_mut(), 3, &CLAUSES).await.engines, ["B"], "nobody waits for its opening");
    assert_eq!(spoken(session.as_mut(), 4, &CLAUSES).await.engines, ["A"]);
}

#[tokio::test(start_paused = true)]
async fn one_engine_alone_is_begun_anew_once_within_a_reply() {
    let once = manner(vec![(0, TtsFault::ErrorAfter(15 * PER_CHAR))]);
    let (only, _) = engine("A", once);
    let mut session = of(vec![only]).open().await.unwrap();
    let reply = spoken(session.as_mut(), 1, &CLAUSES).await;
    assert_eq!((said(&reply).as_str(), reply.end.as_str()), (TEXT, "done"));
    let twice = manner(vec![(0, TtsFault::ErrorAfter(0)), (1, TtsFault::ErrorAfter(0)), (2, TtsFault::SessionEnded)]);
    let (only, log) = engine("A", twice);
    let mut session = of(vec![only]).open().await.unwrap();
    let reply = spoken(session.as_mut(), 1, &CLAUSES).await;
    assert_eq!((reply.end.as_str(), log.replies().len()), ("Engine", 2));
    let reply = spoken(session.as_mut(), 2, &CLAUSES).await;
    assert_eq!(
        (reply.end.as_str(), reply.samples),
        ("done", TEXT.len() as u64 * PER_CHAR),
        "the next reply tries anew"
    );
}

#[tokio::test(start_paused = true)]
async fn where_all_fail_the_reply_does_after_each_was_asked_and_one_once_more() {
    let broken = || manner((0..9).map(|n| (n, TtsFault::ErrorAfter(0))).collect());
    let ((first, a), (second, b)) = (engine("A", broken()), engine("B", broken()));
    let mut session = of(vec![first, second]).open().await.unwrap();
    let reply = spoken(session.as_mut(), 1, &CLAUSES).await;
    assert_eq!((reply.end.as_str(), reply.samples), ("Engine", 0));
    assert_eq!(a.replies().len() + b.replies().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn cancelling_or_dropping_a_reply_ends_its_voice() {
    let slow = TtsConfig { ms_per_audio_second: 1_000, ragged_chunks: RaggedChunks::On, ..manner(vec![]) };
    let (only, log) = engine("A", slow);
    let mut session = of(vec![only]).open().await.unwrap();
    let TtsReply { mut feed, mut events } = session.begin(ReplyId(1)).unwrap();
    feed.speak(CLAUSES[0]).unwrap();
    assert!(matches!(events.next().await, Some(Ok(TtsEvent::Serving(_)))));
    assert!(matches!(events.next().await, Some(Ok(TtsEvent::Audio(_)))));
    feed.cancel();
    feed.cancel();
    assert!(events.next().await.is_none());
    assert!(feed.speak(CLAUSES[1]).is_err());
    let TtsReply { mut feed, mut events } = session.begin(ReplyId(2)).unwrap();
    feed.speak(CLAUSES[0]).unwrap();
    assert!(matches!(events.next().await, Some(Ok(TtsEvent::Serving(_)))));
    assert!(matches!(events.next().await, Some(Ok(TtsEvent::Audio(_)))));
    drop((feed, events));
    assert!(log.replies().iter().all(|reply| reply.is_cancelled));
}

#[tokio::test(start_paused = true)]
async fn each_engine_is_counted_what_it_was_handed_and_no_clause_that_came_between() {
    let (first, _) = engine("A", manner(vec![(0, TtsFault::ErrorAfter(480))]));
    let (second, _) = engine("B", TtsConfig { open_ms: 500, ..manner(vec![]) });
    let mut session = of(vec![first, second]).open().await.unwrap();
    let TtsReply { mut feed, mut events } = session.begin(ReplyId(1)).unwrap();
    feed.speak("12345 789 ").unwrap();
    let until_a_broke = async { while events.next().await.is_some() {} };
    assert!(tokio::time::timeout(Duration::from_millis(250), until_a_broke).await.is_err(), "B is being opened");
    feed.speak("second. ").unwrap();
    feed.speak("third.").unwrap();
    feed.finish();
    while events.next().await.is_some() {}
    let handed = feed.take_handed().unwrap();
    let handed: Vec<_> = handed.iter().map(|handed| (handed.engine.as_str(), handed.characters)).collect();
    assert_eq!(handed, [("A", 10), ("B", 24)], "A's clause of which nothing was heard, and the two since");
    feed.speak("too late").unwrap_err();
    assert_eq!(feed.take_handed().unwrap(), [Handed { engine: "B".into(), characters: 0 }]);
}

#[path = "tts_opening_tests.rs"]
mod opening;

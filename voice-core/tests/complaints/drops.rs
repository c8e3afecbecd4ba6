//! 11. A provider's socket drops in mid-call.

use crate::support::{Call, agent};
use crate::{LONG, hears, says, voice};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::{Arc, Mutex};
use voice_core::provider::scripted::{
    LlmConfig, LlmFault, LlmReply, ScriptedLlm, ScriptedTts, TtsConfig, TtsFault, Utterance,
};
use voice_core::session::{SessionEvent, Stage};
use voice_core::stage::{Fault, StageError, Stt, SttEvent, SttFeed, SttSession};
use voice_core::turn::{ReplyOutcome, Speculation};
use voice_core::units::Position;

/// An STT that hears "one two three …", a word for every 300 ms of loud audio, whatever stream the audio came by: what it
/// reports tells exactly which audio it was given. Its first stream breaks after `breaks_after` loud samples.
#[derive(Clone)]
struct CountingStt {
    breaks_after: u64,
    opened: Arc<Mutex<u32>>,
    takes_ms_to_open: u64,
}

const WORDS: [&str; 10] = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];

struct CountingFeed {
    events: tokio::sync::mpsc::UnboundedSender<Result<SttEvent, StageError>>,
    first_word: Option<u64>,
    words: u64,
    loud: u64,
    quiet: u64,
    breaks_after: u64,
    broken: bool,
}

/// The word that is being said at a position: the tests speak from 200 ms on.
fn word_at(position: Position) -> u64 {
    position.0.saturating_sub(3_200) / 4_800
}

impl CountingFeed {
    fn text(&self) -> String {
        let first = self.first_word.unwrap_or_default() as usize;
        WORDS[first..first + self.words as usize].join(" ")
    }
}

impl SttFeed for CountingFeed {
    fn push(&mut self, samples: &[i16], position: Position) -> Result<(), StageError> {
        if self.broken {
            return Err(StageError::Ended { engine: "the counting STT" });
        }
        if samples.iter().all(|sample| sample.unsigned_abs() < 500) {
            self.quiet += samples.len() as u64;
            if self.quiet == 4_800 && self.words > 0 {
                let _ = self.events.send(Ok(SttEvent::Final { text: self.text() + ".", end: position.minus(4_480) }));
                (self.words, self.first_word) = (0, None);
            }
            return Ok(());
        }
        self.quiet = 0;
        self.loud += samples.len() as u64;
        self.first_word.get_or_insert(word_at(position));
        self.words = word_at(position) - self.first_word.unwrap_or_default() + 1;
        let _ = self.events.send(Ok(SttEvent::Interim { text: self.text() }));
        if self.loud >= self.breaks_after {
            self.broken = true;
            let error = StageError::Stream { engine: "the counting STT", reason: "reset".into(), fault: Fault::Engine };
            let _ = self.events.send(Err(error));
        }
        Ok(())
    }
    fn finalize(&mut self, _: Position) {}
}

impl Stt for CountingStt {
    fn open(&self) -> BoxFuture<'static, Result<SttSession, StageError>> {
        let this = self.clone();
        async move {
            tokio::time::sleep(std::time::Duration::from_millis(this.takes_ms_to_open)).await;
            let mut opened = this.opened.lock().unwrap();
            *opened += 1;
            let breaks_after = if *opened == 1 { this.breaks_after } else { u64::MAX };
            let (events, mut received) = tokio::sync::mpsc::unbounded_channel();
            let (first_word, words, loud, quiet, broken) = (None, 0, 0, 0, false);
            let feed = CountingFeed { events, first_word, words, loud, quiet, breaks_after, broken };
            let events = futures::stream::poll_fn(move |cx| received.poll_recv(cx)).boxed();
            Ok(SttSession { feed: Box::new(feed), events })
        }
        .boxed()
    }
}

use futures::StreamExt;

#[tokio::test(start_paused = true)]
async fn an_stt_that_drops_in_mid_sentence_loses_and_doubles_no_word() {
    for takes_ms_to_open in [0, 150, 700] {
        for breaks_after_ms in [40, 500, 1_000, 1_480] {
            let stt = CountingStt { breaks_after: 16 * breaks_after_ms, opened: Arc::default(), takes_ms_to_open };
            let mut call = Call::start(agent(stt, says(&["Thank you."]), voice()));
            call.silent(200).await;
            call.speak(1_500).await;
            call.until_turns_end(1).await;
            let (record, call) = call.hang_up().await;
            let context = format!("broken after {breaks_after_ms} ms, {takes_ms_to_open} ms to open");
            let texts: Vec<_> = record.caller_turns.iter().map(|turn| turn.text.as_str()).collect();
            assert_eq!(texts, ["one two three four five."], "{context}");
            let told = |event: &SessionEvent| matches!(event, SessionEvent::StageFailed { stage: Stage::Stt, .. });
            assert_eq!(call.count(told), 1, "{context}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_stt_whose_idle_socket_drops_again_and_again_is_opened_every_time() {
    let (manual, driver) = voice_core::provider::scripted::ScriptedStt::manual();
    let mut agent = agent(manual, says(&["Hello."]), voice());
    agent.config.turn.caller_idle_ms = 3_600_000;
    let mut call = Call::start(agent);
    for _ in 0..8 {
        call.silent(30_000).await;
        driver.end();
    }
    call.silent(2_000).await;
    driver.send(SttEvent::Final { text: "Hello there.".into(), end: Position(0) }).expect("a stream is open");
    call.until_turns_end(1).await;
    let (record, _) = call.hang_up().await;
    assert_eq!(record.caller_turns[0].text, "Hello there.");
}

#[tokio::test(start_paused = true)]
async fn a_tts_that_drops_is_opened_again_and_speaks_the_next_reply() {
    let faults = vec![(0, TtsFault::ErrorAfter(16_000)), (1, TtsFault::SessionEnded)];
    let tts = ScriptedTts::new(TtsConfig { faults, open_ms: 150, ..TtsConfig::default() });
    let stt = hears(vec![Utterance::say("Hello there."), Utterance::say("Go on please.")]);
    let mut agent = agent(stt, says(&[LONG, "It is done."]), tts);
    agent.config.turn.speculation = Speculation::Off;
    let mut call = Call::start(agent);
    call.silent(200).await;
    call.speak(800).await;
    call.until_turns_end(1).await;
    call.speak(900).await;
    call.until_turns_end(2).await;
    let (record, _) = call.hang_up().await;
    assert_eq!(record.turns[0].outcome, ReplyOutcome::Failed);
    let heard = record.turns[0].heard_text();
    assert!(LONG.starts_with(heard) && (10..=17).contains(&heard.chars().count()), "one second was heard: {heard:?}");
    assert_eq!((record.turns[1].outcome, record.turns[1].heard_text()), (ReplyOutcome::Completed, "It is done."));
}

#[tokio::test(start_paused = true)]
async fn a_model_that_drops_is_heard_as_far_as_it_came_and_excused_if_it_said_nothing() {
    for fault in [LlmFault::ErrorAfter(0), LlmFault::BreakAfter(0)] {
        let llm = ScriptedLlm::new(LlmConfig::default(), vec![LlmReply::text(LONG).fault(fault)]);
        let mut call = Call::start(agent(hears(vec![Utterance::say("Hello there.")]), llm, voice()));
        call.silent(200).await;
        call.speak(800).await;
        call.until_turns_end(2).await;
        let (record, call) = call.hang_up().await;
        assert_eq!(record.turns[0].outcome, ReplyOutcome::Failed, "{fault:?}");
        assert!(record.turns[1].heard_text().starts_with("Sorry, something went wrong"), "{fault:?}");
        assert!(call.count(|event| matches!(event, SessionEvent::StageFailed { stage: Stage::Llm, .. })) >= 1);
    }
    for fault in [LlmFault::ErrorAfter(8), LlmFault::BreakAfter(8)] {
        let llm = ScriptedLlm::new(LlmConfig::default(), vec![LlmReply::text(LONG).fault(fault)]);
        let mut agent = agent(hears(vec![Utterance::say("Hello there.")]), llm, voice());
        agent.config.turn.speculation = Speculation::Off;
        let mut call = Call::start(agent);
        call.silent(200).await;
        call.speak(800).await;
        call.until_turns_end(1).await;
        let (record, _) = call.hang_up().await;
        assert_eq!((record.turns[0].outcome, record.turns.len()), (ReplyOutcome::Failed, 1), "{fault:?}");
        assert_eq!(record.turns[0].heard_text(), "Very well, I am going to book the ", "{fault:?}");
    }
}

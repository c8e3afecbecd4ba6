//! A stage's voice behind a fake: text in, audio in the wire's encoding out.
//!
//! Invariant: what a context sounds like is what the voice gave, resampled and encoded; no vendor's messages here.

use super::encoding::{Encoder, Format};
use crate::stage::{StageError, Tts, TtsEvent, TtsFeed, TtsReply, TtsSession};
use crate::units::{ReplyId, SampleRate};
use futures::StreamExt;
use futures::stream::BoxStream;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// What a voice gives for one context.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum VoiceEvent {
    /// The next audio, encoded; may be cut nowhere but between samples.
    Audio(Vec<u8>),
    /// When a word sounds, from the start of the context's audio.
    Word(SpokenWord),
    /// So many pieces of text are spoken.
    ClauseEnd {
        /// Counted from 1.
        clauses: u32,
    },
    /// All is spoken.
    Done,
    /// It broke.
    Failed(String),
}

/// A word and when it sounds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SpokenWord {
    pub(super) text: String,
    pub(super) start: Duration,
    pub(super) end: Duration,
}

/// What a protocol's machine asks of the voices.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ask {
    Begin(Format),
    Speak(String),
    Finish,
    Stop,
}

/// The voices of one connection; a context is known by its number.
pub(super) struct Voices {
    session: Box<dyn TtsSession>,
    speaking: Vec<Speaking>,
    replies: u32,
    turn: usize,
}

impl Voices {
    pub(super) async fn open(voice: &Arc<dyn Tts>) -> Result<Self, StageError> {
        Ok(Self { session: voice.open().await?, speaking: Vec::new(), replies: 0, turn: 0 })
    }

    /// Does what is asked for context `key`. What cannot be done is told by that context's next event.
    pub(super) fn perform(&mut self, key: u64, ask: Ask) {
        match ask {
            Ask::Begin(format) => self.begin(key, format),
            Ask::Stop => self.speaking.retain(|speaking| speaking.key != key),
            Ask::Speak(text) => self.with(key, |speaking| speaking.speak(text)),
            Ask::Finish => self.with(key, |speaking| speaking.feed.iter_mut().for_each(|feed| feed.finish())),
        }
    }

    fn with(&mut self, key: u64, act: impl FnOnce(&mut Speaking)) {
        self.speaking.iter_mut().filter(|speaking| speaking.key == key).take(1).for_each(act_once(act));
    }

    fn begin(&mut self, key: u64, format: Format) {
        self.replies = self.replies.wrapping_add(1);
        let begun = self.session.begin(ReplyId(self.replies));
        self.speaking.push(Speaking::new(key, begun, self.session.sample_rate(), format));
    }

    /// The next event of any context; waits for ever where nothing is spoken. Cancellation safe.
    pub(super) async fn next(&mut self) -> (u64, VoiceEvent) {
        poll_fn(|context| self.poll_next(context)).await
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<(u64, VoiceEvent)> {
        let count = self.speaking.len();
        for offset in 0..count {
            let index = (self.turn + offset) % count;
            let Some(speaking) = self.speaking.get_mut(index) else { continue };
            if let Poll::Ready(event) = speaking.poll_next(context) {
                let key = speaking.key;
                if matches!(event, VoiceEvent::Done | VoiceEvent::Failed(_)) {
                    self.speaking.remove(index);
                }
                self.turn = index + 1;
                return Poll::Ready((key, event));
            }
        }
        Poll::Pending
    }
}

/// Makes a function that is called once fit for `for_each` over at most one.
fn act_once<T>(act: impl FnOnce(&mut T)) -> impl FnMut(&mut T) {
    let mut act = Some(act);
    move |value| act.take().into_iter().for_each(|act| act(value))
}

struct Speaking {
    key: u64,
    feed: Option<Box<dyn TtsFeed>>,
    events: BoxStream<'static, Result<TtsEvent, StageError>>,
    rate: SampleRate,
    encoder: Encoder,
    ready: VecDeque<VoiceEvent>,
    clauses: VecDeque<String>,
    clauses_done: u32,
    samples: u64,
    clause_start: u64,
    has_words: bool,
}

impl Speaking {
    fn new(key: u64, begun: Result<TtsReply, StageError>, rate: SampleRate, format: Format) -> Self {
        let (feed, events) = match begun {
            Ok(reply) => (Some(reply.feed), reply.events),
            Err(error) => (None, futures::stream::iter([Err(error)]).boxed()),
        };
        let (ready, clauses) = (VecDeque::new(), VecDeque::new());
        let encoder = Encoder::new(rate, format);
        let (clauses_done, samples, clause_start, has_words) = (0, 0, 0, false);
        Self { key, feed, events, rate, encoder, ready, clauses, clauses_done, samples, clause_start, has_words }
    }

    fn speak(&mut self, text: String) {
        let spoken = self.feed.as_mut().map_or(Ok(()), |feed| feed.speak(&text));
        match spoken {
            Ok(()) => self.clauses.push_back(text),
            Err(error) => self.ready.push_back(VoiceEvent::Failed(error.to_string())),
        }
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<VoiceEvent> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Poll::Ready(event);
            }
            match self.events.poll_next_unpin(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(event))) => self.take(event),
                Poll::Ready(Some(Err(error))) => self.ready.push_back(VoiceEvent::Failed(error.to_string())),
                Poll::Ready(None) => self.ready.push_back(VoiceEvent::Failed("the voice broke off".into())),
            }
        }
    }

    fn take(&mut self, event: TtsEvent) {
        match event {
            TtsEvent::Audio(bytes) => {
                self.samples += bytes.len() as u64 / 2;
                let encoded = self.encoder.push(&bytes);
                self.give_audio(encoded);
            }
            TtsEvent::Word { text, start_samples, end_samples } => {
                self.has_words = true;
                let (start, end) = (self.rate.duration_of(start_samples), self.rate.duration_of(end_samples));
                self.ready.push_back(VoiceEvent::Word(SpokenWord { text, start, end }));
            }
            TtsEvent::ClauseEnd { clauses } => self.end_clauses(clauses),
            TtsEvent::Done => {
                self.flush();
                self.end_clauses(self.clauses_done + self.clauses.len() as u32);
                self.ready.push_back(VoiceEvent::Done);
            }
            _ => {}
        }
    }

    /// What the resampler holds back of the text so far.
    fn flush(&mut self) {
        let rest = self.encoder.flush();
        self.give_audio(rest);
    }

    fn give_audio(&mut self, encoded: Vec<u8>) {
        if !encoded.is_empty() {
            self.ready.push_back(VoiceEvent::Audio(encoded));
        }
    }

    fn end_clauses(&mut self, clauses: u32) {
        if clauses <= self.clauses_done {
            return;
        }
        self.flush();
        let count = (clauses - self.clauses_done) as usize;
        let text: String = self.clauses.drain(..count.min(self.clauses.len())).collect();
        if !self.has_words {
            let (start, end) = (self.rate.duration_of(self.clause_start), self.rate.duration_of(self.samples));
            self.ready.extend(estimated(&text, start, end).into_iter().map(VoiceEvent::Word));
        }
        (self.clauses_done, self.clause_start) = (clauses, self.samples);
        self.ready.push_back(VoiceEvent::ClauseEnd { clauses });
    }
}

/// The words of `text`, each as long as its share of the characters.
fn estimated(text: &str, start: Duration, end: Duration) -> Vec<SpokenWord> {
    let characters = text.chars().count().max(1) as u32;
    let each = end.saturating_sub(start) / characters;
    let mut words: Vec<SpokenWord> = Vec::new();
    let mut in_word = false;
    for (index, character) in (0u32..).zip(text.chars()) {
        let is_space = character.is_whitespace();
        match words.last_mut() {
            _ if is_space => {}
            Some(word) if in_word => {
                word.text.push(character);
                word.end = start + each * (index + 1);
            }
            _ => {
                let (from, to) = (start + each * index, start + each * (index + 1));
                words.push(SpokenWord { text: character.into(), start: from, end: to });
            }
        }
        in_word = !is_space;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::super::encoding::Encoding;
    use super::*;
    use crate::provider::scripted::{ScriptedTts, TtsConfig, WordTimes};

    const MU_LAW: Format = Format { encoding: Encoding::MuLaw, hz: 8_000 };

    async fn all_of(voices: &mut Voices, key: u64) -> Vec<VoiceEvent> {
        let mut events = Vec::new();
        loop {
            let (from, event) = voices.next().await;
            assert_eq!(from, key);
            events.push(event);
            if matches!(events.last(), Some(VoiceEvent::Done | VoiceEvent::Failed(_))) {
                return events;
            }
        }
    }

    async fn voices(word_times: WordTimes) -> Voices {
        let voice: Arc<dyn Tts> = Arc::new(ScriptedTts::new(TtsConfig { word_times, ..TtsConfig::default() }));
        Voices::open(&voice).await.expect("a scripted voice opens")
    }

    #[tokio::test]
    async fn a_text_becomes_as_much_audio_as_the_voice_made_of_it() {
        let mut voices = voices(WordTimes::Exact).await;
        for ask in [Ask::Begin(MU_LAW), Ask::Speak("Hello there. ".into()), Ask::Finish] {
            voices.perform(7, ask);
        }
        let events = all_of(&mut voices, 7).await;
        let bytes: usize = events.iter().map(|e| if let VoiceEvent::Audio(bytes) = e { bytes.len() } else { 0 }).sum();
        assert!(bytes.abs_diff(13 * 60 * 8) <= 8, "{bytes} bytes of 13 characters");
        let words = events.iter().filter(|event| matches!(event, VoiceEvent::Word(_))).count();
        assert_eq!((words, events.contains(&VoiceEvent::ClauseEnd { clauses: 1 })), (2, true));
    }

    #[tokio::test]
    async fn words_are_estimated_where_the_voice_gives_none() {
        let mut voices = voices(WordTimes::Off).await;
        for ask in [Ask::Begin(MU_LAW), Ask::Speak("ab cd".into()), Ask::Finish] {
            voices.perform(7, ask);
        }
        let mut events = all_of(&mut voices, 7).await;
        events.retain(|event| matches!(event, VoiceEvent::Word(_)));
        let word = |text: &str, start, end| {
            let (start, end) = (Duration::from_millis(start), Duration::from_millis(end));
            VoiceEvent::Word(SpokenWord { text: text.into(), start, end })
        };
        assert_eq!(events, [word("ab", 0, 120), word("cd", 180, 300)]);
    }

    #[tokio::test]
    async fn a_stopped_context_says_nothing_more_and_the_other_goes_on() {
        let mut voices = voices(WordTimes::Exact).await;
        for key in [1, 2] {
            voices.perform(key, Ask::Begin(MU_LAW));
            voices.perform(key, Ask::Speak("Hello there. ".into()));
        }
        voices.perform(1, Ask::Stop);
        voices.perform(2, Ask::Finish);
        assert_eq!(all_of(&mut voices, 2).await.last(), Some(&VoiceEvent::Done));
    }
}

//! The ear, given what the voice says: words, interims, segments, calls side by side.

use crate::models;
use crate::pico::spoken;
use futures::StreamExt;
use voice_core::provider::local::{LocalModels, Moonshine, Workers, WorkersConfig};
use voice_core::stage::{Stt, SttEvent, SttSession};
use voice_core::units::Position;

const MS: u64 = 16;
/// As a line delivers it.
const FRAME: usize = 320;

fn ear(threads: usize) -> Moonshine {
    let workers = Workers::start(WorkersConfig { threads, ..WorkersConfig::default() }).unwrap();
    Moonshine::load(&models(), &workers).unwrap()
}

/// A caller: pushes audio frame by frame and reads what was understood.
struct Caller {
    session: SttSession,
    now: u64,
    interims: Vec<String>,
}

impl Caller {
    async fn of(ear: &Moonshine) -> Self {
        Self { session: ear.open().await.unwrap(), now: 0, interims: Vec::new() }
    }

    fn push(&mut self, samples: &[i16]) {
        for frame in samples.chunks(FRAME) {
            self.session.feed.push(frame, Position(self.now)).unwrap();
            self.now += frame.len() as u64;
        }
    }

    fn silence(&mut self, ms: u64) {
        self.push(&vec![0; (ms * MS) as usize]);
    }

    /// Says `samples`, noticed 60 ms late as by a VAD; gives the end of speech.
    fn say(&mut self, samples: &[i16]) -> u64 {
        let onset = self.now;
        let (first, rest) = samples.split_at(960.min(samples.len()));
        self.push(first);
        self.session.feed.speech_started(Position(onset));
        self.push(rest);
        self.now
    }

    fn finalize(&mut self, end: u64) {
        self.session.feed.finalize(Position(end));
    }

    /// The next final's text and end; interims on the way are kept.
    async fn heard(&mut self) -> (String, u64) {
        loop {
            match self.session.events.next().await.unwrap().unwrap() {
                SttEvent::Interim { text } => self.interims.push(text),
                SttEvent::Final { text, end } => return (text, end.0),
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    async fn turn(&mut self, samples: &[i16]) -> String {
        self.silence(500);
        let end = self.say(samples);
        self.silence(300);
        self.finalize(end);
        let (text, at) = self.heard().await;
        assert_eq!(at, end);
        text
    }
}

fn words(text: &str) -> Vec<String> {
    let letters = |c: char| (c.is_alphanumeric() || c == '\'').then(|| c.to_ascii_lowercase());
    text.split_whitespace()
        .map(|word| word.chars().filter_map(letters).collect())
        .filter(|w: &String| !w.is_empty())
        .collect()
}

/// Words to insert, delete or replace to make `heard` of `said`.
fn errors(said: &str, heard: &str) -> usize {
    let (said, heard) = (words(said), words(heard));
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (i, word) in said.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, other) in heard.iter().enumerate() {
            next.push((row[j] + usize::from(word != other)).min(row[j + 1] + 1).min(next[j] + 1));
        }
        row = next;
    }
    row[heard.len()]
}

#[test]
fn errors_are_counted() {
    assert_eq!(errors("Good morning, you.", "good morning you"), 0);
    assert_eq!(errors("one two three", "one three four"), 2);
    assert_eq!(errors("", "a b"), 2);
}

const SENTENCES: [&str; 5] = [
    "I would like to make an appointment for tomorrow morning.",
    "The weather is very nice today, but it will rain in the evening.",
    "Can you please tell me the price of the blue car?",
    "My name is Peter and I live in a small house near the river.",
    "No thank you, that is everything I wanted to know.",
];

#[tokio::test]
async fn what_the_voice_says_is_understood() {
    let ear = ear(1);
    let mut caller = Caller::of(&ear).await;
    let (mut wrong, mut all) = (0, 0);
    for sentence in SENTENCES {
        let heard = caller.turn(&spoken(sentence).await).await;
        wrong += errors(sentence, &heard);
        all += words(sentence).len();
    }
    assert!(wrong * 10 <= all, "{wrong} of {all} words are wrong");
}

#[tokio::test]
async fn interims_come_while_the_caller_speaks() {
    let ear = ear(1);
    let mut caller = Caller::of(&ear).await;
    let samples = spoken(SENTENCES[1]).await;
    let (first, rest) = samples.split_at(samples.len() / 2);
    caller.silence(300);
    caller.say(first);
    let Some(Ok(SttEvent::Interim { text })) = caller.session.events.next().await else { panic!("no interim") };
    assert!(errors(SENTENCES[1], &text) < words(SENTENCES[1]).len(), "{text}");
    caller.push(rest);
    let end = caller.now;
    caller.silence(300);
    caller.finalize(end);
    let (heard, _) = caller.heard().await;
    assert!(errors(SENTENCES[1], &heard) <= 2, "{heard}");
    assert!(caller.interims.windows(2).all(|pair| pair[0] != pair[1]), "{:?}", caller.interims);
}

#[tokio::test]
async fn finalize_again_gives_an_empty_final() {
    let ear = ear(1);
    let mut caller = Caller::of(&ear).await;
    caller.finalize(0);
    assert_eq!(caller.heard().await, (String::new(), 0));
    assert!(!caller.turn(&spoken("Yes, please.").await).await.is_empty());
    let end = caller.now;
    caller.finalize(end);
    caller.finalize(end);
    assert_eq!(caller.heard().await, (String::new(), end));
    assert_eq!(caller.heard().await, (String::new(), end));
}

#[tokio::test]
async fn silence_and_faint_noise_hold_no_words() {
    let ear = ear(1);
    let mut caller = Caller::of(&ear).await;
    assert_eq!(caller.turn(&[0; 16_000]).await, "");
    let mut seed = 1_u32;
    let mut noise = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 26) as i16 - 32
    };
    assert_eq!(caller.turn(&(0..32_000).map(|_| noise()).collect::<Vec<_>>()).await, "");
}

#[tokio::test]
async fn speech_that_goes_on_after_a_final_is_the_next_segment() {
    let ear = ear(1);
    let mut caller = Caller::of(&ear).await;
    let (first, second) = (spoken(SENTENCES[0]).await, spoken(SENTENCES[4]).await);
    caller.silence(300);
    let end = caller.say(&first);
    caller.silence(120);
    caller.push(&second[..8_000]);
    // Asked late: the next sentence has begun, and the VAD never heard the pause.
    caller.finalize(end);
    caller.push(&second[8_000..]);
    let last = caller.now;
    caller.silence(300);
    caller.finalize(last);
    let (one, two) = (caller.heard().await.0, caller.heard().await.0);
    assert!(errors(SENTENCES[0], &one) <= 2 && errors(SENTENCES[4], &two) <= 2, "{one} / {two}");
}

#[tokio::test]
async fn half_a_minute_without_a_pause_loses_no_words() {
    let ear = ear(1);
    let mut caller = Caller::of(&ear).await;
    let mut samples = Vec::new();
    for _ in 0..3 {
        for sentence in SENTENCES {
            samples.extend(spoken(sentence).await);
        }
    }
    assert!(samples.len() > 35 * 16_000);
    caller.silence(300);
    let end = caller.say(&samples);
    caller.silence(300);
    caller.finalize(end);
    let mut heard = String::new();
    loop {
        let (text, at) = caller.heard().await;
        heard.push_str(&text);
        heard.push(' ');
        if at == end {
            break;
        }
    }
    let said = SENTENCES.join(" ").repeat(3).replace(".I", ". I");
    let wrong = errors(&said, &heard);
    assert!(wrong * 7 <= words(&said).len(), "{wrong} wrong: {heard}");
}

#[tokio::test]
async fn calls_side_by_side_do_not_mix() {
    // So many workers share one copy of the weights.
    let ear = ear(5);
    let mut callers = Vec::new();
    for sentence in SENTENCES {
        callers.push((sentence, spoken(sentence).await, Caller::of(&ear).await));
    }
    let heard = callers.iter_mut().map(|(sentence, samples, caller)| async move {
        let mut wrong = 0;
        for _ in 0..2 {
            wrong += errors(sentence, &caller.turn(samples).await);
        }
        assert!(wrong <= 4, "{sentence}: {wrong} words wrong");
    });
    futures::future::join_all(heard).await;
}

#[tokio::test]
async fn the_stream_ends_with_its_feed() {
    let ear = ear(1);
    let mut caller = Caller::of(&ear).await;
    caller.silence(100);
    let SttSession { feed, mut events } = caller.session;
    drop(feed);
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn a_feed_nobody_listens_to_has_ended() {
    let ear = ear(1);
    let SttSession { mut feed, events } = ear.open().await.unwrap();
    drop(events);
    assert_eq!(feed.push(&[0; 320], Position(0)).unwrap_err().to_string(), "Moonshine has ended");
}

#[test]
fn a_damaged_model_is_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    std::fs::create_dir(at("moonshine-tiny-en")).unwrap();
    let library = models().dir().join("libonnxruntime.so");
    std::fs::copy(library, at("libonnxruntime.so")).unwrap();
    for name in ["encoder_model.ort", "decoder_model_merged.ort"] {
        std::fs::write(at("moonshine-tiny-en").join(name), b"not a model").unwrap();
    }
    std::fs::write(at("moonshine-tiny-en/tokenizer.bin"), b"").unwrap();
    let workers = Workers::start(WorkersConfig::default()).unwrap();
    let error = Moonshine::load(&LocalModels::find(dir.path()), &workers).err().unwrap();
    assert!(error.to_string().starts_with("Moonshine cannot be loaded: "), "{error}");
}

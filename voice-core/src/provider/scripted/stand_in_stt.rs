//! Ears for a machine without a speech model: every stretch of speech is reported by its length.
//!
//! Invariant: a text appears only once the speech has lasted longer than a cough or a "mm-hmm", because it has no
//! words by which the turn machine could tell those from a bid for the turn.

use super::clock::audio_ms;
use super::stt::{timed_events, try_give};
use super::stt_driver::{EVENT_QUEUE, Timed};
use crate::stage::{LISTEN_RATE, StageError, Stt, SttEvent, SttFeed, SttSession};
use crate::units::Position;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::mpsc;

/// What counts as speech for a [`StandInStt`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandInConfig {
    /// A shorter stretch is noise and gets an empty final. Default 450 ms: longer than most coughs, so that they do not
    /// take the turn; a short "yes" is lost with them, and the caller is asked again.
    pub noise_below_ms: u64,
    /// When the first interim comes. Default 700 ms: longer than a backchannel.
    pub first_interim_ms: u64,
    /// From interim to interim. Default 200 ms.
    pub interim_every_ms: u64,
    /// Quiet after which a stretch ends by itself if no final was asked for. Default 800 ms.
    pub end_silence_ms: u64,
    /// A push whose root mean square is at least this is loud. Default 200, about −44 dBFS.
    pub loud_rms: u16,
}

impl Default for StandInConfig {
    fn default() -> Self {
        Self { noise_below_ms: 450, first_interim_ms: 700, interim_every_ms: 200, end_silence_ms: 800, loud_rms: 200 }
    }
}

/// Gives each stretch of speech as a segment "(speech, 2.1 s)", with interims while it lasts. It learns from the VAD
/// where speech begins ([`SttFeed::speech_started`]) and ends ([`SttFeed::finalize`]); a stream that is never told of a
/// beginning finds it by loudness.
#[derive(Clone, Debug, Default)]
pub struct StandInStt {
    config: StandInConfig,
}

impl StandInStt {
    /// With these thresholds.
    pub fn new(config: StandInConfig) -> Self {
        Self { config }
    }
}

impl Stt for StandInStt {
    fn name(&self) -> &str {
        "the stand-in for an STT"
    }

    fn open(&self) -> BoxFuture<'static, Result<SttSession, StageError>> {
        let (sender, receiver) = mpsc::channel(EVENT_QUEUE);
        let feed = Feed { config: self.config.clone(), sender, stretch: None, is_told: false, now: Position::ZERO };
        futures::future::ready(Ok(SttSession { feed: Box::new(feed), events: timed_events(receiver) })).boxed()
    }
}

/// The text of a stretch of `samples`.
fn text_of(samples: u64) -> String {
    format!("(speech, {:.1} s)", LISTEN_RATE.duration_of(samples).as_secs_f32())
}

/// How many seconds of speech the texts of a stand-in in `text` stand for; `None` if it holds anything else.
pub(super) fn speech_seconds(text: &str) -> Option<f32> {
    let mut seconds = None;
    for part in text.split_inclusive(')') {
        let number = part.trim().strip_prefix("(speech, ")?.strip_suffix(" s)")?;
        seconds = Some(seconds.unwrap_or(0.0) + number.parse::<f32>().ok()?);
    }
    seconds
}

struct Stretch {
    onset: Position,
    /// Just after the last loud push.
    loud_end: Position,
    /// The next interim comes once the stretch has lasted this long.
    next_interim_ms: u64,
}

struct Feed {
    config: StandInConfig,
    sender: mpsc::Sender<Timed>,
    stretch: Option<Stretch>,
    /// Whether the VAD has ever told of a beginning.
    is_told: bool,
    now: Position,
}

impl Feed {
    fn begin(&mut self, onset: Position) {
        let next_interim_ms = self.config.first_interim_ms;
        self.stretch = Some(Stretch { onset, loud_end: self.now.max(onset), next_interim_ms });
    }

    fn give(&self, event: SttEvent) -> Result<(), StageError> {
        try_give(&self.sender, (None, Ok(event)))
    }

    fn close(&mut self, end: Position) -> Result<(), StageError> {
        let onset = self.stretch.take().map_or(end, |stretch| stretch.onset);
        let is_noise = audio_ms(onset, end) < self.config.noise_below_ms;
        let text = if is_noise { String::new() } else { text_of(end.since(onset)) };
        self.give(SttEvent::Final { text, end })
    }

    /// What the stretch so far asks for: an interim while it is loud, its end after long quiet.
    fn report(&mut self) -> Result<(), StageError> {
        let Some(stretch) = &mut self.stretch else { return Ok(()) };
        let (now, loud_end) = (self.now, stretch.loud_end);
        if audio_ms(loud_end, now) >= self.config.end_silence_ms {
            return self.close(loud_end);
        }
        let lasted_ms = audio_ms(stretch.onset, now);
        if loud_end < now || lasted_ms < stretch.next_interim_ms {
            return Ok(());
        }
        stretch.next_interim_ms = lasted_ms.saturating_add(self.config.interim_every_ms);
        let text = text_of(now.since(stretch.onset));
        self.give(SttEvent::Interim { text })
    }
}

impl SttFeed for Feed {
    fn push(&mut self, samples: &[i16], position: Position) -> Result<(), StageError> {
        if self.sender.is_closed() {
            return Err(StageError::Ended { engine: "the stand-in STT" });
        }
        self.now = position.plus(samples.len() as u64);
        let is_loud = is_loud(samples, self.config.loud_rms);
        match &mut self.stretch {
            Some(stretch) if is_loud => stretch.loud_end = self.now,
            None if is_loud && !self.is_told => {
                self.begin(position);
            }
            _ => {}
        }
        self.report()
    }

    fn finalize(&mut self, end: Position) {
        // A full queue shows at the next push.
        let _ = self.close(end);
    }

    fn speech_started(&mut self, onset: Position) {
        self.is_told = true;
        if self.stretch.is_none() {
            self.begin(onset);
        }
    }
}

fn is_loud(samples: &[i16], loud_rms: u16) -> bool {
    let energy: u64 = samples.iter().map(|sample| u64::from(sample.unsigned_abs()).pow(2)).sum();
    energy > 0 && energy >= u64::from(loud_rms).pow(2) * samples.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt;

    struct Call {
        session: SttSession,
        now: Position,
    }

    impl Call {
        fn new() -> Self {
            let session = StandInStt::default().open().now_or_never().unwrap().unwrap();
            Self { session, now: Position::ZERO }
        }

        fn feed(&mut self, level: i16, ms: u64) {
            for _ in 0..ms / 20 {
                self.session.feed.push(&[level; 320], self.now).unwrap();
                self.now = self.now.plus(320);
            }
        }

        fn texts(&mut self) -> Vec<String> {
            let mut texts = Vec::new();
            while let Some(Some(Ok(event))) = self.session.events.next().now_or_never() {
                texts.push(match event {
                    SttEvent::Interim { text } => format!("~{text}"),
                    SttEvent::Final { text, end } => format!("{text}@{}", end.0 / 16),
                    other => panic!("{other:?}"),
                });
            }
            texts
        }
    }

    #[test]
    fn a_stretch_is_told_by_its_length() {
        let mut call = Call::new();
        call.feed(0, 200);
        call.feed(3_000, 100);
        call.session.feed.speech_started(Position(200 * 16));
        call.feed(3_000, 1_000);
        call.feed(0, 100);
        call.session.feed.finalize(Position(1_300 * 16));
        let expected = ["~(speech, 0.7 s)", "~(speech, 0.9 s)", "~(speech, 1.1 s)", "(speech, 1.1 s)@1300"];
        assert_eq!(call.texts(), expected);
    }

    #[test]
    fn a_cough_is_noise() {
        let mut call = Call::new();
        call.session.feed.speech_started(Position::ZERO);
        call.feed(3_000, 400);
        call.feed(0, 100);
        call.session.feed.finalize(Position(400 * 16));
        assert_eq!(call.texts(), ["@400"]);
    }

    #[test]
    fn without_a_vad_loudness_and_quiet_are_the_edges() {
        let mut call = Call::new();
        call.feed(3_000, 600);
        call.feed(0, 1_000);
        call.feed(3_000, 60);
        call.feed(0, 1_000);
        assert_eq!(call.texts(), ["(speech, 0.6 s)@600", "@1660"]);
    }

    #[test]
    fn a_noisy_line_is_not_speech_once_the_vad_has_spoken() {
        let mut call = Call::new();
        call.session.feed.speech_started(Position::ZERO);
        call.feed(1_000, 600);
        call.session.feed.finalize(Position(500 * 16));
        call.feed(1_000, 5_000);
        assert_eq!(call.texts(), ["(speech, 0.5 s)@500"]);
    }

    #[test]
    fn the_text_says_how_long_it_was() {
        assert_eq!(speech_seconds("(speech, 2.1 s)"), Some(2.1));
        assert_eq!(speech_seconds("(speech, 2.0 s) (speech, 1.5 s)"), Some(3.5));
        for other in ["", "speech, 2 s", "(speech, x s)", "(speech, 2.0 s) and words"] {
            assert_eq!(speech_seconds(other), None, "{other}");
        }
    }
}

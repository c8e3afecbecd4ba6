//! A seeded source of conversations: mostly what a session would say, sometimes what it never should.

use std::time::Duration;
use voice_core::turn::{
    BargeInPolicy, Command, EndReason, Input, Muted, Protection, ReplyInput, Speculation, SttInput, TurnConfig,
};
use voice_core::units::{Position, ReplyId, ToolRunId};

const SAID: [&str; 14] = [
    "",
    "yeah",
    "mm-hmm",
    "book a table",
    "book a table for two",
    "book a table for two please.",
    "no wait",
    "and",
    "my number is five five",
    "certainly I can",
    "stop",
    "für zwölf Personen, bitte!",
    "はい、お願いします",
    "what time is it?",
];

const CLAUSES: [&str; 6] =
    ["Certainly, ", "I can book that. ", "Would seven suit you? ", "Für zwölf Personen? ", "はい。", ""];

/// What the configurations are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thresholds {
    /// The defaults.
    Usual,
    /// Now and then none at all, or one that never comes.
    Mad,
}

/// A seeded source of numbers (xorshift64*).
pub struct Random {
    state: u64,
}

impl Random {
    pub fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1 }
    }

    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    /// A number from 0 to before `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    pub fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}

/// The conversation of one seed.
pub struct Conversation {
    random: Random,
    speaking: bool,
    samples: u64,
    replies: u32,
}

impl Conversation {
    pub fn new(seed: u64) -> Self {
        Self { random: Random::new(seed), speaking: false, samples: 0, replies: 0 }
    }

    fn below(&mut self, end: u64) -> u64 {
        self.random.below(end)
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        self.random.one_of(of)
    }

    fn said(&mut self) -> String {
        self.one_of(&SAID).to_owned()
    }

    fn ms(&mut self, usual: u64) -> u64 {
        match self.below(12) {
            0 => 0,
            1 => u64::MAX,
            2 => self.below(usual * 4),
            _ => usual,
        }
    }

    /// A configuration.
    pub fn config(&mut self, thresholds: Thresholds) -> TurnConfig {
        let usual = TurnConfig::default();
        let policies = [
            BargeInPolicy::Immediate,
            BargeInPolicy::Confirmed,
            BargeInPolicy::Confirmed,
            BargeInPolicy::MinWords(0),
            BargeInPolicy::MinWords(3),
            BargeInPolicy::Never,
        ];
        let barge_in = self.one_of(&policies);
        if thresholds == Thresholds::Usual {
            return TurnConfig { barge_in, ..usual };
        }
        TurnConfig {
            barge_in,
            commit_speech_ms: self.ms(usual.commit_speech_ms),
            bid_speech_ms: self.ms(usual.bid_speech_ms),
            verdict_wait_ms: self.ms(usual.verdict_wait_ms),
            max_pause_ms: self.ms(usual.max_pause_ms),
            eot_complete_ms: self.ms(usual.eot_complete_ms),
            eot_unclear_ms: self.ms(usual.eot_unclear_ms),
            eot_incomplete_ms: self.ms(usual.eot_incomplete_ms),
            eot_backstop_ms: self.ms(usual.eot_backstop_ms),
            eot_model_ms: self.ms(usual.eot_model_ms),
            eot_model_probability: self.one_of(&[0.0, 0.6, 1.0, f32::NAN]),
            final_wait_ms: self.ms(usual.final_wait_ms),
            max_turn_ms: self.ms(usual.max_turn_ms),
            speculation: self.one_of(&[Speculation::On, Speculation::On, Speculation::Off]),
            speculate_ms: self.ms(usual.speculate_ms),
            max_speculations: self.one_of(&[0, 1, 3]),
            caller_idle_ms: self.ms(usual.caller_idle_ms),
            max_idle_prompts: self.one_of(&[0, 2]),
            idle_prompt: usual.idle_prompt.filter(|_| self.below(3) > 0),
            not_heard_prompt: usual.not_heard_prompt.filter(|_| self.below(3) > 0),
            not_heard_speech_ms: self.ms(usual.not_heard_speech_ms),
            reply_stall_ms: self.ms(usual.reply_stall_ms),
            failure_apology: usual.failure_apology.filter(|_| self.below(3) > 0),
            max_call_ms: usual.max_call_ms,
            dtmf_gap_ms: self.ms(usual.dtmf_gap_ms),
        }
    }

    /// How long until the next input; often exactly until the next timer.
    pub fn pause(&mut self, until_timer: Option<Duration>) -> Duration {
        let long = Duration::from_secs(20);
        match (self.below(8), until_timer) {
            (0, Some(until)) if until < long => until,
            (1 | 2, _) => Duration::ZERO,
            (3, _) => Duration::from_millis(self.below(1_500)),
            _ => Duration::from_millis(self.below(60)),
        }
    }

    /// The next input; `live` is the reply that lives.
    pub fn input(&mut self, live: Option<ReplyId>, thresholds: Thresholds) -> Input {
        if let Some(id) = live {
            self.replies = self.replies.max(id.0);
        }
        self.samples += self.below(2_000);
        match self.below(100) {
            0..8 => Input::TimerFired,
            8..28 => self.speech(),
            28..48 => Input::Stt(self.stt()),
            48..50 => Input::TurnVerdict { complete: self.one_of(&[0.1, 0.9, f32::NAN, -1.0]) },
            50 => Input::LineAway,
            51..53 => Input::LineBack,
            53..93 => {
                let stale = ReplyId(u32::try_from(self.below(u64::from(self.replies) + 2)).unwrap());
                let id = if self.below(20) == 0 { stale } else { live.unwrap_or(stale) };
                Input::Reply(id, self.reply())
            }
            _ => Input::Command(self.command(thresholds)),
        }
    }

    fn speech(&mut self) -> Input {
        if self.below(12) > 0 {
            self.speaking = !self.speaking;
        }
        let at = Position(self.samples);
        if self.speaking {
            Input::SpeechStarted { onset: at, confidence: 0.9 }
        } else {
            Input::SpeechEnded { end: at, silence_ms: self.one_of(&[0, 60, 90, 300, 1_000_000]) }
        }
    }

    fn stt(&mut self) -> SttInput {
        let text = self.said();
        match self.below(20) {
            0..9 => SttInput::Interim { text },
            9..14 => {
                let end = self.samples.saturating_sub(self.below(16_000));
                SttInput::Final { text, end: (self.below(2) == 0).then_some(Position(end)) }
            }
            14..16 => SttInput::EndOfTurn { text },
            16..17 => SttInput::StartOfTurn { text },
            17..18 => SttInput::EagerEndOfTurn { text },
            18..19 => SttInput::TurnResumed,
            _ if self.below(2) == 0 => SttInput::Interrupted,
            _ => SttInput::Failed,
        }
    }

    fn reply(&mut self) -> ReplyInput {
        let samples = self.below(32_000);
        let run = ToolRunId(u32::try_from(self.below(6)).unwrap());
        match self.below(60) {
            0 => ReplyInput::FirstToken,
            1..9 => ReplyInput::Clause { text: self.one_of(&CLAUSES).to_owned() },
            9 => ReplyInput::ToolRequested { run },
            10 => ReplyInput::ToolFinished { run },
            11..14 => ReplyInput::GenerationDone,
            14 => ReplyInput::GenerationFailed,
            15..24 => ReplyInput::Audio { samples: self.one_of(&[0, 320, 320, 8_000, 40_000]) },
            24 => ReplyInput::Word {
                text: self.one_of(&["Certainly", "book", "zwölf", "nothing"]).to_owned(),
                start_samples: samples,
                end_samples: samples + self.below(4_000),
            },
            25..27 => ReplyInput::ClauseEnd { clauses: u32::try_from(self.below(5)).unwrap() },
            27..31 => ReplyInput::SpeechDone,
            31 => ReplyInput::SpeechFailed,
            32..38 => ReplyInput::Played { samples },
            38..40 => ReplyInput::Drained { samples },
            40..50 => ReplyInput::Audio { samples: 3_200 },
            _ => ReplyInput::Played { samples },
        }
    }

    fn command(&mut self, thresholds: Thresholds) -> Command {
        let protection = self.one_of(&[Protection::Interruptible, Protection::Protected]);
        match self.below(400) {
            0..100 => Command::Say { text: self.said(), protection },
            100..140 => Command::Interrupt,
            140..180 => Command::Mute(self.one_of(&[Muted::On, Muted::Off, Muted::Off])),
            180..260 => Command::Dtmf(self.one_of(&['1', '2', '#', '*', 'x', 'é'])),
            260..330 => Command::Protect(protection),
            330..399 => Command::Configure(Box::new(self.config(thresholds))),
            _ => Command::HangUp(EndReason::LineLost),
        }
    }
}

//! Whatever the VAD misses, the STT delays and the agent says meanwhile: every word the caller says is in one turn, in
//! order, once.
//!
//! `TURN_SEED=<n>` replays one conversation; a failure names its seed.

#![allow(clippy::panic, reason = "a panic is how a test fails")]

mod turn_support;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use turn_support::{Random, any_instant};
use voice_core::turn::{
    BargeInPolicy, Command, EndReason, Input, Output, ReplyInput, SttInput, TurnConfig, TurnMachine,
};
use voice_core::units::{Position, ReplyId, SampleRate};

const CALLS: u64 = 150;
const STEPS: u64 = 120;

/// A caller who counts, a VAD that misses some of it, an STT with segments and late finals, and an agent.
struct Call {
    machine: TurnMachine,
    random: Random,
    start: Instant,
    now: Instant,
    next_word: u32,
    segment: Vec<String>,
    final_at: Option<Instant>,
    vad_speaking: bool,
    live: Option<ReplyId>,
    turns: BTreeMap<u32, String>,
    journal: Vec<(Duration, Input, Vec<Output>)>,
}

impl Call {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let policies =
            [BargeInPolicy::Immediate, BargeInPolicy::Confirmed, BargeInPolicy::MinWords(3), BargeInPolicy::Never];
        let config = TurnConfig {
            barge_in: random.one_of(&policies),
            caller_idle_ms: 600_000,
            // Here every word is meant, also one said in no time.
            bid_speech_ms: 0,
            ..TurnConfig::default()
        };
        let now = any_instant();
        Self {
            machine: TurnMachine::new(config, SampleRate::Hz16000, now),
            random,
            start: now,
            now,
            next_word: 0,
            segment: Vec::new(),
            final_at: None,
            vad_speaking: false,
            live: None,
            turns: BTreeMap::new(),
            journal: Vec::new(),
        }
    }

    fn take(&mut self, input: Input) {
        self.machine.handle(input.clone(), self.now);
        let outputs: Vec<Output> = std::iter::from_fn(|| self.machine.poll_output()).collect();
        outputs.iter().for_each(|output| self.perform(output));
        self.journal.push((self.now - self.start, input, outputs));
    }

    fn perform(&mut self, output: &Output) {
        match output {
            Output::StartReply(start) => self.live = Some(start.reply),
            Output::CallerTurn(turn) => drop(self.turns.insert(turn.turn.0, turn.text.clone())),
            Output::FinalizeStt if self.final_at.is_none() => {
                self.final_at = Some(self.now + Duration::from_millis(self.random.below(900)));
            }
            _ => {}
        }
    }

    /// Time goes on; timers and the final that was asked for come when they are due.
    fn pass(&mut self, ms: u64) {
        let until = self.now + Duration::from_millis(ms);
        loop {
            let due = [self.machine.poll_timeout(), self.final_at].into_iter().flatten().min();
            let Some(at) = due.filter(|at| *at <= until) else { break };
            self.now = at.max(self.now);
            if self.final_at == Some(at) {
                self.close_segment();
            } else {
                self.take(Input::TimerFired);
            }
        }
        self.now = until;
    }

    fn close_segment(&mut self) {
        self.final_at = None;
        let text = std::mem::take(&mut self.segment).join(" ");
        self.take(Input::Stt(SttInput::Final { text, end: None }));
    }

    fn step(&mut self) {
        match self.random.below(20) {
            0..6 => self.speak(),
            6..8 => self.vad(),
            8 if !self.segment.is_empty() => {
                self.final_at = None;
                let text = std::mem::take(&mut self.segment).join(" ");
                self.take(Input::Stt(SttInput::EndOfTurn { text }));
            }
            9..15 => self.agent(),
            15..19 => self.pass_some(300),
            _ => self.pass_some(2_500),
        }
    }

    fn pass_some(&mut self, most_ms: u64) {
        let ms = self.random.below(most_ms);
        self.pass(ms);
    }

    /// The next word, known by its number so that it is nobody's backchannel and no echo.
    fn speak(&mut self) {
        self.next_word += 1;
        self.segment.push(format!("word{}", self.next_word));
        let text = self.segment.join(" ");
        self.take(Input::Stt(SttInput::Interim { text }));
        self.pass_some(200);
    }

    fn vad(&mut self) {
        let at = Position(SampleRate::Hz16000.samples_in(self.now - self.start));
        self.vad_speaking = !self.vad_speaking;
        self.take(if self.vad_speaking {
            Input::SpeechStarted { onset: at, confidence: 0.9 }
        } else {
            Input::SpeechEnded { end: at, silence_ms: 90 }
        });
    }

    fn agent(&mut self) {
        let Some(id) = self.live else { return };
        let samples = self.random.below(60_000);
        let event = match self.random.below(8) {
            0..2 => ReplyInput::Clause { text: "Certainly, whatever you say. ".to_owned() },
            2..4 => ReplyInput::Audio { samples: 16_000 },
            4..6 => ReplyInput::Played { samples },
            6 => ReplyInput::GenerationDone,
            _ => ReplyInput::SpeechDone,
        };
        self.take(Input::Reply(id, event));
    }

    /// What happened around the first mention of `word`.
    fn around(&self, word: &str) -> String {
        let lines: Vec<String> =
            self.journal.iter().map(|(at, input, outputs)| format!("{at:?} {input:?} => {outputs:?}")).collect();
        let from = lines.iter().position(|line| line.contains(word)).unwrap_or_default();
        lines[from.saturating_sub(14)..(from + 25).min(lines.len())].join("\n")
    }

    /// The caller says no more and hangs up.
    fn end(&mut self) {
        if !self.segment.is_empty() {
            self.close_segment();
        }
        self.take(Input::Command(Command::HangUp(EndReason::CallerHungUp)));
    }
}

fn count(seed: u64) {
    let mut call = Call::new(seed);
    for _ in 0..STEPS {
        call.step();
    }
    call.end();
    let said: Vec<String> = (1..=call.next_word).map(|number| format!("word{number}")).collect();
    let heard: Vec<&str> = call.turns.values().flat_map(|text| text.split(' ')).collect();
    if said != heard {
        let at = said.iter().zip(&heard).position(|(a, b)| a != b).unwrap_or(said.len().min(heard.len()));
        let tail = call.around(&format!("word{}\"", at + 1));
        panic!("TURN_SEED={seed}: said word{} but heard {:?} next\n{tail}", at + 1, heard.get(at));
    }
}

#[test]
fn every_word_is_in_one_turn_once() {
    match std::env::var("TURN_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => count(seed),
        None => (1..=CALLS).for_each(count),
    }
}

#[test]
fn a_turn_that_is_taken_back_again_and_again_does_not_grow_for_ever() {
    let start = any_instant();
    let mut machine = TurnMachine::new(TurnConfig::default(), SampleRate::Hz16000, start);
    let (mut turns, mut keys, mut longest) = (BTreeMap::new(), 0, 0);
    for n in 0..3_000 {
        machine.handle(Input::Command(Command::Dtmf('#')), start + Duration::from_millis(n));
        while let Some(output) = machine.poll_output() {
            if let Output::CallerTurn(turn) = output {
                longest = longest.max(turn.text.len());
                turns.insert(turn.turn, turn.text);
            }
        }
        keys += 1;
    }
    assert!(longest < 5_000, "{longest} bytes in one turn");
    let kept: usize = turns.values().map(|text| text.matches('#').count()).sum();
    assert_eq!(kept, keys, "and no key is lost");
}

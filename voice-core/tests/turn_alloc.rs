//! The barge-in path allocates nothing: from the noticed speech to the signal, and back to the resumed reply.

mod counting;
mod turn_support;

use counting::allocations_so_far;
use std::time::{Duration, Instant};
use turn_support::any_instant;
use voice_core::turn::{Command, Input, Output, Protection, ReplyInput, SttInput, TurnConfig, TurnMachine};
use voice_core::units::{Position, ReplyId, SampleRate};

const REPLY: ReplyId = ReplyId(1);

struct Call {
    machine: TurnMachine,
    now: Instant,
}

impl Call {
    /// A call whose agent has been audible for a second.
    fn audible() -> Self {
        let now = any_instant();
        let mut call = Self { machine: TurnMachine::new(TurnConfig::default(), SampleRate::Hz16000, now), now };
        let text = "We are open from nine to five on weekdays.".to_owned();
        call.take(Input::Command(Command::Say { text: text.clone(), protection: Protection::Interruptible }));
        call.take(Input::Reply(REPLY, ReplyInput::Clause { text }));
        call.take(Input::Reply(REPLY, ReplyInput::Audio { samples: 48_000 }));
        call.take(Input::Reply(REPLY, ReplyInput::Played { samples: 16_000 }));
        call
    }

    /// Gives the input 100 ms later; the outputs are dropped but for the last.
    fn take(&mut self, input: Input) -> Option<Output> {
        self.now += Duration::from_millis(100);
        self.machine.handle(input, self.now);
        let mut last = None;
        while let Some(output) = self.machine.poll_output() {
            last = Some(output);
        }
        last
    }

    /// As [`Call::take`]; says how often it allocated. The input itself is the caller's.
    fn allocations_of(&mut self, input: Input) -> (Option<Output>, u64) {
        let before = allocations_so_far();
        let output = self.take(input);
        (output, allocations_so_far() - before)
    }
}

fn speech() -> Input {
    Input::SpeechStarted { onset: Position(14_000), confidence: 0.9 }
}

fn interim(text: &str) -> Input {
    Input::Stt(SttInput::Interim { text: text.to_owned() })
}

#[test]
fn pause_and_barge_in_allocate_nothing() {
    let mut call = Call::audible();
    assert_eq!(call.allocations_of(speech()), (Some(Output::Pause(REPLY)), 0));
    assert_eq!(call.allocations_of(interim("mm")), (None, 0));
    assert_eq!(call.allocations_of(interim("well wait a minute please")), (Some(Output::Cancel(REPLY)), 0));
}

#[test]
fn pause_and_resume_allocate_nothing() {
    let mut call = Call::audible();
    assert_eq!(call.allocations_of(speech()), (Some(Output::Pause(REPLY)), 0));
    let quiet = Input::SpeechEnded { end: Position(19_000), silence_ms: 90 };
    assert_eq!(call.allocations_of(quiet), (Some(Output::FinalizeStt), 0));
    let backchannel = Input::Stt(SttInput::Final { text: "mm-hmm".to_owned(), end: None });
    assert_eq!(call.allocations_of(backchannel), (Some(Output::Resume(REPLY)), 0));
}

#[test]
fn lasting_speech_and_stop_allocate_nothing() {
    let mut call = Call::audible();
    assert_eq!(call.allocations_of(speech()), (Some(Output::Pause(REPLY)), 0));
    call.now += Duration::from_millis(800);
    assert_eq!(call.allocations_of(Input::TimerFired), (Some(Output::Cancel(REPLY)), 0));

    let mut call = Call::audible();
    assert_eq!(call.allocations_of(Input::Command(Command::Interrupt)), (Some(Output::Cancel(REPLY)), 0));
}

#[test]
fn a_tick_of_playout_allocates_nothing() {
    let mut call = Call::audible();
    for played in 0..40 {
        let tick = Input::Reply(REPLY, ReplyInput::Played { samples: 16_000 + played * 320 });
        assert_eq!(call.allocations_of(tick), (None, 0));
    }
}

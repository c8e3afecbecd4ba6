//! The turn machine alone: one input to its outputs, in nanoseconds and allocations.
//!
//! Allocations of the input itself are not counted: it is made before. A clause's copy of its text for the reply's
//! ledger is.

#![expect(unsafe_code, reason = "a global allocator that counts cannot be written without")]
#![expect(clippy::disallowed_methods, reason = "a benchmark needs an instant to begin with")]

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use voice_core::turn::{Command, Input, Protection, ReplyInput, SttInput, TurnConfig, TurnMachine};
use voice_core::units::{Position, ReplyId, SampleRate};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is passed on to the system's allocator unchanged; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from `System` with this `layout`, as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as for `dealloc`; the caller's promise about `new_size` is passed on.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const REPLY: ReplyId = ReplyId(1);
const CLAUSES: [&str; 4] = [
    "We are open from nine to five on weekdays, ",
    "and from ten to two on Saturdays. ",
    "On Sundays we are closed. ",
    "Shall I book a table for you? ",
];

struct Call {
    machine: TurnMachine,
    now: Instant,
}

impl Call {
    /// The caller speaks; four words were understood.
    fn listening() -> Self {
        let now = Instant::now();
        let mut call = Self { machine: TurnMachine::new(TurnConfig::default(), SampleRate::Hz16000, now), now };
        call.take(Input::SpeechStarted { onset: Position(0), confidence: 0.9 });
        call.take(interim("I would like to"));
        call
    }

    /// The agent has spoken for a second.
    fn audible() -> Self {
        let now = Instant::now();
        let mut call = Self { machine: TurnMachine::new(TurnConfig::default(), SampleRate::Hz16000, now), now };
        call.take(Input::Command(Command::Say { text: CLAUSES.concat(), protection: Protection::Interruptible }));
        for (clause, count) in CLAUSES.into_iter().zip(1..) {
            call.take(reply(ReplyInput::Clause { text: clause.to_owned() }));
            call.take(reply(ReplyInput::Audio { samples: 40_000 }));
            call.take(reply(ReplyInput::ClauseEnd { clauses: count }));
        }
        call.take(reply(ReplyInput::Played { samples: 16_000 }));
        call
    }

    /// The agent was paused by speech.
    fn paused() -> Self {
        let mut call = Self::audible();
        call.take(speech());
        call
    }

    fn take(&mut self, input: Input) {
        self.now += Duration::from_millis(20);
        self.machine.handle(input, self.now);
        while let Some(output) = self.machine.poll_output() {
            black_box(output);
        }
        black_box(self.machine.poll_timeout());
    }
}

fn interim(text: &str) -> Input {
    Input::Stt(SttInput::Interim { text: text.to_owned() })
}

fn speech() -> Input {
    Input::SpeechStarted { onset: Position(16_000), confidence: 0.9 }
}

fn reply(event: ReplyInput) -> Input {
    Input::Reply(REPLY, event)
}

type Case = (&'static str, fn() -> Call, fn() -> Input);

const CASES: [Case; 7] = [
    ("interim", Call::listening, || interim("I would like to book a table for two tonight")),
    ("onset_to_pause", Call::audible, speech),
    ("bid_to_commit", Call::paused, || interim("no what about Monday")),
    ("stop_to_commit", Call::audible, || Input::Command(Command::Interrupt)),
    ("backchannel_to_resume", Call::paused, || Input::Stt(SttInput::Final { text: "mm-hmm".to_owned(), end: None })),
    ("clause", Call::audible, || reply(ReplyInput::Clause { text: "Or would you rather come on Monday? ".to_owned() })),
    ("played_tick", Call::audible, || reply(ReplyInput::Played { samples: 16_320 })),
];

fn print_allocations() {
    for (name, call, input) in CASES {
        let (mut call, input) = (call(), input());
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        call.take(input);
        let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
        println!("turn_machine/{name}: {allocations} allocations");
    }
}

fn turn_machine(criterion: &mut Criterion) {
    print_allocations();
    let mut group = criterion.benchmark_group("turn_machine");
    for (name, call, input) in CASES {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || (call(), input()),
                |(mut call, input)| {
                    call.take(input);
                    call
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, turn_machine);
criterion_main!(benches);

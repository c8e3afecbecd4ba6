//! How soon the agent is silent: speech noticed to paused, decision to last sample, and the samples that come after.

use criterion::Criterion;
use std::time::Duration;
use tokio::runtime::Runtime;
use voice_benches::call::BenchCall;
use voice_benches::clock::now;
use voice_benches::tail::{Tail, print_timer_floor};
use voice_core::stage::SttEvent;
use voice_core::transport::LineControl;

/// Barge-ins of the tail run; `VOICE_BARGE_INS` sets another number.
const TAIL_BARGE_INS: u64 = 20_000;

fn main() -> Result<(), std::io::Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    medians(&runtime);
    println!();
    print_timer_floor();
    tails(&runtime);
    Ok(())
}

fn medians(runtime: &Runtime) {
    let mut criterion = Criterion::default().configure_from_args();
    for (name, part) in [
        ("barge_in/noticed_to_paused", (|silenced| silenced.noticed_to_paused) as fn(&Silenced) -> Duration),
        ("barge_in/decided_to_clear", |silenced| silenced.decided_to_clear),
    ] {
        criterion.bench_function(name, |bencher| {
            bencher.iter_custom(|count| {
                runtime.block_on(async {
                    let mut total = Duration::ZERO;
                    for _ in 0..count {
                        total += part(&barge_in().await);
                    }
                    total
                })
            });
        });
    }
    criterion.final_summary();
}

fn tails(runtime: &Runtime) {
    let wanted = std::env::var("VOICE_BARGE_INS").ok().and_then(|count| count.parse().ok()).unwrap_or(TAIL_BARGE_INS);
    let mut paused = Tail::new("speech noticed -> paused (frame in, control message out)");
    let mut cleared = Tail::new("decided -> last sample (words in, clear out)");
    let (mut after, mut stale) = (0, 0);
    runtime.block_on(async {
        for _ in 0..wanted {
            let silenced = barge_in().await;
            paused.record(silenced.noticed_to_paused);
            cleared.record(silenced.decided_to_clear);
            after += silenced.frames_after_decision;
            stale += silenced.stale_samples;
        }
    });
    paused.print();
    cleared.print();
    println!("{wanted} barge-ins: {after} frames between decision and clear, {stale} stale samples after the clear");
}

/// What one barge-in took.
struct Silenced {
    noticed_to_paused: Duration,
    decided_to_clear: Duration,
    frames_after_decision: usize,
    stale_samples: u64,
}

/// In a call of its own the agent speaks; the caller's loud frames arrive; a moment later their words do.
async fn barge_in() -> Silenced {
    let mut call = BenchCall::start().await;
    call.end_of_turn();
    let reply = call.first_audio().await;
    // A quiet room first: the VAD hears speech rise out of it.
    for _ in 0..10 {
        call.send_frame(0);
        tokio::task::yield_now().await;
    }
    let noticed_to_paused = loop {
        let sent = now();
        call.send_frame(8_000);
        if call.is_paused_soon().await {
            break now() - sent;
        }
    };
    let decided = now();
    let _ = call.stt.send(SttEvent::Interim { text: "No wait, stop please.".into() });
    let frames_after_decision = call.control(|control| matches!(control, LineControl::Clear { .. })).await;
    let decided_to_clear = now() - decided;
    let stale_samples = call.stale_samples(reply).await;
    Silenced { noticed_to_paused, decided_to_clear, frames_after_decision, stale_samples }
}

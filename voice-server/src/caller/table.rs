//! The report as a table for people.

use super::harmless::harmless;
use super::report::{BargeInLine, CallReport, TurnLine};
use std::fmt;
use voice_core::transport::native::CostReport;

impl fmt::Display for CallReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.duration_ms / 1_000.0;
        writeln!(f, "call {}  {}  {seconds:.1} s", harmless(&self.call_id), self.format)?;
        writeln!(f, "\nturn  voice-to-voice  engine  end of turn        outcome     words")?;
        self.turns.iter().try_for_each(|turn| write_turn(f, turn))?;
        if !self.barge_ins.is_empty() {
            writeln!(f, "\nturn  barge-in   cause          silent  decided  last sample  after signal")?;
            self.barge_ins.iter().try_for_each(|barge_in| write_barge_in(f, barge_in))?;
        }
        let audio = &self.audio;
        writeln!(
            f,
            "\naudio: sent {:.1} s, received {:.1} s, {} gaps, {} late frames, jitter p50 {:.1} ms, p99 {:.1} ms",
            audio.sent_ms / 1_000.0,
            audio.received_ms / 1_000.0,
            audio.gaps,
            audio.late_frames,
            audio.jitter_p50_ms,
            audio.jitter_p99_ms
        )?;
        self.cost.iter().try_for_each(|cost| write_cost(f, cost))
    }
}

fn write_cost(f: &mut fmt::Formatter<'_>, cost: &CostReport) -> fmt::Result {
    let currency = harmless(cost.currency.as_deref().unwrap_or_default());
    match &cost.total {
        Some(total) => writeln!(f, "\ncost: {} {currency}", harmless(total))?,
        None => writeln!(f, "\ncost: the server knows no prices")?,
    }
    cost.engines.iter().try_for_each(|engine| writeln!(f, "  {}", harmless(&engine.to_string())))
}

fn write_turn(f: &mut fmt::Formatter<'_>, turn: &TurnLine) -> fmt::Result {
    let wait = turn.eot_ms.zip(turn.speech_end_ms).map(|(eot, end)| eot - end);
    let source = harmless(turn.eot_source.as_deref().unwrap_or("-"));
    writeln!(
        f,
        "{:>4}  {:>14}  {:>6}  {:>8} {source:<8}  {:<10}  {}",
        turn.turn,
        ms(turn.voice_to_voice_ms),
        ms(turn.engine_ms),
        ms(wait),
        harmless(&turn.outcome),
        harmless(&turn.caller_text)
    )?;
    writeln!(f, "{:56}-> {}", "", harmless(&turn.heard_text))?;
    match turn.reply_text.strip_prefix(&turn.heard_text).map(str::trim) {
        Some(cut) if !cut.is_empty() => writeln!(f, "{:56}   [not heard: {}]", "", harmless(cut)),
        _ => Ok(()),
    }
}

/// Times count from the caller's first sample of speech.
fn write_barge_in(f: &mut fmt::Formatter<'_>, barge_in: &BargeInLine) -> fmt::Result {
    let since = |at: Option<f64>| ms(at.map(|at| at - barge_in.onset_ms));
    writeln!(
        f,
        "{:>4}  {:<9}  {:<12}  {:>7}  {:>7}  {:>11}  {:>5} samples",
        barge_in.turn,
        harmless(&barge_in.decision),
        harmless(&barge_in.cause),
        since(Some(barge_in.paused_ms)),
        since(Some(barge_in.decided_ms)),
        since(barge_in.last_audio_ms),
        barge_in.samples_after_signal
    )
}

fn ms(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.0} ms"))
}

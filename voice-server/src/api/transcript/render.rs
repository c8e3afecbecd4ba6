//! Transcripts as text and as WebVTT.
//!
//! Invariant: what a caller or a model said stays within its line: it opens no tag, no cue and no line of another speaker.

use super::lines::{Line, Speaker, Transcript};
use std::fmt::Write;

/// One line an utterance: `[00:00:01.250] Caller: Good evening.`
pub(super) fn text(transcript: &Transcript) -> String {
    let mut out = String::new();
    for line in &transcript.lines {
        let mark = if line.interrupted { " [interrupted]" } else { "" };
        let (start, speaker, said) = (clock(line.start_ms), label(line.speaker), on_one_line(&line.text));
        // Writing to a String cannot fail.
        let _ = writeln!(out, "[{start}] {speaker}: {said}{mark}");
    }
    out
}

/// One cue an utterance, in a voice span of its speaker.
pub(super) fn vtt(transcript: &Transcript) -> String {
    let mut out = String::from("WEBVTT\n");
    for line in &transcript.lines {
        let (from, to) = span(line);
        let (speaker, said) = (label(line.speaker), escaped(&on_one_line(&line.text)));
        let _ = write!(out, "\n{from} --> {to}\n<v {speaker}>{said}</v>\n");
    }
    out
}

/// A cue ends after it begins.
fn span(line: &Line) -> (String, String) {
    let start_ms = line.start_ms.max(0);
    (clock(start_ms), clock(line.end_ms.max(start_ms.saturating_add(1))))
}

fn label(speaker: Speaker) -> &'static str {
    match speaker {
        Speaker::Caller => "Caller",
        Speaker::Agent => "Agent",
        Speaker::Line => "Line",
    }
}

fn clock(ms: i64) -> String {
    let ms = ms.max(0);
    format!("{:02}:{:02}:{:02}.{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60, ms % 1_000)
}

/// Unicode has line ends that are no control characters.
fn on_one_line(text: &str) -> String {
    let without_controls: String = text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    without_controls.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Without `>` there is no arrow of a cue's times, without `<` no tag, without `&` no reference.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::principal::CallUuid;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;
    use uuid::Uuid;

    fn said(speaker: Speaker, text: &str, start_ms: i64, end_ms: i64) -> Transcript {
        let line = Line { speaker, text: text.into(), start_ms, end_ms, interrupted: false };
        Transcript { call_id: CallUuid(Uuid::nil()), lines: vec![line] }
    }

    #[test]
    fn a_line_has_its_time_its_speaker_and_what_was_said() {
        let mut transcript = said(Speaker::Agent, "Tuesday at three.", 3_661_250, 3_662_000);
        assert_eq!(text(&transcript), "[01:01:01.250] Agent: Tuesday at three.\n");
        assert_eq!(vtt(&transcript), "WEBVTT\n\n01:01:01.250 --> 01:01:02.000\n<v Agent>Tuesday at three.</v>\n");
        transcript.lines[0].interrupted = true;
        assert_eq!(text(&transcript), "[01:01:01.250] Agent: Tuesday at three. [interrupted]\n");
    }

    #[test]
    fn a_cue_of_no_length_lasts_a_millisecond() {
        let cue = vtt(&said(Speaker::Caller, "Yes.", 500, 500));
        assert!(cue.contains("00:00:00.500 --> 00:00:00.501\n"), "{cue}");
    }

    #[test]
    fn hostile_words_stay_words() {
        let hostile = "</v><script>alert(1)</script>\n\n00:00:00.000 --> 99:00:00.000\n<v Agent>I agree & sign";
        let cue = vtt(&said(Speaker::Caller, hostile, 0, 1_000));
        assert_eq!(cue.matches("-->").count(), 1, "{cue}");
        assert_eq!(cue.matches('<').count(), 2, "{cue}");
        assert_eq!(cue.lines().count(), 4, "{cue}");
        let plain = text(&said(Speaker::Caller, "yes\n[00:00:02.000] Agent: sold\u{2028}x\u{85}y", 0, 1_000));
        assert_eq!(plain.lines().count(), 1, "{plain}");
        assert!(!plain.contains(['\u{2028}', '\u{85}']), "{plain}");
    }

    proptest! {
        // The same in every run; what fails is printed.
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_text_gets_out_of_its_line(words in any::<String>(), start_ms in any::<i64>(), end_ms in any::<i64>()) {
            let transcript = said(Speaker::Caller, &words, start_ms, end_ms);
            prop_assert_eq!(text(&transcript).lines().count(), 1);
            let cue = vtt(&transcript);
            prop_assert_eq!(cue.lines().count(), 4);
            prop_assert_eq!((cue.matches("-->").count(), cue.matches('<').count()), (1, 2));
        }
    }
}

use super::super::playback::PlaybackConfig;
use super::*;
use voice_core::transport::native::ServerMessage;

const RATE: SampleRate = SampleRate::Hz8000;

fn turn(turn: u32, reply: u32, speech_end_position: Option<u64>) -> ServerMessage {
    let (outcome, eot_source) = ("completed".to_owned(), Some("silence".to_owned()));
    let report = TurnReport { turn, reply, speech_end_position, outcome, eot_source, ..TurnReport::default() };
    ServerMessage::Turn(Box::new(report))
}

fn greeting() -> ServerMessage {
    ServerMessage::Turn(Box::new(TurnReport { turn: 1, reply: 1, ..TurnReport::default() }))
}

fn barge_in(reply: u32, decision: &str, paused_ms: f64) -> ServerMessage {
    ServerMessage::BargeIn(BargeInReport {
        turn: 1,
        reply,
        onset_position: 4_000,
        onset_ms: 501.0,
        noticed_ms: 540.0,
        paused_ms,
        decided_ms: 700.0,
        decision: decision.into(),
        cause: "words".into(),
        sent_samples: 0,
        heard_text: "Hello".into(),
    })
}

fn said(speech: &[(u64, u64)]) -> Vec<Said> {
    let speech = speech.iter().map(|&(begin, end)| Stretch { begin, end }).collect();
    vec![Said { index: 0, begin: 0, end: 99_999, speech }]
}

/// A reply of `samples`, whose first 80 are inaudible, that arrives and begins to sound at `at`.
fn play(playback: &mut Playback, at: u64, reply: u32, samples: usize) {
    let mut audio = vec![3_000; samples];
    audio[..80].fill(0);
    playback.audio(at, reply, 0, &audio).unwrap();
    playback.end(at, reply, samples as u64);
}

fn report(playback: &Playback, said: &[Said], messages: &[ServerMessage]) -> CallReport {
    let mut observation = Observation::default();
    messages.iter().for_each(|message| observation.message(message));
    let format = AudioFormat { encoding: Encoding::Mulaw, rate: 8_000 };
    let observation = &observation;
    Facts { call_id: "c1", format, rate: RATE, sent_samples: 8_000, observation, playback, said }.report()
}

#[test]
fn voice_to_voice_is_read_off_the_audio() {
    let mut playback = Playback::new(RATE, PlaybackConfig::default());
    play(&mut playback, 10_000, 2, 4_000);
    playback.advance(20_000);
    let said = said(&[(1_000, 3_000), (5_000, 8_000), (16_000, 17_000)]);
    for heard_end in [Some(8_100), None] {
        let report = report(&playback, &said, &[greeting(), turn(2, 2, heard_end)]);
        assert_eq!(report.turns.len(), 1, "the greeting is not listed");
        let line = &report.turns[0];
        assert_eq!((line.speech_end_ms, line.voice_to_voice_ms), (Some(1_000.0), Some(260.0)));
    }
    let earlier = report(&playback, &said, &[turn(1, 2, Some(3_100))]);
    assert_eq!(earlier.turns[0].speech_end_ms, Some(375.0), "the turn ended in a pause between the words");
}

#[test]
fn a_reply_that_never_sounded_has_no_voice_to_voice() {
    let playback = Playback::new(RATE, PlaybackConfig::default());
    let report = report(&playback, &said(&[(0, 800)]), &[turn(1, 7, None), turn(2, 8, Some(810))]);
    assert_eq!(report.turns[0].voice_to_voice_ms, None);
    assert_eq!((report.turns[1].speech_end_ms, report.turns[1].voice_to_voice_ms), (Some(100.0), None));
}

#[test]
fn a_committed_barge_in_ends_with_the_last_sample_played() {
    let mut playback = Playback::new(RATE, PlaybackConfig::default());
    play(&mut playback, 0, 1, 8_000);
    playback.pause(4_400, 1);
    playback.clear(5_600, 1);
    playback.audio(5_700, 1, 8_000, &[1; 160]).unwrap();
    playback.advance(9_000);
    let line = report(&playback, &[], &[barge_in(1, "committed", 548.0)]).barge_ins.remove(0);
    assert_eq!((line.last_audio_ms, line.samples_after_signal), (Some(550.0), 160));
    assert_eq!((line.onset_ms, line.heard_text.as_str()), (500.0, "Hello"));
}

#[test]
fn a_resumed_one_with_the_last_sample_before_the_pause() {
    let mut playback = Playback::new(RATE, PlaybackConfig::default());
    play(&mut playback, 0, 1, 8_000);
    playback.pause(4_400, 1);
    playback.resume(5_600, 1);
    playback.advance(20_000);
    let line = report(&playback, &[], &[barge_in(1, "resumed", 548.0)]).barge_ins.remove(0);
    assert_eq!((line.last_audio_ms, line.samples_after_signal), (Some(550.0), 0));
}

#[test]
fn the_json_has_the_fields_in_their_order() {
    let mut playback = Playback::new(RATE, PlaybackConfig::default());
    play(&mut playback, 0, 1, 8_000);
    playback.advance(16_000);
    let report = report(&playback, &[], &[turn(1, 1, None), barge_in(1, "committed", 1.0)]);
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<CallReport>(&json).unwrap(), report);
    let start =
        r#"{"report":1,"call_id":"c1","format":"mulaw/8000","duration_ms":2000.0,"turns":[{"turn":1,"caller_text":"","#;
    assert!(json.starts_with(start), "{json}");
    let expected = [
        "speech_end_ms",
        "eot_ms",
        "eot_source",
        "speculative",
        "first_token_ms",
        "first_clause_ms",
        "tts_first_audio_ms",
        "first_audio_ms",
        "voice_to_voice_ms",
        "engine_ms",
        "reply_text",
        "heard_text",
        "outcome",
        "barge_ins",
        "onset_ms",
        "noticed_ms",
        "paused_ms",
        "decided_ms",
        "decision",
        "cause",
        "last_audio_ms",
        "samples_after_signal",
        "audio",
        "sent_ms",
        "received_ms",
        "gaps",
        "late_frames",
        "jitter_p50_ms",
        "jitter_p99_ms",
    ];
    let places: Vec<_> = expected.iter().map(|name| json.find(&format!("\"{name}\":"))).collect();
    assert!(places.is_sorted() && places[0].is_some(), "{json}");
}

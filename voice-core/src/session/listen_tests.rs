use super::*;
use crate::audio::{SpeechModel, VadConfig};

/// Speech is whatever is not silent.
struct Loud;
impl SpeechModel for Loud {
    fn window_samples(&self) -> usize {
        256
    }
    fn probability(&mut self, window: &[i16]) -> f32 {
        if window.iter().any(|sample| sample.unsigned_abs() > 1_000) { 0.95 } else { 0.0 }
    }
    fn reset(&mut self) {}
}
struct LoudVad;
impl VadSource for LoudVad {
    fn open(&self) -> Box<dyn SpeechModel> {
        Box::new(Loud)
    }
}

struct Ear {
    listener: Listener,
    edges: Vec<SpeechEdge>,
    heard: u64,
    now: Instant,
}

impl Ear {
    fn new(rate: SampleRate) -> Self {
        let now = super::super::clock::now();
        Self { listener: Listener::new(rate, &LoudVad, &AgentConfig::default(), now), edges: vec![], heard: 0, now }
    }

    fn push(&mut self, position: u64, level: i16) -> Intake {
        let rate = self.listener.rate;
        let samples: Vec<i16> = (0..rate.samples_in_ms(20)).map(|n| if n % 2 == 0 { level } else { -level }).collect();
        let (edges, heard) = (&mut self.edges, &mut self.heard);
        self.listener.push(
            &Frame::new(Position(position), &samples),
            self.now,
            &mut |edge| edges.push(edge),
            &mut |h| {
                assert_eq!(h.position.0, *heard);
                *heard += h.samples.len() as u64;
            },
        )
    }

    fn wait(&mut self, ms: u64) {
        let until = self.now + Duration::from_millis(ms);
        while self.listener.next_fill() <= until {
            self.now = self.listener.next_fill();
            let (edges, heard) = (&mut self.edges, &mut self.heard);
            self.listener
                .fill_silence(self.now, &mut |edge| edges.push(edge), &mut |h| *heard += h.samples.len() as u64);
        }
        self.now = until;
    }
}

#[test]
fn thresholds_come_from_the_vad_unless_the_agent_has_its_own() {
    struct Slow;
    impl VadSource for Slow {
        fn open(&self) -> Box<dyn SpeechModel> {
            Box::new(Loud)
        }
        fn config(&self) -> VadConfig {
            VadConfig { hangover_ms: 700, ..VadConfig::default() }
        }
    }
    let hangover_ms = |vad| {
        let config = AgentConfig { vad, ..AgentConfig::default() };
        let listener = Listener::new(SampleRate::Hz16000, &Slow, &config, super::super::clock::now());
        listener.detector.config().hangover_ms
    };
    assert_eq!(hangover_ms(None), 700);
    assert_eq!(hangover_ms(Some(VadConfig { hangover_ms: 60, ..VadConfig::default() })), 60);
}

#[test]
fn speech_ends_although_the_caller_stops_sending() {
    let mut ear = Ear::new(SampleRate::Hz16000);
    for n in 0..25 {
        ear.push(n * 320, if n < 5 { 0 } else { 8_000 });
        ear.wait(20);
    }
    ear.wait(1_000);
    assert!(
        matches!(ear.edges[..], [SpeechEdge::Started { .. }, SpeechEdge::Ended { line, .. }] if line.0.abs_diff(8_000) <= 640)
    );
}

#[test]
fn words_held_up_by_the_network_are_still_heard_and_keep_their_positions() {
    let mut ear = Ear::new(SampleRate::Hz16000);
    (0..10).for_each(|n| assert_eq!(ear.push(n * 320, 0), Intake::Taken));
    ear.wait(700);
    (10..40).for_each(|n| assert_eq!(ear.push(n * 320, 8_000), Intake::Taken));
    let Some(SpeechEdge::Started { line, listened, .. }) = ear.edges.first() else { panic!("{:?}", ear.edges) };
    assert!(line.0.abs_diff(3_200) <= 320, "{line:?}");
    assert!(listened.0 > line.0 + 9_000, "silence stood in meanwhile");
    assert_eq!(ear.listener.received_samples(), 40 * 320);
}

#[test]
fn a_jump_is_filled_with_silence_up_to_a_second() {
    let mut ear = Ear::new(SampleRate::Hz8000);
    ear.push(0, 0);
    ear.push(160 + 800, 0);
    let filled = ear.heard;
    assert!(filled.abs_diff(2 * 320 + 1_600) < 100, "{filled}");
    ear.push(10_000_000, 0);
    assert!((ear.heard - filled).abs_diff(320 + 16_000) < 100);
}

#[test]
fn jumps_are_not_listened_to_faster_than_real_time() {
    let mut ear = Ear::new(SampleRate::Hz16000);
    for n in 0..1_000 {
        let one = Frame::new(Position(n * 1_000_000), &[0]);
        let heard = &mut ear.heard;
        let taken = ear.listener.push(&one, ear.now, &mut |_| {}, &mut |h| *heard += h.samples.len() as u64);
        assert_eq!(taken, Intake::Taken);
    }
    assert!(ear.heard <= 2 * 16_000 + 1_000, "{} samples at one instant", ear.heard);
}

#[test]
fn a_frame_that_came_before_is_not_heard_twice() {
    let mut ear = Ear::new(SampleRate::Hz16000);
    assert_eq!((ear.push(0, 0), ear.push(0, 0), ear.push(100, 0)), (Intake::Taken, Intake::Duplicate, Intake::Taken));
    assert_eq!(ear.heard, 420);
}

#[test]
fn ten_times_real_time_is_dropped_beyond_two_seconds() {
    let mut ear = Ear::new(SampleRate::Hz16000);
    let taken = (0..1_000).filter(|n| ear.push(n * 320, 0) == Intake::Taken).count();
    assert!((100..=102).contains(&taken), "{taken}");
    assert_eq!(ear.listener.dropped_samples(), (1_000 - taken as u64) * 320);
}

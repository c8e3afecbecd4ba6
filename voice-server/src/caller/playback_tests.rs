use super::super::track::Span;
use super::*;
use proptest::prelude::*;

const RATE: SampleRate = SampleRate::Hz8000;
const FRAME: u64 = 160;

fn playback() -> Playback {
    Playback::new(RATE, PlaybackConfig::default())
}

/// Frame `n` of a reply; every sample tells which frame it is of.
fn frame(n: u64) -> Vec<i16> {
    vec![1_000 + n as i16; FRAME as usize]
}

fn send(playback: &mut Playback, at: u64, reply: u32, frames: std::ops::Range<u64>) {
    for n in frames {
        playback.audio(at, reply, n * FRAME, &frame(n)).unwrap();
    }
}

fn track(playback: &Playback, reply: u32) -> Track {
    playback.tracks().find(|track| track.reply == reply).unwrap().clone()
}

/// The reply that sounded last and how much of it was played.
fn played(playback: &Playback) -> Option<(u32, u64)> {
    let last = playback.tracks().rfind(|track| track.began_at().is_some())?;
    Some((last.reply, last.played_samples))
}

#[test]
fn a_reply_sounds_once_its_buffer_is_full_and_is_over_at_its_last_sample() {
    let mut playback = playback();
    send(&mut playback, 1_000, 1, 0..1);
    playback.advance(1_100);
    assert!(!playback.is_sounding());
    send(&mut playback, 1_100, 1, 1..5);
    assert!(playback.is_sounding());
    playback.end(1_200, 1, 5 * FRAME);
    playback.advance(5_000);
    let track = track(&playback, 1);
    assert_eq!((track.began_at(), track.finished_at), (Some(1_100), Some(1_100 + 5 * FRAME)));
    assert_eq!(track.spans, [Span { at: 1_100, from: 0, samples: 5 * FRAME }]);
    let output = playback.take_output(5_000).unwrap();
    assert!(output[..1_100].iter().all(|&s| s == 0) && output[1_100..1_100 + 160].iter().all(|&s| s == 1_000));
    assert_eq!((playback.gaps(), playback.late_frames()), (0, 0));
}

#[test]
fn what_came_beyond_the_end_of_a_reply_does_not_sound() {
    let mut playback = playback();
    send(&mut playback, 0, 1, 0..5);
    playback.advance(FRAME);
    let total = 3 * FRAME + 40;
    playback.end(FRAME, 1, total);
    playback.advance(5_000);
    assert_eq!((track(&playback, 1).finished_at, track(&playback, 1).played_samples), (Some(total), total));
    let output = playback.take_output(5_000).unwrap();
    assert!(output[..total as usize].iter().all(|&s| s != 0) && output[total as usize..].iter().all(|&s| s == 0));
    let room = vec![1; RATE.samples_in_ms(30_000) as usize];
    assert_eq!(playback.audio(5_000, 2, 0, &room), Ok(()), "what was dropped takes no room");
}

#[test]
fn a_lone_frame_waits_for_the_buffer_time_and_a_short_reply_does_not() {
    let mut playback = playback();
    send(&mut playback, 0, 1, 0..1);
    playback.advance(2_000);
    assert_eq!(track(&playback, 1).began_at(), Some(RATE.samples_in_ms(40)));
    playback.clear(2_000, 1);
    send(&mut playback, 3_000, 2, 0..1);
    playback.end(3_010, 2, FRAME);
    assert!(playback.is_sounding());
}

#[test]
fn a_pause_and_a_resume_lose_and_repeat_no_sample() {
    let mut playback = playback();
    send(&mut playback, 0, 1, 0..10);
    playback.pause(333, 1);
    assert_eq!(played(&playback), Some((1, 333)));
    playback.advance(4_000);
    assert_eq!(played(&playback), Some((1, 333)));
    playback.resume(4_000, 1);
    playback.end(4_000, 1, 10 * FRAME);
    playback.advance(9_000);
    let track = track(&playback, 1);
    let rest = 10 * FRAME - 333;
    let spans = [Span { at: 0, from: 0, samples: 333 }, Span { at: 4_000, from: 333, samples: rest }];
    assert_eq!((track.spans.as_slice(), track.finished_at), (&spans[..], Some(4_000 + rest)));
    assert_eq!(playback.gaps(), 0);
}

#[test]
fn nothing_of_a_cleared_reply_sounds_and_what_still_arrives_is_counted() {
    let mut playback = playback();
    send(&mut playback, 0, 1, 0..10);
    playback.clear(500, 1);
    send(&mut playback, 600, 1, 10..12);
    playback.advance(5_000);
    let old = track(&playback, 1);
    assert_eq!((old.played_samples, old.last_played_at(), old.over_at()), (500, Some(500), Some(500)));
    assert_eq!(old.stale_samples, 2 * FRAME);
    send(&mut playback, 5_000, 2, 0..2);
    playback.advance(5_100);
    assert_eq!(played(&playback), Some((2, 100)));
}

#[test]
fn running_dry_in_a_reply_is_a_gap_and_running_out_is_not() {
    let mut playback = playback();
    send(&mut playback, 0, 1, 0..2);
    send(&mut playback, 1_000, 1, 2..4);
    assert_eq!((playback.gaps(), playback.late_frames()), (1, 1));
    playback.advance(3_000);
    playback.end(3_000, 1, 4 * FRAME);
    assert_eq!(track(&playback, 1).finished_at, Some(1_000 + 2 * FRAME));
    assert_eq!(playback.gaps(), 1);
}

#[test]
fn the_next_reply_may_arrive_while_one_still_sounds() {
    let mut playback = playback();
    send(&mut playback, 0, 1, 0..4);
    playback.end(0, 1, 4 * FRAME);
    send(&mut playback, 100, 2, 0..4);
    playback.advance(1_000);
    assert_eq!(track(&playback, 1).finished_at, Some(4 * FRAME));
    assert_eq!(track(&playback, 2).began_at(), Some(4 * FRAME));
}

#[test]
fn hostile_audio_is_bounded_and_harmless() {
    let mut playback = playback();
    playback.audio(0, 1, u64::MAX, &frame(0)).unwrap();
    playback.audio(0, 1, 0, &frame(0)).unwrap();
    playback.audio(0, 2, 0, &[]).unwrap();
    playback.end(0, 3, u64::MAX);
    playback.resume(0, 4);
    playback.advance(1_000);
    let lots = vec![1; RATE.samples_in_ms(30_000) as usize + 1];
    assert_eq!(playback.audio(0, 9, 0, &lots), Err(TooFarAhead { max_queued_ms: 30_000 }));
}

/// Something that happens to a loudspeaker.
#[derive(Clone, Copy, Debug)]
enum Event {
    Audio { reply: u32, frames: u64 },
    Pause(u32),
    Resume(u32),
    Clear(u32),
    End(u32),
}

fn events() -> impl Strategy<Value = Vec<(u64, Event)>> {
    let reply = 1..4_u32;
    let event = prop_oneof![
        4 => (reply.clone(), 1..8_u64).prop_map(|(reply, frames)| Event::Audio { reply, frames }),
        1 => reply.clone().prop_map(Event::Pause),
        1 => reply.clone().prop_map(Event::Resume),
        1 => reply.clone().prop_map(Event::Clear),
        1 => reply.prop_map(Event::End),
    ];
    proptest::collection::vec((0..2_000_u64, event), 0..60)
}

/// A loudspeaker after these events, each so many samples after the one before it, and how much of each reply was sent.
fn after(events: &[(u64, Event)]) -> (Playback, [u64; 4]) {
    let (mut playback, mut sent, mut now) = (playback(), [0; 4], 0);
    for &(wait, event) in events {
        now += wait;
        match event {
            Event::Audio { reply, frames } => {
                let first = sent[reply as usize] / FRAME;
                send(&mut playback, now, reply, first..first + frames);
                sent[reply as usize] += frames * FRAME;
            }
            Event::Pause(reply) => playback.pause(now, reply),
            Event::Resume(reply) => playback.resume(now, reply),
            Event::Clear(reply) => playback.clear(now, reply),
            Event::End(reply) => playback.end(now, reply, sent[reply as usize]),
        }
    }
    (playback, sent)
}

proptest! {
    #[test]
    fn every_sample_sounds_at_most_once_in_order_and_never_after_a_clear(events in events()) {
        let (mut playback, sent) = after(&events);
        playback.advance(playback.now() + 10_000);
        let mut busy = Vec::new();
        for track in playback.tracks() {
            let order: Vec<_> = track.spans.iter().flat_map(|span| [span.from, span.from + span.samples]).collect();
            prop_assert!(order.is_sorted() && order.first().is_none_or(|&first| first == 0), "{track:?}");
            prop_assert!(track.spans.windows(2).all(|w| w[0].from + w[0].samples == w[1].from), "{track:?}");
            prop_assert!(track.played_samples <= sent[track.reply as usize]);
            prop_assert!(track.cleared_at.is_none_or(|at| track.last_played_at().is_none_or(|last| last <= at)));
            busy.extend(track.spans.iter().map(|span| (span.at, span.end())));
        }
        busy.sort_unstable();
        prop_assert!(busy.windows(2).all(|w| w[0].1 <= w[1].0), "two replies at once: {busy:?}");
        let sounded: u64 = busy.iter().map(|(begin, end)| end - begin).sum();
        let output = playback.take_output(playback.now() as usize).expect("as much as time has passed");
        prop_assert_eq!(output.iter().filter(|&&sample| sample != 0).count() as u64, sounded);
    }
}

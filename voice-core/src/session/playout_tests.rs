use super::*;

fn line(rebuffer: Rebuffer, played: PlayedReports) -> LineInfo {
    LineInfo { rate: SampleRate::Hz16000, rebuffer, played }
}

fn track(rebuffer: Rebuffer, played: PlayedReports, samples: usize) -> Track {
    let config = PlayoutConfig { lead_ms: 100, lead_undroppable_ms: 40, ..PlayoutConfig::default() };
    let mut track = Track::new(Pacing::new(line(rebuffer, played), &config));
    let ramp: Vec<i16> = (0..samples).map(|n| n as i16).collect();
    track.push(&ramp);
    track.end();
    track.release();
    track
}

fn send_all_due(track: &mut Track, now: Instant) -> Vec<i16> {
    let mut out = Vec::new();
    while let Some(frame) = track.due_frame(now) {
        track.mark_sent(&frame, now);
        out.extend_from_slice(frame.samples());
    }
    out
}

/// Any instant will do: only differences count.
fn start() -> Instant {
    super::super::clock::now()
}

#[test]
fn sends_the_lead_at_once_and_then_keeps_to_the_schedule() {
    let (t0, mut track) = (start(), track(Rebuffer::PauseAndClear, PlayedReports::PacingClock, 16_000));
    assert_eq!(send_all_due(&mut track, t0).len(), 1_600);
    assert_eq!(track.next_due(t0), Some(t0 + Duration::from_millis(20) + Duration::from_nanos(1)));
    let late = t0 + Duration::from_millis(47);
    assert_eq!(send_all_due(&mut track, late).len(), 640, "a late timer is made up for");
    assert_eq!(track.played(late), 47 * 16);
}

#[test]
fn every_sample_leaves_once_and_in_order_and_then_drains() {
    let (mut now, mut track) = (start(), track(Rebuffer::PauseAndClear, PlayedReports::PacingClock, 10_007));
    let mut out = send_all_due(&mut track, now);
    while !track.is_drained(now) {
        now = track.next_due(now).expect("an unfinished track knows when to go on");
        out.extend(send_all_due(&mut track, now));
    }
    assert!(out.iter().enumerate().all(|(n, sample)| *sample == n as i16));
    assert_eq!((out.len() as u64, track.played(now)), (10_007, 10_007));
}

#[test]
fn resumes_from_the_sample_where_it_paused() {
    let (t0, mut track) = (start(), track(Rebuffer::PauseAndClear, PlayedReports::PacingClock, 16_000));
    send_all_due(&mut track, t0);
    let pause = t0 + Duration::from_millis(30);
    track.pause(pause);
    let resume = pause + Duration::from_secs(3);
    assert_eq!((track.played(resume), track.due_frame(resume).is_none()), (480, true));
    track.resume(resume);
    let next = send_all_due(&mut track, resume + Duration::from_millis(20));
    assert_eq!(next.first(), Some(&1_600));
    assert_eq!(track.played(resume + Duration::from_millis(20)), 800);
}

#[test]
fn a_far_end_that_drops_on_pause_is_sent_the_unplayed_part_again() {
    let (t0, mut track) = (start(), track(Rebuffer::ClearOnly, PlayedReports::PacingClock, 16_000));
    send_all_due(&mut track, t0);
    track.pause(t0 + Duration::from_millis(30));
    track.resume(t0 + Duration::from_millis(500));
    assert_eq!(send_all_due(&mut track, t0 + Duration::from_millis(500)).first(), Some(&480));
}

#[test]
fn a_far_end_that_cannot_hold_plays_on_what_it_has() {
    let (t0, mut track) = (start(), track(Rebuffer::Nothing, PlayedReports::PacingClock, 16_000));
    assert_eq!(send_all_due(&mut track, t0).len(), 640);
    track.pause(t0 + Duration::from_millis(10));
    assert_eq!(track.played(t0 + Duration::from_millis(300)), 640);
}

#[test]
fn nothing_leaves_a_cleared_track() {
    let (t0, mut track) = (start(), track(Rebuffer::PauseAndClear, PlayedReports::PacingClock, 16_000));
    send_all_due(&mut track, t0);
    track.clear(t0 + Duration::from_millis(30));
    track.push(&[1; 4_000]);
    track.resume(t0 + Duration::from_millis(40));
    assert!(track.due_frame(t0 + Duration::from_secs(9)).is_none());
    assert_eq!(track.played(t0 + Duration::from_secs(9)), 480);
}

#[test]
fn reports_decide_what_was_played_and_their_loss_does_not_hold_the_reply() {
    let (t0, mut track) = (start(), track(Rebuffer::PauseAndClear, PlayedReports::Reported, 1_600));
    send_all_due(&mut track, t0);
    let heard_all = t0 + Duration::from_millis(150);
    assert_eq!((track.played(heard_all), track.is_drained(heard_all)), (0, false));
    track.report(9_999);
    assert_eq!((track.played(heard_all), track.is_drained(heard_all)), (1_600, true));

    let mut lost = super::tests::track(Rebuffer::PauseAndClear, PlayedReports::Reported, 1_600);
    send_all_due(&mut lost, t0);
    let deadline = lost.next_due(t0).expect("a deadline");
    assert!(lost.is_drained(deadline) && lost.played(deadline) == 0);
}

#[test]
fn reports_under_way_when_a_played_out_reply_resumes_are_waited_for() {
    let (t0, mut track) = (start(), track(Rebuffer::PauseAndClear, PlayedReports::Reported, 1_600));
    send_all_due(&mut track, t0);
    let end = t0 + Duration::from_millis(110);
    track.pause(end);
    track.resume(end + Duration::from_millis(300));
    assert!(!track.is_drained(end + Duration::from_millis(310)));
    track.report(1_600);
    assert!(track.is_drained(end + Duration::from_millis(320)));
}

#[test]
fn a_lead_beyond_counting_is_no_limit() {
    let config = PlayoutConfig { lead_ms: u64::MAX, buffer_ms: u64::MAX, ..PlayoutConfig::default() };
    let mut track = Track::new(Pacing::new(line(Rebuffer::PauseAndClear, PlayedReports::PacingClock), &config));
    track.push(&[1; 1_000]);
    track.end();
    track.release();
    let t0 = start();
    assert_eq!(send_all_due(&mut track, t0).len(), 1_000);
    assert_eq!(track.played(t0 + Duration::from_millis(10)), 160);
}

#[test]
fn a_pause_in_the_audio_does_not_make_the_rest_hurry() {
    let config = PlayoutConfig::default();
    let mut track = Track::new(Pacing::new(line(Rebuffer::PauseAndClear, PlayedReports::PacingClock), &config));
    let t0 = start();
    track.release();
    track.push(&[1; 320]);
    send_all_due(&mut track, t0);
    let t1 = t0 + Duration::from_secs(1);
    track.push(&[2; 16_000]);
    assert_eq!(send_all_due(&mut track, t1).len(), 1_600);
    assert_eq!(track.played(t1 + Duration::from_millis(10)), 480);
}

#[test]
fn late_timers_never_add_up_with_the_default_leads() {
    for (rebuffer, lead_ms) in [(Rebuffer::PauseAndClear, 0), (Rebuffer::Nothing, 0), (Rebuffer::Nothing, 20)] {
        let mut config = PlayoutConfig::default();
        if lead_ms > 0 {
            config.lead_undroppable_ms = lead_ms;
        }
        let mut track = Track::new(Pacing::new(line(rebuffer, PlayedReports::PacingClock), &config));
        track.push(&[1; 32_000]);
        track.release();
        let t0 = start();
        let mut now = t0;
        for _ in 0..50 {
            send_all_due(&mut track, now);
            now = track.next_due(now).expect("more is to come") + Duration::from_millis(5);
        }
        let behind = (now - t0).saturating_sub(SampleRate::Hz16000.duration_of(track.played(now)));
        assert!(behind < Duration::from_millis(1), "{rebuffer:?}: {behind:?} behind after a second");
    }
}

//! Turns from audio alone.

use super::super::query::Thresholds;
use super::super::turns::{Event, Trigger, TurnInfo, Turns};
use super::*;
use crate::provider::fakes::Ear;

const EAGER: Thresholds = Thresholds { eot: 0.7, eager: Some(0.5), timeout_ms: 2_000 };

fn turns(thresholds: Thresholds, script: impl IntoIterator<Item = FakeTurn>) -> Turns {
    Turns::new(&Ear::Script(script.into_iter().collect()), 16_000, thresholds, 7)
}

/// Loud and quiet stretches in turn, quiet first.
fn play(turns: &mut Turns, stretches_ms: &[usize]) -> Vec<TurnInfo> {
    let levels = [0, 3_000].into_iter().cycle();
    stretches_ms.iter().zip(levels).flat_map(|(ms, level)| turns.audio(&sound(level, *ms))).collect()
}

/// What was told but for updates.
fn told(infos: &[TurnInfo]) -> Vec<(Event, String)> {
    let events = infos.iter().filter(|info| info.event != Event::Update);
    events.map(|info| (info.event, info.transcript())).collect()
}

fn events(infos: &[TurnInfo]) -> Vec<Event> {
    told(infos).into_iter().map(|(event, _)| event).collect()
}

#[test]
fn a_turn_begins_after_updates_is_eagerly_over_and_then_over() {
    let mut turns = turns(EAGER, [FakeTurn::new(TEXT)]);
    let infos = play(&mut turns, &[960, 1_600, 960]);
    let expected = [
        (Event::StartOfTurn, "Book".to_owned()),
        (Event::EagerEndOfTurn, TEXT.to_owned()),
        (Event::EndOfTurn, TEXT.to_owned()),
    ];
    assert_eq!(told(&infos), expected);
    let start = infos.iter().position(|info| info.event == Event::StartOfTurn).unwrap();
    assert_eq!(infos[0].transcript(), "", "idle updates have no words");
    assert!(infos[..start].iter().any(|info| !info.words.is_empty()), "words come before the start");
    let end = infos.iter().position(|info| info.event == Event::EndOfTurn).unwrap();
    assert_eq!((infos[end].turn, infos[end].trigger), (0, Some(Trigger::Model)));
    assert_eq!(infos[end - 1].event, Event::Update, "between the eager end and the end");
    assert_eq!(infos[end].window_ms.1 - 2_560, 400, "after 400 ms of quiet");
    let idle = &infos[end + 1..];
    assert!(!idle.is_empty() && idle.iter().all(|info| info.turn == 1 && info.words.is_empty()));
    assert_eq!(idle[0].window_ms.0, infos[end].window_ms.1);
}

#[test]
fn updates_come_each_240_ms_and_each_80_ms_near_an_end() {
    let mut turns = turns(EAGER, [FakeTurn::new(TEXT)]);
    let infos = play(&mut turns, &[2_400, 1_600, 400]);
    let steps: Vec<u64> = infos.windows(2).map(|pair| pair[1].window_ms.1 - pair[0].window_ms.1).collect();
    assert!(steps.iter().all(|ms| [80, 160, 240].contains(ms)), "{steps:?}");
    assert_eq!(steps[..9], [240; 9]);
    assert_eq!(steps[steps.len() - 4..], [80; 4]);
}

#[test]
fn an_update_may_hold_a_word_that_is_revised() {
    let mut turns = turns(EAGER, [FakeTurn::new("Bring perfection, wonderful perfection, quickly, please.")]);
    let infos = play(&mut turns, &[0, 3_000, 600]);
    let words: Vec<Vec<String>> =
        infos.iter().map(|info| info.words.iter().map(|word| word.text.clone()).collect()).collect();
    let is_revised = |pair: &[Vec<String>]| pair[0].iter().zip(&pair[1]).any(|(old, new)| old != new);
    assert!(words.windows(2).any(is_revised), "{words:?}");
    let moved = infos.windows(2).any(|pair| match (pair[0].words.first(), pair[1].words.first()) {
        (Some(old), Some(new)) => old.start_ms != new.start_ms,
        _ => false,
    });
    assert!(moved, "word times move");
}

#[test]
fn without_the_threshold_there_is_no_eager_end_and_a_change_brings_it_in_mid_turn() {
    let script = [FakeTurn::new(TEXT).eager_then_resumed(1), FakeTurn::new("Yes.")];
    let mut turns = turns(Thresholds { eager: None, ..EAGER }, script);
    assert_eq!(events(&play(&mut turns, &[80, 1_600, 960])), [Event::StartOfTurn, Event::EndOfTurn]);
    assert_eq!(events(&play(&mut turns, &[0, 400])), [Event::StartOfTurn]);
    turns.thresholds = EAGER;
    assert_eq!(events(&play(&mut turns, &[960])), [Event::EagerEndOfTurn, Event::EndOfTurn]);
}

#[test]
fn eager_ends_are_taken_back_by_themselves_each_with_more_of_the_words() {
    let mut turns = turns(EAGER, [FakeTurn::new(TEXT).eager_then_resumed(2)]);
    let infos = play(&mut turns, &[80, 320, 3_000]);
    let eager: Vec<String> =
        told(&infos).into_iter().filter(|(event, _)| *event == Event::EagerEndOfTurn).map(|(_, text)| text).collect();
    assert_eq!(eager, ["Book", "Book a table", TEXT]);
    use Event::{EagerEndOfTurn, EndOfTurn, StartOfTurn, TurnResumed};
    let expected = [StartOfTurn, EagerEndOfTurn, TurnResumed, EagerEndOfTurn, TurnResumed, EagerEndOfTurn, EndOfTurn];
    assert_eq!(events(&infos), expected);
    assert_eq!(told(&infos).last().unwrap().1, TEXT);
}

#[test]
fn a_caller_who_goes_on_resumes_the_turn() {
    let mut turns = turns(EAGER, [FakeTurn::new(TEXT).eager_then_resumed(1)]);
    let infos = play(&mut turns, &[80, 800, 240, 800, 800]);
    use Event::{EagerEndOfTurn, EndOfTurn, StartOfTurn, TurnResumed};
    assert_eq!(events(&infos), [StartOfTurn, EagerEndOfTurn, TurnResumed, EagerEndOfTurn, EndOfTurn]);
    assert_eq!(told(&infos)[1].1, "Book a");
}

#[test]
fn a_turn_without_an_end_times_out_and_one_that_hears_no_audio_hangs() {
    let mut turns = turns(EAGER, [FakeTurn::new(TEXT).never_ends()]);
    assert_eq!(events(&play(&mut turns, &[80, 1_600, 1_920])), [Event::StartOfTurn]);
    assert!(turns.audio(&[]).is_empty());
    let infos = play(&mut turns, &[160]);
    assert_eq!(told(&infos), [(Event::EndOfTurn, TEXT.to_owned())]);
    assert_eq!(infos.iter().find_map(|info| info.trigger), Some(Trigger::Timeout));
}

#[test]
fn an_end_by_confidence_is_off_at_a_threshold_of_one() {
    let mut turns = turns(Thresholds { eot: 1.0, eager: None, timeout_ms: 60_000 }, [FakeTurn::new(TEXT)]);
    assert_eq!(events(&play(&mut turns, &[80, 1_600, 5_000])), [Event::StartOfTurn]);
    assert_eq!(turns.force_end().map(|info| info.transcript()).as_deref(), Some(TEXT));
}

#[test]
fn an_end_can_be_forced_from_both_states_and_what_follows_is_the_next_turn() {
    let mut turns = turns(EAGER, [FakeTurn::new(TEXT), FakeTurn::new("Yes."), FakeTurn::new("No.")]);
    assert!(turns.force_end().is_none());
    play(&mut turns, &[80, 800]);
    let forced = turns.force_end().unwrap();
    assert_eq!((forced.transcript().as_str(), forced.trigger), ("Book a", Some(Trigger::Manual)));
    assert!(turns.force_end().is_none());
    let infos = [play(&mut turns, &[0, 400]), play(&mut turns, &[240])].concat();
    assert_eq!(events(&infos), [Event::StartOfTurn, Event::EagerEndOfTurn]);
    assert_eq!(infos.last().unwrap().turn, 1);
    assert_eq!(turns.force_end().unwrap().transcript(), "Yes.");
    assert_eq!(events(&play(&mut turns, &[960])), []);
}

#[test]
fn a_blip_is_no_turn_and_a_short_word_is_one() {
    let mut turns = turns(EAGER, [FakeTurn::new("Yes."), FakeTurn::new("Indeed.")]);
    assert_eq!(events(&play(&mut turns, &[400, 100, 800])), []);
    let infos = play(&mut turns, &[0, 160, 800]);
    assert_eq!(events(&infos), [Event::StartOfTurn, Event::EagerEndOfTurn, Event::EndOfTurn]);
    assert_eq!(told(&infos)[0].1, "Yes.");
}

#[test]
fn speech_after_the_script_is_not_understood_and_a_close_tells_what_is_left() {
    let mut turns = turns(EAGER, [FakeTurn::new(TEXT)]);
    play(&mut turns, &[80, 400]);
    let last = turns.close();
    assert_eq!((last.event, last.transcript().as_str()), (Event::Update, "Book"));
    turns.force_end();
    assert_eq!(events(&play(&mut turns, &[400, 800, 800])), []);
}

#[test]
fn the_same_audio_gives_the_same_events_in_any_chunks() {
    let audio = [sound(0, 500), sound(3_000, 1_300), sound(0, 900)].concat();
    let script = [FakeTurn::new(TEXT).eager_then_resumed(1)];
    let whole = turns(EAGER, script.clone()).audio(&audio);
    for size in [1, 333, 1_280] {
        let mut chunked = turns(EAGER, script.clone());
        let infos: Vec<TurnInfo> = audio.chunks(size).flat_map(|chunk| chunked.audio(chunk)).collect();
        assert_eq!(infos, whole, "chunks of {size}");
    }
}

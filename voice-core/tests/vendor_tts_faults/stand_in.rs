//! Two voices, the first with a fault: the caller hears every word of the reply, and none twice.

use crate::talk::{LAST, REPLY, Stretch, all, call, check_length, converse, failure, stretches, within};
use crate::vendor::{Cartesia, ElevenLabs, KEY, Vendor, closes, fakes, once, refuses, with_each};
use std::sync::Arc;
use voice_core::provider::fakes::{Fakes, Fault, FaultRule, FaultScript};
use voice_core::provider::fallback::{FallbackConfig, FallbackTts};
use voice_core::session::{SessionEvent, Stage};
use voice_core::turn::ReplyOutcome;

async fn stand_in(first: Vendor, rule: FaultRule) {
    let second = if first == Cartesia { ElevenLabs } else { Cartesia };
    let name = format!("{first:?} {rule:?}");
    let (faulty, sound) = (Fakes::start(fakes(rule.into())).await.unwrap(), fakes(FaultScript::default()));
    let sound = Fakes::start(sound).await.unwrap();
    let voices = vec![first.voice(&faulty, KEY), second.voice(&sound, KEY)];
    let tts = FallbackTts::new(voices, FallbackConfig { first_audio_ms: 3_000, ..FallbackConfig::default() }).unwrap();
    let (record, call) = within(&name, converse(call(first, Arc::new(tts)), 1)).await;
    let heard: Vec<_> = record.turns.iter().map(|turn| (turn.outcome, turn.heard_text())).collect();
    assert_eq!(heard, [(ReplyOutcome::Completed, REPLY), (ReplyOutcome::Completed, LAST)], "{name}");
    assert!(call.events.iter().all(|(_, event)| failure(event).is_none()), "{name}: {:#?}", call.events);
    let is_switch = |event: &SessionEvent| matches!(event, SessionEvent::StageSwitched { stage: Stage::Tts, .. });
    assert_eq!(call.count(is_switch), 1, "{name}: {:#?}", call.events);
    check_seam(&name, first, &stretches(&call, record.turns[0].reply));
    assert_eq!(second.counts(&sound).contexts, 2, "{name}: the first one rests in the second turn");
}

/// The second voice begins with the word in which the first one broke off, or with the next.
fn check_seam(name: &str, first: Vendor, stretches: &[Stretch]) {
    let (broke_off, rest) = match *stretches {
        [Stretch { from: 0, samples, .. }] => return check_length(name, first, samples, REPLY),
        [Stretch { from: 0, samples, .. }, Stretch { from: 0, samples: rest, .. }] => (samples, rest),
        _ => panic!("{name}: {stretches:?}"),
    };
    let (samples_of, character) = (|text: &str| first.samples_of(text), first.character_samples());
    let (said, unsaid) = REPLY
        .char_indices()
        .filter(|(_, character)| *character == ' ')
        .map(|(at, _)| REPLY.split_at(at))
        .find(|(_, unsaid)| (samples_of(unsaid)..=samples_of(unsaid) + character).contains(&rest))
        .unwrap_or_else(|| panic!("{name}: it begins within a word: {stretches:?}"));
    let begun = broke_off.checked_sub(samples_of(said)).unwrap_or_else(|| panic!("{name}: {unsaid} is not all of it"));
    let word = unsaid.split_whitespace().next().unwrap();
    assert!(begun < samples_of(word) + character, "{name}: {word} was said by both: {stretches:?}");
}

#[tokio::test]
async fn a_second_voice_says_what_the_first_did_not() {
    let whole = [refuses(401, None), refuses(500, None), refuses(429, Some(60_000)), Fault::Stall].map(once);
    let breaks = [closes(Some(1011)), closes(None), Fault::Reset, Fault::Stall, Fault::ErrorMessage, Fault::Malformed];
    let broken = breaks.map(|fault| once(fault).after_messages(20));
    let cases = with_each([Cartesia, ElevenLabs], whole.into_iter().chain(broken));
    all(cases.map(|(vendor, rule)| stand_in(vendor, rule))).await;
}

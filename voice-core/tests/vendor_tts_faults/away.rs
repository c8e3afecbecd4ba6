//! Voices that refuse: for a while, for good, or because of a key.

use crate::talk::{Hears, all, call, check, converse, converse_on, failure, within};
use crate::vendor::{Cartesia, ElevenLabs, KEY, OpenAi, Vendor, always, fakes, refuses};
use voice_core::provider::fakes::{ElevenLabsFake, Fakes, FakesConfig, Fault, FaultRule, FaultScript, KeyCheck};
use voice_core::session::SessionEvent;
use voice_core::transport::MemoryOutput;
use voice_core::turn::{EndReason, ReplyOutcome};

/// A call over a vendor that refuses until a reply has failed of it.
async fn away(vendor: Vendor, fault: Fault) {
    let name = format!("{vendor:?} {fault:?}");
    let rule = FaultRule { service: vendor.service(), ..always(fault) };
    let fakes = Fakes::start(fakes(rule.into())).await.unwrap();
    let mut call = call(vendor, vendor.voice(&fakes, KEY));
    let conversation = async {
        call.silent(200).await;
        call.speak(600).await;
        call.silent_until_told(|event| matches!(event, SessionEvent::TurnEnded(_))).await;
        fakes.lift_faults();
        converse_on(call, 2).await
    };
    let (record, call) = within(&name, conversation).await;
    check(&name, vendor, &record, &call, Hears::Apology);
}

#[tokio::test]
async fn a_voice_that_stays_away_is_apologised_for_once_it_is_back() {
    let faults = [refuses(429, Some(300)), refuses(503, None)];
    let cases =
        faults.into_iter().flat_map(|fault| [Cartesia, ElevenLabs, OpenAi].map(|vendor| (vendor, fault.clone())));
    all(cases.map(|(vendor, fault)| away(vendor, fault))).await;
}

/// A vendor that refuses to the end: the agent is mute, and the call goes on.
async fn away_for_good(vendor: Vendor, fault: Fault) {
    let rule = FaultRule { service: vendor.service(), ..always(fault) };
    let fakes = Fakes::start(fakes(rule.into())).await.unwrap();
    let (record, call) = within("away for good", converse(call(vendor, vendor.voice(&fakes, KEY)), 2)).await;
    assert!(call.heard.iter().all(|heard| !matches!(heard.output, MemoryOutput::Audio { .. })), "{vendor:?}");
    assert_eq!((record.caller_turns.len(), record.reason), (2, EndReason::CallerHungUp), "{vendor:?}");
    assert!(record.turns.iter().all(|turn| turn.outcome == ReplyOutcome::Failed), "{vendor:?}: {:?}", record.turns);
    let told: Vec<_> = call.events.iter().filter_map(|(_, event)| failure(event)).collect();
    assert_eq!(told.len(), record.turns.len(), "{vendor:?}: each is told of: {told:?}");
    assert!(told.iter().all(|said| said.contains("503") || said.contains("429")), "{vendor:?}: {told:?}");
}

#[tokio::test]
async fn a_voice_that_never_comes_back_leaves_a_call_that_goes_on_without_it() {
    let faults = [refuses(503, None), refuses(429, Some(60_000))];
    let cases =
        faults.into_iter().flat_map(|fault| [Cartesia, ElevenLabs, OpenAi].map(|vendor| (vendor, fault.clone())));
    all(cases.map(|(vendor, fault)| away_for_good(vendor, fault))).await;
}

/// A call with a key that is refused: the agent is mute, and the call goes on.
async fn mute(vendor: Vendor, config: FakesConfig) {
    let fakes = Fakes::start(config).await.unwrap();
    let mut call = call(vendor, vendor.voice(&fakes, "quite-wrong"));
    call.silent(200).await;
    call.speak(600).await;
    call.until_turns_end(2).await;
    call.speak(600).await;
    call.until_turns_end(3).await;
    let (record, call) = call.hang_up().await;
    assert!(call.heard.iter().all(|heard| !matches!(heard.output, MemoryOutput::Audio { .. })), "{vendor:?}");
    assert_eq!(record.caller_turns.len(), 2, "{vendor:?}: it still listens");
    assert!(record.turns.iter().all(|turn| turn.outcome == ReplyOutcome::Failed), "{vendor:?}: {:?}", record.turns);
    let told: Vec<_> = call.events.iter().filter_map(|(_, event)| failure(event)).collect();
    let [said] = &told[..] else { panic!("{vendor:?}: {told:#?}") };
    assert!(said.contains("401") && said.contains(vendor.setting()), "{said}");
    assert!(!format!("{:?} {record:?}", call.events).contains("quite-wrong"), "{told:?}");
}

#[tokio::test]
async fn a_key_that_is_refused_is_told_once_by_its_setting_and_the_call_goes_on_without_a_voice() {
    let base = || fakes(FaultScript::default());
    let at_upgrade = ElevenLabsFake { key_check: KeyCheck::Upgrade, ..base().elevenlabs };
    let at_upgrade = FakesConfig { elevenlabs: at_upgrade, ..base() };
    all([mute(Cartesia, base()), mute(ElevenLabs, at_upgrade), mute(ElevenLabs, base()), mute(OpenAi, base())]).await;
}

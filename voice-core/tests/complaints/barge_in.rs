//! 3. Barge-in that is slow, absent, or lets the client's buffer play on.

use crate::support::{Call, LINE, agent};
use crate::{LONG, hears, says, voice};
use voice_core::provider::scripted::{ScriptedTts, SttAction, SttAt, TtsConfig, TtsFault, Utterance};
use voice_core::session::{Agent, SessionEvent};
use voice_core::transport::{LineControl, LineInfo, MemoryOutput, Rebuffer};
use voice_core::turn::{BargeInCause, BargeInPolicy, ReplyOutcome};
use voice_core::units::ReplyId;

fn bids() -> Vec<Utterance> {
    vec![Utterance::say("Hello there."), Utterance::say("No wait, I meant Tuesday.")]
}

/// Interrupts the first reply a second after it began; gives the call and the onset.
async fn interrupt(info: LineInfo, agent: Agent) -> (voice_core::session::CallRecord, Call, u64) {
    let mut call = Call::start_on(info, agent);
    call.silent(200).await;
    call.speak(800).await;
    call.until_agent_speaks(1).await;
    call.silent(1_000).await;
    let onset = call.now_ms();
    call.speak(1_400).await;
    call.until_turns_end(2).await;
    let (record, call) = call.hang_up().await;
    (record, call, onset)
}

#[tokio::test(start_paused = true)]
async fn the_agent_is_silent_within_60_ms_and_the_client_is_told_to_hold_its_buffer() {
    let (record, call, onset) = interrupt(LINE, agent(hears(bids()), says(&[LONG, "Tuesday."]), voice())).await;
    let first = record.turns[0].reply;
    let controls = call.controls();
    let at = |wanted: fn(&LineControl) -> bool| controls.iter().find(|(_, c)| wanted(c)).map(|(at, _)| *at).unwrap();
    let paused = at(|control| matches!(control, LineControl::Pause { .. }));
    let cleared = at(|control| matches!(control, LineControl::Clear { .. }));
    assert!(paused - onset <= 60, "{} ms", paused - onset);
    assert!(cleared - onset <= 640, "two words are a bid: {} ms", cleared - onset);
    assert!(call.last_audio_ms(first).unwrap() <= paused, "nothing more after the pause");
    assert_eq!(call.count(|event| matches!(event, SessionEvent::BargeIn { .. })), 1);
    assert_eq!(record.turns[0].outcome, ReplyOutcome::BargedIn);
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_has_to_reconnect_makes_no_difference() {
    let usual = interrupt(LINE, agent(hears(bids()), says(&[LONG, "Tuesday."]), voice())).await;
    for fault in [TtsFault::IgnoreCancel, TtsFault::StallAfter(40_000)] {
        let tts = ScriptedTts::new(TtsConfig {
            faults: vec![(0, fault), (1, TtsFault::SessionEnded)],
            open_ms: 150,
            ..TtsConfig::default()
        });
        let slow = interrupt(LINE, agent(hears(bids()), says(&[LONG, "Tuesday."]), tts)).await;
        let silent = |call: &Call, onset: u64| call.last_audio_ms(ReplyId(1)).unwrap().abs_diff(onset);
        assert_eq!(silent(&usual.1, usual.2), silent(&slow.1, slow.2), "{fault:?}");
        assert_eq!(slow.0.turns[1].heard_text(), "Tuesday.", "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_cannot_drop_its_buffer_is_never_given_more_than_20_ms_ahead() {
    let info = LineInfo { rebuffer: Rebuffer::Nothing, ..LINE };
    let (record, call, _) = interrupt(info, agent(hears(bids()), says(&[LONG, "Tuesday."]), voice())).await;
    let first = record.turns[0].reply;
    let began = call.first_audio_ms(first).unwrap();
    for heard in &call.heard {
        if let MemoryOutput::Audio { reply, frame } = &heard.output
            && *reply == first
        {
            let ahead_ms = (frame.end().0 / 16).saturating_sub(heard.at_ms - began);
            assert!(ahead_ms <= 40, "{ahead_ms} ms ahead");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_policy_does_what_it_says() {
    let outcomes = |policy: BargeInPolicy| async move {
        let mut agent = agent(hears(bids()), says(&[LONG, "Tuesday."]), voice());
        agent.config.turn.barge_in = policy;
        let (record, call, onset) = interrupt(LINE, agent).await;
        let cause = call.events.iter().find_map(|(at, event)| match event {
            SessionEvent::BargeIn { signal, .. } => Some((signal.cause, at - onset)),
            _ => None,
        });
        (record.turns[0].outcome, cause)
    };
    let (_, cause) = outcomes(BargeInPolicy::Immediate).await;
    assert!(matches!(cause, Some((BargeInCause::Policy, 0..=60))), "{cause:?}");
    let (_, cause) = outcomes(BargeInPolicy::MinWords(4)).await;
    assert!(matches!(cause, Some((BargeInCause::Words, 1_100..=1_300))), "{cause:?}");
    assert_eq!(outcomes(BargeInPolicy::Never).await, (ReplyOutcome::Completed, None));
}

#[tokio::test(start_paused = true)]
async fn speech_that_lasts_takes_the_turn_although_no_word_comes() {
    let slow = Utterance::new().at(SttAt::SpeechEnd(400), SttAction::Final("No wait, I meant Tuesday.".into()));
    let stt = hears(vec![Utterance::say("Hello there."), slow]);
    let (record, call, onset) = interrupt(LINE, agent(stt, says(&[LONG, "Tuesday."]), voice())).await;
    let barged = call.first_ms(|event| matches!(event, SessionEvent::BargeIn { .. })).unwrap() - onset;
    assert!((800..=880).contains(&barged), "{barged} ms");
    assert_eq!(record.caller_turns[1].text, "No wait, I meant Tuesday.");
}

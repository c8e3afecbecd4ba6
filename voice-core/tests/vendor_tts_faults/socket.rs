//! Voices over a socket: it comes in pieces, opens badly, breaks off, mixes up its chunks.

use crate::talk::{
    Hears, LAST, REPLY, Stretch, call, check_length, converse, failure, run, run_all, stretches, total, within,
};
use crate::vendor::{Cartesia, ElevenLabs, KEY, always, at_first, closes, fakes, once, refuses, with_each};
use voice_core::provider::fakes::{Cuts, Fakes, Fault, FaultRule};
use voice_core::turn::ReplyOutcome;

/// On the first connection, while the first reply is spoken.
fn in_mid_reply(fault: Fault) -> FaultRule {
    at_first(fault).after_messages(20)
}

#[tokio::test]
async fn a_voice_that_comes_in_pieces_late_or_in_bad_company_is_heard_whole() {
    let rules = [
        at_first(Fault::DelayOpen { ms: 700 }),
        always(Fault::Delay { ms: 60 }),
        once(Fault::SplitWrites { bytes: 7 }),
        always(Fault::Fragment),
        always(Fault::CutUtf8),
        always(Fault::UnknownType).times(50),
        once(Fault::Pace { percent: 50 }),
        once(Fault::Pace { percent: 1_000 }),
    ];
    run_all(with_each([Cartesia, ElevenLabs], rules), Hears::Whole).await;
}

#[tokio::test]
async fn a_voice_that_opens_badly_is_opened_again() {
    let faults = [
        refuses(500, None),
        refuses(503, None),
        refuses(429, Some(300)),
        closes(Some(1011)),
        closes(None),
        Fault::Reset,
        Fault::Malformed,
        Fault::ErrorMessage,
    ];
    run_all(with_each([Cartesia, ElevenLabs], faults.map(at_first)), Hears::Whole).await;
}

#[tokio::test]
async fn word_times_that_never_come_cost_no_word() {
    run(Cartesia, at_first(Fault::NeverGreet), Hears::Whole).await;
}

#[tokio::test]
async fn a_first_piece_of_audio_that_never_comes_costs_only_itself() {
    let rule = FaultRule { service: ElevenLabs.service(), ..at_first(Fault::NeverGreet) };
    let mut config = fakes(rule.into());
    config.elevenlabs.chunks.cuts = Cuts::Even;
    let fakes = Fakes::start(config).await.unwrap();
    let (record, call) = within("never greets", converse(call(ElevenLabs, ElevenLabs.voice(&fakes, KEY)), 1)).await;
    let turn = &record.turns[0];
    assert_eq!(turn.outcome, ReplyOutcome::Completed, "{:#?}", call.events);
    let heard = stretches(&call, turn.reply);
    let [Stretch { from, samples, .. }] = heard[..] else { panic!("{heard:?}") };
    assert!(from > 0, "the first piece was not sent");
    check_length("never greets", ElevenLabs, from + samples, REPLY);
    assert_eq!(record.turns[1].heard_text(), LAST);
    assert!(call.events.iter().all(|(_, event)| failure(event).is_none()), "{:#?}", call.events);
}

#[tokio::test]
async fn of_a_voice_that_breaks_off_the_caller_hears_the_beginning() {
    let breaks = [closes(Some(1011)), closes(None), Fault::Reset, Fault::Stall, Fault::ErrorMessage, Fault::Malformed];
    run_all(with_each([Cartesia, ElevenLabs], breaks.map(in_mid_reply)), Hears::Part).await;
}

#[tokio::test]
async fn a_voice_that_does_not_begin_is_apologised_for() {
    run_all(with_each([Cartesia, ElevenLabs], [at_first(Fault::Stall)]), Hears::Apology).await;
    run(Cartesia, at_first(Fault::ErrorMessage).after_messages(1), Hears::Apology).await;
}

#[tokio::test]
async fn chunks_that_change_places_are_each_heard_once() {
    for vendor in [Cartesia, ElevenLabs] {
        let rule = FaultRule { service: vendor.service(), ..in_mid_reply(Fault::OutOfOrder) };
        let mut config = fakes(rule.into());
        (config.cartesia.chunks.cuts, config.elevenlabs.chunks.cuts) = (Cuts::Even, Cuts::Even);
        let fakes = Fakes::start(config).await.unwrap();
        let (record, call) = within("out of order", converse(call(vendor, vendor.voice(&fakes, KEY)), 1)).await;
        let turn = &record.turns[0];
        assert_eq!((turn.outcome, turn.heard_text()), (ReplyOutcome::Completed, REPLY), "{vendor:?}");
        // Nothing on the wire says where a chunk belongs.
        let heard = stretches(&call, turn.reply);
        assert!(heard.len() > 1, "{vendor:?}: {heard:?}");
        check_length("out of order", vendor, total(&heard), REPLY);
        assert_eq!(record.turns[1].heard_text(), LAST, "{vendor:?}");
    }
}

//! A voice over HTTP, one request a clause: what of the script's faults the caller hears.

use crate::support::Call;
use crate::talk::{
    Hears, LAST, REPLY, call, check_length, converse, failure, heard_in_order, run_all, stretches, total, within,
};
use crate::vendor::{KEY, OpenAi, always, at_first, closes, fakes, once, refuses, with_each};
use voice_core::provider::fakes::{Cuts, Fakes, Fault, FaultRule};
use voice_core::session::CallRecord;
use voice_core::turn::ReplyOutcome;

/// On the first request, while its clause is spoken.
fn in_mid_clause(fault: Fault) -> FaultRule {
    at_first(fault).after_messages(3)
}

/// A call whose chunks hold whole samples.
async fn talk(fault: FaultRule) -> (CallRecord, Call) {
    let rule = FaultRule { service: OpenAi.service(), ..fault };
    let name = format!("{rule:?}");
    let mut config = fakes(rule.into());
    config.speech.chunks.cuts = Cuts::Even;
    let fakes = Fakes::start(config).await.unwrap();
    let (record, call) = within(&name, converse(call(OpenAi, OpenAi.voice(&fakes, KEY)), 1)).await;
    assert!(fakes.log().counts().faults > 0, "{name}");
    let outcomes: Vec<_> = record.turns.iter().map(|turn| (turn.outcome, turn.heard_text())).collect();
    assert_eq!(outcomes, [(ReplyOutcome::Completed, REPLY), (ReplyOutcome::Completed, LAST)], "{name}");
    assert!(call.events.iter().all(|(_, event)| failure(event).is_none()), "{name}: {:#?}", call.events);
    (record, call)
}

#[tokio::test]
async fn a_voice_that_comes_in_pieces_or_late_is_heard_whole() {
    let rules = [
        at_first(Fault::DelayOpen { ms: 700 }),
        always(Fault::Delay { ms: 60 }),
        once(Fault::SplitWrites { bytes: 7 }),
        once(Fault::Fragment),
        always(Fault::CutUtf8),
        once(Fault::Pace { percent: 50 }),
        once(Fault::Pace { percent: 1_000 }),
    ];
    run_all(with_each([OpenAi], rules), Hears::Whole).await;
}

#[tokio::test]
async fn a_clause_that_does_not_begin_is_asked_for_again() {
    let faults = [
        refuses(500, None),
        refuses(503, Some(50)),
        refuses(429, Some(300)),
        closes(None),
        Fault::Reset,
        Fault::ErrorMessage,
        Fault::Malformed,
        Fault::UnknownType,
    ];
    run_all(with_each([OpenAi], faults.map(at_first)), Hears::Whole).await;
}

#[tokio::test]
async fn a_voice_that_gives_no_answer_is_apologised_for() {
    let faults = [refuses(429, None), refuses(429, Some(60_000)), refuses(404, None), Fault::NeverGreet, Fault::Stall];
    run_all(with_each([OpenAi], faults.map(at_first)), Hears::Apology).await;
}

#[tokio::test]
async fn of_a_reply_that_breaks_off_the_caller_hears_the_beginning() {
    let in_the_second_clause = |fault| once(fault).on(2).after_messages(10);
    run_all(with_each([OpenAi], [Fault::Reset, Fault::Stall].map(in_the_second_clause)), Hears::Part).await;
}

#[tokio::test]
async fn a_reply_that_breaks_off_within_its_first_word_is_apologised_for() {
    run_all(with_each([OpenAi], [Fault::Reset, Fault::Stall].map(in_mid_clause)), Hears::Apology).await;
}

#[tokio::test]
async fn a_clause_whose_body_ends_early_in_due_form_is_taken_for_whole() {
    // Nothing on the wire says how long the audio should be: the next clause follows, and no sample is heard twice.
    let (record, call) = talk(in_mid_clause(closes(None))).await;
    let heard = stretches(&call, record.turns[0].reply);
    let samples = heard_in_order("ends early", OpenAi, &heard);
    assert!(heard.len() > 1 && samples < OpenAi.samples_of(REPLY), "{heard:?}");
}

#[tokio::test]
async fn chunks_that_change_places_are_each_heard_once() {
    let (record, call) = talk(in_mid_clause(Fault::OutOfOrder)).await;
    let heard = stretches(&call, record.turns[0].reply);
    assert!(heard.iter().any(|stretch| stretch.from > 0), "{heard:?}");
    check_length("out of order", OpenAi, total(&heard), REPLY);
}

#[tokio::test]
async fn what_is_no_audio_in_the_middle_of_it_is_a_click_and_no_more() {
    for fault in [Fault::Malformed, Fault::UnknownType, Fault::ErrorMessage] {
        let name = format!("{fault:?}");
        let (record, call) = talk(in_mid_clause(fault.clone())).await;
        let samples = call.samples_of(record.turns[0].reply).len() as u64;
        // An error ends its clause: the rest of that one is not heard.
        let ends_clause = fault == Fault::ErrorMessage;
        let whole = OpenAi.samples_of(REPLY);
        assert!(samples <= whole + 64 && (ends_clause || samples >= whole - 4 * 720), "{name}: {samples} of {whole}");
    }
}

//! Calls as they are read.

use super::made::{self, Placed, placed_at};
use super::{Bench, at, first, missing};
use serde_json::json;
use time::Duration;
use uuid::Uuid;
use voice_server::store::{CallDetail, CallEnd, CallFilter, CallStatus, CallSummary, Entry, Recording};
use voice_server::{CallUuid, Principal};

/// What is expected of a call that was written whole.
pub(crate) fn expected(call: &Placed, utterances: i32) -> CallDetail {
    let end = call.ending();
    let summary = CallSummary {
        id: call.id(),
        user_id: call.who.user(),
        lead_id: call.lead,
        status: CallStatus::Ended,
        end_reason: Some(end.reason),
        started_at: call.header.started_at,
        ended_at: Some(end.ended_at),
        duration_ms: Some(end.duration_ms),
        turns: end.turns,
        barge_ins: end.barge_ins,
        resumes: end.resumes,
        voice_to_voice_p50_ms: end.voice_to_voice_p50_ms,
        cost_micros: end.cost_micros,
        currency: end.currency,
    };
    let utterances = (0..utterances).map(made::utterance).collect();
    CallDetail { call: summary, cost: end.cost, utterances, recorded: true }
}

pub(crate) async fn a_call_reads_back_as_it_was_written(bench: Bench) {
    let who = bench.member().await;
    let call = placed_at(who, 0);
    bench.write(&call.whole(7)).await.unwrap();
    let found = bench.call(&who, call.id()).await.unwrap();
    assert_eq!(found, expected(&call, 7));
    assert_eq!(bench.calls(&who, &CallFilter::default(), first(9)).await.unwrap().items, [found.call]);
    let Entry::Conversation(said) = call.conversation() else { panic!("made otherwise") };
    assert_eq!(bench.conversation(&who, call.id()).await.unwrap(), said.messages);
    let Entry::Recording(made) = call.recording() else { panic!("made otherwise") };
    let found = bench.recording(&who, call.id()).await.unwrap();
    let expected = Recording {
        id: made.id,
        call_id: call.id(),
        object_key: made.object_key,
        media_type: made.media_type,
        size_bytes: made.size_bytes,
        duration_ms: made.duration_ms,
        created_at: found.created_at,
    };
    assert_eq!(found, expected);
    assert_eq!(bench.recordings(&who, first(9)).await.unwrap().items, [found]);
}

pub(crate) async fn a_call_that_runs_has_no_end_and_no_conversation(bench: Bench) {
    let who = bench.member().await;
    let call = placed_at(who, 0);
    bench.write(&[call.start()]).await.unwrap();
    let found = bench.call(&who, call.id()).await.unwrap();
    assert_eq!((found.call.status, found.recorded, found.utterances), (CallStatus::Active, false, vec![]));
    assert_eq!((found.call.ended_at, found.call.duration_ms, found.call.end_reason), (None, None, None));
    assert_eq!((found.cost, found.call.cost_micros, found.call.currency), (None, None, None));
    assert_eq!(bench.conversation(&who, call.id()).await.unwrap(), json!([]));
    assert_eq!(missing(bench.recording(&who, call.id()).await), "recording");
    bench.write(&[call.utterance(0), call.conversation()]).await.unwrap();
    assert_eq!(bench.call(&who, call.id()).await.unwrap().utterances, [made::utterance(0)]);
    assert_ne!(bench.conversation(&who, call.id()).await.unwrap(), json!([]));
}

pub(crate) async fn what_is_not_there_is_not_found(bench: Bench) {
    let who = bench.member().await;
    let nothing = CallUuid(Uuid::now_v7());
    assert_eq!(missing(bench.call(&who, nothing).await), "call");
    assert_eq!(missing(bench.conversation(&who, nothing).await), "call");
    assert_eq!(missing(bench.recording(&who, nothing).await), "recording");
}

async fn found(bench: &Bench, who: &Principal, filter: CallFilter) -> Vec<CallUuid> {
    let page = bench.calls(who, &filter, first(9)).await.unwrap();
    page.items.into_iter().map(|call| call.id).rev().collect()
}

pub(crate) async fn calls_are_found_by_what_they_are(bench: Bench) {
    let who = bench.member().await;
    let campaign = bench.create_campaign(&who, &made::campaign("Spring")).await.unwrap().id;
    let lead = bench.create_lead(&who, &made::lead(campaign, "+4930123456")).await.unwrap().id;
    let calls = [placed_at(who, 0), placed_at(who, 10).for_lead(lead), placed_at(who, 20)];
    let lost = CallEnd { reason: "caller_lost".into(), ..calls[1].ending() };
    let entries = calls.iter().map(Placed::start).chain([calls[0].end(), Entry::CallEnd(Box::new(lost))]);
    bench.write(&entries.collect::<Vec<_>>()).await.unwrap();
    let [a, b, c] = calls.map(|call| call.id());
    let any = CallFilter::default;
    let cases = [
        (any(), vec![a, b, c]),
        (CallFilter { status: Some(CallStatus::Active), ..any() }, vec![c]),
        (CallFilter { status: Some(CallStatus::Ended), ..any() }, vec![a, b]),
        (CallFilter { from: Some(at(10)), ..any() }, vec![b, c]),
        (CallFilter { to: Some(at(10)), ..any() }, vec![a]),
        (CallFilter { from: Some(at(10)), to: Some(at(10)), ..any() }, vec![]),
        (CallFilter { from: Some(at(0)), to: Some(at(20)), ..any() }, vec![a, b]),
        (CallFilter { lead_id: Some(lead), ..any() }, vec![b]),
        (CallFilter { lead_id: Some(campaign), ..any() }, vec![]),
        (CallFilter { end_reason: Some("hung_up".into()), ..any() }, vec![a]),
        (CallFilter { end_reason: Some("hung_up' OR 1=1 --".into()), ..any() }, vec![]),
        (CallFilter { status: Some(CallStatus::Ended), from: Some(at(1)), lead_id: Some(lead), ..any() }, vec![b]),
    ];
    for (filter, expected) in cases {
        assert_eq!(found(&bench, &who, filter.clone()).await, expected, "{filter:?}");
    }
}

pub(crate) async fn times_keep_their_microseconds(bench: Bench) {
    let who = bench.member().await;
    let started_at = at(0) + Duration::microseconds(123_457);
    let call = Placed::by(who, started_at + Duration::nanoseconds(999));
    let elsewhere = time::UtcOffset::from_hms(-5, -30, 0).unwrap();
    let end = CallEnd { ended_at: started_at.to_offset(elsewhere), duration_ms: 0, ..call.ending() };
    bench.write(&[call.start(), Entry::CallEnd(Box::new(end))]).await.unwrap();
    let found = bench.call(&who, call.id()).await.unwrap().call;
    assert_eq!((found.started_at, found.ended_at), (started_at, Some(started_at)));
    assert!(found.started_at.offset().is_utc());
}

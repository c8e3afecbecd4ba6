//! What calls leave behind, as it is written.

use super::calls::expected;
use super::made::{self, Placed, placed_at};
use super::{Bench, at, first, missing, never, refusal};
use futures::{StreamExt, stream};
use proptest::prelude::{Just, Strategy, any};
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use serde_json::json;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::block_in_place;
use tokio::time::timeout;
use uuid::Uuid;
use voice_server::store::{
    CallDetail, CallEnd, CallStart, CallStatus, ConversationEntry, Entry, RecordingEntry, StoreError, Utterance,
};

/// The seed of the random sequences: a failure is the same in every run, and is printed with the least that fails.
const SEED: [u8; 32] = *b"entries in any order, repeatedly";
const CASES: u32 = 64;

/// Which of a call's entries are written, and where one batch ends.
#[derive(Clone, Debug)]
struct Sequence {
    utterances: i32,
    /// Places in [`Placed::whole`]: each at least once, the start first.
    order: Vec<usize>,
    /// How many entries each batch has.
    batches: Vec<usize>,
}

fn sequences() -> impl Strategy<Value = Sequence> {
    (0..6_usize).prop_flat_map(|utterances| {
        let all: Vec<_> = (1..utterances + 5).collect();
        let again = proptest::collection::vec((0..utterances + 5, any::<Index>()), 0..12);
        let batches = proptest::collection::vec(1..6_usize, 24);
        (Just(all).prop_shuffle(), again, batches).prop_map(move |(mut order, again, batches)| {
            for (entry, place) in again {
                order.insert(place.index(order.len() + 1), entry);
            }
            order.insert(0, 0);
            Sequence { utterances: i32::try_from(utterances).unwrap(), order, batches }
        })
    })
}

async fn write_in(bench: &Bench, call: Placed, sequence: &Sequence) {
    let entries = call.whole(sequence.utterances);
    let mut left: Vec<_> = sequence.order.iter().map(|place| entries[*place].clone()).collect();
    for size in &sequence.batches {
        let batch: Vec<_> = left.drain(..(*size).min(left.len())).collect();
        bench.write(&batch).await.unwrap();
    }
    bench.write(&left).await.unwrap();
}

async fn is_whole(bench: &Bench, call: Placed, utterances: i32) -> Result<(), TestCaseError> {
    let found = bench.call(&call.who, call.id()).await.unwrap();
    proptest::prop_assert_eq!(found, expected(&call, utterances));
    let Entry::Conversation(said) = call.conversation() else { panic!("made otherwise") };
    proptest::prop_assert_eq!(bench.conversation(&call.who, call.id()).await.unwrap(), said.messages);
    let Entry::Recording(made) = call.recording() else { panic!("made otherwise") };
    let recording = bench.recording(&call.who, call.id()).await.unwrap();
    proptest::prop_assert_eq!((recording.id, recording.object_key), (made.id, made.object_key));
    Ok(())
}

pub(crate) async fn any_repetition_in_any_order_writes_the_same_rows(bench: Bench) {
    let who = bench.member().await;
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &SEED));
    let runtime = Handle::current();
    let outcome = block_in_place(|| {
        runner.run(&sequences(), |sequence| {
            runtime.block_on(async {
                let call = placed_at(who, 0);
                write_in(&bench, call, &sequence).await;
                is_whole(&bench, call, sequence.utterances).await
            })
        })
    });
    outcome.unwrap();
}

pub(crate) async fn what_is_there_stays_as_it_is(bench: Bench) {
    let who = bench.member().await;
    let call = placed_at(who, 0);
    bench.write(&call.whole(2)).await.unwrap();
    let Entry::CallStart(start) = call.start() else { panic!("made otherwise") };
    let Entry::Recording(recording) = call.recording() else { panic!("made otherwise") };
    let others = [
        Entry::CallStart(CallStart { user: bench.member().await.user(), server: Uuid::nil(), ..start }),
        call.said(Utterance { text: "Something else".into(), seq: 1, ..made::utterance(5) }),
        Entry::Conversation(ConversationEntry { header: call.header, messages: json!([]) }),
        Entry::Recording(RecordingEntry { object_key: "elsewhere".into(), size_bytes: 1, ..recording }),
        Entry::CallEnd(Box::new(CallEnd { reason: "elsewise".into(), turns: 99, ..call.ending() })),
    ];
    for other in others {
        bench.write(&[other]).await.unwrap();
    }
    is_whole(&bench, call, 2).await.unwrap();
}

pub(crate) async fn a_batch_with_an_entry_that_cannot_be_written_writes_nothing(bench: Bench) {
    let who = bench.member().await;
    let (good, begun) = (placed_at(who, 0), placed_at(who, 10));
    bench.write(&[begun.start()]).await.unwrap();
    let poison = [
        placed_at(who, 20).utterance(0),
        placed_at(who, 20).end(),
        begun.said(Utterance { seq: -1, ..made::utterance(0) }),
        Entry::CallEnd(Box::new(CallEnd { duration_ms: -1, ..begun.ending() })),
        Entry::CallEnd(Box::new(CallEnd { currency: Some("euro".into()), ..begun.ending() })),
        Entry::Conversation(ConversationEntry { header: begun.header, messages: json!({ "no": "list" }) }),
    ];
    for poison in poison {
        for place in 0..=good.whole(2).len() {
            let mut batch = good.whole(2);
            batch.insert(place, poison.clone());
            batch.push(begun.utterance(0));
            never(bench.write(&batch).await);
        }
        assert_eq!(missing(bench.call(&who, good.id()).await), "call");
    }
    let begun = bench.call(&who, begun.id()).await.unwrap();
    assert_eq!((begun.call.status, begun.utterances), (CallStatus::Active, vec![]));
    bench.write(&good.whole(2)).await.unwrap();
}

pub(crate) async fn nothing_is_written_before_the_start(bench: Bench) {
    let who = bench.member().await;
    let call = placed_at(who, 0);
    for entry in &call.whole(1)[1..] {
        assert_eq!(missing(bench.write(std::slice::from_ref(entry)).await), "call");
    }
    // Also not where the start comes later in the same batch.
    assert_eq!(missing(bench.write(&[call.utterance(0), call.start()]).await), "call");
    assert_eq!(missing(bench.call(&who, call.id()).await), "call");
    // A tenant that is not there has no calls.
    let mut nobodys = call;
    nobodys.header.tenant.0 = Uuid::now_v7();
    refusal(bench.write(&[nobodys.start()]).await);
}

pub(crate) async fn an_end_is_never_taken_back(bench: Bench) {
    let who = bench.member().await;
    let call = placed_at(who, 0);
    bench.write(&[call.start(), call.end(), call.start()]).await.unwrap();
    let ended = bench.call(&who, call.id()).await.unwrap().call;
    assert_eq!(ended.status, CallStatus::Ended);
    bench.write(&[call.start(), call.utterance(0)]).await.unwrap();
    let later = Box::new(CallEnd { ended_at: at(999), reason: "error".into(), ..call.ending() });
    bench.write(&[Entry::CallEnd(later), call.start()]).await.unwrap();
    assert_eq!(bench.end_orphans(made::left_before(at(9_999)), at(9_999)).await.unwrap(), 0);
    let found = bench.call(&who, call.id()).await.unwrap();
    assert_eq!((found.call, found.utterances.len()), (ended, 1));
}

pub(crate) async fn a_call_that_was_taken_for_lost_ends_as_it_did(bench: Bench) {
    let who = bench.member().await;
    let (call, other) = (placed_at(who, 0), placed_at(who, 10));
    bench.write(&[call.start(), call.utterance(0), other.start()]).await.unwrap();
    assert_eq!(bench.end_orphans(made::left_before(at(9_999)), at(9_999)).await.unwrap(), 2);
    bench.write(&call.whole(1)).await.unwrap();
    is_whole(&bench, call, 1).await.unwrap();
    let later = Box::new(CallEnd { reason: "error".into(), turns: 99, ..call.ending() });
    bench.write(&[Entry::CallEnd(later)]).await.unwrap();
    is_whole(&bench, call, 1).await.unwrap();
    let lost = bench.call(&who, other.id()).await.unwrap().call;
    assert_eq!(lost.end_reason.as_deref(), Some("server_lost"), "only its own end corrects it");
}

pub(crate) async fn a_call_has_one_recording(bench: Bench) {
    let who = bench.member().await;
    let call = placed_at(who, 0);
    let Entry::Recording(recording) = call.recording() else { panic!("made otherwise") };
    let second = RecordingEntry { id: Uuid::now_v7(), object_key: "second".into(), ..recording.clone() };
    bench.write(&[call.start(), call.recording(), Entry::Recording(second)]).await.unwrap();
    assert_eq!(bench.recording(&who, call.id()).await.unwrap().id, recording.id);
    assert_eq!(bench.recordings(&who, first(9)).await.unwrap().items.len(), 1);
}

pub(crate) async fn a_lead_that_is_gone_does_not_stop_its_call(bench: Bench) {
    let who = bench.member().await;
    let call = placed_at(who, 0).for_lead(Uuid::now_v7());
    bench.write(&call.whole(1)).await.unwrap();
    assert_eq!(bench.call(&who, call.id()).await.unwrap().call.lead_id, None);
}

pub(crate) async fn nothing_is_as_good_as_written(bench: Bench) {
    bench.write(&[]).await.unwrap();
}

pub(crate) async fn writers_at_a_time_all_succeed(bench: Bench) {
    let who = bench.member().await;
    let calls: Vec<_> = (0..40).map(|n| placed_at(who, n)).collect();
    // More at a time than either store has connections, and not more than wait their turn on any machine.
    let at_a_time = stream::iter(&calls).for_each_concurrent(12, async |call| {
        bench.write(&call.whole(3)).await.unwrap();
        bench.create_client(&who, &made::client("Ada")).await.unwrap();
        assert_eq!(bench.call(&who, call.id()).await.unwrap(), expected(call, 3));
    });
    at_a_time.await;
    assert_eq!(bench.clients(&who, first(200)).await.unwrap().items.len(), calls.len());
}

/// Only a hang gets here: no test depends on how long anything takes.
const HANG: Duration = Duration::from_secs(60);

/// The call, once whoever writes it has.
async fn eventually(bench: &Bench, call: &Placed) -> CallDetail {
    let found = async {
        loop {
            match bench.call(&call.who, call.id()).await {
                Ok(found) => break found,
                Err(StoreError::NotFound { .. }) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    timeout(HANG, found).await.expect("what was begun is never written")
}

pub(crate) async fn an_operation_nobody_waits_for_ends_and_leaves_the_store_in_order(bench: Bench) {
    let who = bench.member().await;
    for n in 0..100 {
        let (left, next) = (placed_at(who, n), placed_at(who, n));
        let entries = left.whole(2);
        let mut writing = Box::pin(bench.write(&entries));
        // As when a request goes away: it is dropped wherever it is by then.
        for _ in 0..=n % 3 {
            if futures::poll!(&mut writing).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(writing);
        bench.write(&next.whole(1)).await.unwrap();
        assert_eq!(bench.call(&who, next.id()).await.unwrap(), expected(&next, 1));
        assert_eq!(eventually(&bench, &left).await, expected(&left, 2));
    }
}

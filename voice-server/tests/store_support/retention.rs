//! What ends and goes without anybody asking.

use super::made::{self, Placed, placed_at};
use super::{Bench, at, first, missing};
use time::Duration;
use uuid::Uuid;
use voice_server::store::{CallFilter, CallStatus, Header, Orphans, TenantChange, Utterance};
use voice_server::{Principal, Role, TenantId};

const DAYS: u32 = 30;

pub(crate) async fn orphans_end_with_their_last_utterance(bench: Bench) {
    let (who, other) = (bench.member().await, bench.member().await);
    let lost = [placed_at(who, 0), placed_at(other, 10)];
    let silent = placed_at(who, 20);
    let another = Uuid::from_u128(2);
    let runs = Placed { server: another, ..placed_at(who, 30) };
    let over = placed_at(who, 40);
    for call in lost {
        bench.write(&[call.start(), call.utterance(1), call.utterance(0)]).await.unwrap();
    }
    let later = placed_at(who, 50);
    let endless = later.said(Utterance { end_ms: 1_000_000, ..made::utterance(0) });
    bench.write(&[silent.start(), runs.start(), over.start(), over.end(), later.start(), endless]).await.unwrap();
    let ended_before = bench.call(&who, over.id()).await.unwrap();
    assert_eq!(bench.end_orphans(made::left_before(at(101)), at(100)).await.unwrap(), 4);
    let ends = [(lost[0], at(0) + Duration::milliseconds(1_900)), (lost[1], at(10) + Duration::milliseconds(1_900))];
    for (call, ended_at) in ends.into_iter().chain([(silent, at(20)), (later, at(100))]) {
        let found = bench.call(&call.who, call.id()).await.unwrap().call;
        assert_eq!((found.status, found.ended_at), (CallStatus::Ended, Some(ended_at)));
        assert_eq!(found.end_reason.as_deref(), Some("server_lost"));
        let lasted = (ended_at - found.started_at).whole_milliseconds();
        assert_eq!(found.duration_ms.map(i128::from), Some(lasted));
    }
    assert_eq!(bench.call(&who, runs.id()).await.unwrap().call.status, CallStatus::Active);
    assert_eq!(bench.call(&who, over.id()).await.unwrap(), ended_before);
    assert_eq!(bench.end_orphans(made::left_before(at(101)), at(100)).await.unwrap(), 0);
}

pub(crate) async fn a_call_of_another_server_runs_on_unless_it_is_too_old(bench: Bench) {
    let who = bench.member().await;
    let [young, old] = [100, 0].map(|s| Placed { server: Uuid::from_u128(2), ..placed_at(who, s) });
    bench.write(&[young.start(), old.start()]).await.unwrap();
    let now = at(50) + Duration::DAY * 365;
    assert_eq!(bench.end_orphans(made::left_before(now), now).await.unwrap(), 0);
    assert_eq!(bench.end_orphans(Orphans::BegunBefore(at(0)), now).await.unwrap(), 0);
    assert_eq!(bench.end_orphans(Orphans::BegunBefore(at(100)), now).await.unwrap(), 1);
    assert_eq!(bench.call(&who, young.id()).await.unwrap().call.status, CallStatus::Active);
    assert_eq!(bench.call(&who, old.id()).await.unwrap().call.end_reason.as_deref(), Some("server_lost"));
    let left = |begun_before| Orphans::LeftBy { server: Uuid::from_u128(2), begun_before };
    let late = bench.end_orphans(left(at(100)), now).await.unwrap();
    assert_eq!(late, 0, "an attempt of its own server's start, carried out after the call began");
    assert_eq!(bench.end_orphans(left(at(101)), now).await.unwrap(), 1, "its own server's next start ends it");
}

/// A tenant that keeps its calls for [`DAYS`].
async fn forgetful(bench: &Bench) -> Principal {
    let who = bench.member().await;
    let change = TenantChange { retention_days: Some(DAYS), ..TenantChange::default() };
    let admin = bench.somebody(Role::PlatformAdmin).await;
    bench.change_tenant(&admin, who.tenant(), &change).await.unwrap();
    who
}

/// Deletes the calls that are past their time, at most so many; gives how many went.
async fn delete(bench: &Bench, max_rows: u32) -> u64 {
    let calls = bench.expired_calls(at(0), max_rows).await.unwrap();
    bench.delete_calls(&calls).await.unwrap()
}

async fn expired(bench: &Bench) -> Vec<(TenantId, Uuid)> {
    let found = bench.expired_recordings(at(0), 9).await.unwrap();
    found.into_iter().map(|(tenant, recording)| (tenant, recording.id)).collect()
}

pub(crate) async fn a_call_goes_after_its_recording_when_its_time_is_over(bench: Bench) {
    let (who, keeps) = (forgetful(&bench).await, bench.member().await);
    let day = Duration::DAY;
    let age = |who, age: Duration| Placed::by(who, at(0) - age);
    let (old, older) = (age(who, day * 31), age(who, day * 32));
    let stay = [age(who, day * 29), age(keeps, day * 4_000)];
    let bare = age(who, day * 40);
    let runs = age(who, day * 33);
    for call in [old, older].into_iter().chain(stay) {
        bench.write(&call.whole(2)).await.unwrap();
    }
    bench.write(&[bare.start(), bare.utterance(0), bare.conversation(), bare.end(), runs.start()]).await.unwrap();

    let recordings = [bench.recording(&who, older.id()).await.unwrap(), bench.recording(&who, old.id()).await.unwrap()];
    let oldest_first = recordings.map(|recording| (who.tenant(), recording.id));
    assert_eq!(expired(&bench).await, oldest_first);
    let going = bench.expired_calls(at(0), 9).await.unwrap();
    let header = |header: &Header| (header.tenant, header.call, header.started_at);
    assert_eq!(going.iter().map(header).collect::<Vec<_>>(), [(who.tenant(), bare.id(), at(0) - day * 40)]);
    assert_eq!(delete(&bench, 9).await, 1, "only what has no recording");
    assert_eq!(missing(bench.call(&who, bare.id()).await), "call");

    let (tenant, recording) = oldest_first[0];
    bench.forget_recording(tenant, recording).await.unwrap();
    assert!(!bench.call(&who, older.id()).await.unwrap().recorded);
    assert_eq!(expired(&bench).await, oldest_first[1..]);
    assert_eq!(delete(&bench, 9).await, 1);
    assert_eq!(missing(bench.call(&who, older.id()).await), "call");

    bench.forget_recording(tenant, oldest_first[1].1).await.unwrap();
    assert_eq!(delete(&bench, 9).await, 1);
    assert_eq!(delete(&bench, 9).await, 0);
    let left = bench.calls(&who, &CallFilter::default(), first(9)).await.unwrap().items;
    assert_eq!(left.iter().map(|call| call.id).collect::<Vec<_>>(), [stay[0].id(), runs.id()]);
    assert_eq!(bench.call(&keeps, stay[1].id()).await.unwrap().utterances.len(), 2);
    // What was deleted can be written again: nothing of it was left.
    bench.write(&older.whole(2)).await.unwrap();
}

pub(crate) async fn only_what_is_listed_is_deleted_and_never_what_runs_or_is_recorded(bench: Bench) {
    let (who, other) = (forgetful(&bench).await, bench.member().await);
    let old = |n| Placed::by(who, at(n) - Duration::DAY * 50);
    let (gone, unlisted, runs, recorded) = (old(0), old(1), old(2), old(3));
    for call in [gone, unlisted] {
        bench.write(&[call.start(), call.end()]).await.unwrap();
    }
    bench.write(&[runs.start()]).await.unwrap();
    bench.write(&recorded.whole(1)).await.unwrap();
    let anothers = Header { tenant: other.tenant(), ..unlisted.header };
    let listed = [gone.header, runs.header, recorded.header, anothers];
    assert_eq!(bench.delete_calls(&listed).await.unwrap(), 1);
    assert_eq!(missing(bench.call(&who, gone.id()).await), "call");
    for call in [unlisted, runs, recorded] {
        bench.call(&who, call.id()).await.unwrap();
    }
    assert_eq!(bench.delete_calls(&[]).await.unwrap(), 0);
}

pub(crate) async fn no_more_goes_at_a_time_than_asked(bench: Bench) {
    let who = forgetful(&bench).await;
    let calls: Vec<_> = (0..5).map(|n| Placed::by(who, at(n) - Duration::DAY * 50)).collect();
    for call in &calls {
        bench.write(&call.whole(1)).await.unwrap();
    }
    let found = bench.expired_recordings(at(0), 2).await.unwrap();
    let of: Vec<_> = found.iter().map(|(_, recording)| recording.call_id).collect();
    assert_eq!(of, [calls[0].id(), calls[1].id()]);
    for (tenant, recording) in bench.expired_recordings(at(0), 9).await.unwrap() {
        bench.forget_recording(tenant, recording.id).await.unwrap();
    }
    let mut gone = vec![];
    for _ in 0..4 {
        gone.push(delete(&bench, 2).await);
    }
    assert_eq!(gone, [2, 2, 1, 0]);
}

//! What ends and goes without anybody asking.

use super::made::{self, Placed, placed_at};
use super::{Bench, at, first, missing};
use time::Duration;
use uuid::Uuid;
use voice_server::store::{CallFilter, CallStatus, Header, Orphans, Recording, TenantChange, Utterance};
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
    let endless = later.said(Utterance { end_ms: i64::MAX, ..made::utterance(0) });
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
    let of_others = |this, begun_before| Orphans::OfOthers { this: Uuid::from_u128(this), begun_before };
    assert_eq!(bench.end_orphans(of_others(1, at(0)), now).await.unwrap(), 0);
    assert_eq!(
        bench.end_orphans(of_others(2, now), now).await.unwrap(),
        0,
        "it may hold them, whatever the clock says"
    );
    assert_eq!(bench.end_orphans(of_others(1, at(100)), now).await.unwrap(), 1);
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

/// The only tenant that keeps its calls for a time only.
async fn forgetful_tenant(bench: &Bench) -> TenantId {
    let found = bench.forgetful_tenants(None, 9).await.unwrap();
    assert_eq!(bench.forgetful_tenants(found.last().copied(), 9).await.unwrap(), []);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0]
}

/// Calls that are past their time, at most so many.
async fn expired_calls(bench: &Bench, max_rows: u32) -> Vec<Header> {
    bench.expired_calls(forgetful_tenant(bench).await, at(0), None, max_rows).await.unwrap()
}

/// Deletes them; gives how many went.
async fn delete(bench: &Bench, max_rows: u32) -> u64 {
    bench.delete_calls(&expired_calls(bench, max_rows).await).await.unwrap()
}

async fn expired(bench: &Bench, max_rows: u32) -> Vec<(Header, Recording)> {
    bench.expired_recordings(forgetful_tenant(bench).await, at(0), None, max_rows).await.unwrap()
}

fn ids(found: &[(Header, Recording)]) -> Vec<(TenantId, Uuid)> {
    found.iter().map(|(header, recording)| (header.tenant, recording.id)).collect()
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
    assert_eq!(ids(&expired(&bench, 9).await), oldest_first);
    assert_eq!(bench.expired_recordings(keeps.tenant(), at(0), None, 9).await.unwrap(), [], "it keeps all for ever");
    let going = expired_calls(&bench, 9).await;
    let header = |header: &Header| (header.tenant, header.call, header.started_at);
    assert_eq!(going.iter().map(header).collect::<Vec<_>>(), [(who.tenant(), bare.id(), at(0) - day * 40)]);
    assert_eq!(delete(&bench, 9).await, 1, "only what has no recording");
    assert_eq!(missing(bench.call(&who, bare.id()).await), "call");

    let (tenant, recording) = oldest_first[0];
    bench.forget_recording(tenant, recording).await.unwrap();
    assert!(!bench.call(&who, older.id()).await.unwrap().recorded);
    assert_eq!(ids(&expired(&bench, 9).await), oldest_first[1..]);
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
    let found = expired(&bench, 2).await;
    let of = |found: &[(Header, Recording)]| found.iter().map(|(header, _)| header.call).collect::<Vec<_>>();
    assert_eq!(of(&found), [calls[0].id(), calls[1].id()]);
    let after = found.last().map(|(header, _)| *header);
    let rest = bench.expired_recordings(who.tenant(), at(0), after, 9).await.unwrap();
    assert_eq!(of(&rest), [calls[2].id(), calls[3].id(), calls[4].id()]);
    for (header, recording) in found.iter().chain(&rest) {
        bench.forget_recording(header.tenant, recording.id).await.unwrap();
    }
    let after = expired_calls(&bench, 4).await.last().copied();
    let last = bench.expired_calls(who.tenant(), at(0), after, 9).await.unwrap();
    assert_eq!(last.iter().map(|header| header.call).collect::<Vec<_>>(), [calls[4].id()]);
    let mut gone = vec![];
    for _ in 0..4 {
        gone.push(delete(&bench, 2).await);
    }
    assert_eq!(gone, [2, 2, 1, 0]);
}

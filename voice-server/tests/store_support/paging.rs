//! Lists in pages.

use super::made::{self, placed_at};
use super::{Bench, first, whole};
use std::collections::BTreeSet;
use uuid::Uuid;
use voice_server::store::{CallFilter, CallSummary, LeadFilter, NewTenant, NewUser, PageRequest};
use voice_server::{Principal, Role, UserId};

fn ids(calls: &[CallSummary]) -> Vec<Uuid> {
    calls.iter().map(|call| call.id.0).collect()
}

/// Begins a call at each of the times and gives their ids in the order in which a list has them.
async fn begun(bench: &Bench, who: Principal, seconds: &[i64]) -> Vec<Uuid> {
    let mut calls: Vec<_> = seconds.iter().map(|seconds| placed_at(who, *seconds)).collect();
    let entries: Vec<_> = calls.iter().map(|call| call.start()).collect();
    bench.write(&entries).await.unwrap();
    calls.sort_by_key(|call| (call.header.started_at, call.id()));
    calls.iter().rev().map(|call| call.id().0).collect()
}

pub(crate) async fn calls_of_one_instant_come_once_each(bench: Bench) {
    let who = bench.member().await;
    let expected = begun(&bench, who, &[[0; 9].as_slice(), &[1; 9], &[2]].concat()).await;
    for rows in [1, 2, 4, 18, 19, 20] {
        let calls = whole!(rows, |page| bench.calls(&who, &CallFilter::default(), page));
        assert_eq!(ids(&calls), expected, "in pages of {rows}");
    }
}

pub(crate) async fn a_page_stays_right_while_rows_come(bench: Bench) {
    let who = bench.member().await;
    let expected = begun(&bench, who, &[10, 10, 20, 20, 30, 30]).await;
    let any = CallFilter::default();
    let page = bench.calls(&who, &any, first(3)).await.unwrap();
    // Newer ones, some of the very instant of the page's last, and older ones.
    let last = page.items[2].id;
    let came = begun(&bench, who, &[20, 40, 5]).await;
    let rest = bench.calls(&who, &any, PageRequest { after: page.next, max_rows: 9 }).await.unwrap();
    let seen: Vec<_> = ids(&page.items).into_iter().chain(ids(&rest.items)).collect();
    let older = came.iter().filter(|id| **id < last.0 || **id == came[2]);
    let after: Vec<_> = expected.iter().chain(older).copied().collect();
    let (once, all): (BTreeSet<_>, BTreeSet<_>) = (seen.iter().copied().collect(), after.into_iter().collect());
    assert_eq!(once.len(), seen.len(), "one came twice");
    assert!(expected.iter().all(|id| once.contains(id)), "one was left out");
    assert!(once.is_subset(&all) && once.contains(&came[2]) && !once.contains(&came[0]));
}

pub(crate) async fn a_page_stays_right_when_the_row_it_begins_after_is_gone(bench: Bench) {
    let who = bench.member().await;
    for n in 0..4 {
        bench.create_client(&who, &made::client(&format!("{n}"))).await.unwrap();
    }
    let page = bench.clients(&who, first(2)).await.unwrap();
    for client in &page.items {
        bench.delete_client(&who, client.id).await.unwrap();
    }
    let rest = bench.clients(&who, PageRequest { after: page.next, max_rows: 9 }).await.unwrap();
    assert_eq!(rest.items.iter().map(|client| client.fields.name.as_str()).collect::<Vec<_>>(), ["1", "0"]);
    assert_eq!(rest.next, None);
}

pub(crate) async fn a_page_has_one_to_two_hundred_rows(bench: Bench) {
    let who = bench.member().await;
    begun(&bench, who, &(0..201).collect::<Vec<_>>()).await;
    for (asked, given) in [(0, 1), (1, 1), (200, 200), (201, 200), (u32::MAX, 200)] {
        let page = bench.calls(&who, &CallFilter::default(), first(asked)).await.unwrap();
        assert_eq!(page.items.len(), given);
        assert!(page.next.is_some());
    }
    assert_eq!(bench.calls(&who, &CallFilter::default(), PageRequest::default()).await.unwrap().items.len(), 50);
}

pub(crate) async fn every_list_comes_newest_first_and_whole(bench: Bench) {
    let who = bench.somebody(Role::PlatformAdmin).await;
    let plan_id = bench.plans(&who).await.unwrap()[0].id;
    let campaign = bench.create_campaign(&who, &made::campaign("0")).await.unwrap().id;
    let mut made: [Vec<Uuid>; 6] = Default::default();
    made[1].push(campaign);
    made[4].push(who.tenant().0);
    made[5].push(who.user().0);
    for n in 1..5 {
        let name = n.to_string();
        made[0].push(bench.create_client(&who, &made::client(&name)).await.unwrap().id);
        made[1].push(bench.create_campaign(&who, &made::campaign(&name)).await.unwrap().id);
        made[2].push(bench.create_lead(&who, &made::lead(campaign, &format!("+4930{n}"))).await.unwrap().id);
        let call = placed_at(who, n);
        bench.write(&call.whole(0)).await.unwrap();
        made[3].push(bench.recording(&who, call.id()).await.unwrap().id);
        made[4].push(bench.create_tenant(&who, &NewTenant { name: name.clone(), plan_id }).await.unwrap().id.0);
        let (id, tenant_id) = (UserId(Uuid::now_v7()), who.tenant());
        let new = NewUser { id, tenant_id, role: Role::Member, full_name: name };
        made[5].push(bench.create_user(&who, &new).await.unwrap().id.0);
    }
    let leads = LeadFilter::default();
    let lists: [Vec<(_, Uuid)>; 6] = [
        whole!(2, |page| bench.clients(&who, page)).iter().map(|row| (row.created_at, row.id)).collect(),
        whole!(2, |page| bench.campaigns(&who, page)).iter().map(|row| (row.created_at, row.id)).collect(),
        whole!(2, |page| bench.leads(&who, leads, page)).iter().map(|row| (row.created_at, row.id)).collect(),
        whole!(2, |page| bench.recordings(&who, page)).iter().map(|row| (row.created_at, row.id)).collect(),
        whole!(2, |page| bench.tenants(&who, page)).iter().map(|row| (row.created_at, row.id.0)).collect(),
        whole!(2, |page| bench.users(&who, who.tenant(), page)).iter().map(|row| (row.created_at, row.id.0)).collect(),
    ];
    for (made, list) in made.iter().zip(&lists) {
        assert!(list.is_sorted_by(|newer, older| newer > older), "{list:?}");
        let found: BTreeSet<_> = list.iter().map(|(_, id)| *id).collect();
        assert_eq!((found, list.len()), (made.iter().copied().collect(), made.len()));
    }
}

//! What one tenant sees of another: nothing.

use super::made::{self, Placed, placed_at};
use super::{Bench, at, first, missing, never, refusal};
use std::time::Duration;
use uuid::Uuid;
use voice_server::store::{Analytics, CallFilter, Entry, Header, LeadFields, LeadFilter, Period, StoreError};
use voice_server::{CallUuid, Principal};

/// Everything that a tenant can have, once.
struct Owned {
    who: Principal,
    client: Uuid,
    campaign: Uuid,
    lead: Uuid,
    call: Placed,
}

async fn owner(bench: &Bench) -> Owned {
    let who = bench.member().await;
    let client = bench.create_client(&who, &made::client("Ada")).await.unwrap().id;
    let campaign = bench.create_campaign(&who, &made::campaign("Spring")).await.unwrap().id;
    let fields = LeadFields { client_id: Some(client), ..made::lead(campaign, "+4930123456") };
    let lead = bench.create_lead(&who, &fields).await.unwrap().id;
    let call = placed_at(who, 0).for_lead(lead);
    bench.write(&call.whole(3)).await.unwrap();
    Owned { who, client, campaign, lead, call }
}

/// All that the tenant sees, to tell whether it changed.
async fn seen(bench: &Bench, own: &Owned) -> String {
    let who = &own.who;
    format!(
        "{:?}",
        (
            bench.me(who).await.unwrap(),
            bench.clients(who, first(9)).await.unwrap(),
            bench.campaigns(who, first(9)).await.unwrap(),
            bench.leads(who, LeadFilter::default(), first(9)).await.unwrap(),
            bench.call(who, own.call.id()).await.unwrap(),
            bench.conversation(who, own.call.id()).await.unwrap(),
            bench.recordings(who, first(9)).await.unwrap(),
        )
    )
}

/// Asks for each of `own` as `who`, and gives what was not found.
async fn asks(bench: &Bench, who: &Principal, own: &Owned) -> Vec<&'static str> {
    let (call, lead) = (own.call.id(), made::lead(own.campaign, "+4930123456"));
    vec![
        missing(bench.client(who, own.client).await),
        missing(bench.update_client(who, own.client, &made::client("Eve")).await),
        missing(bench.delete_client(who, own.client).await),
        missing(bench.campaign(who, own.campaign).await),
        missing(bench.update_campaign(who, own.campaign, &made::campaign("Eve")).await),
        missing(bench.delete_campaign(who, own.campaign).await),
        missing(bench.lead(who, own.lead).await),
        missing(bench.update_lead(who, own.lead, &lead).await),
        missing(bench.delete_lead(who, own.lead).await),
        missing(bench.call(who, call).await),
        missing(bench.conversation(who, call).await),
        missing(bench.recording(who, call).await),
    ]
}

pub(crate) async fn what_is_another_tenants_does_not_exist(bench: Bench) {
    let (own, other) = (owner(&bench).await, owner(&bench).await);
    let (before, others_before) = (seen(&bench, &own).await, seen(&bench, &other).await);
    let anothers = asks(&bench, &other.who, &own).await;
    let [client, campaign, lead, id] = [Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7()];
    let mut call = own.call;
    call.header.call = CallUuid(id);
    let nobodys = Owned { who: own.who, client, campaign, lead, call };
    assert_eq!(anothers, asks(&bench, &other.who, &nobodys).await);
    assert_eq!(seen(&bench, &own).await, before);
    assert_eq!(seen(&bench, &other).await, others_before);
}

pub(crate) async fn lists_and_sums_are_of_ones_own_tenant(bench: Bench) {
    let own = owner(&bench).await;
    let other = bench.member().await;
    bench.write(&[placed_at(own.who, 100).start()]).await.unwrap();
    let any = CallFilter::default();
    assert_eq!(bench.calls(&other, &any, first(9)).await.unwrap().items, []);
    assert_eq!(bench.clients(&other, first(9)).await.unwrap().items, []);
    assert_eq!(bench.campaigns(&other, first(9)).await.unwrap().items, []);
    assert_eq!(bench.leads(&other, LeadFilter::default(), first(9)).await.unwrap().items, []);
    assert_eq!(bench.recordings(&other, first(9)).await.unwrap().items, []);
    let period = Period { from: at(-1_000), to: at(1_000) };
    assert_eq!(bench.analytics(&other, period).await.unwrap(), Analytics::default());
    let dashboard = bench.dashboard(&other, at(200), Duration::MAX).await.unwrap();
    let counts = [dashboard.active_calls, dashboard.calls_today, dashboard.talk_month_ms, dashboard.clients];
    assert_eq!((counts, dashboard.active_campaigns, dashboard.new_leads), ([0; 4], 0, 0));
    assert_eq!(bench.talk_time(other.tenant(), at(-1_000), at(200), Duration::MAX).await.unwrap(), Duration::ZERO);
    // A colleague of the owner sees it all.
    let colleague = bench.colleague_of(own.who.tenant(), own.who.role()).await;
    assert_eq!(bench.calls(&colleague, &any, first(9)).await.unwrap().items.len(), 2);
}

pub(crate) async fn a_filter_by_another_tenants_row_finds_nothing(bench: Bench) {
    let (own, other) = (owner(&bench).await, owner(&bench).await);
    let filter = LeadFilter { campaign_id: Some(own.campaign), status: None };
    assert_eq!(bench.leads(&other.who, filter, first(9)).await.unwrap().items, []);
    let filter = CallFilter { lead_id: Some(own.lead), ..CallFilter::default() };
    assert_eq!(bench.calls(&other.who, &filter, first(9)).await.unwrap().items, []);
}

pub(crate) async fn a_reference_to_another_tenants_row_is_refused_like_one_to_nothing(bench: Bench) {
    let (own, other) = (owner(&bench).await, owner(&bench).await);
    let (theirs, nothing) = (own.campaign, Uuid::now_v7());
    let of = |campaign| made::lead(campaign, "+4930123457");
    let with = |client| LeadFields { client_id: Some(client), ..of(other.campaign) };
    let before = seen(&bench, &other).await;
    for (anothers, nobodys) in [(of(theirs), of(nothing)), (with(own.client), with(nothing))] {
        let said = refusal(bench.create_lead(&other.who, &anothers).await);
        assert_eq!(said, refusal(bench.create_lead(&other.who, &nobodys).await));
        assert!(said.contains("campaign_id") || said.contains("client_id"), "{said}");
        assert_eq!(said, refusal(bench.update_lead(&other.who, other.lead, &anothers).await));
        assert_eq!(said, refusal(bench.update_lead(&other.who, other.lead, &nobodys).await));
    }
    assert_eq!(seen(&bench, &other).await, before);
}

/// `entry` as if the call were `who`'s.
fn under(who: &Principal, entry: Entry) -> Entry {
    let move_to = |header: &mut Header| header.tenant = who.tenant();
    let mut entry = entry;
    match &mut entry {
        Entry::CallStart(start) => move_to(&mut start.header),
        Entry::Utterance(entry) => move_to(&mut entry.header),
        Entry::Conversation(entry) => move_to(&mut entry.header),
        Entry::Recording(entry) => move_to(&mut entry.header),
        Entry::TurnLog(entry) => move_to(&mut entry.header),
        Entry::CallEnd(entry) => move_to(&mut entry.header),
    }
    entry
}

pub(crate) async fn an_entry_under_another_tenants_call_is_refused(bench: Bench) {
    let own = owner(&bench).await;
    let other = bench.member().await;
    let runs = placed_at(own.who, 100);
    bench.write(&[runs.start()]).await.unwrap();
    let before = (seen(&bench, &own).await, bench.call(&own.who, runs.id()).await.unwrap());
    // Also where each is there already, under its own tenant.
    for call in [own.call, runs] {
        for entry in call.whole(4) {
            never(bench.write(&[under(&other, entry)]).await);
        }
    }
    assert_eq!((seen(&bench, &own).await, bench.call(&own.who, runs.id()).await.unwrap()), before);
    assert_eq!(bench.calls(&other, &CallFilter::default(), first(9)).await.unwrap().items, []);
}

pub(crate) async fn a_call_for_another_tenants_lead_is_for_none(bench: Bench) {
    let own = owner(&bench).await;
    let other = bench.member().await;
    let call = placed_at(other, 0).for_lead(own.lead);
    bench.write(&[call.start()]).await.unwrap();
    assert_eq!(bench.call(&other, call.id()).await.unwrap().call.lead_id, None);
}

pub(crate) async fn a_recording_is_forgotten_by_its_own_tenant_only(bench: Bench) {
    let own = owner(&bench).await;
    let other = bench.member().await;
    let recording = bench.recording(&own.who, own.call.id()).await.unwrap();
    match bench.forget_recording(other.tenant(), recording.id).await {
        Ok(()) | Err(StoreError::NotFound { .. }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.recording(&own.who, own.call.id()).await.unwrap(), recording);
    bench.forget_recording(own.who.tenant(), recording.id).await.unwrap();
    assert_eq!(missing(bench.recording(&own.who, own.call.id()).await), "recording");
}

//! Clients, campaigns and leads.

use super::made::{self, placed_at};
use super::{Bench, first, missing, refusal, whole};
use uuid::Uuid;
use voice_server::store::{CampaignFields, CampaignStatus, ClientFields, LeadFields, LeadFilter, LeadStatus};

pub(crate) async fn a_client_is_made_read_changed_and_deleted(bench: Bench) {
    let who = bench.member().await;
    let made = bench.create_client(&who, &made::client("Ada")).await.unwrap();
    assert_eq!(made.fields, made::client("Ada"));
    assert_eq!(bench.client(&who, made.id).await.unwrap(), made);
    let bare = ClientFields { name: "Grüße".into(), ..ClientFields::default() };
    let changed = bench.update_client(&who, made.id, &bare).await.unwrap();
    assert_eq!((changed.id, &changed.fields, changed.created_at), (made.id, &bare, made.created_at));
    assert_eq!(bench.clients(&who, first(9)).await.unwrap().items, [changed]);
    bench.delete_client(&who, made.id).await.unwrap();
    assert_eq!(missing(bench.client(&who, made.id).await), "client");
    assert_eq!(missing(bench.update_client(&who, made.id, &bare).await), "client");
    assert_eq!(missing(bench.delete_client(&who, made.id).await), "client");
    assert_eq!(bench.clients(&who, first(9)).await.unwrap().items, []);
}

pub(crate) async fn a_campaign_is_made_read_changed_and_deleted(bench: Bench) {
    let who = bench.member().await;
    let made = bench.create_campaign(&who, &made::campaign("Spring")).await.unwrap();
    assert_eq!((&made.fields, made.fields.status), (&made::campaign("Spring"), CampaignStatus::Draft));
    assert_eq!(bench.campaign(&who, made.id).await.unwrap(), made);
    for status in [CampaignStatus::Active, CampaignStatus::Paused, CampaignStatus::Done] {
        let fields = CampaignFields { status, ..made::campaign("Summer") };
        assert_eq!(bench.update_campaign(&who, made.id, &fields).await.unwrap().fields, fields);
    }
    assert_eq!(bench.campaigns(&who, first(9)).await.unwrap().items.len(), 1);
    bench.delete_campaign(&who, made.id).await.unwrap();
    assert_eq!(missing(bench.campaign(&who, made.id).await), "campaign");
    assert_eq!(missing(bench.update_campaign(&who, made.id, &made.fields).await), "campaign");
    assert_eq!(missing(bench.delete_campaign(&who, made.id).await), "campaign");
}

pub(crate) async fn a_lead_is_made_read_changed_and_deleted(bench: Bench) {
    let who = bench.member().await;
    let [spring, summer] = campaigns(&bench, &who).await;
    let client = bench.create_client(&who, &made::client("Ada")).await.unwrap().id;
    let made = bench.create_lead(&who, &made::lead(spring, "+4930123456")).await.unwrap();
    assert_eq!((made.fields.status, made.fields.client_id), (LeadStatus::New, None));
    assert_eq!(bench.lead(&who, made.id).await.unwrap(), made);
    for status in [LeadStatus::Contacted, LeadStatus::Won, LeadStatus::Lost, LeadStatus::DoNotCall] {
        let moved = made::lead(summer, "+4930123457");
        let fields = LeadFields { status, client_id: Some(client), notes: "Later".into(), ..moved };
        assert_eq!(bench.update_lead(&who, made.id, &fields).await.unwrap().fields, fields);
    }
    bench.delete_lead(&who, made.id).await.unwrap();
    assert_eq!(missing(bench.lead(&who, made.id).await), "lead");
    assert_eq!(missing(bench.update_lead(&who, made.id, &made.fields).await), "lead");
    assert_eq!(missing(bench.delete_lead(&who, made.id).await), "lead");
}

async fn campaigns(bench: &Bench, who: &voice_server::Principal) -> [Uuid; 2] {
    let mut made = [Uuid::nil(); 2];
    for (id, name) in made.iter_mut().zip(["Spring", "Summer"]) {
        *id = bench.create_campaign(who, &made::campaign(name)).await.unwrap().id;
    }
    made
}

const NO_PHONES: [&str; 9] =
    ["", "12345", "+", "+1", "+0301234", "+49 30 1234", "+1234567890123456", "+49x", "+4930123456\n"];

pub(crate) async fn what_is_refused_is_told_by_its_name(bench: Bench) {
    let who = bench.member().await;
    let [campaign, _] = campaigns(&bench, &who).await;
    for name in ["", &"n".repeat(201)] {
        assert!(refusal(bench.create_client(&who, &made::client(name)).await).contains("name"));
        assert!(refusal(bench.create_campaign(&who, &made::campaign(name)).await).contains("name"));
        let lead = LeadFields { name: name.into(), ..made::lead(campaign, "+4930123456") };
        assert!(refusal(bench.create_lead(&who, &lead).await).contains("name"));
    }
    for phone in NO_PHONES {
        let client = ClientFields { phone: Some(phone.into()), ..made::client("Ada") };
        assert!(refusal(bench.create_client(&who, &client).await).contains("phone"), "{phone:?}");
        assert!(refusal(bench.create_lead(&who, &made::lead(campaign, phone)).await).contains("phone"), "{phone:?}");
    }
    for email in ["", "nobody", "@", "a@", &format!("{}@example.com", "a".repeat(310))] {
        let client = ClientFields { email: Some(email.into()), ..made::client("Ada") };
        assert!(refusal(bench.create_client(&who, &client).await).contains("email"), "{email:?}");
    }
    let notes = "n".repeat(4_001);
    let client = ClientFields { notes: notes.clone(), ..made::client("Ada") };
    assert!(refusal(bench.create_client(&who, &client).await).contains("notes"));
    let lead = LeadFields { notes, ..made::lead(campaign, "+4930123456") };
    assert!(refusal(bench.create_lead(&who, &lead).await).contains("notes"));
    let told = CampaignFields { instructions: "i".repeat(16_001), ..made::campaign("Spring") };
    assert!(refusal(bench.create_campaign(&who, &told).await).contains("instructions"));
    assert!(refusal(bench.update_campaign(&who, campaign, &told).await).contains("instructions"));
    assert_eq!(bench.clients(&who, first(9)).await.unwrap().items, []);
    assert_eq!(bench.campaigns(&who, first(9)).await.unwrap().items.len(), 2);
    assert_eq!(bench.leads(&who, LeadFilter::default(), first(9)).await.unwrap().items, []);
}

/// Lengths are of characters, not of bytes.
pub(crate) async fn the_longest_that_is_allowed_is_stored(bench: Bench) {
    let who = bench.member().await;
    let longest = |characters| "\u{fc}".repeat(characters);
    let fields = ClientFields {
        name: longest(200),
        phone: Some("+123456789012345".into()),
        email: Some(format!("{}@example.com", longest(308))),
        notes: longest(4_000),
    };
    assert_eq!(bench.create_client(&who, &fields).await.unwrap().fields, fields);
    let fields = CampaignFields { name: longest(200), instructions: longest(16_000), status: CampaignStatus::Active };
    let campaign = bench.create_campaign(&who, &fields).await.unwrap();
    assert_eq!(campaign.fields, fields);
    let fields = LeadFields { name: longest(200), notes: longest(4_000), ..made::lead(campaign.id, "+12") };
    assert_eq!(bench.create_lead(&who, &fields).await.unwrap().fields, fields);
}

pub(crate) async fn a_phone_is_once_in_a_campaign(bench: Bench) {
    let who = bench.member().await;
    let [spring, summer] = campaigns(&bench, &who).await;
    bench.create_lead(&who, &made::lead(spring, "+4930123456")).await.unwrap();
    assert!(refusal(bench.create_lead(&who, &made::lead(spring, "+4930123456")).await).contains("phone"));
    let other = bench.create_lead(&who, &made::lead(summer, "+4930123456")).await.unwrap();
    assert!(refusal(bench.update_lead(&who, other.id, &made::lead(spring, "+4930123456")).await).contains("phone"));
    assert_eq!(bench.lead(&who, other.id).await.unwrap(), other);
}

pub(crate) async fn leads_are_found_by_campaign_and_status(bench: Bench) {
    let who = bench.member().await;
    let [spring, summer] = campaigns(&bench, &who).await;
    let mut made = vec![];
    for (n, campaign) in [spring, spring, summer].into_iter().enumerate() {
        let status = if n == 0 { LeadStatus::Won } else { LeadStatus::New };
        let fields = LeadFields { status, ..made::lead(campaign, &format!("+493012345{n}")) };
        made.push(bench.create_lead(&who, &fields).await.unwrap().id);
    }
    let found = async |campaign_id, status| {
        let filter = LeadFilter { campaign_id, status };
        let leads = whole!(1, |page| bench.leads(&who, filter, page));
        leads.into_iter().map(|lead| lead.id).rev().collect::<Vec<_>>()
    };
    assert_eq!(found(None, None).await, made);
    assert_eq!(found(Some(spring), None).await, made[..2]);
    assert_eq!(found(None, Some(LeadStatus::New)).await, made[1..]);
    assert_eq!(found(Some(summer), Some(LeadStatus::New)).await, made[2..]);
    assert!(found(Some(summer), Some(LeadStatus::Won)).await.is_empty());
}

pub(crate) async fn a_client_that_goes_leaves_its_leads(bench: Bench) {
    let who = bench.member().await;
    let [campaign, _] = campaigns(&bench, &who).await;
    let client = bench.create_client(&who, &made::client("Ada")).await.unwrap().id;
    let fields = LeadFields { client_id: Some(client), ..made::lead(campaign, "+4930123456") };
    let lead = bench.create_lead(&who, &fields).await.unwrap();
    bench.delete_client(&who, client).await.unwrap();
    assert_eq!(bench.lead(&who, lead.id).await.unwrap().fields, LeadFields { client_id: None, ..fields });
}

pub(crate) async fn a_campaign_that_goes_takes_its_leads_and_leaves_their_calls(bench: Bench) {
    let who = bench.member().await;
    let [spring, summer] = campaigns(&bench, &who).await;
    let gone = bench.create_lead(&who, &made::lead(spring, "+4930123456")).await.unwrap().id;
    let stays = bench.create_lead(&who, &made::lead(summer, "+4930123456")).await.unwrap().id;
    let call = placed_at(who, 0).for_lead(gone);
    bench.write(&call.whole(1)).await.unwrap();
    bench.delete_campaign(&who, spring).await.unwrap();
    assert_eq!(missing(bench.lead(&who, gone).await), "lead");
    assert_eq!(bench.lead(&who, stays).await.unwrap().id, stays);
    let left = bench.call(&who, call.id()).await.unwrap();
    assert_eq!((left.call.lead_id, left.utterances.len()), (None, 1));
}

pub(crate) async fn a_lead_that_goes_leaves_its_calls(bench: Bench) {
    let who = bench.member().await;
    let [campaign, _] = campaigns(&bench, &who).await;
    let lead = bench.create_lead(&who, &made::lead(campaign, "+4930123456")).await.unwrap().id;
    let call = placed_at(who, 0).for_lead(lead);
    bench.write(&call.whole(1)).await.unwrap();
    assert_eq!(bench.call(&who, call.id()).await.unwrap().call.lead_id, Some(lead));
    bench.delete_lead(&who, lead).await.unwrap();
    assert_eq!(bench.call(&who, call.id()).await.unwrap().call.lead_id, None);
}

//! Tenants with something of every kind.

use super::{Api, Token};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use serde_json::json;
use std::sync::Arc;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use voice_server::store::{
    AnyStore, CallEnd, CallStart, CampaignFields, ClientFields, ConversationEntry, Entry, Header, LeadFields,
    RecordingEntry, Utterance, UtteranceEntry, UtteranceTimes, Who,
};
use voice_server::{CallUuid, Principal, Role, TenantId, UserId};

/// A tenant and one thing of every kind; in each of them is the tenant's `mark`.
pub(crate) struct World {
    pub(crate) mark: String,
    pub(crate) who: Principal,
    pub(crate) token: Token,
    pub(crate) client: Uuid,
    pub(crate) campaign: Uuid,
    pub(crate) lead: Uuid,
    pub(crate) call: CallUuid,
    pub(crate) recording: Uuid,
    pub(crate) audio: Vec<u8>,
}

impl World {
    /// A new tenant with a user of `role`.
    pub(crate) async fn new(api: &Api, mark: &str, role: Role) -> Self {
        let store = &api.serving.store;
        let who = somebody(store, TenantId(Uuid::now_v7()), role).await;
        store.rename_me(&who, mark).await.unwrap();
        let fields = ClientFields { name: mark.into(), notes: mark.into(), ..ClientFields::default() };
        let client = store.create_client(&who, &fields).await.unwrap().id;
        let fields = CampaignFields { name: mark.into(), ..CampaignFields::default() };
        let campaign = store.create_campaign(&who, &fields).await.unwrap().id;
        let lead = LeadFields { campaign_id: campaign, client_id: Some(client), ..lead(mark, "+4930123456") };
        let lead = store.create_lead(&who, &lead).await.unwrap().id;
        let audio: Vec<u8> = (0..100_000_u32).map(|byte| (byte % 251) as u8).collect();
        let placed = Placed::by(&who, minutes_ago(10)).for_lead(lead);
        store.write(&placed.whole(mark, audio.len())).await.unwrap();
        put(&api.serving.recordings, &placed.object_key(), audio.clone()).await;
        let token = api.token(who.user());
        let (call, recording) = (placed.id(), placed.recording_id());
        Self { mark: mark.into(), who, token, client, campaign, lead, call, recording, audio }
    }
}

pub(crate) async fn put(recordings: &Arc<dyn ObjectStore>, key: &str, audio: Vec<u8>) {
    recordings.put(&Path::parse(key).unwrap(), PutPayload::from(audio)).await.unwrap();
}

/// A new user of `tenant`, which is made if it is missing.
pub(crate) async fn somebody(store: &Arc<dyn AnyStore>, tenant: TenantId, role: Role) -> Principal {
    let user = UserId(Uuid::now_v7());
    store.ensure_development(tenant, user, role).await.unwrap();
    store.standing(user).await.unwrap().unwrap().principal
}

pub(crate) fn lead(name: &str, phone: &str) -> LeadFields {
    let campaign_id = Uuid::nil();
    LeadFields { campaign_id, name: name.into(), phone: phone.into(), notes: name.into(), ..LeadFields::default() }
}

pub(crate) fn minutes_ago(minutes: i64) -> OffsetDateTime {
    OffsetDateTime::now_utc() - Duration::minutes(minutes)
}

/// A call and what it leaves behind.
#[derive(Clone, Copy)]
pub(crate) struct Placed {
    pub(crate) header: Header,
    user: UserId,
    lead: Option<Uuid>,
}

impl Placed {
    pub(crate) fn by(who: &Principal, started_at: OffsetDateTime) -> Self {
        let header = Header { tenant: who.tenant(), call: CallUuid(Uuid::now_v7()), started_at };
        Self { header, user: who.user(), lead: None }
    }

    pub(crate) fn for_lead(self, lead: Uuid) -> Self {
        Self { lead: Some(lead), ..self }
    }

    pub(crate) fn id(&self) -> CallUuid {
        self.header.call
    }

    pub(crate) fn recording_id(&self) -> Uuid {
        Uuid::from_u128(self.id().0.as_u128() ^ 1)
    }

    pub(crate) fn object_key(&self) -> String {
        format!("{}/{}.ogg", self.header.tenant, self.recording_id())
    }

    pub(crate) fn start(&self) -> Entry {
        let server = Uuid::from_u128(1);
        Entry::CallStart(CallStart { header: self.header, user: self.user, lead: self.lead, server })
    }

    pub(crate) fn said(&self, utterance: Utterance) -> Entry {
        Entry::Utterance(Box::new(UtteranceEntry { header: self.header, utterance }))
    }

    pub(crate) fn recording(&self, size_bytes: usize) -> Entry {
        Entry::Recording(RecordingEntry {
            header: self.header,
            id: self.recording_id(),
            object_key: self.object_key(),
            media_type: "audio/ogg; codecs=opus".into(),
            size_bytes: i64::try_from(size_bytes).unwrap(),
            duration_ms: 60_000,
        })
    }

    pub(crate) fn end(&self, reason: &str, utterances: i32) -> Entry {
        Entry::CallEnd(Box::new(CallEnd {
            header: self.header,
            ended_at: self.header.started_at + Duration::minutes(1),
            duration_ms: 60_000,
            reason: reason.into(),
            turns: 1,
            barge_ins: 1,
            resumes: 0,
            voice_to_voice_p50_ms: Some(612.5),
            utterances,
            cost_micros: Some(31_000),
            currency: Some("EUR".into()),
            cost: Some(json!({ "engines": [] })),
        }))
    }

    /// An ended, recorded call: a turn of the caller that was taken for over too early, the reply that was given up for it,
    /// the whole turn, the tool and the reply that the caller broke off.
    pub(crate) fn whole(&self, mark: &str, audio_bytes: usize) -> Vec<Entry> {
        let text = |text: &str| format!("{text} {mark}");
        let said = [
            Utterance { text: text("On Tuesday"), ..utterance(0, Who::Caller) },
            Utterance { outcome: "superseded".into(), ..utterance(1, Who::Agent) },
            Utterance { text: text("On Tuesday at three"), turn: 0, ..utterance(2, Who::Caller) },
            Utterance { text: "book".into(), ..utterance(3, Who::Tool) },
            Utterance { text: text("Booked."), outcome: "barged_in".into(), ..utterance(4, Who::Agent) },
        ];
        let messages = json!([{ "role": "caller", "text": mark }]);
        let conversation = Entry::Conversation(ConversationEntry { header: self.header, messages });
        let mut entries = vec![self.start()];
        entries.extend(said.map(|utterance| self.said(utterance)));
        entries.extend([conversation, self.recording(audio_bytes), self.end("caller_hung_up", 5)]);
        entries
    }
}

pub(crate) fn utterance(seq: i32, who: Who) -> Utterance {
    let is_reply = who == Who::Agent;
    Utterance {
        seq,
        turn: i64::from(seq / 2),
        reply: is_reply.then_some(i64::from(seq)),
        who,
        text: String::new(),
        full_text: is_reply.then(|| "all of it".into()),
        start_ms: i64::from(seq) * 1_000,
        end_ms: i64::from(seq) * 1_000 + 900,
        outcome: "completed".into(),
        barge_in_cause: is_reply.then(|| "words".into()),
        resumes: 0,
        times: UtteranceTimes { voice_to_voice_ms: is_reply.then_some(612.5), ..UtteranceTimes::default() },
        timeline: is_reply.then(|| json!({ "turn": seq })),
    }
}

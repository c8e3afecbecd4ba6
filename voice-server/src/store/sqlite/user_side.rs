//! What a user may ask of the embedded store.

use super::{SqliteStore, analytics, calls, campaigns, clients, leads, profile, recordings};
use crate::principal::{CallUuid, Principal};
use crate::store::{
    Analytics, CallDetail, CallFilter, CallSummary, Campaign, CampaignFields, Client, ClientFields, Dashboard, Lead,
    LeadFields, LeadFilter, Me, Page, PageRequest, Period, Plan, Recording, Store, Stored, UserProfile,
};
use async_trait::async_trait;
use serde_json::Value;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

#[async_trait]
impl Store for SqliteStore {
    async fn me(&self, who: &Principal) -> Stored<Me> {
        self.for_user(who, profile::me(self.database(), *who)).await
    }

    async fn rename_me(&self, who: &Principal, full_name: &str) -> Stored<UserProfile> {
        self.for_user_writing(who, profile::rename(self.database(), *who, full_name.to_owned())).await
    }

    async fn plans(&self, who: &Principal) -> Stored<Vec<Plan>> {
        self.for_user(who, profile::plans(self.database())).await
    }

    async fn dashboard(&self, who: &Principal, now: OffsetDateTime, longest_call: Duration) -> Stored<Dashboard> {
        self.for_user(who, analytics::dashboard(self.database(), *who, now, longest_call)).await
    }

    async fn analytics(&self, who: &Principal, period: Period) -> Stored<Analytics> {
        self.for_user(who, analytics::analytics(self.database(), *who, period)).await
    }

    async fn calls(&self, who: &Principal, filter: &CallFilter, page: PageRequest) -> Stored<Page<CallSummary>> {
        self.for_user(who, calls::list(self.database(), *who, filter.clone(), page)).await
    }

    async fn call(&self, who: &Principal, call: CallUuid) -> Stored<CallDetail> {
        self.for_user(who, calls::one(self.database(), *who, call)).await
    }

    async fn conversation(&self, who: &Principal, call: CallUuid) -> Stored<Value> {
        self.for_user(who, calls::conversation(self.database(), *who, call)).await
    }

    async fn recording(&self, who: &Principal, call: CallUuid) -> Stored<Recording> {
        self.for_user(who, recordings::of_call(self.database(), *who, call)).await
    }

    async fn recordings(&self, who: &Principal, page: PageRequest) -> Stored<Page<Recording>> {
        self.for_user(who, recordings::list(self.database(), *who, page)).await
    }

    async fn clients(&self, who: &Principal, page: PageRequest) -> Stored<Page<Client>> {
        self.for_user(who, clients::list(self.database(), *who, page)).await
    }

    async fn client(&self, who: &Principal, id: Uuid) -> Stored<Client> {
        self.for_user(who, clients::one(self.database(), *who, id)).await
    }

    async fn create_client(&self, who: &Principal, fields: &ClientFields) -> Stored<Client> {
        self.for_user_writing(who, clients::create(self.database(), *who, fields.clone())).await
    }

    async fn update_client(&self, who: &Principal, id: Uuid, fields: &ClientFields) -> Stored<Client> {
        self.for_user_writing(who, clients::update(self.database(), *who, id, fields.clone())).await
    }

    async fn delete_client(&self, who: &Principal, id: Uuid) -> Stored<()> {
        self.for_user_writing(who, clients::delete(self.database(), *who, id)).await
    }

    async fn campaigns(&self, who: &Principal, page: PageRequest) -> Stored<Page<Campaign>> {
        self.for_user(who, campaigns::list(self.database(), *who, page)).await
    }

    async fn campaign(&self, who: &Principal, id: Uuid) -> Stored<Campaign> {
        self.for_user(who, campaigns::one(self.database(), *who, id)).await
    }

    async fn create_campaign(&self, who: &Principal, fields: &CampaignFields) -> Stored<Campaign> {
        self.for_user_writing(who, campaigns::create(self.database(), *who, fields.clone())).await
    }

    async fn update_campaign(&self, who: &Principal, id: Uuid, fields: &CampaignFields) -> Stored<Campaign> {
        self.for_user_writing(who, campaigns::update(self.database(), *who, id, fields.clone())).await
    }

    async fn delete_campaign(&self, who: &Principal, id: Uuid) -> Stored<()> {
        self.for_user_writing(who, campaigns::delete(self.database(), *who, id)).await
    }

    async fn leads(&self, who: &Principal, filter: LeadFilter, page: PageRequest) -> Stored<Page<Lead>> {
        self.for_user(who, leads::list(self.database(), *who, filter, page)).await
    }

    async fn lead(&self, who: &Principal, id: Uuid) -> Stored<Lead> {
        self.for_user(who, leads::one(self.database(), *who, id)).await
    }

    async fn create_lead(&self, who: &Principal, fields: &LeadFields) -> Stored<Lead> {
        self.for_user_writing(who, leads::create(self.database(), *who, fields.clone())).await
    }

    async fn update_lead(&self, who: &Principal, id: Uuid, fields: &LeadFields) -> Stored<Lead> {
        self.for_user_writing(who, leads::update(self.database(), *who, id, fields.clone())).await
    }

    async fn delete_lead(&self, who: &Principal, id: Uuid) -> Stored<()> {
        self.for_user_writing(who, leads::delete(self.database(), *who, id)).await
    }
}

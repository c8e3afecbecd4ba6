//! Where tenants, calls and what was said in them are kept.
//!
//! Invariant: every method that reads or writes a tenant's data takes the [`Principal`] and answers only with that
//! tenant's rows; what is another tenant's does not exist. In Postgres row-level security says so too, and every
//! statement names the tenant besides. Methods without a principal are the server's own, in [`SystemStore`], and no
//! request reaches them by itself. Nothing here knows HTTP, tokens or a running call.

mod error;
mod open;
mod postgres;
mod rules;
mod sqlite;
mod types;

pub use error::StoreError;
#[cfg(test)]
pub(crate) use open::VARIABLES;
pub use open::{OpenError, OpenedStore, StoreAddress, StoreChoice};
pub use postgres::{DoctorError, Finding, PgConfig, PgStore, doctor};
pub use sqlite::SqliteStore;
pub use types::*;

use crate::principal::{CallUuid, Principal, Role, TenantId, UserId};
use async_trait::async_trait;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// What a store answers.
pub type Stored<T> = Result<T, StoreError>;

/// A store of one kind, with all three sides of it.
pub trait AnyStore: Store + AdminStore + SystemStore {}

impl<S: Store + AdminStore + SystemStore> AnyStore for S {}

/// What a user may do with the tenant's data. Every method runs to its end once begun: a request that goes away leaves
/// nothing half done and no connection in a state.
#[async_trait]
pub trait Store: Send + Sync {
    /// The user, the tenant and its plan.
    async fn me(&self, who: &Principal) -> Stored<Me>;
    /// Changes what the user may change of their profile.
    async fn rename_me(&self, who: &Principal, full_name: &str) -> Stored<UserProfile>;
    /// Every plan, cheapest first.
    async fn plans(&self, who: &Principal) -> Stored<Vec<Plan>>;
    /// What is worth seeing first, as of `now`; calls that run count as in [`SystemStore::talk_time`].
    async fn dashboard(&self, who: &Principal, now: OffsetDateTime, longest_call: Duration) -> Stored<Dashboard>;
    /// What the calls of a period add up to.
    async fn analytics(&self, who: &Principal, period: Period) -> Stored<Analytics>;

    /// Calls, newest first.
    async fn calls(&self, who: &Principal, filter: &CallFilter, page: PageRequest) -> Stored<Page<CallSummary>>;
    /// A call with all that was said.
    async fn call(&self, who: &Principal, call: CallUuid) -> Stored<CallDetail>;
    /// The conversation as the model saw it: a JSON array; empty before the call ends.
    async fn conversation(&self, who: &Principal, call: CallUuid) -> Stored<serde_json::Value>;
    /// The recording of a call.
    async fn recording(&self, who: &Principal, call: CallUuid) -> Stored<Recording>;
    /// Recordings, newest first.
    async fn recordings(&self, who: &Principal, page: PageRequest) -> Stored<Page<Recording>>;

    /// Clients, newest first.
    async fn clients(&self, who: &Principal, page: PageRequest) -> Stored<Page<Client>>;
    /// A client.
    async fn client(&self, who: &Principal, id: Uuid) -> Stored<Client>;
    /// Makes a client.
    async fn create_client(&self, who: &Principal, fields: &ClientFields) -> Stored<Client>;
    /// Replaces what can be edited of a client.
    async fn update_client(&self, who: &Principal, id: Uuid, fields: &ClientFields) -> Stored<Client>;
    /// Deletes a client; its leads stay, without it.
    async fn delete_client(&self, who: &Principal, id: Uuid) -> Stored<()>;

    /// Campaigns, newest first.
    async fn campaigns(&self, who: &Principal, page: PageRequest) -> Stored<Page<Campaign>>;
    /// A campaign.
    async fn campaign(&self, who: &Principal, id: Uuid) -> Stored<Campaign>;
    /// Makes a campaign.
    async fn create_campaign(&self, who: &Principal, fields: &CampaignFields) -> Stored<Campaign>;
    /// Replaces what can be edited of a campaign.
    async fn update_campaign(&self, who: &Principal, id: Uuid, fields: &CampaignFields) -> Stored<Campaign>;
    /// Deletes a campaign and its leads; calls stay.
    async fn delete_campaign(&self, who: &Principal, id: Uuid) -> Stored<()>;

    /// Leads, newest first.
    async fn leads(&self, who: &Principal, filter: LeadFilter, page: PageRequest) -> Stored<Page<Lead>>;
    /// A lead.
    async fn lead(&self, who: &Principal, id: Uuid) -> Stored<Lead>;
    /// Makes a lead.
    async fn create_lead(&self, who: &Principal, fields: &LeadFields) -> Stored<Lead>;
    /// Replaces what can be edited of a lead.
    async fn update_lead(&self, who: &Principal, id: Uuid, fields: &LeadFields) -> Stored<Lead>;
    /// Deletes a lead; calls stay.
    async fn delete_lead(&self, who: &Principal, id: Uuid) -> Stored<()>;
}

/// What a platform administrator may do beyond their own tenant. Every method refuses any other role with
/// [`StoreError::Forbidden`] and writes an audit row in the same transaction as what it did.
#[async_trait]
pub trait AdminStore: Send + Sync {
    /// Tenants, newest first.
    async fn tenants(&self, who: &Principal, page: PageRequest) -> Stored<Page<Tenant>>;
    /// A tenant.
    async fn tenant(&self, who: &Principal, id: TenantId) -> Stored<Tenant>;
    /// Makes a tenant.
    async fn create_tenant(&self, who: &Principal, new: &NewTenant) -> Stored<Tenant>;
    /// Changes a tenant.
    async fn change_tenant(&self, who: &Principal, id: TenantId, change: &TenantChange) -> Stored<Tenant>;
    /// The users of a tenant, newest first.
    async fn users(&self, who: &Principal, tenant: TenantId, page: PageRequest) -> Stored<Page<UserProfile>>;
    /// Makes a user.
    async fn create_user(&self, who: &Principal, new: &NewUser) -> Stored<UserProfile>;
    /// Changes a user.
    async fn change_user(&self, who: &Principal, id: UserId, change: &UserChange) -> Stored<UserProfile>;
    /// Removes a user; what they did stays.
    async fn delete_user(&self, who: &Principal, id: UserId) -> Stored<()>;
}

/// What the server itself does, with the service role where there is one.
#[async_trait]
pub trait SystemStore: Send + Sync {
    /// What a verified subject is here; `None` if it has no profile.
    async fn standing(&self, user: UserId) -> Stored<Option<Standing>>;
    /// How long the calls of a tenant that were answered at or after `since` lasted together, those that run counted up
    /// to `now`, and at `longest_call` at most: one that its server left when it died runs for nobody.
    async fn talk_time(
        &self,
        tenant: TenantId,
        since: OffsetDateTime,
        now: OffsetDateTime,
        longest_call: Duration,
    ) -> Stored<Duration>;
    /// Writes entries in their order, all or none; what is there already stays as it is, but for the end of a call that was
    /// taken for lost ([`SystemStore::end_orphans`]).
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if an entry can never be written, [`StoreError::NotFound`] if its call was never begun or is
    /// deleted: the caller finds out which by writing fewer.
    async fn write(&self, entries: &[Entry]) -> Stored<()>;
    /// Ends calls that nobody holds, with the reason `server_lost` and the time of their last utterance. Gives how many.
    async fn end_orphans(&self, which: Orphans, now: OffsetDateTime) -> Stored<u64>;
    /// Tenants whose calls are kept for a time only, those after `after` in the order of their ids, at most `max_rows`.
    async fn forgetful_tenants(&self, after: Option<TenantId>, max_rows: u32) -> Stored<Vec<TenantId>>;
    /// Recordings of calls of a tenant that are past its retention, oldest first, those of calls after `after`, at most
    /// `max_rows`.
    async fn expired_recordings(
        &self,
        tenant: TenantId,
        now: OffsetDateTime,
        after: Option<Header>,
        max_rows: u32,
    ) -> Stored<Vec<(Header, Recording)>>;
    /// Forgets a recording whose object is gone.
    async fn forget_recording(&self, tenant: TenantId, id: Uuid) -> Stored<()>;
    /// Calls of a tenant past its retention that have no recording any more, oldest first, those after `after`, at most
    /// `max_rows`.
    async fn expired_calls(
        &self,
        tenant: TenantId,
        now: OffsetDateTime,
        after: Option<Header>,
        max_rows: u32,
    ) -> Stored<Vec<Header>>;
    /// Deletes these calls, with what was said in them; those that run, or have a recording, stay. Gives how many went.
    async fn delete_calls(&self, calls: &[Header]) -> Stored<u64>;
    /// A tenant and a user of these ids, made where they are missing: for development's own tokens only.
    async fn ensure_development(&self, tenant: TenantId, user: UserId, role: Role) -> Stored<()>;
    /// Whether the database answers.
    async fn ping(&self) -> Stored<()>;
}

//! What the server itself asks of the embedded store.

use super::{SqliteStore, retention, standing, write};
use crate::principal::{Role, TenantId, UserId};
use crate::store::{Entry, Header, Orphans, Recording, Standing, Stored, SystemStore};
use async_trait::async_trait;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

#[async_trait]
impl SystemStore for SqliteStore {
    async fn standing(&self, user: UserId) -> Stored<Option<Standing>> {
        self.to_the_end(standing::of_user(self.database(), user)).await
    }

    async fn talk_time(
        &self,
        tenant: TenantId,
        since: OffsetDateTime,
        now: OffsetDateTime,
        longest_call: Duration,
    ) -> Stored<Duration> {
        self.for_tenant(tenant, standing::talk_time(self.database(), tenant, (since, now), longest_call)).await
    }

    async fn write(&self, entries: &[Entry]) -> Stored<()> {
        self.to_the_end(write::write(self.database(), entries.to_vec())).await
    }

    async fn end_orphans(&self, which: Orphans, now: OffsetDateTime) -> Stored<u64> {
        self.to_the_end(retention::end_orphans(self.database(), which, now)).await
    }

    async fn forgetful_tenants(&self, after: Option<TenantId>, max_rows: u32) -> Stored<Vec<TenantId>> {
        self.to_the_end(retention::forgetful_tenants(self.database(), after, max_rows)).await
    }

    async fn expired_recordings(
        &self,
        tenant: TenantId,
        now: OffsetDateTime,
        after: Option<Header>,
        max_rows: u32,
    ) -> Stored<Vec<(Header, Recording)>> {
        self.to_the_end(retention::expired_recordings(self.database(), tenant, (now, after), max_rows)).await
    }

    async fn forget_recording(&self, tenant: TenantId, id: Uuid) -> Stored<()> {
        self.to_the_end(retention::forget_recording(self.database(), tenant, id)).await
    }

    async fn expired_calls(
        &self,
        tenant: TenantId,
        now: OffsetDateTime,
        after: Option<Header>,
        max_rows: u32,
    ) -> Stored<Vec<Header>> {
        self.to_the_end(retention::expired_calls(self.database(), tenant, (now, after), max_rows)).await
    }

    async fn delete_calls(&self, calls: &[Header]) -> Stored<u64> {
        self.to_the_end(retention::delete_calls(self.database(), calls.to_vec())).await
    }

    async fn ensure_development(&self, tenant: TenantId, user: UserId, role: Role) -> Stored<()> {
        self.to_the_end(standing::ensure_development(self.database(), tenant, user, role)).await
    }

    async fn ping(&self) -> Stored<()> {
        self.to_the_end(standing::ping(self.database())).await
    }
}

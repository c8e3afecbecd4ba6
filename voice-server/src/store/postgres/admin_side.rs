//! What a platform administrator may ask of the store in Postgres.

use super::{PgStore, tenants, users};
use crate::principal::{Principal, TenantId, UserId};
use crate::store::{
    AdminStore, NewTenant, NewUser, Page, PageRequest, Stored, Tenant, TenantChange, UserChange, UserProfile,
};
use async_trait::async_trait;

#[async_trait]
impl AdminStore for PgStore {
    async fn tenants(&self, who: &Principal, page: PageRequest) -> Stored<Page<Tenant>> {
        self.for_tenant(who.tenant(), tenants::list(self.worker(), *who, page)).await
    }

    async fn tenant(&self, who: &Principal, id: TenantId) -> Stored<Tenant> {
        self.for_tenant(who.tenant(), tenants::one(self.worker(), *who, id)).await
    }

    async fn create_tenant(&self, who: &Principal, new: &NewTenant) -> Stored<Tenant> {
        self.for_tenant(who.tenant(), tenants::create(self.worker(), *who, new.clone())).await
    }

    async fn change_tenant(&self, who: &Principal, id: TenantId, change: &TenantChange) -> Stored<Tenant> {
        self.for_tenant(who.tenant(), tenants::change(self.worker(), *who, id, change.clone())).await
    }

    async fn users(&self, who: &Principal, tenant: TenantId, page: PageRequest) -> Stored<Page<UserProfile>> {
        self.for_tenant(who.tenant(), users::list(self.worker(), *who, tenant, page)).await
    }

    async fn create_user(&self, who: &Principal, new: &NewUser) -> Stored<UserProfile> {
        self.for_tenant(who.tenant(), users::create(self.worker(), *who, new.clone())).await
    }

    async fn change_user(&self, who: &Principal, id: UserId, change: &UserChange) -> Stored<UserProfile> {
        self.for_tenant(who.tenant(), users::change(self.worker(), *who, id, change.clone())).await
    }

    async fn delete_user(&self, who: &Principal, id: UserId) -> Stored<()> {
        self.for_tenant(who.tenant(), users::delete(self.worker(), *who, id)).await
    }
}

//! What a platform administrator may ask of the embedded store.

use super::{SqliteStore, tenants, users};
use crate::principal::{Principal, TenantId, UserId};
use crate::store::{
    AdminStore, NewTenant, NewUser, Page, PageRequest, Stored, Tenant, TenantChange, UserChange, UserProfile,
};
use async_trait::async_trait;

#[async_trait]
impl AdminStore for SqliteStore {
    async fn tenants(&self, who: &Principal, page: PageRequest) -> Stored<Page<Tenant>> {
        self.for_user_writing(who, tenants::list(self.database(), *who, page)).await
    }

    async fn tenant(&self, who: &Principal, id: TenantId) -> Stored<Tenant> {
        self.for_user_writing(who, tenants::one(self.database(), *who, id)).await
    }

    async fn create_tenant(&self, who: &Principal, new: &NewTenant) -> Stored<Tenant> {
        self.for_user_writing(who, tenants::create(self.database(), *who, new.clone())).await
    }

    async fn change_tenant(&self, who: &Principal, id: TenantId, change: &TenantChange) -> Stored<Tenant> {
        self.for_user_writing(who, tenants::change(self.database(), *who, id, change.clone())).await
    }

    async fn users(&self, who: &Principal, tenant: TenantId, page: PageRequest) -> Stored<Page<UserProfile>> {
        self.for_user_writing(who, users::list(self.database(), *who, tenant, page)).await
    }

    async fn create_user(&self, who: &Principal, new: &NewUser) -> Stored<UserProfile> {
        self.for_user_writing(who, users::create(self.database(), *who, new.clone())).await
    }

    async fn change_user(&self, who: &Principal, id: UserId, change: &UserChange) -> Stored<UserProfile> {
        self.for_user_writing(who, users::change(self.database(), *who, id, change.clone())).await
    }

    async fn delete_user(&self, who: &Principal, id: UserId) -> Stored<()> {
        self.for_user_writing(who, users::delete(self.database(), *who, id)).await
    }
}

//! Who may administer, and the record of what they did.
//!
//! Invariant: whoever is no platform administrator gets no transaction here, and none ends well without a row about it.

use super::pools::WorkerPool;
use super::refusal::refused;
use super::transaction::{Access, Acting};
use crate::principal::{Principal, Role, TenantId};
use crate::store::{StoreError, Stored};
use serde_json::Value;
use sqlx::PgConnection;
use std::ops::{Deref, DerefMut};
use uuid::Uuid;

const RECORD: &str =
    "insert into app.audit_log (user_id, action, tenant_id, subject, detail) values ($1, $2, $3, $4, $5)";

/// Something that an administrator did.
pub(super) struct Deed {
    /// What: `tenant.create`.
    pub(super) action: &'static str,
    /// To which tenant.
    pub(super) tenant: Option<TenantId>,
    /// To which row of it.
    pub(super) subject: Option<Uuid>,
    /// How: what was changed.
    pub(super) detail: Value,
}

impl Deed {
    /// Something that changes nothing, or says all by its name.
    pub(super) fn plain(action: &'static str, tenant: Option<TenantId>, subject: Option<Uuid>) -> Self {
        Self { action, tenant, subject, detail: Value::Object(Default::default()) }
    }
}

/// A transaction of a platform administrator, beyond every tenant.
#[derive(Debug)]
pub(super) struct AdminTx {
    acting: Acting,
    who: Principal,
}

impl AdminTx {
    /// Refuses everybody but platform administrators.
    pub(super) async fn begin(worker: &WorkerPool, who: Principal) -> Stored<Self> {
        match who.role() {
            Role::PlatformAdmin => Ok(Self { acting: worker.begin(Access::Write).await?, who }),
            Role::Member | Role::Admin => Err(StoreError::Forbidden { needed: Role::PlatformAdmin.as_str() }),
        }
    }

    /// Records the deed in the transaction that does it, and commits both.
    pub(super) async fn commit(mut self, deed: Deed) -> Stored<()> {
        let query = sqlx::query(RECORD).bind(self.who.user().0).bind(deed.action);
        let query = query.bind(deed.tenant.map(|tenant| tenant.0)).bind(deed.subject).bind(deed.detail);
        query.execute(&mut *self.acting).await.map_err(refused)?;
        self.acting.commit().await
    }
}

impl Deref for AdminTx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.acting
    }
}

impl DerefMut for AdminTx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.acting
    }
}

/// Leaves out what stays as it is.
pub(super) fn without_nulls(mut detail: Value) -> Value {
    if let Some(fields) = detail.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    detail
}

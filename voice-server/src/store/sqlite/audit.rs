//! Who may administer, and the record of what they did.

use super::database::Tx;
use super::refusal::refused;
use crate::principal::{Principal, Role, TenantId};
use crate::store::{StoreError, Stored};
use serde_json::Value;
use uuid::Uuid;

const RECORD: &str = "INSERT INTO audit_log (user_id, action, tenant_id, subject, detail) VALUES (?1, ?2, ?3, ?4, ?5)";

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

/// Refuses everybody but platform administrators.
pub(super) fn must_administer(who: Principal) -> Stored<()> {
    match who.role() {
        Role::PlatformAdmin => Ok(()),
        Role::Member | Role::Admin => Err(StoreError::Forbidden { needed: Role::PlatformAdmin.as_str() }),
    }
}

/// Records the deed in the transaction that does it, and commits both.
pub(super) async fn commit(mut tx: Tx, who: Principal, deed: Deed) -> Stored<()> {
    let query = sqlx::query(RECORD).bind(who.user().0).bind(deed.action).bind(deed.tenant.map(|tenant| tenant.0));
    let query = query.bind(deed.subject).bind(deed.detail.to_string());
    query.execute(&mut *tx).await.map_err(refused)?;
    tx.commit().await.map_err(refused)
}

/// Leaves out what stays as it is.
pub(super) fn without_nulls(mut detail: Value) -> Value {
    if let Some(fields) = detail.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    detail
}

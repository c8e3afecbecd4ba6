//! Plans, tenants and the users in them.

use crate::principal::{Principal, Role, TenantId, UserId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// What a tenant has bought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Plan {
    /// Its id.
    pub id: Uuid,
    /// Its name, unique.
    pub name: String,
    /// Calls at a time.
    pub max_concurrent_calls: u32,
    /// Minutes of calls in a calendar month (UTC).
    pub max_call_minutes: u32,
    /// What it costs a month, in millionths of `currency`.
    pub price_micros: i64,
    /// ISO 4217.
    pub currency: String,
}

/// Whether a tenant may place calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TenantStatus {
    /// It may.
    Active,
    /// It may not, and its users are refused.
    Suspended,
}

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its name.
    pub name: String,
    /// Its plan.
    pub plan_id: Uuid,
    /// Whether it may place calls.
    pub status: TenantStatus,
    /// Whether its calls are recorded.
    pub records_calls: bool,
    /// How many days calls, transcripts and recordings are kept; 0 keeps them for good.
    pub retention_days: u32,
    /// Web pages that may place its calls, as browsers name them, besides the server's own.
    pub allowed_origins: Vec<String>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// A user of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UserProfile {
    /// The subject of the user's tokens.
    pub id: UserId,
    /// The tenant.
    pub tenant_id: TenantId,
    /// What they may do.
    pub role: Role,
    /// As they want to be called.
    pub full_name: String,
    /// When the profile was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// Who asks, with what belongs to them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Me {
    /// The user.
    pub user: UserProfile,
    /// The user's tenant.
    pub tenant: Tenant,
    /// The tenant's plan.
    pub plan: Plan,
}

/// What a tenant may use at most, from its plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TenantLimits {
    /// Calls at a time.
    pub max_concurrent_calls: u32,
    /// Minutes of calls in a calendar month (UTC).
    pub max_call_minutes: u32,
}

/// What a verified subject is here. The gate believes what it looked up for a second, so a user who is removed has no
/// further request or call after that; a call that runs goes on to the end of its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The principal.
    pub principal: Principal,
    /// Whether its tenant may place calls.
    pub status: TenantStatus,
    /// How much of them.
    pub limits: TenantLimits,
    /// Whether its calls are recorded.
    pub records_calls: bool,
    /// Web pages that may place its calls.
    pub allowed_origins: Vec<String>,
}

/// A tenant to be made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTenant {
    /// Its name: 1 to 200 characters.
    pub name: String,
    /// Its plan.
    pub plan_id: Uuid,
}

/// What of a tenant changes; `None` leaves it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TenantChange {
    /// Its name.
    pub name: Option<String>,
    /// Its plan.
    pub plan_id: Option<Uuid>,
    /// Whether it may place calls.
    pub status: Option<TenantStatus>,
    /// Whether its calls are recorded.
    pub records_calls: Option<bool>,
    /// How many days calls are kept; 0 keeps them for good.
    pub retention_days: Option<u32>,
    /// Web pages that may place its calls.
    pub allowed_origins: Option<Vec<String>>,
}

/// A user to be made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// The subject of the user's tokens.
    pub id: UserId,
    /// The tenant.
    pub tenant_id: TenantId,
    /// What they may do.
    pub role: Role,
    /// As they want to be called: up to 200 characters.
    pub full_name: String,
}

/// What of a user changes; `None` leaves it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct UserChange {
    /// What they may do.
    pub role: Option<Role>,
    /// As they want to be called.
    pub full_name: Option<String>,
}

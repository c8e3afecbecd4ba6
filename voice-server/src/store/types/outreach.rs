//! Whom a tenant calls: clients, campaigns and their leads.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// A customer of the tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Client {
    /// Its id.
    pub id: Uuid,
    /// What can be edited.
    #[serde(flatten)]
    pub fields: ClientFields,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// What can be edited of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientFields {
    /// The name: 1 to 200 characters.
    pub name: String,
    /// A number in E.164 form.
    #[serde(default)]
    pub phone: Option<String>,
    /// An address.
    #[serde(default)]
    pub email: Option<String>,
    /// Up to 4,000 characters.
    #[serde(default)]
    pub notes: String,
}

/// What its owner says of a campaign. The server keeps it and acts on none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CampaignStatus {
    /// Not yet.
    #[default]
    Draft,
    /// It runs.
    Active,
    /// Not for now.
    Paused,
    /// Not any more.
    Done,
}

/// A reason to call leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Campaign {
    /// Its id.
    pub id: Uuid,
    /// What can be edited.
    #[serde(flatten)]
    pub fields: CampaignFields,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// What can be edited of a campaign.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignFields {
    /// The name: 1 to 200 characters.
    pub name: String,
    /// What its owner says of it.
    #[serde(default)]
    pub status: CampaignStatus,
    /// What the agent is to be told, kept for who places the calls: up to 16,000 characters.
    #[serde(default)]
    pub instructions: String,
}

/// How far it has come with a lead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeadStatus {
    /// Not called yet.
    #[default]
    New,
    /// Called.
    Contacted,
    /// Wants it.
    Won,
    /// Does not.
    Lost,
    /// Must not be called.
    DoNotCall,
}

/// Somebody to be called for a campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Lead {
    /// Its id.
    pub id: Uuid,
    /// What can be edited.
    #[serde(flatten)]
    pub fields: LeadFields,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// What can be edited of a lead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeadFields {
    /// The campaign.
    pub campaign_id: Uuid,
    /// The customer it belongs to, if to one.
    #[serde(default)]
    pub client_id: Option<Uuid>,
    /// The name: 1 to 200 characters.
    pub name: String,
    /// A number in E.164 form, once in a campaign.
    pub phone: String,
    /// How far it has come.
    #[serde(default)]
    pub status: LeadStatus,
    /// Up to 4,000 characters.
    #[serde(default)]
    pub notes: String,
}

/// Which leads are wanted; `None` means any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeadFilter {
    /// Of this campaign.
    pub campaign_id: Option<Uuid>,
    /// That have come so far.
    pub status: Option<LeadStatus>,
}

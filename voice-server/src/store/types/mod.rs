//! The rows as the rest of the server sees them, and what is asked of them.
//!
//! Invariant: plain values with no database in them; times are UTC, durations carry their unit, money is in millionths of
//! its currency.

mod analytics;
mod call;
mod entry;
mod outreach;
mod page;
mod tenancy;

pub use analytics::{Analytics, Dashboard, DayCount, Period};
pub use call::{CallDetail, CallFilter, CallStatus, CallSummary, Orphans, Recording, Utterance, UtteranceTimes, Who};
pub use entry::{CallEnd, CallStart, ConversationEntry, Entry, Header, RecordingEntry, TurnLogEntry, UtteranceEntry};
pub use outreach::{
    Campaign, CampaignFields, CampaignStatus, Client, ClientFields, Lead, LeadFields, LeadFilter, LeadStatus,
};
pub use page::{Cursor, Page, PageRequest};
pub use tenancy::{
    Me, NewTenant, NewUser, Plan, Standing, Tenant, TenantChange, TenantLimits, TenantStatus, UserChange, UserProfile,
};

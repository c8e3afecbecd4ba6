//! What calls add up to.

use serde::{Serialize, Serializer};
use time::{Date, OffsetDateTime};
use utoipa::ToSchema;

/// Calls answered within it are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// At or after this.
    pub from: OffsetDateTime,
    /// Before this.
    pub to: OffsetDateTime,
}

/// Calls of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DayCount {
    /// The day (UTC).
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = Date)]
    pub day: Date,
    /// Calls answered on it.
    pub calls: i64,
    /// How long they lasted together.
    pub talk_ms: i64,
}

/// As ISO 8601 has it: `2026-11-28`.
fn as_iso<S: Serializer>(day: &Date, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(day)
}

/// What the calls of a period add up to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Analytics {
    /// Each day on which a call was answered, in order.
    pub days: Vec<DayCount>,
    /// Calls.
    pub calls: i64,
    /// How long they lasted together.
    pub talk_ms: i64,
    /// Replies of the agent.
    pub turns: i64,
    /// The median of the turns' voice-to-voice times.
    pub voice_to_voice_p50_ms: Option<f64>,
    /// Of twenty turns, nineteen were answered within this.
    pub voice_to_voice_p95_ms: Option<f64>,
    /// Of the replies, the share that the caller took the turn from: 0 to 1.
    pub barge_in_rate: f64,
    /// Pauses that were resumed, per reply.
    pub resume_rate: f64,
    /// What the calls' engines cost, in millionths of `currency`; absent where no price is known.
    pub cost_micros: Option<i64>,
    /// ISO 4217.
    pub currency: Option<String>,
}

/// What is worth seeing first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Dashboard {
    /// Calls that run.
    pub active_calls: i64,
    /// Calls answered today (UTC).
    pub calls_today: i64,
    /// How long this calendar month's calls lasted together.
    pub talk_month_ms: i64,
    /// How long they may.
    pub max_call_minutes: u32,
    /// Clients of the tenant.
    pub clients: i64,
    /// Campaigns that are called.
    pub active_campaigns: i64,
    /// Leads not called yet.
    pub new_leads: i64,
}

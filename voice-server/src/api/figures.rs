//! What is worth seeing first, and what the calls of a period add up to.

use super::answer::Answer;
use super::extract::Params;
use super::identity::User;
use super::instant;
use super::state::ApiState;
use crate::problem::{Problem, Refused};
use crate::store::{Analytics, Dashboard, Period};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use time::{Duration, OffsetDateTime};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The period that is analysed unless another is asked for.
const DEFAULT_PERIOD: Duration = Duration::days(30);

/// The longest period that is analysed.
const MAX_PERIOD: Duration = Duration::days(366);

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(read_dashboard)).routes(routes!(read_analytics))
}

/// Which calls are analysed.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AnalyticsParams {
    /// Calls answered at or after this (RFC 3339); unless told, 30 days before `to`.
    #[serde(default, with = "time::serde::rfc3339::option")]
    from: Option<OffsetDateTime>,
    /// Calls answered before this; unless told, now. At most 366 days after `from`.
    #[serde(default, with = "time::serde::rfc3339::option")]
    to: Option<OffsetDateTime>,
}

impl AnalyticsParams {
    fn period(&self, now: OffsetDateTime) -> Result<Period, Problem> {
        let to = instant::utc("to", self.to)?.unwrap_or(now);
        let from = instant::utc("from", self.from)?.or_else(|| to.checked_sub(DEFAULT_PERIOD));
        match from {
            Some(from) if from < to && to - from <= MAX_PERIOD => Ok(Period { from, to }),
            _ => Err(Problem::new(StatusCode::BAD_REQUEST, "from must be before to, and by at most 366 days")),
        }
    }
}

/// What is worth seeing first.
#[utoipa::path(get, path = "/dashboard", tag = "figures", responses((status = OK, description = "As it is now", body = Dashboard), Refused))]
async fn read_dashboard(State(api): State<ApiState>, who: User) -> Answer<Dashboard> {
    Ok(Json(api.store.dashboard(&who, api.now(), api.longest_call).await?))
}

/// What the calls of a period add up to.
#[utoipa::path(get, path = "/analytics", tag = "figures", params(AnalyticsParams),
    responses((status = OK, description = "As it is now", body = Analytics), Refused))]
async fn read_analytics(
    State(api): State<ApiState>,
    who: User,
    Params(params): Params<AnalyticsParams>,
) -> Answer<Analytics> {
    let period = params.period(api.now())?;
    Ok(Json(api.store.analytics(&who, period).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::days(20_000));

    fn period(from: Option<OffsetDateTime>, to: Option<OffsetDateTime>) -> Option<Duration> {
        AnalyticsParams { from, to }.period(NOW).ok().map(|period| period.to - period.from)
    }

    #[test]
    fn a_period_is_30_days_unless_told_and_366_at_most() {
        assert_eq!(period(None, None), Some(DEFAULT_PERIOD));
        assert_eq!(period(Some(NOW - Duration::days(1)), None), Some(Duration::days(1)));
        assert_eq!(period(None, Some(NOW - Duration::days(9))), Some(DEFAULT_PERIOD));
        assert_eq!(period(Some(NOW - MAX_PERIOD), None), Some(MAX_PERIOD));
        assert_eq!(period(Some(NOW - MAX_PERIOD - Duration::SECOND), None), None);
        assert_eq!(period(Some(NOW), Some(NOW)), None);
    }
}

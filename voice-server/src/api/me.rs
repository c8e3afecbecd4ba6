//! Who asks, and what they may change of themselves.

use super::answer::Answer;
use super::bounds::{self, Bounded};
use super::extract::Body;
use super::identity::User;
use super::state::ApiState;
use crate::problem::{Problem, Refused, Rejected};
use crate::store::{Me, Plan, UserProfile};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(read_me, change_me)).routes(routes!(list_plans))
}

/// What a user may change of their own profile.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MeChange {
    /// As they want to be called: 1 to 200 characters.
    full_name: String,
}

impl Bounded for MeChange {
    fn check(&self) -> Result<(), Problem> {
        bounds::name("full_name", &self.full_name)
    }
}

/// The user, the tenant and its plan.
#[utoipa::path(get, path = "/me", tag = "me", responses((status = OK, description = "As it is now", body = Me), Refused))]
async fn read_me(State(api): State<ApiState>, who: User) -> Answer<Me> {
    Ok(Json(api.store.me(&who).await?))
}

/// Changes the user's own profile.
#[utoipa::path(patch, path = "/me", tag = "me", request_body = MeChange,
    responses((status = OK, description = "As it is now", body = UserProfile), Refused, Rejected))]
async fn change_me(State(api): State<ApiState>, who: User, Body(change): Body<MeChange>) -> Answer<UserProfile> {
    Ok(Json(api.store.rename_me(&who, &change.full_name).await?))
}

/// Every plan, cheapest first.
#[utoipa::path(get, path = "/plans", tag = "me", responses((status = OK, description = "As it is now", body = Vec<Plan>), Refused))]
async fn list_plans(State(api): State<ApiState>, who: User) -> Answer<Vec<Plan>> {
    Ok(Json(api.store.plans(&who).await?))
}

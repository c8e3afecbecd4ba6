//! The users of the server: for platform administrators.

use super::answer::{Answer, Gone, Made, made};
use super::bounds::{self, Bounded};
use super::extract::{Body, Id};
use super::identity::Administrator;
use super::state::ApiState;
use crate::principal::UserId;
use crate::problem::{Missing, Problem, Refused, Rejected};
use crate::store::{NewUser, UserChange, UserProfile};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(create_user)).routes(routes!(change_user, delete_user))
}

impl Bounded for NewUser {
    fn check(&self) -> Result<(), Problem> {
        bounds::text("full_name", &self.full_name, bounds::MAX_NAME_CHARS)
    }
}

impl Bounded for UserChange {
    fn check(&self) -> Result<(), Problem> {
        self.full_name.as_deref().map_or(Ok(()), |name| bounds::text("full_name", name, bounds::MAX_NAME_CHARS))
    }
}

/// Makes a user: the subject of tokens that are issued elsewhere.
#[utoipa::path(post, path = "/admin/users", tag = "admin", request_body = NewUser,
    responses((status = CREATED, description = "As it was made", body = UserProfile, headers(("Location", description = "Where it is changed"))),
        Refused, Rejected))]
async fn create_user(State(api): State<ApiState>, who: Administrator, Body(new): Body<NewUser>) -> Made<UserProfile> {
    let user = api.store.create_user(&who, &new).await?;
    made("admin/users", user.id, user)
}

/// Changes a user; what is not named stays.
#[utoipa::path(patch, path = "/admin/users/{id}", tag = "admin", params(("id" = UserId, Path)),
    request_body = UserChange, responses((status = OK, description = "As it is now", body = UserProfile), Refused, Missing, Rejected))]
async fn change_user(
    State(api): State<ApiState>,
    who: Administrator,
    Id(user): Id<UserId>,
    Body(change): Body<UserChange>,
) -> Answer<UserProfile> {
    Ok(Json(api.store.change_user(&who, user, &change).await?))
}

/// Removes a user; what they did stays.
#[utoipa::path(delete, path = "/admin/users/{id}", tag = "admin", params(("id" = UserId, Path)),
    responses((status = NO_CONTENT, description = "It is gone"), Refused, Missing, Rejected))]
async fn delete_user(State(api): State<ApiState>, who: Administrator, Id(user): Id<UserId>) -> Gone {
    api.store.delete_user(&who, user).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! The reasons for which a tenant calls.

use super::answer::{Answer, Gone, Made, made};
use super::bounds::{self, Bounded};
use super::extract::{Body, Id, Params};
use super::identity::User;
use super::page::{List, PageParams};
use super::state::ApiState;
use crate::problem::{Missing, Problem, Refused, Rejected};
use crate::store::{Campaign, CampaignFields};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

/// The longest instructions, in characters.
const MAX_INSTRUCTIONS_CHARS: usize = 16_000;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list_campaigns, create_campaign)).routes(routes!(
        read_campaign,
        replace_campaign,
        delete_campaign
    ))
}

impl Bounded for CampaignFields {
    fn check(&self) -> Result<(), Problem> {
        bounds::name("name", &self.name)?;
        bounds::text("instructions", &self.instructions, MAX_INSTRUCTIONS_CHARS)
    }
}

/// Campaigns, newest first.
#[utoipa::path(get, path = "/campaigns", tag = "campaigns", params(PageParams),
    responses((status = OK, description = "A page of them", body = List<Campaign>), Refused))]
async fn list_campaigns(
    State(api): State<ApiState>,
    who: User,
    Params(page): Params<PageParams>,
) -> Answer<List<Campaign>> {
    Ok(Json(api.store.campaigns(&who, page.request()?).await?.into()))
}

/// Makes a campaign.
#[utoipa::path(post, path = "/campaigns", tag = "campaigns", request_body = CampaignFields,
    responses((status = CREATED, description = "As it was made", body = Campaign, headers(("Location", description = "Where it is"))), Refused, Rejected))]
async fn create_campaign(State(api): State<ApiState>, who: User, Body(fields): Body<CampaignFields>) -> Made<Campaign> {
    let campaign = api.store.create_campaign(&who, &fields).await?;
    made("campaigns", campaign.id, campaign)
}

/// A campaign.
#[utoipa::path(get, path = "/campaigns/{id}", tag = "campaigns", params(("id" = Uuid, Path)),
    responses((status = OK, description = "As it is now", body = Campaign), Refused, Missing))]
async fn read_campaign(State(api): State<ApiState>, who: User, Id(id): Id<Uuid>) -> Answer<Campaign> {
    Ok(Json(api.store.campaign(&who, id).await?))
}

/// Replaces what can be edited of a campaign.
#[utoipa::path(put, path = "/campaigns/{id}", tag = "campaigns", params(("id" = Uuid, Path)), request_body = CampaignFields,
    responses((status = OK, description = "As it is now", body = Campaign), Refused, Missing, Rejected))]
async fn replace_campaign(
    State(api): State<ApiState>,
    who: User,
    Id(id): Id<Uuid>,
    Body(fields): Body<CampaignFields>,
) -> Answer<Campaign> {
    Ok(Json(api.store.update_campaign(&who, id, &fields).await?))
}

/// Deletes a campaign and its leads; calls stay.
#[utoipa::path(delete, path = "/campaigns/{id}", tag = "campaigns", params(("id" = Uuid, Path)),
    responses((status = NO_CONTENT, description = "It is gone"), Refused, Missing))]
async fn delete_campaign(State(api): State<ApiState>, who: User, Id(id): Id<Uuid>) -> Gone {
    api.store.delete_campaign(&who, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! Whom a tenant calls for its campaigns.

use super::answer::{Answer, Gone, Made, made};
use super::bounds::{self, Bounded};
use super::extract::{Body, Id, Params};
use super::identity::User;
use super::page::{List, page_request};
use super::state::ApiState;
use crate::problem::{Missing, Problem, Refused, Rejected};
use crate::store::{Lead, LeadFields, LeadFilter, LeadStatus};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list_leads, create_lead)).routes(routes!(read_lead, replace_lead, delete_lead))
}

/// Which leads are wanted: those that all filters let through.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LeadParams {
    /// Only those of this campaign.
    campaign_id: Option<Uuid>,
    /// Only those that have come so far.
    status: Option<LeadStatus>,
    /// The most items: 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl Bounded for LeadFields {
    fn check(&self) -> Result<(), Problem> {
        bounds::name("name", &self.name)?;
        bounds::phone("phone", &self.phone)?;
        bounds::text("notes", &self.notes, bounds::MAX_NOTES_CHARS)
    }
}

/// Leads, newest first.
#[utoipa::path(get, path = "/leads", tag = "leads", params(LeadParams),
    responses((status = OK, description = "A page of them", body = List<Lead>), Refused))]
async fn list_leads(State(api): State<ApiState>, who: User, Params(params): Params<LeadParams>) -> Answer<List<Lead>> {
    let page = page_request(params.limit, params.cursor.as_deref())?;
    let filter = LeadFilter { campaign_id: params.campaign_id, status: params.status };
    Ok(Json(api.store.leads(&who, filter, page).await?.into()))
}

/// Makes a lead.
#[utoipa::path(post, path = "/leads", tag = "leads", request_body = LeadFields,
    responses((status = CREATED, description = "As it was made", body = Lead, headers(("Location", description = "Where it is"))), Refused, Rejected))]
async fn create_lead(State(api): State<ApiState>, who: User, Body(fields): Body<LeadFields>) -> Made<Lead> {
    let lead = api.store.create_lead(&who, &fields).await?;
    made("leads", lead.id, lead)
}

/// A lead.
#[utoipa::path(get, path = "/leads/{id}", tag = "leads", params(("id" = Uuid, Path)),
    responses((status = OK, description = "As it is now", body = Lead), Refused, Missing))]
async fn read_lead(State(api): State<ApiState>, who: User, Id(id): Id<Uuid>) -> Answer<Lead> {
    Ok(Json(api.store.lead(&who, id).await?))
}

/// Replaces what can be edited of a lead.
#[utoipa::path(put, path = "/leads/{id}", tag = "leads", params(("id" = Uuid, Path)), request_body = LeadFields,
    responses((status = OK, description = "As it is now", body = Lead), Refused, Missing, Rejected))]
async fn replace_lead(
    State(api): State<ApiState>,
    who: User,
    Id(id): Id<Uuid>,
    Body(fields): Body<LeadFields>,
) -> Answer<Lead> {
    Ok(Json(api.store.update_lead(&who, id, &fields).await?))
}

/// Deletes a lead; calls stay.
#[utoipa::path(delete, path = "/leads/{id}", tag = "leads", params(("id" = Uuid, Path)),
    responses((status = NO_CONTENT, description = "It is gone"), Refused, Missing))]
async fn delete_lead(State(api): State<ApiState>, who: User, Id(id): Id<Uuid>) -> Gone {
    api.store.delete_lead(&who, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! The customers of a tenant.

use super::answer::{Answer, Gone, Made, made};
use super::bounds::{self, Bounded};
use super::extract::{Body, Id, Params};
use super::identity::User;
use super::page::{List, PageParams};
use super::state::ApiState;
use crate::problem::{Missing, Problem, Refused, Rejected};
use crate::store::{Client, ClientFields};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list_clients, create_client)).routes(routes!(
        read_client,
        replace_client,
        delete_client
    ))
}

impl Bounded for ClientFields {
    fn check(&self) -> Result<(), Problem> {
        bounds::name("name", &self.name)?;
        self.phone.as_deref().map_or(Ok(()), |phone| bounds::phone("phone", phone))?;
        self.email.as_deref().map_or(Ok(()), |email| bounds::email("email", email))?;
        bounds::text("notes", &self.notes, bounds::MAX_NOTES_CHARS)
    }
}

/// Clients, newest first.
#[utoipa::path(get, path = "/clients", tag = "clients", params(PageParams),
    responses((status = OK, description = "A page of them", body = List<Client>), Refused))]
async fn list_clients(
    State(api): State<ApiState>,
    who: User,
    Params(page): Params<PageParams>,
) -> Answer<List<Client>> {
    Ok(Json(api.store.clients(&who, page.request()?).await?.into()))
}

/// Makes a client.
#[utoipa::path(post, path = "/clients", tag = "clients", request_body = ClientFields,
    responses((status = CREATED, description = "As it was made", body = Client, headers(("Location", description = "Where it is"))), Refused, Rejected))]
async fn create_client(State(api): State<ApiState>, who: User, Body(fields): Body<ClientFields>) -> Made<Client> {
    let client = api.store.create_client(&who, &fields).await?;
    made("clients", client.id, client)
}

/// A client.
#[utoipa::path(get, path = "/clients/{id}", tag = "clients", params(("id" = Uuid, Path)),
    responses((status = OK, description = "As it is now", body = Client), Refused, Missing))]
async fn read_client(State(api): State<ApiState>, who: User, Id(id): Id<Uuid>) -> Answer<Client> {
    Ok(Json(api.store.client(&who, id).await?))
}

/// Replaces what can be edited of a client.
#[utoipa::path(put, path = "/clients/{id}", tag = "clients", params(("id" = Uuid, Path)), request_body = ClientFields,
    responses((status = OK, description = "As it is now", body = Client), Refused, Missing, Rejected))]
async fn replace_client(
    State(api): State<ApiState>,
    who: User,
    Id(id): Id<Uuid>,
    Body(fields): Body<ClientFields>,
) -> Answer<Client> {
    Ok(Json(api.store.update_client(&who, id, &fields).await?))
}

/// Deletes a client; its leads stay, without it.
#[utoipa::path(delete, path = "/clients/{id}", tag = "clients", params(("id" = Uuid, Path)),
    responses((status = NO_CONTENT, description = "It is gone"), Refused, Missing))]
async fn delete_client(State(api): State<ApiState>, who: User, Id(id): Id<Uuid>) -> Gone {
    api.store.delete_client(&who, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

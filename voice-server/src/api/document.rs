//! The OpenAPI document: made of the handlers that are routed, and of nothing else.
//!
//! Invariant: it is the same for everybody and says nothing of any tenant; hence it is the one route without a token.

use super::state::ApiState;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use std::sync::Arc;
use utoipa::Modify;
use utoipa::OpenApi;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(read_document))
}

/// What the document says before any path.
#[derive(OpenApi)]
#[openapi(
    info(title = "voice-server", description = "Calls, what was said in them, and whom a tenant calls.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")),
    security(("bearer" = [])),
    modifiers(&Bearer),
    tags(
        (name = "me", description = "The user, the tenant, the plans"),
        (name = "figures", description = "What calls add up to"),
        (name = "calls", description = "Calls and what was said in them"),
        (name = "recordings", description = "The audio of calls"),
        (name = "clients", description = "The customers of a tenant"),
        (name = "campaigns", description = "The reasons to call"),
        (name = "leads", description = "Whom a campaign calls"),
        (name = "admin", description = "Tenants and users: for platform administrators"),
    )
)]
pub(crate) struct Preface;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        document.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}

/// The document as it is served.
#[derive(Clone)]
pub(crate) struct Document(Arc<utoipa::openapi::OpenApi>);

impl Document {
    pub(crate) fn of(mut document: utoipa::openapi::OpenApi) -> Self {
        open_what_is_extended(&mut document);
        Self(Arc::new(document))
    }
}

/// What is editable of a thing is a part of the thing too, and there it must not forbid the rest.
fn open_what_is_extended(document: &mut utoipa::openapi::OpenApi) {
    let Some(components) = &mut document.components else { return };
    let extended: Vec<String> = components.schemas.values().flat_map(bases).collect();
    for (name, schema) in &mut components.schemas {
        if let RefOr::T(Schema::Object(object)) = schema
            && extended.iter().any(|base| base.ends_with(&format!("/{name}")))
        {
            object.additional_properties = None;
        }
    }
}

/// Where the schemas are that `schema` extends.
fn bases(schema: &RefOr<Schema>) -> Vec<String> {
    let RefOr::T(Schema::AllOf(all)) = schema else { return Vec::new() };
    let base = |part: &RefOr<Schema>| match part {
        RefOr::Ref(base) => Some(base.ref_location.clone()),
        RefOr::T(_) => None,
    };
    all.items.iter().filter_map(base).collect()
}

/// This document. Needs no token.
#[utoipa::path(get, path = "/openapi.json", tag = "me", security(()),
    responses((status = OK, description = "OpenAPI 3.1", body = Object)))]
async fn read_document(Extension(Document(document)): Extension<Document>) -> Response {
    Json(&*document).into_response()
}

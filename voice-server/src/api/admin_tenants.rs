//! The tenants of the server: for platform administrators.

use super::answer::{Answer, Made, made};
use super::bounds::{self, Bounded};
use super::extract::{Body, Id, Params};
use super::identity::Administrator;
use super::page::{List, PageParams};
use super::state::ApiState;
use crate::principal::TenantId;
use crate::problem::{Missing, Problem, Refused, Rejected};
use crate::store::{NewTenant, Tenant, TenantChange, UserProfile};
use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The most origins of a tenant.
const MAX_ORIGINS: usize = 50;

/// The longest retention: a hundred years.
const MAX_RETENTION_DAYS: u32 = 36_500;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list_tenants, create_tenant))
        .routes(routes!(read_tenant, change_tenant))
        .routes(routes!(list_users))
}

impl Bounded for NewTenant {
    fn check(&self) -> Result<(), Problem> {
        bounds::name("name", &self.name)
    }
}

impl Bounded for TenantChange {
    fn check(&self) -> Result<(), Problem> {
        self.name.as_deref().map_or(Ok(()), |name| bounds::name("name", name))?;
        if self.retention_days.is_some_and(|days| days > MAX_RETENTION_DAYS) {
            return Err(Problem::invalid(format!("retention_days must be at most {MAX_RETENTION_DAYS}")));
        }
        let origins = self.allowed_origins.as_deref().unwrap_or_default();
        if origins.len() > MAX_ORIGINS {
            return Err(Problem::invalid(format!("allowed_origins must be at most {MAX_ORIGINS}")));
        }
        origins.iter().try_for_each(|origin| bounds::origin("allowed_origins", origin))
    }
}

/// Tenants, newest first.
#[utoipa::path(get, path = "/admin/tenants", tag = "admin", params(PageParams),
    responses((status = OK, description = "A page of them", body = List<Tenant>), Refused))]
async fn list_tenants(
    State(api): State<ApiState>,
    who: Administrator,
    Params(page): Params<PageParams>,
) -> Answer<List<Tenant>> {
    Ok(Json(api.store.tenants(&who, page.request()?).await?.into()))
}

/// Makes a tenant.
#[utoipa::path(post, path = "/admin/tenants", tag = "admin", request_body = NewTenant,
    responses((status = CREATED, description = "As it was made", body = Tenant, headers(("Location", description = "Where it is"))), Refused, Rejected))]
async fn create_tenant(State(api): State<ApiState>, who: Administrator, Body(new): Body<NewTenant>) -> Made<Tenant> {
    let tenant = api.store.create_tenant(&who, &new).await?;
    made("admin/tenants", tenant.id, tenant)
}

/// A tenant.
#[utoipa::path(get, path = "/admin/tenants/{id}", tag = "admin", params(("id" = TenantId, Path)),
    responses((status = OK, description = "As it is now", body = Tenant), Refused, Missing))]
async fn read_tenant(State(api): State<ApiState>, who: Administrator, Id(tenant): Id<TenantId>) -> Answer<Tenant> {
    Ok(Json(api.store.tenant(&who, tenant).await?))
}

/// Changes a tenant; what is not named stays.
#[utoipa::path(patch, path = "/admin/tenants/{id}", tag = "admin", params(("id" = TenantId, Path)),
    request_body = TenantChange, responses((status = OK, description = "As it is now", body = Tenant), Refused, Missing, Rejected))]
async fn change_tenant(
    State(api): State<ApiState>,
    who: Administrator,
    Id(tenant): Id<TenantId>,
    Body(change): Body<TenantChange>,
) -> Answer<Tenant> {
    Ok(Json(api.store.change_tenant(&who, tenant, &change).await?))
}

/// The users of a tenant, newest first.
#[utoipa::path(get, path = "/admin/tenants/{id}/users", tag = "admin", params(("id" = TenantId, Path), PageParams),
    responses((status = OK, description = "A page of them", body = List<UserProfile>), Refused, Missing))]
async fn list_users(
    State(api): State<ApiState>,
    who: Administrator,
    Id(tenant): Id<TenantId>,
    Params(page): Params<PageParams>,
) -> Answer<List<UserProfile>> {
    Ok(Json(api.store.users(&who, tenant, page.request()?).await?.into()))
}

//! Customers of a tenant.

use super::columns::begin;
use super::pools::ApiPool;
use super::refusal::refused;
use super::transaction::TenantTx;
use crate::principal::Principal;
use crate::store::{Client, ClientFields, Cursor, Page, PageRequest, StoreError, Stored};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

const LIST: &str = "select id, name, phone, email, notes, created_at from clients \
    where tenant_id = $1 and (created_at, id) < (coalesce($2, 'infinity'), $3) \
    order by created_at desc, id desc limit $4";
const ONE: &str = "select id, name, phone, email, notes, created_at from clients where tenant_id = $1 and id = $2";
const CREATE: &str = "insert into clients (tenant_id, id, name, phone, email, notes) values ($1, $2, $3, $4, $5, $6) \
    returning id, name, phone, email, notes, created_at";
const UPDATE: &str = "update clients set name = $3, phone = $4, email = $5, notes = $6 where tenant_id = $1 and id = $2 \
    returning id, name, phone, email, notes, created_at";
const DELETE: &str = "delete from clients where tenant_id = $1 and id = $2";

const MISSING: StoreError = StoreError::NotFound { what: "client" };

fn client(row: PgRow) -> sqlx::Result<Client> {
    let fields = ClientFields {
        name: row.try_get("name")?,
        phone: row.try_get("phone")?,
        email: row.try_get("email")?,
        notes: row.try_get("notes")?,
    };
    Ok(Client { id: row.try_get("id")?, fields, created_at: row.try_get("created_at")? })
}

pub(super) async fn list(api: ApiPool, who: Principal, page: PageRequest) -> Stored<Page<Client>> {
    let mut tx = TenantTx::read(&api, who).await?;
    let (before, before_id) = begin(page);
    let query = sqlx::query(LIST).bind(tx.tenant()).bind(before).bind(before_id).bind(page.fetch_rows());
    let rows = query.try_map(client).fetch_all(&mut *tx).await.map_err(refused)?;
    Ok(Page::of(rows, page, |client| Cursor { at: client.created_at, id: client.id }))
}

pub(super) async fn one(api: ApiPool, who: Principal, id: Uuid) -> Stored<Client> {
    let mut tx = TenantTx::read(&api, who).await?;
    let query = sqlx::query(ONE).bind(tx.tenant()).bind(id);
    query.try_map(client).fetch_optional(&mut *tx).await.map_err(refused)?.ok_or(MISSING)
}

pub(super) async fn create(api: ApiPool, who: Principal, fields: ClientFields) -> Stored<Client> {
    store(CREATE, api, who, Uuid::now_v7(), fields).await
}

pub(super) async fn update(api: ApiPool, who: Principal, id: Uuid, fields: ClientFields) -> Stored<Client> {
    store(UPDATE, api, who, id, fields).await
}

async fn store(sql: &'static str, api: ApiPool, who: Principal, id: Uuid, fields: ClientFields) -> Stored<Client> {
    let mut tx = TenantTx::write(&api, who).await?;
    let query = sqlx::query(sql).bind(tx.tenant()).bind(id).bind(fields.name).bind(fields.phone);
    let query = query.bind(fields.email).bind(fields.notes);
    let stored = query.try_map(client).fetch_optional(&mut *tx).await.map_err(refused)?.ok_or(MISSING)?;
    tx.commit().await?;
    Ok(stored)
}

pub(super) async fn delete(api: ApiPool, who: Principal, id: Uuid) -> Stored<()> {
    let mut tx = TenantTx::write(&api, who).await?;
    let query = sqlx::query(DELETE).bind(tx.tenant()).bind(id);
    if query.execute(&mut *tx).await.map_err(refused)?.rows_affected() == 0 {
        return Err(MISSING);
    }
    tx.commit().await
}

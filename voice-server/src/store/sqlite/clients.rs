//! Clients of a tenant.

use super::columns::{Columns, begin};
use super::database::Database;
use super::refusal::refused;
use crate::principal::Principal;
use crate::store::{Client, ClientFields, Cursor, Page, PageRequest, StoreError, Stored};
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

const LIST: &str = "SELECT id, name, phone, email, notes, created_at FROM clients \
    WHERE tenant_id = ?1 AND (created_at, id) < (?2, ?3) ORDER BY created_at DESC, id DESC LIMIT ?4";
const ONE: &str = "SELECT id, name, phone, email, notes, created_at FROM clients WHERE tenant_id = ?1 AND id = ?2";
const CREATE: &str = "INSERT INTO clients (tenant_id, id, name, phone, email, notes) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
    RETURNING id, name, phone, email, notes, created_at";
const UPDATE: &str = "UPDATE clients SET name = ?3, phone = ?4, email = ?5, notes = ?6 \
    WHERE tenant_id = ?1 AND id = ?2 RETURNING id, name, phone, email, notes, created_at";
const DELETE: &str = "DELETE FROM clients WHERE tenant_id = ?1 AND id = ?2";

const MISSING: StoreError = StoreError::NotFound { what: "client" };

fn client(row: SqliteRow) -> sqlx::Result<Client> {
    let fields = ClientFields {
        name: row.get_as("name")?,
        phone: row.get_as("phone")?,
        email: row.get_as("email")?,
        notes: row.get_as("notes")?,
    };
    Ok(Client { id: row.get_as("id")?, fields, created_at: row.time("created_at")? })
}

pub(super) async fn list(db: Database, who: Principal, page: PageRequest) -> Stored<Page<Client>> {
    let mut tx = db.read().await?;
    let (before, before_id) = begin(page);
    let query = sqlx::query(LIST).bind(who.tenant().0).bind(before).bind(before_id).bind(page.fetch_rows());
    let rows = query.try_map(client).fetch_all(&mut *tx).await.map_err(refused)?;
    Ok(Page::of(rows, page, |client| Cursor { at: client.created_at, id: client.id }))
}

pub(super) async fn one(db: Database, who: Principal, id: Uuid) -> Stored<Client> {
    let mut tx = db.read().await?;
    let query = sqlx::query(ONE).bind(who.tenant().0).bind(id);
    query.try_map(client).fetch_optional(&mut *tx).await.map_err(refused)?.ok_or(MISSING)
}

pub(super) async fn create(db: Database, who: Principal, fields: ClientFields) -> Stored<Client> {
    store(db, CREATE, who, Uuid::now_v7(), fields).await
}

pub(super) async fn update(db: Database, who: Principal, id: Uuid, fields: ClientFields) -> Stored<Client> {
    store(db, UPDATE, who, id, fields).await
}

async fn store(db: Database, sql: &'static str, who: Principal, id: Uuid, fields: ClientFields) -> Stored<Client> {
    let mut tx = db.write_for_user().await?;
    let query = sqlx::query(sql).bind(who.tenant().0).bind(id);
    let query = query.bind(fields.name).bind(fields.phone).bind(fields.email).bind(fields.notes);
    let stored = query.try_map(client).fetch_optional(&mut *tx).await.map_err(refused)?.ok_or(MISSING)?;
    tx.commit().await.map_err(refused)?;
    Ok(stored)
}

pub(super) async fn delete(db: Database, who: Principal, id: Uuid) -> Stored<()> {
    let mut tx = db.write_for_user().await?;
    let query = sqlx::query(DELETE).bind(who.tenant().0).bind(id);
    if query.execute(&mut *tx).await.map_err(refused)?.rows_affected() == 0 {
        return Err(MISSING);
    }
    tx.commit().await.map_err(refused)
}

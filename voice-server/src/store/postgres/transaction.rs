//! Transactions that act for somebody.
//!
//! Invariant: before its first statement the database knows in which role and for whom. Both end with the transaction.

use super::pools::ApiPool;
use super::refusal::refused;
use crate::principal::{Principal, TenantId, UserId};
use crate::store::Stored;
use sqlx::{PgConnection, PgPool, Postgres, Transaction};
use std::ops::{Deref, DerefMut};
use uuid::Uuid;

const ACT_AS: &str = "select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)";

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// To read, all of it at one instant. Dropping it ends it.
    Read,
    /// To write; dropping it takes everything back.
    Write,
}

impl Access {
    fn begin(self) -> &'static str {
        match self {
            Self::Read => "begin isolation level repeatable read read only",
            Self::Write => "begin",
        }
    }
}

/// A transaction in a role.
#[derive(Debug)]
pub(super) struct Acting(Transaction<'static, Postgres>);

impl Acting {
    /// Only the pools begin one. `role` is one of theirs, never a word of a token.
    pub(super) async fn begin(pool: &PgPool, role: &'static str, claims: &str, access: Access) -> Stored<Self> {
        let mut transaction = pool.begin_with(access.begin()).await.map_err(refused)?;
        sqlx::query(ACT_AS).bind(role).bind(claims).execute(&mut *transaction).await.map_err(refused)?;
        Ok(Self(transaction))
    }

    pub(super) async fn commit(self) -> Stored<()> {
        self.0.commit().await.map_err(refused)
    }
}

impl Deref for Acting {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.0
    }
}

impl DerefMut for Acting {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}

/// A transaction of a user: the only way to a statement about a tenant's rows on behalf of one.
#[derive(Debug)]
pub(super) struct TenantTx {
    acting: Acting,
    who: Principal,
}

impl TenantTx {
    /// To read.
    pub(super) async fn read(api: &ApiPool, who: Principal) -> Stored<Self> {
        Ok(Self { acting: api.begin(who.user(), Access::Read).await?, who })
    }

    /// To write.
    pub(super) async fn write(api: &ApiPool, who: Principal) -> Stored<Self> {
        Ok(Self { acting: api.begin(who.user(), Access::Write).await?, who })
    }

    /// The tenant, which every statement names besides the policies.
    pub(super) fn tenant(&self) -> Uuid {
        let TenantId(tenant) = self.who.tenant();
        tenant
    }

    /// The user.
    pub(super) fn user(&self) -> Uuid {
        let UserId(user) = self.who.user();
        user
    }

    pub(super) async fn commit(self) -> Stored<()> {
        self.acting.commit().await
    }
}

impl Deref for TenantTx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.acting
    }
}

impl DerefMut for TenantTx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.acting
    }
}

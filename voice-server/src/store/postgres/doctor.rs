//! Whether a database is fit to be served from: what a wrong login or an old schema would only show once it is too late.
//!
//! Invariant: it reads the catalogs and changes nothing, and says all that it finds at once.

use super::refusal::refused;
use super::transaction::{Access, Acting};
use super::{ApiPool, PgStore, WorkerPool};
use crate::db::SCHEMA;
use crate::principal::UserId;
use crate::store::{StoreError, Stored};
use sqlx::Row;
use sqlx::postgres::PgRow;
use std::fmt;
use uuid::Uuid;

/// Of whoever logged in, not of the role that they act in.
const LOGIN: &str = "select r.rolname::text as login, r.rolsuper as superuser, \
        exists (select from pg_roles b where b.rolbypassrls and b.rolname <> 'service_role' \
            and pg_has_role(r.oid, b.oid, 'member')) as bypasses, \
        (select min(c.oid::regclass::text) from pg_class c where c.relnamespace in ( \
                select oid from pg_namespace where nspname in ('public', 'app')) \
            and pg_has_role(r.oid, c.relowner, 'member')) as owned, \
        pg_has_role(r.oid, 'service_role', 'member') as serves \
    from pg_roles r where r.rolname = session_user";
const UNGUARDED: &str = "select c.oid::regclass::text from pg_class c \
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relrowsecurity order by 1";
/// As this server would record it, and as it is recorded.
const SCHEMAS: &str = "select encode(sha256(convert_to($1, 'UTF8')), 'hex'), hash from app.schema_version";
/// What the schema records of itself where nobody says which text it is.
const BY_HAND: &str = "applied by hand";

/// One thing that is wrong with a database, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Finding {
    /// No policy binds it.
    #[error("the login {login} is a superuser, whom no policy binds: connect as the logins that db apply makes")]
    Superuser {
        /// Whose address to change.
        login: String,
    },
    /// No policy binds it either.
    #[error(
        "the login {login} bypasses row-level security: alter role {login} nobypassrls, and take it out of roles that do"
    )]
    Bypasses {
        /// Which.
        login: String,
    },
    /// An owner can take the policies away.
    #[error("the login {login} owns {table}: tables belong to whoever runs db apply, and nobody serves as that")]
    Owner {
        /// Which.
        login: String,
        /// What it owns, or may as a member of the owner.
        table: String,
    },
    /// One injected statement would be all that it takes.
    #[error(
        "the API's login {login} can become service_role, which sees every tenant: revoke service_role from {login}"
    )]
    Serves {
        /// Which.
        login: String,
    },
    /// The roles are missing, or the login is another's.
    #[error("the login of {variable} cannot act as {role}: run db apply, and connect as the login that it makes")]
    CannotAct {
        /// Whose address to change.
        variable: &'static str,
        /// As whom.
        role: &'static str,
    },
    /// Whoever has a grant sees all of it.
    #[error("the table {table} has no row-level security: alter table {table} enable row level security")]
    Unguarded {
        /// Which.
        table: String,
    },
    /// The tables are not those that this server knows.
    #[error("the database has another schema than this server: run db apply")]
    OtherSchema,
    /// The tables may be those, but nobody can tell.
    #[error("the schema was last applied by hand, which does not record which it is: run db apply once")]
    SchemaByHand,
}

/// Why a database is not served from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DoctorError {
    /// It is not fit: one sentence for each reason.
    #[error("{}", Sentences(.0))]
    Unfit(Vec<Finding>),
    /// It could not be examined.
    #[error(transparent)]
    Store(#[from] StoreError),
}

struct Sentences<'a>(&'a [Finding]);

impl fmt::Display for Sentences<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentences: Vec<_> = self.0.iter().map(Finding::to_string).collect();
        out.write_str(&sentences.join("\n"))
    }
}

/// Examines the logins of the store and its database, as they are now.
///
/// # Errors
/// [`DoctorError::Unfit`] with all that is wrong.
pub async fn doctor(store: &PgStore) -> Result<(), DoctorError> {
    let mut findings = examine_api(&store.api).await?;
    findings.extend(examine_worker(&store.worker).await?);
    if findings.is_empty() { Ok(()) } else { Err(DoctorError::Unfit(findings)) }
}

async fn examine_api(api: &ApiPool) -> Stored<Vec<Finding>> {
    let Some(mut acting) = acts(api.begin(UserId(Uuid::nil()), Access::Read).await)? else {
        return Ok(vec![Finding::CannotAct { variable: "DATABASE_URL", role: "authenticated" }]);
    };
    let login = login(&mut acting).await?;
    let mut findings = login.findings();
    if login.serves && !login.superuser {
        findings.push(Finding::Serves { login: login.name });
    }
    let tables: Vec<String> = sqlx::query_scalar(UNGUARDED).fetch_all(&mut *acting).await.map_err(refused)?;
    findings.extend(tables.into_iter().map(|table| Finding::Unguarded { table }));
    Ok(findings)
}

async fn examine_worker(worker: &WorkerPool) -> Stored<Vec<Finding>> {
    let Some(mut acting) = acts(worker.begin(Access::Read).await)? else {
        return Ok(vec![Finding::CannotAct { variable: "DATABASE_WORKER_URL", role: "service_role" }]);
    };
    let mut findings = login(&mut acting).await?.findings();
    let schemas = sqlx::query_as::<_, (String, String)>(SCHEMAS).bind(SCHEMA).fetch_optional(&mut *acting).await;
    findings.extend(match schemas.map_err(refused) {
        Ok(Some((own, recorded))) if recorded == own => None,
        Ok(Some((_, recorded))) if recorded == BY_HAND => Some(Finding::SchemaByHand),
        // Without the table, or without the right to read it, it is another schema all the same.
        Ok(_) | Err(StoreError::Database(_)) => Some(Finding::OtherSchema),
        Err(error) => return Err(error),
    });
    Ok(findings)
}

/// The transaction, or `None` if the login may not act so.
fn acts(begun: Stored<Acting>) -> Stored<Option<Acting>> {
    match begun {
        Ok(acting) => Ok(Some(acting)),
        Err(error @ StoreError::Unavailable(_)) => Err(error),
        Err(_) => Ok(None),
    }
}

/// What a login may.
struct Login {
    name: String,
    superuser: bool,
    bypasses: bool,
    owned: Option<String>,
    serves: bool,
}

impl Login {
    /// What no login of the server may.
    fn findings(&self) -> Vec<Finding> {
        let login = self.name.clone();
        if self.superuser {
            return vec![Finding::Superuser { login }];
        }
        let mut findings = vec![];
        if self.bypasses {
            findings.push(Finding::Bypasses { login: login.clone() });
        }
        if let Some(table) = self.owned.clone() {
            findings.push(Finding::Owner { login, table });
        }
        findings
    }
}

async fn login(acting: &mut Acting) -> Stored<Login> {
    let read = |row: PgRow| {
        Ok(Login {
            name: row.try_get("login")?,
            superuser: row.try_get("superuser")?,
            bypasses: row.try_get("bypasses")?,
            owned: row.try_get("owned")?,
            serves: row.try_get("serves")?,
        })
    };
    sqlx::query(LOGIN).try_map(read).fetch_one(&mut **acting).await.map_err(refused)
}

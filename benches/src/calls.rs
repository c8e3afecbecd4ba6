//! A database full of calls, in the PostgreSQL of `VOICE_TEST_POSTGRES_URL`.

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::error::Error;
use std::str::FromStr;
use url::Url;
use uuid::Uuid;
use voice_server::db::{DatabaseUrl, LoginPasswords, apply};
use voice_server::store::{PgConfig, PgStore, SystemStore};
use voice_server::{Principal, Role, TenantId, UserId};

/// Tenants beside the large one, each with a hundredth of its calls.
const SMALL_TENANTS: usize = 20;

/// Foreign keys are right by construction, and checking each would take minutes.
const WITHOUT_TRIGGERS: &str = "set session_replication_role = replica";
const FILL: &str = "insert into calls (id, tenant_id, user_id, run, status, end_reason, started_at, ended_at, duration_ms, \
        turns, barge_ins, resumes, voice_to_voice_p50_ms, utterances, cost_micros, currency) \
    select gen_random_uuid(), $1, $2, $3, 'ended', 'hung_up', now() - n * interval '1 minute', \
        now() - n * interval '1 minute' + interval '40 seconds', 40000, 6, 1, 1, 600 + n % 200, 12, 30000, 'EUR' \
    from generate_series(1, $4) as n";

/// A database with the schema, removed by [`CallsDatabase::remove`].
pub struct CallsDatabase {
    server: Url,
    url: Url,
    name: String,
}

impl CallsDatabase {
    /// An empty one.
    ///
    /// # Errors
    /// If there is no PostgreSQL, with a sentence that says what to do.
    pub async fn create() -> Result<Self, Box<dyn Error>> {
        let server = std::env::var("VOICE_TEST_POSTGRES_URL")
            .map_err(|_| "VOICE_TEST_POSTGRES_URL is not set: run scripts/postgres run -- COMMAND")?;
        let server = Url::parse(&server)?;
        let name = format!("voice_bench_{}", Uuid::now_v7().simple());
        run(&server, format!("create database {name} template template0")).await?;
        let mut url = server.clone();
        url.set_path(&name);
        apply(&DatabaseUrl::parse(url.as_str())?, &LoginPasswords::default()).await?;
        Ok(Self { server, url, name })
    }

    /// The store in it.
    ///
    /// # Errors
    /// If it does not open.
    pub async fn store(&self) -> Result<PgStore, Box<dyn Error>> {
        Ok(PgStore::connect(&self.config()?).await?)
    }

    /// How a store reaches it.
    ///
    /// # Errors
    /// If an address is none.
    pub fn config(&self) -> Result<PgConfig, Box<dyn Error>> {
        let [api, worker] = ["voice_api", "voice_worker"].map(|login| self.as_login(login));
        Ok(PgConfig::new(DatabaseUrl::parse(&api?)?, DatabaseUrl::parse(&worker?)?))
    }

    fn as_login(&self, login: &str) -> Result<String, Box<dyn Error>> {
        let mut url = self.url.clone();
        url.set_username(login).map_err(|()| "the address of PostgreSQL takes no user")?;
        Ok(url.into())
    }

    /// With whom the superuser connects, whom no policy binds.
    ///
    /// # Errors
    /// If the address is none.
    pub fn superuser(&self) -> Result<PgConnectOptions, Box<dyn Error>> {
        Ok(PgConnectOptions::from_str(self.url.as_str())?)
    }

    /// A user of a tenant with `calls` calls, among small tenants.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn fill(&self, store: &PgStore, calls: i64) -> Result<Principal, Box<dyn Error>> {
        let mut admin = PgConnection::connect_with(&self.superuser()?).await?;
        sqlx::query(WITHOUT_TRIGGERS).execute(&mut admin).await?;
        let large = tenant(store, &mut admin, calls).await?;
        for _ in 0..SMALL_TENANTS {
            tenant(store, &mut admin, calls / 100).await?;
        }
        sqlx::raw_sql("vacuum analyze calls").execute(&mut admin).await?;
        Ok(large)
    }

    /// Removes it.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub async fn remove(self) -> Result<(), Box<dyn Error>> {
        run(&self.server, format!("drop database {} with (force)", self.name)).await
    }
}

async fn tenant(store: &PgStore, admin: &mut PgConnection, calls: i64) -> Result<Principal, Box<dyn Error>> {
    let (tenant, user) = (TenantId(Uuid::now_v7()), UserId(Uuid::now_v7()));
    store.ensure_development(tenant, user, Role::Member).await?;
    sqlx::query(FILL).bind(tenant.0).bind(user.0).bind(Uuid::nil()).bind(calls).execute(admin).await?;
    Ok(store.standing(user).await?.ok_or("the user has no profile")?.principal)
}

async fn run(server: &Url, statement: String) -> Result<(), Box<dyn Error>> {
    let mut connection = PgConnection::connect_with(&PgConnectOptions::from_str(server.as_str())?).await?;
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

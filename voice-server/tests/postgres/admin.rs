//! The first tenant and the first platform administrator of a deployment.

use super::postgres_support::{self, TestDatabase, command};
use serde_json::json;
use sqlx::AssertSqlSafe;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use uuid::Uuid;
use voice_server::db::{DatabaseUrl, LoginPasswords, apply};

const SECRET: &str = "a-secret-of-a-project-that-is-long-enough";
const ISSUER: &str = "https://project.supabase.co/auth/v1";

fn appoint(url: &str, user: Uuid, rest: &[&str]) -> (Option<i32>, String, String) {
    let user = user.to_string();
    let arguments = [&["db", "admin", "--user", &user][..], rest].concat();
    command(&arguments, &[("DATABASE_ADMIN_URL", url)])
}

/// Every row that the command could make or change.
async fn rows(database: &TestDatabase) -> Vec<String> {
    let all = "select t::text from tenants t union all select u::text from user_profiles u
        union all select u::text from auth.users u union all select a::text from app.audit_log a order by 1";
    sqlx::query_scalar(all).fetch_all(&mut database.admin().await).await.unwrap()
}

/// What is recorded of administrators, in order.
async fn deeds(database: &TestDatabase) -> Vec<(Uuid, String, Option<Uuid>, String)> {
    let deeds = "select user_id, action, subject, detail ->> 'by' from app.audit_log order by id";
    sqlx::query_as(deeds).fetch_all(&mut database.admin().await).await.unwrap()
}

/// A server for real callers, ended with the test.
struct Production {
    server: Child,
    address: String,
    _data: tempfile::TempDir,
}

impl Production {
    fn serve(database: &TestDatabase) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_voice-server"));
        command.env_clear().env("ENVIRONMENT", "production").env("VOICE_DATA_DIR", data.path());
        command.env("SUPABASE_JWT_SECRET", SECRET).env("SUPABASE_JWT_ISSUER", ISSUER);
        command.env("DATABASE_URL", database.api_url()).env("DATABASE_WORKER_URL", database.worker_url());
        command.args(["serve", "--listen", "127.0.0.1:0", "--models", "/nowhere/at/all"]);
        let mut server = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").expect("where it listens").to_owned();
        Self { server, address, _data: data }
    }

    /// What it answers to `user`, who asks for every tenant.
    fn tenants(&self, user: Uuid) -> String {
        let exp = jsonwebtoken::get_current_timestamp() + 600;
        let claims = json!({ "iss": ISSUER, "aud": "authenticated", "role": "authenticated", "sub": user, "exp": exp });
        let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
        let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap();
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = "GET /v1/admin/tenants HTTP/1.1\r\nHost: x\r\nConnection: close";
        write!(stream, "{head}\r\nAuthorization: Bearer {token}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Production {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[tokio::test]
async fn whoever_is_appointed_administers_a_server_in_production_and_nobody_else() {
    let (database, user) = (TestDatabase::new().await, Uuid::now_v7());
    let url = database.admin_url();
    let (code, said, error) = appoint(&url, user, &["--tenant", "Acme", "--plan", "team"]);
    assert!(code == Some(0) && said.contains(&format!("{user} is a platform administrator now")), "{said}{error}");
    assert_eq!(
        deeds(&database).await,
        [("tenant.create", None), ("user.create", Some(user))].map(|(action, subject)| (
            user,
            action.to_owned(),
            subject,
            "voice-server db admin".to_owned()
        ))
    );
    let server = Production::serve(&database);
    let answer = server.tenants(user);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"Acme\""), "{answer}");
    assert!(server.tenants(Uuid::now_v7()).starts_with("HTTP/1.1 401"), "a token alone is nobody");
}

#[tokio::test]
async fn what_is_so_already_is_said_and_nothing_changes() {
    let (database, user) = (TestDatabase::new().await, Uuid::now_v7());
    let url = database.admin_url();
    assert_eq!(appoint(&url, user, &["--tenant", "Acme"]).0, Some(0));
    let before = rows(&database).await;
    assert_eq!(before.len(), 5, "{before:?}");
    let tenant: Uuid =
        sqlx::query_scalar("select id from tenants").fetch_one(&mut database.admin().await).await.unwrap();
    for tenant in ["Acme", &tenant.to_string()] {
        let (code, said, error) = appoint(&url, user, &["--tenant", tenant, "--plan", "starter"]);
        assert!(code == Some(0) && said.contains("is a platform administrator already"), "{said}{error}");
    }
    assert_eq!(rows(&database).await, before);
}

#[tokio::test]
async fn a_member_is_promoted_and_what_is_somebody_elses_is_refused() {
    let (database, user) = (TestDatabase::new().await, Uuid::now_v7());
    let url = database.admin_url();
    assert_eq!(appoint(&url, user, &["--tenant", "Acme"]).0, Some(0));
    let mut admin = database.admin().await;
    sqlx::query("update user_profiles set role = 'member'").execute(&mut admin).await.unwrap();
    assert_eq!(appoint(&url, user, &["--tenant", "Acme"]).0, Some(0));
    let role: String = sqlx::query_scalar("select role from user_profiles").fetch_one(&mut admin).await.unwrap();
    assert_eq!(role, "platform_admin");
    let before = rows(&database).await;
    let nobody = Uuid::now_v7().to_string();
    for (rest, named) in [
        (&["--tenant", "Other"][..], "of another tenant"),
        (&["--tenant", "Acme", "--plan", "team"], "is on the plan starter"),
        (&["--tenant", &nobody], "no tenant of this id"),
    ] {
        let (code, said, error) = appoint(&url, user, rest);
        assert!(code == Some(1) && error.contains(named), "{said}{error}");
    }
    let (code, _, error) = appoint(&url, Uuid::now_v7(), &["--tenant", "New", "--plan", "gold"]);
    assert!(code == Some(1) && error.contains("starter, team, scale"), "{error}");
    assert_eq!(rows(&database).await, before);
    let empty = TestDatabase::empty().await;
    let (code, _, error) = appoint(&empty.admin_url(), user, &["--tenant", "Acme"]);
    assert!(code == Some(1) && error.contains("db apply` first"), "{error}");
}

#[tokio::test]
async fn where_accounts_are_kept_elsewhere_the_user_has_one_first() {
    let (database, user) = (TestDatabase::empty().await, Uuid::now_v7());
    let mut admin = database.admin().await;
    // As a project of Supabase has it before the schema comes.
    let accounts = "create schema auth; create table auth.users (id uuid primary key, email text)";
    sqlx::raw_sql(accounts).execute(&mut admin).await.unwrap();
    apply(&DatabaseUrl::parse(&database.admin_url()).unwrap(), &LoginPasswords::default()).await.unwrap();
    let (code, _, error) = appoint(&database.admin_url(), user, &["--tenant", "Acme"]);
    assert!(code == Some(1) && error.contains("signs up first"), "{error}");
    assert_eq!(rows(&database).await, [""; 0], "nor is there a tenant");
    sqlx::query("insert into auth.users (id) values ($1)").bind(user).execute(&mut admin).await.unwrap();
    assert_eq!(appoint(&database.admin_url(), user, &["--tenant", "Acme"]).0, Some(0));
}

#[tokio::test]
async fn an_owner_who_is_no_superuser_appoints_too_and_is_bound_again_afterwards() {
    // Roles are of the whole cluster, and stay longer than this owner.
    drop(TestDatabase::new().await);
    let database = TestDatabase::empty().await;
    let mut admin = database.admin().await;
    let name: String = sqlx::query_scalar("select current_database()::text").fetch_one(&mut admin).await.unwrap();
    let owner = format!("owner_{name}");
    let grants = format!(
        "create role {owner} login createrole; alter database {name} owner to {owner}; alter schema public owner to {owner}"
    );
    sqlx::raw_sql(AssertSqlSafe(grants)).execute(&mut admin).await.unwrap();
    let url = database.url_of(&owner);
    apply(&DatabaseUrl::parse(&url).unwrap(), &LoginPasswords::default()).await.unwrap();
    let user = Uuid::now_v7();
    for when in ["now", "already"] {
        let (code, said, error) = appoint(&url, user, &["--tenant", "Acme"]);
        assert!(code == Some(0) && said.contains(when), "{said}{error}");
    }
    let unforced = "select count(*) from pg_class where relkind = 'r' and relrowsecurity and not relforcerowsecurity";
    let unforced: i64 = sqlx::query_scalar(unforced).fetch_one(&mut admin).await.unwrap();
    assert_eq!(unforced, 1, "of user_profiles alone, as the schema says");
    let done = format!("drop database {name} with (force); drop role {owner}");
    let mut elsewhere = postgres_support::connect(&database.admin_url().replace(&name, "postgres")).await;
    drop(admin);
    for statement in done.split(';') {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut elsewhere).await.unwrap();
    }
}

#[tokio::test]
async fn the_logins_that_serve_make_no_administrator() {
    let (database, user) = (TestDatabase::new().await, Uuid::now_v7().to_string());
    let (url, worker_url) = (database.api_url(), database.worker_url());
    let arguments = ["db", "admin", "--user", &user, "--tenant", "Acme"];
    let (code, _, error) = command(&arguments, &[("DATABASE_URL", &url), ("DATABASE_WORKER_URL", &worker_url)]);
    assert!(code == Some(1) && error.contains("set DATABASE_ADMIN_URL"), "{error}");
    let (code, _, error) = command(&arguments, &[("DATABASE_ADMIN_URL", &url)]);
    assert!(code == Some(1) && error.contains("nothing was changed"), "{error}");
    assert_eq!(rows(&database).await, [""; 0]);
}

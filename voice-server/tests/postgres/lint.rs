//! What the catalog must say, whatever the schema becomes.

use super::postgres_support::TestDatabase;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Each row says what is wrong, and of what.
const LINT: &str = r"
    with tables as (
        select oid, oid::regclass::text as name, relrowsecurity, relforcerowsecurity, relacl from pg_class
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')),
    tenant_columns as (
        select attrelid, attnum from pg_attribute where attname = 'tenant_id' and attrelid in (select oid from tables)),
    policies as (
        select *, polrelid::regclass::text || '.' || polname as name,
            concat_ws(' ', pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) as expression
        from pg_policy)
    select 'no row-level security: ' || name from tables where not relrowsecurity
    union all select 'not forced upon its owner: ' || name from tables
        where not relforcerowsecurity and name <> 'user_profiles'
    union all select 'no policy: ' || name from tables t where not exists (select from pg_policy where polrelid = t.oid)
    union all select 'for everybody: ' || name from policies
        where 0 = any (polroles) and polrelid <> 'plans'::regclass
    union all select 'lets rows in unchecked: ' || name from policies where polcmd in ('*', 'a', 'w') and polwithcheck is null
    union all select 'called for every row: ' || name from policies
        where regexp_replace(expression, '\( SELECT (auth|app)\.\w+\(\) AS \w+\)', '', 'g') ~ '\m(auth|app)\.'
    union all select 'no tenant in the foreign key: ' || conrelid::regclass || '.' || conname from pg_constraint c
        where contype = 'f' and confrelid in (select attrelid from tenant_columns)
        and exists (select from tenant_columns t where t.attrelid = c.conrelid and not t.attnum = any (c.conkey))
    union all select 'no index led by the tenant: ' || attrelid::regclass from tenant_columns t
        where not exists (select from pg_index i where i.indrelid = t.attrelid and i.indkey[0] = t.attnum)
    union all select 'no search_path: ' || oid::regprocedure from pg_proc
        where pronamespace in ('public'::regnamespace, 'app'::regnamespace) and prosecdef
        and not coalesce(array_to_string(proconfig, ',') ~ 'search_path=', false)
    union all select 'executable by everybody: ' || oid::regprocedure from pg_proc
        where pronamespace in ('public'::regnamespace, 'app'::regnamespace) and prosecdef
        and (proacl is null or exists (select from aclexplode(proacl) where grantee = 0))
    union all select distinct 'granted to everybody or anon: ' || t.name from tables t, aclexplode(t.relacl) a
        where a.grantee in (0, to_regrole('anon')) and not (t.name = 'plans' and a.privilege_type = 'SELECT')
    union all select distinct 'granted to everybody or anon: ' || t.name || '.' || c.attname
        from tables t join pg_attribute c on c.attrelid = t.oid, aclexplode(c.attacl) a
        where a.grantee in (0, to_regrole('anon'))
    union all select 'a view that looks as its owner: ' || oid::regclass from pg_class
        where relnamespace = 'public'::regnamespace and (relkind = 'm' or relkind = 'v'
            and not coalesce(array_to_string(reloptions, ',') ~ 'security_invoker=(true|on|1)', false))
    order by 1";

async fn lint(connection: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar(LINT).fetch_all(connection).await.unwrap()
}

#[tokio::test]
async fn the_catalog_is_clean() {
    let database = TestDatabase::new().await;
    assert_eq!(lint(&mut database.admin().await).await, Vec::<String>::new());
}

#[tokio::test]
async fn whatever_is_wrong_with_a_table_is_named() {
    let database = TestDatabase::new().await;
    let mut admin = database.admin().await;
    for (statement, named) in [
        (
            "create table bad (id int)",
            &["no policy: bad", "no row-level security: bad", "not forced upon its owner: bad"][..],
        ),
        ("alter table leads disable row level security", &["no row-level security: leads"]),
        ("alter table leads no force row level security", &["not forced upon its owner: leads"]),
        ("drop policy calls_own on calls; drop policy service on calls", &["no policy: calls"]),
        ("create policy bad on calls for select using (false)", &["for everybody: calls.bad"]),
        (
            "create policy bad on calls to authenticated using (tenant_id = app.current_tenant_id()) with check (true)",
            &["called for every row: calls.bad"],
        ),
        (
            "create policy bad on calls for select to authenticated using (auth.role() = 'service_role')",
            &["called for every row: calls.bad"],
        ),
        (
            "create policy bad on calls for update to authenticated using (tenant_id = (select app.current_tenant_id()))",
            &["lets rows in unchecked: calls.bad"],
        ),
        (
            "alter table leads add unique (id); alter table calls add column campaign_id uuid, add unique (id), \
             add constraint bad foreign key (lead_id) references leads (id)",
            &["no tenant in the foreign key: calls.bad"],
        ),
        ("drop index transcripts_of_day", &["no index led by the tenant: transcripts"]),
        (
            "create function app.bad() returns int language sql security definer return 1; \
             revoke execute on function app.bad() from public",
            &["no search_path: app.bad()"],
        ),
        (
            "create function bad() returns int language sql security definer set search_path = '' return 1",
            &["executable by everybody: bad()"],
        ),
        ("grant select on calls to anon", &["granted to everybody or anon: calls"]),
        ("grant insert on plans to anon", &["granted to everybody or anon: plans"]),
        ("grant select on leads to public", &["granted to everybody or anon: leads"]),
        ("grant select (name) on tenants to anon", &["granted to everybody or anon: tenants.name"]),
        ("create view bad as select * from calls", &["a view that looks as its owner: bad"]),
        ("create view good with (security_invoker = true) as select * from calls", &[]),
    ] {
        let mut transaction = admin.begin().await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut *transaction).await.unwrap();
        assert_eq!(lint(&mut transaction).await, named, "{statement}");
        transaction.rollback().await.unwrap();
    }
}

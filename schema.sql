-- Tenants, their calls and what was said in them, for PostgreSQL 15 or newer and for Supabase.
--
-- Applied by `voice-server db apply`, which also records which text this is. A server serves from the schema that is recorded
-- and from no other: `psql -v ON_ERROR_STOP=1 -f schema.sql` makes the same tables, but takes that record away, and the next
-- start is refused until `voice-server db apply` has run once. Invariant: one transaction, one run at a time, and running it
-- again changes nothing but that record. The order is: roles, what Supabase has and plain Postgres lacks, tables, privileges,
-- policies. Privileges are given one by one, because Supabase gives every new table away. What a table gets
-- later is an `alter table … if not exists` below it, for the databases that have the table already.
--
-- Nothing here verifies a token. The server does, and then says who asks with `set_config('role', …)` and
-- `set_config('request.jwt.claims', …)` for one transaction.

begin;
set local client_min_messages = warning;
set local lock_timeout = '60s';
do $$ begin perform pg_advisory_xact_lock(hashtext('voice-server schema.sql')); end $$;
-- From here on: a table that is in use is not waited for while everybody else queues up behind.
set local lock_timeout = '5s';

-- Roles are of the whole cluster: another database's run may make the same ones at the same time.
do $$
begin
  if to_regrole('anon') is null then
    begin create role anon nologin noinherit; exception when duplicate_object or unique_violation then null; end;
  end if;
  if to_regrole('authenticated') is null then
    begin create role authenticated nologin noinherit; exception when duplicate_object or unique_violation then null; end;
  end if;
  if to_regrole('service_role') is null then
    begin
      create role service_role nologin noinherit bypassrls;
    exception
      when duplicate_object or unique_violation then null;
      -- Not everybody may give BYPASSRLS. The policies for service_role do without it.
      when insufficient_privilege then create role service_role nologin noinherit;
    end;
  end if;
  -- The server's logins. Without a password nobody gets in by one; `db apply` sets it, or an operator does.
  if to_regrole('voice_api') is null then
    begin create role voice_api login noinherit; exception when duplicate_object or unique_violation then null; end;
  end if;
  if to_regrole('voice_worker') is null then
    begin create role voice_worker login noinherit; exception when duplicate_object or unique_violation then null; end;
  end if;
end $$;

-- Both inherit nothing and become one of these for one transaction: who forgets to gets an error, not data. No login is both.
do $$
declare
  wanted record;
begin
  for wanted in
    select * from (values ('anon', 'voice_api'), ('authenticated', 'voice_api'), ('service_role', 'voice_worker'))
      as membership (role_name, login_name)
  loop
    if not exists (
      select from pg_auth_members
      where roleid = to_regrole(wanted.role_name) and member = to_regrole(wanted.login_name)
    ) then
      begin
        execute format('grant %I to %I', wanted.role_name, wanted.login_name);
      exception when unique_violation then null;
      end;
    end if;
  end loop;
end $$;

-- What Supabase has. There it belongs to others and stays as it is.
do $$
begin
  if to_regnamespace('auth') is null then
    create schema auth;
    grant usage on schema auth to anon, authenticated, service_role;
  end if;
  -- After a transaction the setting is empty, not null.
  if to_regprocedure('auth.jwt()') is null then
    create function auth.jwt() returns jsonb language sql stable set search_path = ''
      return nullif(current_setting('request.jwt.claims', true), '')::jsonb;
  end if;
  if to_regprocedure('auth.uid()') is null then
    create function auth.uid() returns uuid language sql stable set search_path = ''
      return nullif(nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub', '')::uuid;
  end if;
  if to_regprocedure('auth.role()') is null then
    create function auth.role() returns text language sql stable set search_path = ''
      return nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role';
  end if;
  if to_regclass('auth.users') is null then
    create table auth.users (id uuid primary key, email text);
    comment on table auth.users is 'A stand-in: the users are those of whoever issues the tokens.';
  end if;
end $$;

create table if not exists public.plans (
  id uuid primary key default gen_random_uuid(),
  name text not null constraint plans_name_length check (char_length(name) between 1 and 200),
  max_concurrent_calls integer not null
    constraint plans_calls_range check (max_concurrent_calls between 0 and 1000000),
  max_call_minutes integer not null
    constraint plans_minutes_range check (max_call_minutes between 0 and 1000000000),
  price_micros bigint not null constraint plans_price_range check (price_micros >= 0),
  currency text not null constraint plans_currency_code check (currency ~ '^[A-Z]{3}$'),
  created_at timestamptz not null default now(),
  constraint plans_name_once unique (name)
);
comment on table public.plans is 'What a tenant can buy. Everybody may read it.';

create table if not exists public.tenants (
  id uuid primary key default gen_random_uuid(),
  name text not null constraint tenants_name_length check (char_length(name) between 1 and 200),
  plan_id uuid not null constraint tenants_plan references public.plans (id),
  status text not null default 'active' constraint tenants_status_word check (status in ('active', 'suspended')),
  records_calls boolean not null default false,
  retention_days integer not null default 0
    constraint tenants_retention_range check (retention_days between 0 and 36500),
  allowed_origins text[] not null default '{}'
    constraint tenants_origins_count check (cardinality(allowed_origins) <= 50),
  created_at timestamptz not null default now()
);
create index if not exists tenants_newest on public.tenants (created_at desc, id desc);
create index if not exists tenants_of_plan on public.tenants (plan_id);
comment on column public.tenants.retention_days is 'How long calls are kept; 0 keeps them for good.';

create table if not exists public.user_profiles (
  id uuid constraint user_profiles_once primary key constraint user_profiles_user references auth.users (id) on delete cascade,
  tenant_id uuid not null constraint user_profiles_tenant references public.tenants (id),
  role text not null default 'member'
    constraint user_profiles_role_word check (role in ('member', 'admin', 'platform_admin')),
  full_name text not null default ''
    constraint user_profiles_full_name_length check (char_length(full_name) <= 200),
  created_at timestamptz not null default now()
);
create index if not exists user_profiles_newest on public.user_profiles (tenant_id, created_at desc, id desc);
comment on table public.user_profiles is 'Which tenant a token''s subject belongs to, and what they may do there.';

create table if not exists public.clients (
  id uuid not null default gen_random_uuid(),
  tenant_id uuid not null constraint clients_tenant references public.tenants (id),
  name text not null constraint clients_name_length check (char_length(name) between 1 and 200),
  phone text constraint clients_phone_e164 check (phone ~ '^\+[1-9][0-9]{1,14}$'),
  email text constraint clients_email_form check (char_length(email) between 3 and 320 and email like '%_@_%'),
  notes text not null default '' constraint clients_notes_length check (char_length(notes) <= 4000),
  created_at timestamptz not null default now(),
  constraint clients_key primary key (tenant_id, id)
);
create index if not exists clients_newest on public.clients (tenant_id, created_at desc, id desc);

create table if not exists public.campaigns (
  id uuid not null default gen_random_uuid(),
  tenant_id uuid not null constraint campaigns_tenant references public.tenants (id),
  name text not null constraint campaigns_name_length check (char_length(name) between 1 and 200),
  status text not null default 'draft'
    constraint campaigns_status_word check (status in ('draft', 'active', 'paused', 'done')),
  instructions text not null default ''
    constraint campaigns_instructions_length check (char_length(instructions) <= 16000),
  created_at timestamptz not null default now(),
  constraint campaigns_key primary key (tenant_id, id)
);
create index if not exists campaigns_newest on public.campaigns (tenant_id, created_at desc, id desc);

-- A child names its parent together with the tenant: a foreign key is checked without policies, and would else accept
-- another tenant's row. What is unique is so within a tenant, or it would tell what another has.
create table if not exists public.leads (
  id uuid not null default gen_random_uuid(),
  tenant_id uuid not null constraint leads_tenant references public.tenants (id),
  campaign_id uuid not null,
  client_id uuid,
  name text not null constraint leads_name_length check (char_length(name) between 1 and 200),
  phone text not null constraint leads_phone_e164 check (phone ~ '^\+[1-9][0-9]{1,14}$'),
  status text not null default 'new'
    constraint leads_status_word check (status in ('new', 'contacted', 'won', 'lost', 'do_not_call')),
  notes text not null default '' constraint leads_notes_length check (char_length(notes) <= 4000),
  created_at timestamptz not null default now(),
  constraint leads_key primary key (tenant_id, id),
  constraint leads_phone_once unique (tenant_id, campaign_id, phone),
  constraint leads_campaign foreign key (tenant_id, campaign_id)
    references public.campaigns (tenant_id, id) on delete cascade,
  constraint leads_client foreign key (tenant_id, client_id)
    references public.clients (tenant_id, id) on delete set null (client_id)
);
create index if not exists leads_newest on public.leads (tenant_id, created_at desc, id desc);
create index if not exists leads_of_client on public.leads (tenant_id, client_id) where client_id is not null;

-- Who placed a call is kept as it was: the user may be gone since.
create table if not exists public.calls (
  id uuid primary key,
  tenant_id uuid not null constraint calls_tenant references public.tenants (id),
  user_id uuid not null,
  lead_id uuid,
  run uuid not null,
  status text not null default 'active' constraint calls_status_word check (status in ('active', 'ended')),
  end_reason text,
  started_at timestamptz not null,
  call_day date not null generated always as ((started_at at time zone 'UTC')::date) stored,
  ended_at timestamptz,
  duration_ms bigint constraint calls_duration_range check (duration_ms >= 0),
  turns integer not null default 0,
  barge_ins integer not null default 0,
  resumes integer not null default 0,
  voice_to_voice_p50_ms double precision,
  utterances integer,
  cost_micros bigint,
  currency text constraint calls_currency_code check (currency ~ '^[A-Z]{3}$'),
  cost jsonb,
  constraint calls_key unique (tenant_id, id),
  constraint calls_lead foreign key (tenant_id, lead_id)
    references public.leads (tenant_id, id) on delete set null (lead_id),
  constraint calls_end_complete check (
    (status = 'active') = (ended_at is null) and (status = 'active') = (end_reason is null)
    and (status = 'active') = (duration_ms is null)
  )
);
create index if not exists calls_newest on public.calls (tenant_id, started_at desc, id desc);
create index if not exists calls_of_lead on public.calls (tenant_id, lead_id) where lead_id is not null;
create index if not exists calls_active on public.calls (tenant_id, run) where status = 'active';
comment on column public.calls.run is 'Which server holds or held the call: the name in its data directory.';
comment on column public.calls.utterances is 'How many rows of transcripts there are: seq is 0 to one less.';

create table if not exists public.conversations (
  call_id uuid primary key,
  tenant_id uuid not null,
  call_day date not null,
  messages jsonb not null constraint conversations_messages_array check (jsonb_typeof(messages) = 'array'),
  created_at timestamptz not null default now(),
  constraint conversations_call foreign key (tenant_id, call_id)
    references public.calls (tenant_id, id) on delete cascade
);
create index if not exists conversations_of_call on public.conversations (tenant_id, call_id);
comment on table public.conversations is 'The conversation as the model saw it.';

-- A call with a recording stays: its object goes first, then this row, then the call.
create table if not exists public.recordings (
  id uuid primary key,
  tenant_id uuid not null,
  call_id uuid not null,
  call_day date not null,
  object_key text not null,
  media_type text not null,
  size_bytes bigint not null constraint recordings_size_range check (size_bytes >= 0),
  duration_ms bigint not null constraint recordings_duration_range check (duration_ms >= 0),
  created_at timestamptz not null default now(),
  constraint recordings_call_once unique (tenant_id, call_id),
  constraint recordings_call foreign key (tenant_id, call_id) references public.calls (tenant_id, id)
);
create index if not exists recordings_newest on public.recordings (tenant_id, created_at desc, id desc);

-- The day of the call is in each row, so that the table can be divided by it and (call_id, seq) stay unique.
create table if not exists public.transcripts (
  call_id uuid not null,
  seq integer not null constraint transcripts_seq_range check (seq >= 0),
  tenant_id uuid not null,
  call_day date not null,
  turn bigint not null,
  reply bigint,
  who text not null constraint transcripts_who_word check (who in ('caller', 'agent', 'tool', 'line')),
  text text not null,
  full_text text,
  start_ms bigint not null,
  end_ms bigint not null,
  outcome text not null,
  barge_in_cause text,
  resumes integer not null default 0,
  voice_to_voice_ms double precision,
  eot_wait_ms double precision,
  first_token_ms double precision,
  tts_first_audio_ms double precision,
  engine_ms double precision,
  barge_in_pause_ms double precision,
  timeline jsonb,
  primary key (call_id, seq),
  constraint transcripts_call foreign key (tenant_id, call_id)
    references public.calls (tenant_id, id) on delete cascade
);
-- A database that knows fewer kinds of rows learns the rest.
do $$
begin
  if not exists (select from pg_constraint where conrelid = 'public.transcripts'::regclass
      and conname = 'transcripts_who_word' and pg_get_constraintdef(oid) like '%''line''%') then
    alter table public.transcripts drop constraint if exists transcripts_who_word;
    alter table public.transcripts
      add constraint transcripts_who_word check (who in ('caller', 'agent', 'tool', 'line'));
  end if;
end
$$;
create index if not exists transcripts_of_day on public.transcripts (tenant_id, call_day);
comment on table public.transcripts is 'One row for each thing said or done; text is what was heard.';

create table if not exists public.dialer_jobs (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  lead_id uuid not null,
  status text not null default 'queued'
    constraint dialer_jobs_status_word check (status in ('queued', 'running', 'done', 'failed')),
  attempts integer not null default 0 constraint dialer_jobs_attempts_range check (attempts >= 0),
  run_at timestamptz not null default now(),
  locked_until timestamptz,
  created_at timestamptz not null default now(),
  constraint dialer_jobs_key unique (tenant_id, id),
  constraint dialer_jobs_lead foreign key (tenant_id, lead_id)
    references public.leads (tenant_id, id) on delete cascade
);
create index if not exists dialer_jobs_queued on public.dialer_jobs (run_at) where status = 'queued';
create index if not exists dialer_jobs_of_lead on public.dialer_jobs (tenant_id, lead_id);

-- The server's own. No API serves this schema.
create schema if not exists app;

create table if not exists app.audit_log (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  user_id uuid not null,
  action text not null,
  tenant_id uuid,
  subject uuid,
  detail jsonb not null default '{}'
);
comment on table app.audit_log is 'What administrators did. It outlives whom it tells of.';

create table if not exists app.schema_version (
  one boolean primary key default true constraint schema_version_one_row check (one),
  hash text not null,
  applied_at timestamptz not null default now()
);

-- The tenant of whoever asks. It reads user_profiles as that table's owner, since a policy that reads the table that it
-- guards never ends; so that table alone is not forced upon its owner.
create or replace function app.current_tenant_id() returns uuid
  language sql stable security definer set search_path = ''
  as 'select tenant_id from public.user_profiles where id = auth.uid()';

-- Where auth.users is the stand-in, a profile brings its row along.
create or replace function app.add_stand_in_user() returns trigger
  language plpgsql security definer set search_path = ''
  as $$
begin
  insert into auth.users (id) values (new.id) on conflict do nothing;
  return new;
end $$;

do $$
begin
  if obj_description('auth.users'::regclass, 'pg_class') like 'A stand-in:%' then
    create or replace trigger add_stand_in_user before insert on public.user_profiles
      for each row execute function app.add_stand_in_user();
  end if;
end $$;

-- Plans to begin with. The owner is bound by policies too, but for this moment.
alter table public.plans no force row level security;
insert into public.plans (name, max_concurrent_calls, max_call_minutes, price_micros, currency)
  select * from (values ('starter', 5, 1000, 0::bigint, 'USD'), ('team', 50, 20000, 99000000, 'USD'),
    ('scale', 500, 200000, 799000000, 'USD')) as first_plans
  where not exists (select from public.plans);

alter table public.plans enable row level security, force row level security;
alter table public.tenants enable row level security, force row level security;
alter table public.user_profiles enable row level security, no force row level security;
alter table public.campaigns enable row level security, force row level security;
alter table public.leads enable row level security, force row level security;
alter table public.calls enable row level security, force row level security;
alter table public.conversations enable row level security, force row level security;
alter table public.recordings enable row level security, force row level security;
alter table public.transcripts enable row level security, force row level security;
alter table public.clients enable row level security, force row level security;
alter table public.dialer_jobs enable row level security, force row level security;
alter table app.audit_log enable row level security, force row level security;

-- Privileges. Users edit whom they call; what calls leave behind is the server's to write.
revoke all on public.plans, public.tenants, public.user_profiles, public.campaigns, public.leads, public.calls,
  public.conversations, public.recordings, public.transcripts, public.clients, public.dialer_jobs
  from public, anon, authenticated, service_role;
revoke all on app.audit_log, app.schema_version from public, anon, authenticated, service_role;
revoke all on function app.current_tenant_id(), app.add_stand_in_user() from public, anon, authenticated, service_role;

grant usage on schema public to anon, authenticated, service_role;
grant usage on schema app to authenticated, service_role;
grant execute on function app.current_tenant_id() to authenticated;

grant select on public.plans to anon, authenticated;
grant select on public.tenants, public.user_profiles, public.calls, public.conversations, public.recordings,
  public.transcripts, public.dialer_jobs to authenticated;
grant update (full_name) on public.user_profiles to authenticated;
grant select, insert, update, delete on public.campaigns, public.leads, public.clients to authenticated;

grant select, insert, update, delete on public.plans, public.tenants, public.user_profiles, public.campaigns,
  public.leads, public.calls, public.conversations, public.recordings, public.transcripts, public.clients,
  public.dialer_jobs to service_role;
grant select, insert on app.audit_log to service_role;
grant select on app.schema_version to service_role;

-- Policies. Each says for whom it is: one that applied to everybody would be joined by OR to the others, and take their
-- index away. A function in a sub-select runs once for a statement, not once for a row.
drop policy if exists plans_read on public.plans;
create policy plans_read on public.plans for select to anon, authenticated using (true);

drop policy if exists tenants_own on public.tenants;
create policy tenants_own on public.tenants for select to authenticated
  using (id = (select app.current_tenant_id()));

drop policy if exists user_profiles_own on public.user_profiles;
create policy user_profiles_own on public.user_profiles for select to authenticated
  using (id = (select auth.uid()));

drop policy if exists user_profiles_rename on public.user_profiles;
create policy user_profiles_rename on public.user_profiles for update to authenticated
  using (id = (select auth.uid())) with check (id = (select auth.uid()));

drop policy if exists campaigns_own on public.campaigns;
create policy campaigns_own on public.campaigns for all to authenticated
  using (tenant_id = (select app.current_tenant_id())) with check (tenant_id = (select app.current_tenant_id()));

drop policy if exists leads_own on public.leads;
create policy leads_own on public.leads for all to authenticated
  using (tenant_id = (select app.current_tenant_id())) with check (tenant_id = (select app.current_tenant_id()));

drop policy if exists calls_own on public.calls;
create policy calls_own on public.calls for all to authenticated
  using (tenant_id = (select app.current_tenant_id())) with check (tenant_id = (select app.current_tenant_id()));

drop policy if exists conversations_own on public.conversations;
create policy conversations_own on public.conversations for all to authenticated
  using (tenant_id = (select app.current_tenant_id())) with check (tenant_id = (select app.current_tenant_id()));

drop policy if exists recordings_own on public.recordings;
create policy recordings_own on public.recordings for all to authenticated
  using (tenant_id = (select app.current_tenant_id())) with check (tenant_id = (select app.current_tenant_id()));

drop policy if exists transcripts_own on public.transcripts;
create policy transcripts_own on public.transcripts for all to authenticated
  using (tenant_id = (select app.current_tenant_id())) with check (tenant_id = (select app.current_tenant_id()));

drop policy if exists clients_own on public.clients;
create policy clients_own on public.clients for all to authenticated
  using (tenant_id = (select app.current_tenant_id())) with check (tenant_id = (select app.current_tenant_id()));

drop policy if exists dialer_jobs_own on public.dialer_jobs;
create policy dialer_jobs_own on public.dialer_jobs for all to authenticated
  using (tenant_id = (select app.current_tenant_id())) with check (tenant_id = (select app.current_tenant_id()));

-- The service role is what it is by these, whether or not it has BYPASSRLS.
do $$
declare
  guarded text;
begin
  foreach guarded in array array['public.plans', 'public.tenants', 'public.user_profiles', 'public.campaigns',
    'public.leads', 'public.calls', 'public.conversations', 'public.recordings', 'public.transcripts',
    'public.clients', 'public.dialer_jobs', 'app.audit_log']
  loop
    execute format('drop policy if exists service on %s', guarded);
    execute format('create policy service on %s for all to service_role using (true) with check (true)', guarded);
  end loop;
end $$;

-- `db apply` says which text this is. By hand nobody does, and what was recorded before may be of another text.
delete from app.schema_version;
insert into app.schema_version (hash)
  values (coalesce(nullif(current_setting('app.schema_hash', true), ''), 'applied by hand'));

commit;

-- The embedded store: what `schema.sql` says for Postgres, without what SQLite has no words for (roles, policies).
--
-- Invariant: applying it again changes nothing. Ids are 16 bytes, times are microseconds since 1970 (UTC), days are
-- YYYY-MM-DD, lists and objects are JSON. A child names its parent together with the tenant, so no row refers to another
-- tenant's. Every check has a name, the same as in Postgres: `rules.rs` has
-- sentences for them.

CREATE TABLE IF NOT EXISTS plans (
    id BLOB NOT NULL PRIMARY KEY CONSTRAINT plans_id_uuid CHECK (length(id) = 16),
    name TEXT NOT NULL UNIQUE CONSTRAINT plans_name_length CHECK (length(name) BETWEEN 1 AND 200),
    max_concurrent_calls INTEGER NOT NULL CONSTRAINT plans_calls_range CHECK (max_concurrent_calls BETWEEN 0 AND 1000000),
    max_call_minutes INTEGER NOT NULL CONSTRAINT plans_minutes_range CHECK (max_call_minutes BETWEEN 0 AND 1000000000),
    price_micros INTEGER NOT NULL CONSTRAINT plans_price_range CHECK (price_micros >= 0),
    currency TEXT NOT NULL CONSTRAINT plans_currency_code CHECK (currency GLOB '[A-Z][A-Z][A-Z]'),
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER))
) STRICT;
-- Plans to begin with.
INSERT INTO plans (id, name, max_concurrent_calls, max_call_minutes, price_micros, currency)
    SELECT randomblob(16), name, calls, minutes, price_micros, 'USD'
    FROM (SELECT 'starter' AS name, 5 AS calls, 1000 AS minutes, 0 AS price_micros
        UNION ALL SELECT 'team', 50, 20000, 99000000
        UNION ALL SELECT 'scale', 500, 200000, 799000000)
    WHERE NOT EXISTS (SELECT 1 FROM plans);

CREATE TABLE IF NOT EXISTS tenants (
    id BLOB NOT NULL PRIMARY KEY CONSTRAINT tenants_id_uuid CHECK (length(id) = 16),
    name TEXT NOT NULL CONSTRAINT tenants_name_length CHECK (length(name) BETWEEN 1 AND 200),
    plan_id BLOB NOT NULL REFERENCES plans (id),
    status TEXT NOT NULL DEFAULT 'active' CONSTRAINT tenants_status_word CHECK (status IN ('active', 'suspended')),
    records_calls INTEGER NOT NULL DEFAULT 0 CONSTRAINT tenants_records_calls_bool CHECK (records_calls IN (0, 1)),
    retention_days INTEGER NOT NULL DEFAULT 0 CONSTRAINT tenants_retention_range CHECK (retention_days BETWEEN 0 AND 36500),
    allowed_origins TEXT NOT NULL DEFAULT '[]'
        CONSTRAINT tenants_origins_count CHECK (json_type(allowed_origins) = 'array' AND json_array_length(allowed_origins) <= 50),
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER))
) STRICT;
CREATE INDEX IF NOT EXISTS tenants_newest ON tenants (created_at DESC, id DESC);

CREATE TABLE IF NOT EXISTS user_profiles (
    id BLOB NOT NULL PRIMARY KEY CONSTRAINT user_profiles_id_uuid CHECK (length(id) = 16),
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    role TEXT NOT NULL CONSTRAINT user_profiles_role_word CHECK (role IN ('member', 'admin', 'platform_admin')),
    full_name TEXT NOT NULL DEFAULT '' CONSTRAINT user_profiles_full_name_length CHECK (length(full_name) <= 200),
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    UNIQUE (tenant_id, id)
) STRICT;
CREATE INDEX IF NOT EXISTS user_profiles_newest ON user_profiles (tenant_id, created_at DESC, id DESC);

CREATE TABLE IF NOT EXISTS clients (
    id BLOB NOT NULL PRIMARY KEY CONSTRAINT clients_id_uuid CHECK (length(id) = 16),
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL CONSTRAINT clients_name_length CHECK (length(name) BETWEEN 1 AND 200),
    phone TEXT CONSTRAINT clients_phone_e164
        CHECK (phone GLOB '+[1-9]*' AND substr(phone, 2) NOT GLOB '*[^0-9]*' AND length(phone) BETWEEN 3 AND 16),
    email TEXT CONSTRAINT clients_email_form CHECK (length(email) BETWEEN 3 AND 320 AND email LIKE '%_@_%'),
    notes TEXT NOT NULL DEFAULT '' CONSTRAINT clients_notes_length CHECK (length(notes) <= 4000),
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    UNIQUE (tenant_id, id)
) STRICT;
CREATE INDEX IF NOT EXISTS clients_newest ON clients (tenant_id, created_at DESC, id DESC);

CREATE TABLE IF NOT EXISTS campaigns (
    id BLOB NOT NULL PRIMARY KEY CONSTRAINT campaigns_id_uuid CHECK (length(id) = 16),
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL CONSTRAINT campaigns_name_length CHECK (length(name) BETWEEN 1 AND 200),
    status TEXT NOT NULL DEFAULT 'draft'
        CONSTRAINT campaigns_status_word CHECK (status IN ('draft', 'active', 'paused', 'done')),
    instructions TEXT NOT NULL DEFAULT '' CONSTRAINT campaigns_instructions_length CHECK (length(instructions) <= 16000),
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    UNIQUE (tenant_id, id)
) STRICT;
CREATE INDEX IF NOT EXISTS campaigns_newest ON campaigns (tenant_id, created_at DESC, id DESC);

CREATE TABLE IF NOT EXISTS leads (
    id BLOB NOT NULL PRIMARY KEY CONSTRAINT leads_id_uuid CHECK (length(id) = 16),
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    campaign_id BLOB NOT NULL,
    client_id BLOB,
    name TEXT NOT NULL CONSTRAINT leads_name_length CHECK (length(name) BETWEEN 1 AND 200),
    phone TEXT NOT NULL CONSTRAINT leads_phone_e164
        CHECK (phone GLOB '+[1-9]*' AND substr(phone, 2) NOT GLOB '*[^0-9]*' AND length(phone) BETWEEN 3 AND 16),
    status TEXT NOT NULL DEFAULT 'new'
        CONSTRAINT leads_status_word CHECK (status IN ('new', 'contacted', 'won', 'lost', 'do_not_call')),
    notes TEXT NOT NULL DEFAULT '' CONSTRAINT leads_notes_length CHECK (length(notes) <= 4000),
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, campaign_id, phone),
    FOREIGN KEY (tenant_id, campaign_id) REFERENCES campaigns (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, client_id) REFERENCES clients (tenant_id, id)
) STRICT;
CREATE INDEX IF NOT EXISTS leads_newest ON leads (tenant_id, created_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS leads_of_client ON leads (tenant_id, client_id) WHERE client_id IS NOT NULL;
-- A client that goes leaves its leads without one. ON DELETE SET NULL would take their tenant as well.
CREATE TRIGGER IF NOT EXISTS leads_outlive_client BEFORE DELETE ON clients BEGIN
    UPDATE leads SET client_id = NULL WHERE tenant_id = OLD.tenant_id AND client_id = OLD.id;
END;

-- Who placed a call is no reference: the user may be gone since.
CREATE TABLE IF NOT EXISTS calls (
    id BLOB NOT NULL PRIMARY KEY CONSTRAINT calls_id_uuid CHECK (length(id) = 16),
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    user_id BLOB NOT NULL,
    lead_id BLOB,
    run BLOB NOT NULL,
    status TEXT NOT NULL DEFAULT 'active' CONSTRAINT calls_status_word CHECK (status IN ('active', 'ended')),
    end_reason TEXT,
    started_at INTEGER NOT NULL,
    call_day TEXT NOT NULL GENERATED ALWAYS AS (date(started_at / 1000000, 'unixepoch')) STORED,
    ended_at INTEGER,
    duration_ms INTEGER CONSTRAINT calls_duration_range CHECK (duration_ms >= 0),
    turns INTEGER NOT NULL DEFAULT 0,
    barge_ins INTEGER NOT NULL DEFAULT 0,
    resumes INTEGER NOT NULL DEFAULT 0,
    voice_to_voice_p50_ms REAL,
    utterances INTEGER,
    cost_micros INTEGER,
    currency TEXT CONSTRAINT calls_currency_code CHECK (currency GLOB '[A-Z][A-Z][A-Z]'),
    cost TEXT CONSTRAINT calls_cost_json CHECK (json_valid(cost)),
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id),
    CONSTRAINT calls_end_complete CHECK (
        (status = 'active') = (ended_at IS NULL) AND (status = 'active') = (end_reason IS NULL)
        AND (status = 'active') = (duration_ms IS NULL)
    )
) STRICT;
CREATE INDEX IF NOT EXISTS calls_newest ON calls (tenant_id, started_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS calls_of_lead ON calls (tenant_id, lead_id) WHERE lead_id IS NOT NULL;
CREATE TRIGGER IF NOT EXISTS calls_outlive_lead BEFORE DELETE ON leads BEGIN
    UPDATE calls SET lead_id = NULL WHERE tenant_id = OLD.tenant_id AND lead_id = OLD.id;
END;
CREATE INDEX IF NOT EXISTS calls_active ON calls (tenant_id, run) WHERE status = 'active';

CREATE TABLE IF NOT EXISTS conversations (
    call_id BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL,
    call_day TEXT NOT NULL,
    messages TEXT NOT NULL CONSTRAINT conversations_messages_array CHECK (json_type(messages) = 'array'),
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id) ON DELETE CASCADE
) STRICT;

-- A call with a recording stays: its object goes first, then this row, then the call.
CREATE TABLE IF NOT EXISTS recordings (
    id BLOB NOT NULL PRIMARY KEY CONSTRAINT recordings_id_uuid CHECK (length(id) = 16),
    tenant_id BLOB NOT NULL,
    call_id BLOB NOT NULL,
    call_day TEXT NOT NULL,
    object_key TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size_bytes INTEGER NOT NULL CONSTRAINT recordings_size_range CHECK (size_bytes >= 0),
    duration_ms INTEGER NOT NULL CONSTRAINT recordings_duration_range CHECK (duration_ms >= 0),
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    UNIQUE (tenant_id, call_id),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id)
) STRICT;
CREATE INDEX IF NOT EXISTS recordings_newest ON recordings (tenant_id, created_at DESC, id DESC);

CREATE TABLE IF NOT EXISTS transcripts (
    call_id BLOB NOT NULL,
    seq INTEGER NOT NULL CONSTRAINT transcripts_seq_range CHECK (seq >= 0),
    tenant_id BLOB NOT NULL,
    call_day TEXT NOT NULL,
    turn INTEGER NOT NULL,
    reply INTEGER,
    who TEXT NOT NULL CONSTRAINT transcripts_who_word CHECK (who IN ('caller', 'agent', 'tool', 'line')),
    text TEXT NOT NULL,
    full_text TEXT,
    start_ms INTEGER NOT NULL,
    end_ms INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    barge_in_cause TEXT,
    resumes INTEGER NOT NULL DEFAULT 0,
    voice_to_voice_ms REAL,
    eot_wait_ms REAL,
    first_token_ms REAL,
    tts_first_audio_ms REAL,
    engine_ms REAL,
    barge_in_pause_ms REAL,
    timeline TEXT CONSTRAINT transcripts_timeline_json CHECK (json_valid(timeline)),
    PRIMARY KEY (call_id, seq),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id) ON DELETE CASCADE
) STRICT;

CREATE TABLE IF NOT EXISTS dialer_jobs (
    id BLOB NOT NULL PRIMARY KEY CONSTRAINT dialer_jobs_id_uuid CHECK (length(id) = 16),
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    lead_id BLOB NOT NULL,
    status TEXT NOT NULL DEFAULT 'queued'
        CONSTRAINT dialer_jobs_status_word CHECK (status IN ('queued', 'running', 'done', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0 CONSTRAINT dialer_jobs_attempts_range CHECK (attempts >= 0),
    run_at INTEGER NOT NULL,
    locked_until INTEGER,
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX IF NOT EXISTS dialer_jobs_queued ON dialer_jobs (run_at) WHERE status = 'queued';
CREATE INDEX IF NOT EXISTS dialer_jobs_of_lead ON dialer_jobs (tenant_id, lead_id);

-- What administrators did; it outlives whom it tells of.
CREATE TABLE IF NOT EXISTS audit_log (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    user_id BLOB NOT NULL,
    action TEXT NOT NULL,
    tenant_id BLOB,
    subject BLOB,
    detail TEXT NOT NULL DEFAULT '{}' CONSTRAINT audit_log_detail_json CHECK (json_valid(detail))
) STRICT;

PRAGMA user_version = 2;

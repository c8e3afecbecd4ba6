//! Foreign keys, which are checked without policies: none lets a row refer to another tenant's, whoever writes it.

use super::fixture::{Actor, Fixture, Outcome, attempt};

#[tokio::test]
async fn no_row_refers_to_another_tenants() {
    let fixture = Fixture::new().await;
    let (own, theirs) = (fixture.one.id, fixture.other.id);
    let lead = |campaign, client| {
        format!(
            "insert into leads (tenant_id, campaign_id, client_id, name, phone) select '{own}', m.id, c.id, 'Eve', '+4912345'
               from campaigns m, clients c where m.tenant_id = '{campaign}' and c.tenant_id = '{client}'"
        )
    };
    let call = |lead| {
        format!(
            "insert into calls (id, tenant_id, user_id, lead_id, run, started_at)
             select gen_random_uuid(), '{own}', gen_random_uuid(), id, gen_random_uuid(), now() from leads
              where tenant_id = '{lead}'"
        )
    };
    let job = |lead| {
        format!("insert into dialer_jobs (tenant_id, lead_id) select '{own}', id from leads where tenant_id = '{lead}'")
    };
    let said = |call| {
        format!(
            "insert into transcripts (call_id, seq, tenant_id, call_day, turn, who, text, start_ms, end_ms, outcome)
             select id, 7, '{own}', call_day, 0, 'caller', '', 0, 0, '' from calls where tenant_id = '{call}'"
        )
    };
    let mut worker = fixture.database.connect_as("voice_worker").await;
    let service = Actor { login: "voice_worker", role: Some("service_role"), claims: None };
    for (good, bad) in [
        (lead(own, own), lead(theirs, own)),
        (lead(own, own), lead(own, theirs)),
        (call(own), call(theirs)),
        (job(own), job(theirs)),
        (said(own), said(theirs)),
    ] {
        assert_eq!(attempt(&mut worker, &service, &good, None).await, Outcome::Rows(1), "{good}");
        assert_eq!(attempt(&mut worker, &service, &bad, None).await, Outcome::Refused("23503".to_owned()), "{bad}");
    }
    for table in ["conversations", "recordings"] {
        let sql = format!("update {table} set tenant_id = '{theirs}' where tenant_id = '{own}'");
        assert_eq!(attempt(&mut worker, &service, &sql, None).await, Outcome::Refused("23503".to_owned()), "{table}");
    }
}

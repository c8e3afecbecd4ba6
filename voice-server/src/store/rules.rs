//! What the database's rules are called, and what to say when one is broken: both schemas give them the same names.
//!
//! Invariant: a sentence names a rule, never a value of a row.

/// The rules that a request can break.
const SENTENCES: [(&str, &str); 20] = [
    ("tenants_name_length", "name has 1 to 200 characters"),
    ("tenants_plan", "plan_id is no plan: choose one that exists"),
    ("tenants_retention_range", "retention_days is 0 to 36,500"),
    ("tenants_origins_count", "allowed_origins has at most 50 entries"),
    ("user_profiles_once", "there is a user of this id already"),
    ("user_profiles_user", "id is of no account: make it first where the tokens are issued"),
    ("user_profiles_tenant", "tenant_id is no tenant: make it first"),
    ("user_profiles_full_name_length", "full_name has at most 200 characters"),
    ("clients_name_length", "name has 1 to 200 characters"),
    ("clients_phone_e164", PHONE),
    ("clients_email_form", "email is an address as in name@example.com, of at most 320 characters"),
    ("clients_notes_length", "notes has at most 4,000 characters"),
    ("campaigns_name_length", "name has 1 to 200 characters"),
    ("campaigns_instructions_length", "instructions has at most 16,000 characters"),
    ("leads_name_length", "name has 1 to 200 characters"),
    ("leads_phone_e164", PHONE),
    ("leads_phone_once", "the campaign has a lead of this phone already"),
    ("leads_notes_length", "notes has at most 4,000 characters"),
    ("leads_campaign", "campaign_id is no campaign: make it first"),
    ("leads_client", "client_id is no client: make it first, or leave it out"),
];

const PHONE: &str = "phone is a number in E.164 form: + and 2 to 15 digits, as in +4930123456";

/// What to say when `rule` is broken.
pub(super) fn sentence(rule: &str) -> &'static str {
    let known = SENTENCES.iter().find(|(name, _)| *name == rule);
    known.map_or("a value is out of range, or refers to something that does not exist", |(_, sentence)| sentence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const POSTGRES: &str = include_str!("../../../schema.sql");
    const SQLITE: &str = include_str!("sqlite/schema.sql");

    /// Postgres has types for these.
    const ONLY_SQLITE: [&str; 3] = ["_uuid", "_json", "_bool"];

    fn words(schema: &str) -> Vec<String> {
        schema.split_whitespace().map(str::to_lowercase).collect()
    }

    /// The rules that `schema` names, with the word after each.
    fn rules(schema: &str) -> BTreeSet<(String, String)> {
        let words = words(schema);
        let named = words.windows(3).filter(|words| words[0] == "constraint");
        named.map(|words| (words[1].clone(), words[2].trim_end_matches('(').to_owned())).collect()
    }

    fn checks(schema: &str) -> BTreeSet<String> {
        rules(schema).into_iter().filter(|(_, word)| word == "check").map(|(name, _)| name).collect()
    }

    #[test]
    fn each_rule_has_one_sentence() {
        let names: BTreeSet<_> = SENTENCES.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), SENTENCES.len());
    }

    #[test]
    fn both_schemas_check_the_same_under_the_same_names() {
        let mut sqlite = checks(SQLITE);
        sqlite.retain(|name| !ONLY_SQLITE.iter().any(|ending| name.ends_with(ending)));
        // One in the server's own schema, which only Postgres has.
        let mut postgres = checks(POSTGRES);
        postgres.retain(|name| name != "schema_version_one_row");
        assert!(postgres.len() > 20);
        assert_eq!(sqlite, postgres);
    }

    #[test]
    fn every_sentence_is_of_a_rule_that_there_is() {
        let named: BTreeSet<_> = rules(POSTGRES).into_iter().map(|(name, _)| name).collect();
        for (rule, _) in SENTENCES.iter() {
            assert!(named.contains(*rule), "{rule}");
        }
    }

    #[test]
    fn no_check_is_without_a_name() {
        assert_eq!(SQLITE.matches("CHECK (").count(), SQLITE.matches("CONSTRAINT ").count());
    }
}

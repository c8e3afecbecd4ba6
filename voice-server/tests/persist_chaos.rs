//! The server is killed with -9 while callers talk, again and again on the same directory: whatever a caller was told as
//! final is in the store, word for word, once.
//!
//! `VOICE_CHAOS_ROUNDS` and `VOICE_CHAOS_CALLS` make it as long as one likes, `VOICE_CHAOS_SEED` repeats a run.

#![allow(clippy::panic, reason = "a panic is how a test fails")]

mod persist_support;

use persist_support::caller::Crowd;
use persist_support::process::Home;
use persist_support::told::Calls;
use persist_support::{Dice, wanted};
use std::collections::HashMap;
use voice_server::store::{SqliteStore, Store, StoreError, SystemStore};
use voice_server::{CallUuid, Principal, UserId};

/// After so many rounds what was told is compared with what is stored.
const ROUNDS_A_CHECK: u64 = 25;

/// Callers of a tenant: fewer than its plan allows.
const CALLERS_A_TENANT: u64 = 80;

/// The tokens of some tenants, and whose they are.
struct Tenants {
    tokens: Vec<String>,
}

impl Tenants {
    fn for_callers(home: &Home, callers: u64) -> Self {
        let tenants = callers.div_ceil(CALLERS_A_TENANT);
        Self { tokens: (0..tenants).map(|tenant| home.token(&format!("tenant-{tenant}"))).collect() }
    }

    fn token(&self, caller: u64) -> String {
        self.tokens[(caller % self.tokens.len() as u64) as usize].clone()
    }

    async fn principals(&self, store: &SqliteStore) -> Vec<Principal> {
        let mut principals = Vec::new();
        for token in &self.tokens {
            principals.push(store.standing(subject(token)).await.unwrap().unwrap().principal);
        }
        principals
    }
}

/// Who a token is for; the server verifies it, here it is only read.
fn subject(token: &str) -> UserId {
    use base64::Engine;
    let payload = token.split('.').nth(1).unwrap();
    let json = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap();
    let claims: HashMap<String, serde_json::Value> = serde_json::from_slice(&json).unwrap();
    UserId(claims["sub"].as_str().unwrap().parse().unwrap())
}

/// Every call that somebody was told of is there, as it was told.
async fn check(home: &Home, tenants: &Tenants, told: &mut Calls) {
    let server = home.start();
    server.until_stored();
    server.stop();
    let store = SqliteStore::open(&home.data().join("voice.db")).await.unwrap();
    let principals = tenants.principals(&store).await;
    for (id, told) in told.drain() {
        let call = CallUuid(id.parse().unwrap());
        let mut found = Vec::new();
        for principal in &principals {
            match store.call(principal, call).await {
                Ok(detail) => found.push(detail),
                Err(StoreError::NotFound { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(found.len(), 1, "call {id} was answered and belongs to one tenant");
        told.compare(&id, &found[0]);
    }
    store.close().await;
}

#[tokio::test]
async fn what_was_told_as_final_survives_a_server_that_is_killed_at_any_moment() {
    let (rounds, callers) = (wanted("VOICE_CHAOS_ROUNDS", 4), wanted("VOICE_CHAOS_CALLS", 16));
    let seed = wanted("VOICE_CHAOS_SEED", u64::from(std::process::id()));
    println!("VOICE_CHAOS_SEED={seed} VOICE_CHAOS_ROUNDS={rounds} VOICE_CHAOS_CALLS={callers}");
    let (home, mut dice) = (Home::new(), Dice::new(seed));
    let tenants = Tenants::for_callers(&home, callers);
    let (mut told, mut finals) = (Calls::new(), 0);
    for round in 1..=rounds {
        let server = home.start();
        let wanted = 1 + dice.roll(callers * 4);
        let seeds: Vec<_> = (0..callers).map(|caller| (tenants.token(caller), dice.roll(u64::MAX))).collect();
        let crowd = Crowd::start(server.address, seeds.into_iter(), wanted);
        crowd.until_told().await;
        server.kill();
        let told_now = crowd.told().await;
        finals += told_now.values().map(|told| told.finals.len()).sum::<usize>();
        told.extend(told_now);
        if round % ROUNDS_A_CHECK == 0 || round == rounds {
            check(&home, &tenants, &mut told).await;
        }
    }
    println!("{rounds} rounds, {finals} finals told, all of them stored once");
    assert!(finals as u64 >= rounds, "{}", home.read_log());
}

//! The tenants whose callers call, and the comparison of what they were told with what is stored.

use super::process::Home;
use super::told::Calls;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use std::collections::HashMap;
use std::sync::Arc;
use voice_server::auth::Deployment;
use voice_server::store::{AnyStore, StoreAddress, StoreError};
use voice_server::{CallUuid, Principal, UserId};

/// Callers of a tenant: fewer than its plan allows.
const CALLERS_A_TENANT: u64 = 80;

/// The tokens of some tenants.
pub(crate) struct Tenants {
    tokens: Vec<String>,
}

impl Tenants {
    /// Enough of them for so many callers at a time.
    pub(crate) fn for_callers(home: &Home, callers: u64) -> Self {
        let tenants = callers.div_ceil(CALLERS_A_TENANT);
        Self { tokens: (0..tenants).map(|tenant| home.token(&format!("tenant-{tenant}"))).collect() }
    }

    /// The token of a caller.
    pub(crate) fn token(&self, caller: u64) -> String {
        self.tokens[(caller % self.tokens.len() as u64) as usize].clone()
    }

    async fn principals(&self, store: &dyn AnyStore) -> Vec<Principal> {
        let mut principals = Vec::new();
        for token in &self.tokens {
            principals.push(store.standing(subject(token)).await.unwrap().unwrap().principal);
        }
        principals
    }

    /// Every call that somebody was told of is in the home's store, as it was told, and belongs to one tenant. No server
    /// may run meanwhile.
    pub(crate) async fn check(&self, home: &Home, told: &mut Calls) {
        let store = store_of(home).await;
        let principals = self.principals(&*store).await;
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
    }
}

/// The store that a server of this home uses.
async fn store_of(home: &Home) -> Arc<dyn AnyStore> {
    let secret = |variable| home.variable(variable).map(SecretString::from);
    let address = StoreAddress { url: secret("DATABASE_URL"), worker_url: secret("DATABASE_WORKER_URL") };
    address.choose(Deployment::Development, &home.data()).unwrap().open().await.unwrap().store
}

/// Who a token is for; the server verifies it, here it is only read.
fn subject(token: &str) -> UserId {
    let payload = token.split('.').nth(1).unwrap();
    let json = URL_SAFE_NO_PAD.decode(payload).unwrap();
    let claims: HashMap<String, serde_json::Value> = serde_json::from_slice(&json).unwrap();
    UserId(claims["sub"].as_str().unwrap().parse().unwrap())
}

//! The tenants whose callers call, and the comparison of what they were told with what is stored.

use super::Dice;
use super::caller::Caller;
use super::process::Home;
use super::told::{Calls, Compared};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::{StreamExt, stream};
use secrecy::SecretString;
use std::collections::HashMap;
use std::sync::Arc;
use voice_server::auth::Deployment;
use voice_server::store::{AnyStore, CallFilter, CallStatus, PageRequest, StoreAddress, StoreError};
use voice_server::{CallUuid, Principal, UserId};

/// Callers of a tenant: fewer than its plan allows.
const CALLERS_A_TENANT: u64 = 80;

/// Questions to the store at a time.
const AT_A_TIME: usize = 4;

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

    /// So many callers, of the tenants in turn; what each does is their own dice's.
    pub(crate) fn callers(&self, callers: u64, dice: &mut Dice) -> impl Iterator<Item = Caller> {
        let tenants = self.tokens.iter().enumerate().cycle();
        tenants.take(callers as usize).map(|(tenant, token)| Caller::new(tenant, token, Dice::new(dice.roll(u64::MAX))))
    }

    async fn principals(&self, store: &dyn AnyStore) -> Vec<Principal> {
        let mut principals = Vec::new();
        for token in &self.tokens {
            principals.push(store.standing(subject(token)).await.unwrap().unwrap().principal);
        }
        principals
    }

    /// Every call has an end. No server may run meanwhile.
    pub(crate) async fn assert_no_call_runs(&self, home: &Home) {
        let store = store_of(home).await;
        let filter = CallFilter { status: Some(CallStatus::Active), ..CallFilter::default() };
        for who in self.principals(&*store).await {
            let running = store.calls(&who, &filter, PageRequest { after: None, max_rows: 9 }).await.unwrap();
            assert_eq!(running.items, [], "calls that nobody ended");
        }
    }

    /// Compares every call that somebody was told of with what the home's store has of it for their tenant. No server may
    /// run meanwhile.
    pub(crate) async fn check(&self, home: &Home, told: &mut Calls, compared: &mut Compared) {
        let store = store_of(home).await;
        let principals = self.principals(&*store).await;
        let asked = told.drain().map(|(id, told)| async {
            let call = CallUuid(id.parse().unwrap());
            let stored = match store.call(&principals[told.tenant], call).await {
                Ok(stored) => Some(stored),
                Err(StoreError::NotFound { .. }) => None,
                Err(error) => panic!("{error}"),
            };
            (id, told, stored)
        });
        let mut answers = stream::iter(asked).buffer_unordered(AT_A_TIME);
        while let Some((id, told, stored)) = answers.next().await {
            compared.add(&id, &told, stored.as_ref());
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

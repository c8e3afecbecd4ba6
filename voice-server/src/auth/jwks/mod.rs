//! The keys that an issuer publishes (JWKS): fetched, kept for a while, fetched again.
//!
//! Invariant: keys come from the configured address only, never from one that a token names. At most one fetch runs, and
//! one begins at most every 30 s, whatever tokens come. A set that could not be renewed for an hour is used no more.

mod fetch;
mod set;

use super::clock;
use super::error::{AuthError, FetchError, KeyError};
use super::key::Verified;
use fetch::Fetch;
use jsonwebtoken::Header;
use set::KeySet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::task::TaskTracker;
use tracing::{info, warn};
use url::Url;

/// How old the keys get before they are fetched again.
const REFRESH: Duration = Duration::from_secs(600);

/// Between two fetches, whatever asks for them.
const BETWEEN_FETCHES: Duration = Duration::from_secs(30);

/// How long keys are used that cannot be renewed.
const LONGEST_USE: Duration = Duration::from_secs(3_600);

/// What an issuer publishes. Clones share the keys.
#[derive(Clone)]
pub struct Jwks(Arc<Published>);

struct Published {
    fetch: Fetch,
    issuer: String,
    keys: watch::Sender<Option<Kept>>,
    /// When the last fetch began; held while one runs.
    last_fetch: Arc<Mutex<Option<Instant>>>,
    /// Fetches run in tasks of their own, so that a client that goes away takes none with it.
    fetches: TaskTracker,
}

#[derive(Clone)]
struct Kept {
    set: Arc<KeySet>,
    fetched_at: Instant,
}

impl Jwks {
    /// The keys of the Supabase project at `project`, which issues as `PROJECT/auth/v1`. Nothing is fetched yet.
    ///
    /// # Errors
    /// [`KeyError::Url`] if it is no address, or one in the clear beyond this machine.
    pub fn of_project(project: &str) -> Result<Self, KeyError> {
        let issuer = issuer_of(project)?;
        let url = Url::parse(&format!("{issuer}/.well-known/jwks.json"));
        let url = url.map_err(|_| KeyError::Url { problem: "is no address" })?;
        let (fetch, last_fetch, fetches) = (Fetch::new(url)?, Arc::default(), TaskTracker::new());
        Ok(Self(Arc::new(Published { fetch, issuer, keys: watch::Sender::new(None), last_fetch, fetches })))
    }

    /// Fetches the keys now, at the start of a server. Cancellation safe.
    ///
    /// # Errors
    /// [`FetchError`]; keys that are there stay.
    pub async fn fetch(&self) -> Result<(), FetchError> {
        *self.0.last_fetch.lock().await = Some(clock::now());
        self.0.fetch_and_keep().await
    }

    /// Fetches the keys whenever they are due, for ever. Cancellation safe.
    pub async fn keep_fresh(&self) {
        loop {
            let last = *self.0.last_fetch.lock().await;
            let now = clock::now();
            let age = self.0.kept().map(|kept| now.saturating_duration_since(kept.fetched_at));
            let wait = REFRESH.saturating_sub(age.unwrap_or(REFRESH));
            let earliest = last.map_or(now, |last| last + BETWEEN_FETCHES);
            sleep_until(earliest.max(now + wait)).await;
            self.fetch_if_allowed().await;
        }
    }

    /// What `token` proves. An unknown key is looked for once more at the issuer.
    pub(super) async fn verify(&self, header: &Header, token: &str) -> Result<Verified, AuthError> {
        if let Some(set) = self.usable() {
            match set.find(header) {
                Err(AuthError::UnknownKey) if header.kid.is_some() => {}
                found => return found?.verify(token),
            }
        }
        self.fetch_if_allowed().await;
        self.usable().ok_or(AuthError::NoKeys)?.find(header)?.verify(token)
    }

    fn usable(&self) -> Option<Arc<KeySet>> {
        let kept = self.0.kept()?;
        let age = clock::now().saturating_duration_since(kept.fetched_at);
        (age <= LONGEST_USE).then_some(kept.set)
    }

    /// Whoever comes while a fetch runs waits for it and fetches nothing.
    async fn fetch_if_allowed(&self) {
        let mut last_fetch = Arc::clone(&self.0.last_fetch).lock_owned().await;
        let now = clock::now();
        if last_fetch.is_some_and(|last| now.saturating_duration_since(last) < BETWEEN_FETCHES) {
            return;
        }
        *last_fetch = Some(now);
        let published = Arc::clone(&self.0);
        let fetching = self.0.fetches.spawn(async move {
            if let Err(error) = published.fetch_and_keep().await {
                warn!(%error, "the issuer's keys cannot be fetched; those that are there are used for an hour at most");
            }
            drop(last_fetch);
        });
        // It has no way to fail but a panic, and then there is just no new set.
        let _ = fetching.await;
    }
}

impl Published {
    fn kept(&self) -> Option<Kept> {
        self.keys.borrow().clone()
    }

    async fn fetch_and_keep(&self) -> Result<(), FetchError> {
        let body = self.fetch.get().await?;
        let set = KeySet::read(&body, &self.issuer)?;
        match set.len() {
            0 => warn!("the issuer publishes no key that can be used: a project that signs with HS256 has none"),
            keys => info!(keys, "the issuer's keys are here"),
        }
        self.keys.send_replace(Some(Kept { set: Arc::new(set), fetched_at: clock::now() }));
        Ok(())
    }
}

/// The `iss` of the tokens of a Supabase project.
pub(super) fn issuer_of(project: &str) -> Result<String, KeyError> {
    let url = Url::parse(project).map_err(|_| KeyError::Url { problem: "is no address" })?;
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(KeyError::Url { problem: "has more than a scheme, a host and a path" });
    }
    Ok(format!("{}/auth/v1", url.as_str().trim_end_matches('/')))
}

impl fmt::Debug for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwks").field("issuer", &self.0.issuer).finish_non_exhaustive()
    }
}

//! The task that deletes what is past its tenant's retention.
//!
//! Invariant: a call's recording and turn log go before the rows that name it, so that no object is forgotten; rows go in small
//! batches, so that no transaction is long. A log that was stored between the two goes after the rows. Each step can be done
//! again. What cannot be deleted is passed over and keeps nothing else, of whatever tenant. An object store that is away ends the
//! pass soon; the next one begins after the tenant at which it ended, so that none keeps those after it for good.

use super::objects::{DeleteError, delete_object};
use super::turn_logs::key as turn_log_key;
use crate::principal::TenantId;
use crate::store::{Header, Recording, StoreError, SystemStore};
use object_store::ObjectStore;
use object_store::path::Path as ObjectKey;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

/// How often it is looked for what is past.
const LOOK_EVERY: Duration = Duration::from_secs(3_600);

/// Rows deleted at once.
const BATCH: u32 = 200;

/// So long in all a pass waits for deletions that come to nothing. What is refused at once takes none of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Deletes for all tenants.
pub(super) struct Retention {
    pub(super) store: Arc<dyn SystemStore>,
    pub(super) objects: Arc<dyn ObjectStore>,
}

/// Why something past its time is still there.
#[derive(Debug, thiserror::Error)]
enum RetentionError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Object(#[from] DeleteError),
    #[error("the object store deletes nothing, or hardly anything")]
    ObjectsAway,
}

/// One look at all tenants.
struct Pass<'r> {
    of: &'r Retention,
    now: OffsetDateTime,
    waited_in_vain: Duration,
}

impl Retention {
    /// Never ends. Cancellation safe: what was not deleted is found again.
    pub(super) async fn run(self) {
        let mut at = None;
        loop {
            if let Err(error) = self.delete_after(&mut at, OffsetDateTime::now_utc()).await {
                warn!(%error, "not everything past its retention was deleted: trying again later");
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Looks at all tenants, those after `at` first, which becomes the one at which it ends before its time.
    async fn delete_after(&self, at: &mut Option<TenantId>, now: OffsetDateTime) -> Result<(), RetentionError> {
        let mut pass = Pass { of: self, now, waited_in_vain: Duration::ZERO };
        let begun_after = *at;
        pass.delete_of_those(at, None).await?;
        if begun_after.is_some() {
            pass.delete_of_those(at, begun_after).await?;
        }
        Ok(())
    }
}

impl Pass<'_> {
    /// Of the tenants after `at`, up to `last` if there is one. `at` follows, and is none in the end.
    async fn delete_of_those(
        &mut self,
        at: &mut Option<TenantId>,
        last: Option<TenantId>,
    ) -> Result<(), RetentionError> {
        loop {
            let tenants = self.of.store.forgetful_tenants(*at, BATCH).await?;
            let is_over = |tenant: &TenantId| last.is_some_and(|last| tenant.0 > last.0);
            if tenants.first().is_none_or(is_over) {
                *at = None;
                return Ok(());
            }
            for tenant in tenants.into_iter().take_while(|tenant| !is_over(tenant)) {
                *at = Some(tenant);
                self.delete_of(tenant).await?;
            }
        }
    }

    /// What goes wrong with one tenant alone is the others' no hindrance.
    async fn delete_of(&mut self, tenant: TenantId) -> Result<(), RetentionError> {
        let deleted = async {
            self.delete_recordings(tenant).await?;
            self.delete_calls(tenant).await
        };
        match deleted.await {
            Err(RetentionError::Store(error)) => {
                warn!(%tenant, %error, "not everything of a tenant past its retention was deleted: trying again later");
                Ok(self.of.store.ping().await?)
            }
            other => other,
        }
    }

    async fn delete_recordings(&mut self, tenant: TenantId) -> Result<(), RetentionError> {
        let mut after = None;
        loop {
            let recordings = self.of.store.expired_recordings(tenant, self.now, after, BATCH).await?;
            for (header, recording) in &recordings {
                if let Err(error) = self.delete_recording(header, recording).await {
                    self.goes_on()?;
                    if matches!(error, RetentionError::Store(StoreError::Unavailable(_))) {
                        self.of.store.ping().await?;
                    }
                    warn!(call = %header.call, %error, "a recording past its retention stays for now");
                }
            }
            match recordings.last() {
                Some((last, _)) if recordings.len() == BATCH as usize => after = Some(*last),
                _ => return Ok(()),
            }
        }
    }

    async fn delete_recording(&mut self, header: &Header, recording: &Recording) -> Result<(), RetentionError> {
        self.delete_object(&recording.object_key.as_str().into()).await?;
        self.of.store.forget_recording(header.tenant, recording.id).await?;
        info!(tenant = %header.tenant, call = %header.call, "a recording past its retention was deleted");
        Ok(())
    }

    async fn delete_calls(&mut self, tenant: TenantId) -> Result<(), RetentionError> {
        let mut after = None;
        loop {
            let calls = self.of.store.expired_calls(tenant, self.now, after, BATCH).await?;
            let mut bare = Vec::with_capacity(calls.len());
            for call in &calls {
                match self.delete_object(&turn_log_key(call)).await {
                    Ok(()) => bare.push(*call),
                    Err(error) => {
                        self.goes_on()?;
                        warn!(call = %call.call, %error, "a call past its retention stays with its turn log");
                    }
                }
            }
            let deleted = self.delete_rows(&bare).await;
            // Also where some parts of them failed.
            self.delete_late_logs(&bare).await?;
            let gone = deleted?;
            if gone > 0 {
                info!(calls = gone, "calls past their retention were deleted, with what was said in them");
            }
            match calls.last() {
                Some(last) if calls.len() == BATCH as usize => after = Some(*last),
                _ => return Ok(()),
            }
        }
    }

    /// What was stored after the object went and before the row did: whoever stored it saw the call.
    async fn delete_late_logs(&mut self, calls: &[Header]) -> Result<(), RetentionError> {
        for call in calls {
            if let Err(error) = self.delete_object(&turn_log_key(call)).await {
                self.goes_on()?;
                warn!(call = %call.call, %error, "a turn log that was stored late may stay");
            }
        }
        Ok(())
    }

    /// Gives how many went. What is too much for one transaction goes in halves, and a call that is so by itself stays.
    async fn delete_rows(&self, calls: &[Header]) -> Result<u64, RetentionError> {
        let (mut parts, mut gone) = (vec![calls], 0);
        while let Some(part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            match (self.of.store.delete_calls(part).await, part) {
                (Ok(deleted), _) => gone += deleted,
                (Err(error @ StoreError::Unavailable(_)), [call]) => {
                    self.of.store.ping().await?;
                    warn!(call = %call.call, %error, "a call past its retention stays for now");
                }
                (Err(StoreError::Unavailable(_)), _) => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
                (Err(error), _) => return Err(error.into()),
            }
        }
        Ok(gone)
    }

    /// Counts how long it was waited for where nothing came of it.
    #[expect(clippy::disallowed_methods, reason = "how long an object store keeps one waiting is known here alone")]
    async fn delete_object(&mut self, key: &ObjectKey) -> Result<(), DeleteError> {
        let begun = Instant::now();
        let deleted = delete_object(&*self.of.objects, key).await;
        if deleted.is_err() {
            self.waited_in_vain += begun.elapsed();
        }
        deleted
    }

    /// Whether the object store is worth being asked for more.
    fn goes_on(&self) -> Result<(), RetentionError> {
        if self.waited_in_vain < PATIENCE { Ok(()) } else { Err(RetentionError::ObjectsAway) }
    }
}

#[cfg(test)]
mod tests;

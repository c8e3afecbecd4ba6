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
mod tests {
    use super::*;
    use crate::persist::testing::{Meets, ScriptedStore, header};
    use futures::{FutureExt, StreamExt};
    use object_store::local::LocalFileSystem;
    use object_store::memory::InMemory;
    use object_store::throttle::{ThrottleConfig, ThrottledStore};
    use object_store::{ObjectStoreExt, PutPayload};
    use uuid::Uuid;

    fn retention(store: &Arc<ScriptedStore>, objects: Arc<dyn ObjectStore>) -> Retention {
        Retention { store: Arc::clone(store) as _, objects }
    }

    impl Retention {
        async fn delete(&self, now: OffsetDateTime) -> Result<(), RetentionError> {
            self.delete_after(&mut None, now).await
        }
    }

    fn recording(call: u128) -> Recording {
        Recording {
            id: Uuid::from_u128(call),
            call_id: header(call).call,
            object_key: format!("tenant/{call}.ogg"),
            media_type: "audio/ogg; codecs=opus".into(),
            size_bytes: 1,
            duration_ms: 1,
            created_at: OffsetDateTime::UNIX_EPOCH,
        }
    }

    #[tokio::test]
    async fn what_cannot_be_deleted_keeps_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        // A folder in the place of a recording: it cannot be deleted as a file.
        std::fs::create_dir_all(folder.path().join(recording(1).object_key)).unwrap();
        let objects = Arc::new(LocalFileSystem::new_with_prefix(folder.path()).unwrap());
        let store = Arc::new(ScriptedStore::default());
        store.will_expire((1..=3).map(recording));
        let retention = retention(&store, objects);
        retention.delete(OffsetDateTime::UNIX_EPOCH).await.unwrap();
        assert_eq!(store.forgotten(), [2, 3].map(Uuid::from_u128));
    }

    #[tokio::test]
    async fn objects_go_before_rows_and_one_that_is_gone_already_stops_nothing() {
        let (store, objects) = (Arc::new(ScriptedStore::default()), Arc::new(InMemory::new()));
        let calls = 1..=u128::from(BATCH) + 10;
        for call in calls.clone().skip(1) {
            objects.put(&recording(call).object_key.as_str().into(), PutPayload::from_static(b"x")).await.unwrap();
        }
        store.will_expire(calls.clone().map(recording));
        let retention = retention(&store, Arc::clone(&objects) as _);
        retention.delete(OffsetDateTime::UNIX_EPOCH).await.unwrap();
        assert_eq!(objects.list(None).count().await, 0);
        assert_eq!(store.forgotten(), calls.map(Uuid::from_u128).collect::<Vec<_>>());
    }

    /// A retention over folders, with a folder in the place of the turn log of this call: it cannot be deleted as a file.
    fn with_a_stuck_log(call: u128) -> (Retention, Arc<ScriptedStore>, tempfile::TempDir) {
        let (store, folder) = (Arc::new(ScriptedStore::default()), tempfile::tempdir().unwrap());
        std::fs::create_dir_all(folder.path().join(turn_log_key(&header(call)).as_ref())).unwrap();
        let objects = Arc::new(LocalFileSystem::new_with_prefix(folder.path()).unwrap());
        (retention(&store, objects), store, folder)
    }

    #[tokio::test]
    async fn a_turn_log_goes_before_its_call_and_one_that_does_not_keeps_its_call_alone() {
        let (retention, store, folder) = with_a_stuck_log(2);
        // The fourth has no log.
        for call in [1, 3] {
            retention.objects.put(&turn_log_key(&header(call)), PutPayload::from_static(b"x")).await.unwrap();
        }
        store.will_expire_calls([2, 3, 4].map(header));
        retention.delete(OffsetDateTime::UNIX_EPOCH).await.unwrap();
        let exists = |call| folder.path().join(turn_log_key(&header(call)).as_ref()).exists();
        assert_eq!([1, 2, 3].map(exists), [true, true, false]);
        assert_eq!(store.deleted(), [3, 4].map(header));
    }

    #[tokio::test]
    async fn a_turn_log_that_is_stored_just_before_its_row_goes_goes_as_well() {
        let (store, objects) = (Arc::new(ScriptedStore::default()), Arc::new(InMemory::new()));
        store.will_expire_calls([header(1)]);
        let late = Arc::clone(&objects);
        store.at_deletion(move || {
            let key = turn_log_key(&header(1));
            late.put(&key, PutPayload::from_static(b"x")).now_or_never().unwrap().unwrap();
        });
        let retention = retention(&store, Arc::clone(&objects) as _);
        retention.delete(OffsetDateTime::UNIX_EPOCH).await.unwrap();
        assert_eq!((objects.list(None).count().await, store.deleted()), (0, vec![header(1)]));
    }

    #[tokio::test]
    async fn a_turn_log_that_is_stored_late_goes_although_rows_after_it_do_not() {
        let (store, objects) = (Arc::new(ScriptedStore::default()), Arc::new(InMemory::new()));
        store.will_expire_calls([1, 2].map(header));
        store.deletes_at_most(1);
        store.cannot_delete(2);
        store.will_meet([Meets::Away]);
        let late = Arc::clone(&objects);
        store.at_deletion(move || {
            let key = turn_log_key(&header(1));
            late.put(&key, PutPayload::from_static(b"x")).now_or_never().unwrap().unwrap();
        });
        assert!(retention(&store, Arc::clone(&objects) as _).delete(OffsetDateTime::UNIX_EPOCH).await.is_err());
        assert_eq!((objects.list(None).count().await, store.deleted()), (0, vec![header(1)]));
    }

    #[tokio::test]
    async fn more_than_a_batch_that_cannot_be_deleted_keeps_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let stuck = u128::from(BATCH) + 1;
        for call in 1..=stuck {
            std::fs::create_dir_all(folder.path().join(recording(call).object_key)).unwrap();
        }
        let objects = Arc::new(LocalFileSystem::new_with_prefix(folder.path()).unwrap());
        let store = Arc::new(ScriptedStore::default());
        store.will_expire((1..=stuck + 2).map(recording));
        store.will_expire_calls([stuck + 3].map(header));
        retention(&store, objects).delete(OffsetDateTime::UNIX_EPOCH).await.unwrap();
        assert_eq!(store.forgotten(), [stuck + 1, stuck + 2].map(Uuid::from_u128));
        assert_eq!(store.deleted(), [stuck + 3].map(header));
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_store_that_is_away_ends_the_pass() {
        let store = Arc::new(ScriptedStore::default());
        store.will_expire((1..=u128::from(BATCH)).map(recording));
        let wait = Duration::from_secs(3_600);
        let slow = ThrottleConfig { wait_delete_per_call: wait, ..ThrottleConfig::default() };
        let retention = retention(&store, Arc::new(ThrottledStore::new(InMemory::new(), slow)));
        let within = PATIENCE + Duration::from_secs(10);
        let ended = tokio::time::timeout(within, retention.delete(OffsetDateTime::UNIX_EPOCH)).await.unwrap();
        assert!(matches!(ended, Err(RetentionError::ObjectsAway)), "{ended:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pass_begins_after_the_tenant_at_which_the_one_before_ended() {
        let store = Arc::new(ScriptedStore::default());
        store.will_expire((1..=u128::from(BATCH)).map(recording));
        let tenants = [1, 2, 3].map(|tenant| TenantId(Uuid::from_u128(tenant)));
        store.has_tenants(tenants);
        let slow = ThrottleConfig { wait_delete_per_call: Duration::from_secs(3_600), ..ThrottleConfig::default() };
        let (retention, mut at) =
            (retention(&store, Arc::new(ThrottledStore::new(InMemory::new(), slow))), Some(tenants[1]));
        for _ in 0..4 {
            let ended = retention.delete_after(&mut at, OffsetDateTime::UNIX_EPOCH).await;
            assert!(matches!(ended, Err(RetentionError::ObjectsAway)), "{ended:?}");
        }
        assert_eq!(store.looked_into(), [3, 1, 2, 3].map(|tenant| TenantId(Uuid::from_u128(tenant))));
    }

    #[tokio::test]
    async fn a_pass_that_begins_in_the_middle_looks_at_every_tenant_once() {
        let store = Arc::new(ScriptedStore::default());
        let tenants = [1, 2, 3].map(|tenant| TenantId(Uuid::from_u128(tenant)));
        store.has_tenants(tenants);
        let (retention, mut at) = (retention(&store, Arc::new(InMemory::new())), Some(tenants[1]));
        retention.delete_after(&mut at, OffsetDateTime::UNIX_EPOCH).await.unwrap();
        assert_eq!((store.looked_into(), at), (vec![tenants[2], tenants[0], tenants[1]], None));
    }

    #[tokio::test]
    async fn calls_beyond_one_batch_go_although_one_of_the_first_stays() {
        let (retention, store, _folder) = with_a_stuck_log(1);
        let calls = u128::from(BATCH) * 2 + 10;
        store.will_expire_calls((1..=calls).map(header));
        retention.delete(OffsetDateTime::UNIX_EPOCH).await.unwrap();
        assert_eq!(store.deleted(), (2..=calls).map(header).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn what_is_too_much_at_once_goes_in_parts_and_what_is_so_by_itself_stays() {
        let (store, objects) = (Arc::new(ScriptedStore::default()), Arc::new(InMemory::new()));
        store.will_expire_calls((1..=20).map(header));
        store.deletes_at_most(3);
        store.cannot_delete(7);
        let retention = retention(&store, objects);
        retention.delete(OffsetDateTime::UNIX_EPOCH).await.unwrap();
        let others = (1..=20).filter(|call| *call != 7).map(header);
        assert_eq!(store.deleted(), others.collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_database_that_is_away_is_not_asked_for_each_recording() {
        let (store, objects) = (Arc::new(ScriptedStore::default()), Arc::new(InMemory::new()));
        for call in 1..=3 {
            objects.put(&recording(call).object_key.as_str().into(), PutPayload::from_static(b"x")).await.unwrap();
        }
        store.will_expire((1..=3).map(recording));
        store.will_meet([Meets::Away]);
        assert!(retention(&store, Arc::clone(&objects) as _).delete(OffsetDateTime::UNIX_EPOCH).await.is_err());
        assert_eq!(objects.list(None).count().await, 2);
    }

    #[tokio::test]
    async fn a_database_that_is_away_is_not_asked_for_each_call() {
        let (store, objects) = (Arc::new(ScriptedStore::default()), Arc::new(InMemory::new()));
        store.will_expire_calls((1..=8).map(header));
        store.deletes_at_most(0);
        store.will_meet([Meets::Away]);
        let retention = retention(&store, objects);
        assert!(retention.delete(OffsetDateTime::UNIX_EPOCH).await.is_err());
        assert_eq!(store.deletions(), [8, 4, 2, 1]);
    }
}

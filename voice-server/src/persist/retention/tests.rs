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

//! A store that does what a test tells it, and entries to give it.

mod entries;

pub(crate) use entries::{call_end, call_start, header, said};

use super::limits::PersistLimits;
use crate::principal::{CallUuid, Role, TenantId, UserId};
use crate::store::{Entry, Header, Orphans, Recording, Standing, StoreError, Stored, SystemStore};
use async_trait::async_trait;
use sqlx::error::{DatabaseError, ErrorKind};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;
use time::OffsetDateTime;
use tokio::time::sleep;
use uuid::Uuid;

/// What the next write meets. Without any, it is a database at its best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meets {
    /// No connection.
    Away,
    /// An answer after so long.
    Slow(Duration),
    /// A commit whose answer is lost.
    LostAnswer,
    /// A database that answers, but not to this login.
    LockedOut,
    /// A connection that nothing can be written over; others answer.
    BrokenConnection,
}

/// Something that a database says and nobody understands.
#[derive(Debug, thiserror::Error)]
#[error("something is wrong")]
struct Fault;

impl DatabaseError for Fault {
    fn message(&self) -> &str {
        "something is wrong"
    }

    fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

fn fault() -> StoreError {
    StoreError::Database(sqlx::Error::Database(Box::new(Fault)))
}

#[derive(Default)]
struct Inner {
    meets: VecDeque<Meets>,
    /// Texts that can never be written, and those at which the database fails.
    poison: Vec<String>,
    faulty: Vec<String>,
    /// Calls that are not there.
    gone: Vec<CallUuid>,
    rows: Vec<Entry>,
    /// How many entries each write brought.
    writes: Vec<usize>,
    orphans_ended_after: Vec<usize>,
    lost_after: Vec<time::Duration>,
    left_before: Vec<OffsetDateTime>,
    breaks_over_orphans: usize,
    keeps_orphans: bool,
    /// Which forget; without any, one does.
    tenants: Vec<TenantId>,
    /// Whose recordings it was asked for.
    looked_into: Vec<TenantId>,
    expired: Vec<Recording>,
    forgotten: Vec<Uuid>,
    expired_calls: Vec<Header>,
    deleted: Vec<Header>,
    /// How many calls it was to delete each time.
    deletions: Vec<usize>,
    /// What happens meanwhile.
    at_deletion: Option<Box<dyn FnMut() + Send>>,
    /// More at once take too long.
    deletes_at_most: Option<usize>,
    /// These by themselves do.
    undeletable: Vec<CallUuid>,
    looked_up: usize,
}

/// Keeps rows as a database would: all entries of a write or none, and what is there already stays.
#[derive(Default)]
pub(crate) struct ScriptedStore(Mutex<Inner>);

impl ScriptedStore {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    pub(crate) fn will_meet(&self, meets: impl IntoIterator<Item = Meets>) {
        self.inner().meets.extend(meets);
    }

    /// It meets nothing bad any more.
    pub(crate) fn is_back(&self) {
        self.inner().meets.clear();
    }

    pub(crate) fn poison(&self, text: &str) {
        self.inner().poison.push(text.into());
    }

    pub(crate) fn faulty(&self, text: &str) {
        self.inner().faulty.push(text.into());
    }

    /// It has no such call.
    pub(crate) fn lose(&self, call: u128) {
        self.inner().gone.push(header(call).call);
    }

    /// It takes whatever it is given.
    pub(crate) fn is_mended(&self) {
        let mut inner = self.inner();
        inner.poison.clear();
        inner.gone.clear();
    }

    /// The texts of all utterances, in the order in which they were first written.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.inner().rows.iter().filter_map(text_of).collect()
    }

    pub(crate) fn rows(&self) -> Vec<Entry> {
        self.inner().rows.clone()
    }

    pub(crate) fn writes(&self) -> Vec<usize> {
        self.inner().writes.clone()
    }

    /// It refuses to end orphans.
    pub(crate) fn keeps_orphans(&self) {
        self.inner().keeps_orphans = true;
    }

    /// So often its connection breaks when it is to end orphans.
    pub(crate) fn breaks_over_orphans(&self, times: usize) {
        self.inner().breaks_over_orphans = times;
    }

    /// Before when calls of one server had begun each time those were ended.
    pub(crate) fn left_before(&self) -> Vec<OffsetDateTime> {
        self.inner().left_before.clone()
    }

    /// How many rows there were when orphans were ended.
    pub(crate) fn orphans_ended_after(&self) -> Vec<usize> {
        self.inner().orphans_ended_after.clone()
    }

    /// How old a call had to be each time those of servers that are gone were ended.
    pub(crate) fn lost_after(&self) -> Vec<time::Duration> {
        self.inner().lost_after.clone()
    }

    pub(crate) fn has_tenants(&self, tenants: impl IntoIterator<Item = TenantId>) {
        self.inner().tenants.extend(tenants);
    }

    /// Whose recordings it was asked for, in order.
    pub(crate) fn looked_into(&self) -> Vec<TenantId> {
        self.inner().looked_into.clone()
    }

    pub(crate) fn will_expire(&self, recordings: impl Iterator<Item = Recording>) {
        self.inner().expired.extend(recordings);
    }

    /// Calls that are past their time.
    pub(crate) fn will_expire_calls(&self, calls: impl IntoIterator<Item = Header>) {
        self.inner().expired_calls.extend(calls);
    }

    /// More calls at once take it too long.
    pub(crate) fn deletes_at_most(&self, calls: usize) {
        self.inner().deletes_at_most = Some(calls);
    }

    /// This call takes it too long.
    pub(crate) fn cannot_delete(&self, call: u128) {
        self.inner().undeletable.push(header(call).call);
    }

    /// Whenever it is to delete calls, this happens first.
    pub(crate) fn at_deletion(&self, happens: impl FnMut() + Send + 'static) {
        self.inner().at_deletion = Some(Box::new(happens));
    }

    /// Calls that were deleted, in order.
    pub(crate) fn deleted(&self) -> Vec<Header> {
        self.inner().deleted.clone()
    }

    /// How many it was to delete each time.
    pub(crate) fn deletions(&self) -> Vec<usize> {
        self.inner().deletions.clone()
    }

    /// Recordings that were forgotten, in order.
    pub(crate) fn forgotten(&self) -> Vec<Uuid> {
        self.inner().forgotten.clone()
    }

    /// How often it was asked who somebody is.
    pub(crate) fn looked_up(&self) -> usize {
        self.inner().looked_up
    }

    fn commit(&self, entries: &[Entry]) -> Stored<()> {
        let mut inner = self.inner();
        inner.writes.push(entries.len());
        let texts: Vec<_> = entries.iter().filter_map(text_of).collect();
        if entries.iter().any(|entry| inner.gone.contains(&entry.header().call)) {
            return Err(StoreError::NotFound { what: "call" });
        }
        if texts.iter().any(|text| inner.poison.contains(text)) {
            return Err(StoreError::Conflict { sentence: "no such row".into() });
        }
        if texts.iter().any(|text| inner.faulty.contains(text)) {
            return Err(fault());
        }
        for entry in entries {
            if !inner.rows.contains(entry) {
                inner.rows.push(entry.clone());
            }
        }
        Ok(())
    }
}

#[async_trait]
impl SystemStore for ScriptedStore {
    async fn write(&self, entries: &[Entry]) -> Stored<()> {
        let meets = self.inner().meets.pop_front();
        match meets {
            None => self.commit(entries),
            Some(Meets::Away) => Err(StoreError::Unavailable(sqlx::Error::PoolTimedOut)),
            Some(Meets::Slow(by)) => {
                sleep(by).await;
                self.commit(entries)
            }
            Some(Meets::LostAnswer) => {
                self.commit(entries)?;
                Err(StoreError::Unavailable(sqlx::Error::WorkerCrashed))
            }
            Some(Meets::LockedOut) => Err(fault()),
            Some(Meets::BrokenConnection) => Err(StoreError::Database(sqlx::Error::InvalidSavePointStatement)),
        }
    }

    async fn end_orphans(&self, which: Orphans, now: OffsetDateTime) -> Stored<u64> {
        let mut inner = self.inner();
        let rows = inner.rows.len();
        if inner.breaks_over_orphans > 0 {
            inner.breaks_over_orphans -= 1;
            return Err(StoreError::Database(sqlx::Error::BeginFailed));
        }
        match which {
            Orphans::LeftBy { .. } if inner.keeps_orphans => return Err(fault()),
            Orphans::LeftBy { begun_before, .. } => {
                inner.orphans_ended_after.push(rows);
                inner.left_before.push(begun_before);
            }
            Orphans::OfOthers { begun_before, .. } => inner.lost_after.push(now - begun_before),
        }
        Ok(1)
    }

    async fn standing(&self, _: UserId) -> Stored<Option<Standing>> {
        self.inner().looked_up += 1;
        Ok(None)
    }

    async fn talk_time(&self, _: TenantId, _: OffsetDateTime, _: OffsetDateTime, _: Duration) -> Stored<Duration> {
        Ok(Duration::ZERO)
    }

    async fn forgetful_tenants(&self, after: Option<TenantId>, _: u32) -> Stored<Vec<TenantId>> {
        let mut tenants = self.inner().tenants.clone();
        if tenants.is_empty() {
            tenants.push(header(1).tenant);
        }
        tenants.retain(|tenant| after.is_none_or(|after| tenant.0 > after.0));
        Ok(tenants)
    }

    async fn expired_recordings(
        &self,
        tenant: TenantId,
        _: OffsetDateTime,
        after: Option<Header>,
        max_rows: u32,
    ) -> Stored<Vec<(Header, Recording)>> {
        let of = |recording: &Recording| (Header { tenant, call: recording.call_id, ..header(1) }, recording.clone());
        let mut inner = self.inner();
        if after.is_none() {
            inner.looked_into.push(tenant);
        }
        let expired =
            inner.expired.iter().map(of).filter(|(header, _)| after.is_none_or(|after| header.call > after.call));
        Ok(expired.take(max_rows as usize).collect())
    }

    async fn forget_recording(&self, _: TenantId, id: Uuid) -> Stored<()> {
        let mut inner = self.inner();
        if inner.meets.front() == Some(&Meets::Away) {
            return Err(StoreError::Unavailable(sqlx::Error::PoolTimedOut));
        }
        inner.expired.retain(|recording| recording.id != id);
        inner.forgotten.push(id);
        Ok(())
    }

    async fn expired_calls(
        &self,
        _: TenantId,
        _: OffsetDateTime,
        after: Option<Header>,
        max_rows: u32,
    ) -> Stored<Vec<Header>> {
        let inner = self.inner();
        let expired = inner.expired_calls.iter().filter(|header| after.is_none_or(|after| header.call > after.call));
        Ok(expired.take(max_rows as usize).copied().collect())
    }

    async fn delete_calls(&self, calls: &[Header]) -> Stored<u64> {
        let mut inner = self.inner();
        inner.deletions.push(calls.len());
        if let Some(happens) = &mut inner.at_deletion {
            happens();
        }
        let is_slow = calls.iter().any(|call| inner.undeletable.contains(&call.call));
        if is_slow || inner.deletes_at_most.is_some_and(|most| calls.len() > most) {
            return Err(StoreError::Unavailable(sqlx::Error::PoolTimedOut));
        }
        inner.expired_calls.retain(|expired| !calls.contains(expired));
        inner.deleted.extend(calls);
        Ok(calls.len() as u64)
    }

    async fn ensure_development(&self, _: TenantId, _: UserId, _: Role) -> Stored<()> {
        Ok(())
    }

    async fn ping(&self) -> Stored<()> {
        match self.inner().meets.front() {
            Some(Meets::LockedOut) => Err(fault()),
            Some(Meets::Away) => Err(StoreError::Unavailable(sqlx::Error::PoolTimedOut)),
            _ => Ok(()),
        }
    }
}

fn text_of(entry: &Entry) -> Option<String> {
    match entry {
        Entry::Utterance(entry) => Some(entry.utterance.text.clone()),
        _ => None,
    }
}

/// Limits under which nothing is waited for.
pub(crate) fn quick() -> PersistLimits {
    PersistLimits { batch_wait: Duration::ZERO, ..PersistLimits::default() }
}

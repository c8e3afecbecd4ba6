//! Finished files of calls, from this machine's disk to where they are kept: when is looked, and when is tried again.
//!
//! Invariant: a file is given to its keeper until that has it, however often that fails and however often this process is
//! killed, unless the keeper bounds what waits and has no room for it once one has failed or keeping them takes long; one that
//! fails keeps no other. How a file is kept, and how much may wait, is its keeper's.

use super::folders::Folders;
use crate::store::Header;
use futures::FutureExt;
use std::fmt::Display;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

/// After a failure: when to try again. So often at most, too, it is seen to that there is room.
const RETRY: Duration = Duration::from_secs(30);

/// Keeps the finished files of one kind.
pub(super) trait Keeper: Send + Sync + 'static {
    /// What the files are, for the log.
    const WHAT: &'static str;
    /// Why one is not kept yet.
    type Error: Display + Send;

    /// Where they are until then.
    fn folders(&self) -> &Folders;

    /// Drops what waits beyond the bound, if there is one: for files that a call can do without. Called only where one could not
    /// be kept or where keeping them takes long, and while none is being kept.
    ///
    /// # Errors
    /// What the system says.
    fn make_room(&self) -> impl Future<Output = io::Result<()>> + Send {
        std::future::ready(Ok(()))
    }

    /// Keeps one, and removes it from this machine's disk. Doing it again changes nothing.
    fn keep(&self, header: Header, file: &Path) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// What makes and keeps the files of one kind: a thread, and a task.
pub(crate) struct FileTasks {
    what: &'static str,
    /// Tells the thread that nothing more begins.
    close: Box<dyn FnOnce() + Send>,
    closing: CancellationToken,
    keeping: JoinSet<()>,
    /// Ends with the thread.
    held: mpsc::Receiver<()>,
}

impl FileTasks {
    /// Keeps what `keeper` finds whenever `ready` says that there is more, and what an earlier run left at once. The thread
    /// that makes the files holds the other end of `held`, and ends soon after `close`.
    pub(super) fn start<K: Keeper>(
        keeper: K,
        ready: Arc<Notify>,
        held: mpsc::Receiver<()>,
        close: impl FnOnce() + Send + 'static,
    ) -> Self {
        let (closing, mut keeping) = (CancellationToken::new(), JoinSet::new());
        keeping.spawn(run(keeper, ready, closing.clone()));
        Self { what: K::WHAT, close: Box::new(close), closing, keeping, held }
    }

    /// Ends it after the last call: what can be kept within `within` is, the rest at the next start.
    pub(crate) async fn stop(self, within: Duration) {
        let Self { what, close, closing, mut keeping, mut held } = self;
        close();
        let kept = async {
            // Nothing is ever sent: this is ready when the thread is over.
            let _ = held.recv().await;
            closing.cancel();
            while keeping.join_next().await.is_some() {}
        };
        if timeout(within, kept).await.is_err() {
            warn!(what, "not every file of a call was kept in time: the rest is kept at the next start");
            keeping.shutdown().await;
        }
    }
}

/// Keeps files until no more will come and the last was tried. Cancellation safe: what was not kept is kept at the next
/// start.
async fn run(keeper: impl Keeper, ready: Arc<Notify>, closing: CancellationToken) {
    loop {
        let is_last = closing.is_cancelled();
        let is_done = keep_all(&keeper).await;
        if is_last {
            return;
        }
        tokio::select! {
            () = ready.notified(), if is_done => {}
            () = sleep(RETRY) => {}
            () = closing.cancelled() => {}
        }
    }
}

/// Whether nothing is left.
async fn keep_all<K: Keeper>(keeper: &K) -> bool {
    let ready = match keeper.folders().ready().await {
        Ok(ready) => ready,
        Err(error) => {
            error!(what = K::WHAT, %error, "finished files of calls cannot be listed");
            return false;
        }
    };
    let (mut is_done, mut room) = (true, Room::new());
    for (header, file) in ready {
        if !tokio::fs::try_exists(&file).await.unwrap_or(true) {
            continue;
        }
        if let Err(error) = keeper.keep(header, &file).await {
            warn!(what = K::WHAT, call = %header.call, %error, "a file of a call waits on this machine's disk");
            is_done = false;
            room.is_wanted();
        }
        room.see_to(keeper).await;
    }
    is_done
}

/// Where files must wait, room is made for them: once one could not be kept, and where keeping them takes long, one after
/// the other. Meanwhile more come.
struct Room {
    /// When it is made next; at once without.
    next: Option<Pin<Box<Sleep>>>,
    was_made: bool,
}

impl Room {
    fn new() -> Self {
        Self { next: Some(Box::pin(sleep(RETRY))), was_made: false }
    }

    /// A file could not be kept.
    fn is_wanted(&mut self) {
        if !self.was_made {
            self.next = None;
        }
    }

    /// Comes between two files: none is in work that could go.
    async fn see_to<K: Keeper>(&mut self, keeper: &K) {
        let is_due = self.next.as_mut().is_none_or(|next| next.now_or_never().is_some());
        if !is_due {
            return;
        }
        if let Err(error) = keeper.make_room().await {
            error!(what = K::WHAT, %error, "more files of calls may wait to be kept than there is room for");
        }
        (self.next, self.was_made) = (Some(Box::pin(sleep(RETRY))), true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persist::testing::header;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Keeps a file in so long; counts how often room is made.
    struct Slow {
        folders: Folders,
        takes: Duration,
        room_made: AtomicU32,
    }

    impl Keeper for Slow {
        const WHAT: &'static str = "a file";
        type Error = io::Error;

        fn folders(&self) -> &Folders {
            &self.folders
        }

        async fn make_room(&self) -> io::Result<()> {
            self.room_made.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }

        async fn keep(&self, _: Header, file: &Path) -> io::Result<()> {
            sleep(self.takes).await;
            std::fs::remove_file(file)
        }
    }

    async fn room_made(takes: Duration) -> u32 {
        let data = tempfile::tempdir().unwrap();
        let folders = Folders::open(data.path(), "x").unwrap();
        for call in 1..=10 {
            std::fs::write(folders.running(&header(call)), b"x").unwrap();
            folders.set_ready(&header(call)).unwrap();
        }
        let keeper = Slow { folders, takes, room_made: AtomicU32::new(0) };
        assert!(keep_all(&keeper).await);
        keeper.room_made.into_inner()
    }

    #[tokio::test(start_paused = true)]
    async fn room_is_made_also_where_each_file_is_kept_but_slowly() {
        assert_eq!(room_made(Duration::from_millis(100)).await, 0);
        assert_eq!(room_made(Duration::from_secs(20)).await, 5, "after each two files, which are 40 s");
    }
}

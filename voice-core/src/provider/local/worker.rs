//! A bounded pool of threads for inference, shared by all calls.
//!
//! Invariant: finals go before interims; an interim that waits is replaced by a newer one of the same owner; a job that
//! panics is answered with [`Broken`] and its thread lives on. Bounds: a full queue refuses. It knows nothing of what
//! the jobs compute.

use super::{LocalError, thread};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// How many threads, and how much may wait for them.
#[derive(Clone, Debug)]
pub struct WorkersConfig {
    /// At least one is started. Default: one fewer than the machine has cores, so that one is left to the calls.
    pub threads: usize,
    /// Final transcripts that may wait; a further one is refused. Default 64.
    pub waiting_finals: usize,
    /// Interim transcripts that may wait, one a call; a further one is dropped. Default 16.
    pub waiting_interims: usize,
}

impl Default for WorkersConfig {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { threads: cores.saturating_sub(1).max(1), waiting_finals: 64, waiting_interims: 16 }
    }
}

/// The pool; clones are handles to the same one. Its threads end when the last handle is gone.
#[derive(Clone)]
pub struct Workers {
    handle: Arc<Handle>,
}

/// The thread that works on a job, counted from 0: picks what belongs to that thread alone.
pub(super) type Seat = usize;
type Job = Box<dyn FnOnce(Seat) + Send>;

/// The queue is full; the job was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

/// The job panicked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken;

struct Handle {
    threads: usize,
    shared: Arc<Shared>,
}

struct Shared {
    config: WorkersConfig,
    queue: Mutex<Queue>,
    arrived: Condvar,
}

#[derive(Default)]
struct Queue {
    finals: VecDeque<Job>,
    interims: VecDeque<(u64, Job)>,
    owners: u64,
    closed: bool,
}

impl Workers {
    /// Starts the threads.
    ///
    /// # Errors
    /// [`LocalError::Thread`] if the system gives none.
    pub fn start(config: WorkersConfig) -> Result<Self, LocalError> {
        let threads = config.threads.max(1);
        let shared = Arc::new(Shared { config, queue: Mutex::default(), arrived: Condvar::new() });
        let handle = Arc::new(Handle { threads, shared: shared.clone() });
        for seat in 0..threads {
            let shared = shared.clone();
            thread::start(format!("inference-{seat}"), move || shared.work(seat))?;
        }
        Ok(Self { handle })
    }

    /// How many threads there are.
    pub fn threads(&self) -> usize {
        self.handle.threads
    }

    /// A new owner of jobs.
    pub(super) fn owner(&self) -> u64 {
        let mut queue = self.handle.shared.lock();
        queue.owners += 1;
        queue.owners
    }

    /// Queues a job that must be done; `answer` is called on the worker's thread with its result.
    pub(super) fn submit_final<T>(
        &self,
        work: impl FnOnce(Seat) -> T + Send + 'static,
        answer: impl FnOnce(Result<T, Broken>) + Send + 'static,
    ) -> Result<(), Full> {
        let mut queue = self.handle.shared.lock();
        if queue.finals.len() >= self.handle.shared.config.waiting_finals {
            return Err(Full);
        }
        queue.finals.push_back(job(work, answer));
        self.handle.shared.arrived.notify_one();
        Ok(())
    }

    /// Queues a job that may be left undone, in place of the one of the same `owner` that still waits. A job that is
    /// replaced is dropped without an answer.
    pub(super) fn submit_interim<T>(
        &self,
        owner: u64,
        work: impl FnOnce(Seat) -> T + Send + 'static,
        answer: impl FnOnce(Result<T, Broken>) + Send + 'static,
    ) -> Result<(), Full> {
        let mut queue = self.handle.shared.lock();
        // Dropped only after the lock is released: what a job holds may want the queue when it goes.
        let replaced = queue.take_interim(owner);
        if replaced.is_none() && queue.interims.len() >= self.handle.shared.config.waiting_interims {
            return Err(Full);
        }
        queue.interims.push_back((owner, job(work, answer)));
        self.handle.shared.arrived.notify_one();
        drop(queue);
        drop(replaced);
        Ok(())
    }

    /// Takes back the interim of `owner` that still waits. False if none does: it runs or is done.
    pub(super) fn withdraw_interim(&self, owner: u64) -> bool {
        let withdrawn = self.handle.shared.lock().take_interim(owner);
        withdrawn.is_some()
    }
}

fn job<T>(
    work: impl FnOnce(Seat) -> T + Send + 'static,
    answer: impl FnOnce(Result<T, Broken>) + Send + 'static,
) -> Job {
    Box::new(move |seat| answer(catch_unwind(AssertUnwindSafe(|| work(seat))).map_err(|_| Broken)))
}

impl Queue {
    fn take_interim(&mut self, owner: u64) -> Option<(u64, Job)> {
        let at = self.interims.iter().position(|(of, _)| *of == owner)?;
        self.interims.remove(at)
    }

    fn next(&mut self) -> Option<Job> {
        self.finals.pop_front().or_else(|| self.interims.pop_front().map(|(_, job)| job))
    }
}

impl Shared {
    fn work(&self, seat: Seat) {
        while let Some(job) = self.wait() {
            // The work's own panic is caught inside; this one is for the answer's.
            if catch_unwind(AssertUnwindSafe(|| job(seat))).is_err() {
                tracing::error!(seat, "an inference job's answer broke off");
            }
        }
    }

    /// The next job; none once the pool is closed.
    fn wait(&self) -> Option<Job> {
        let mut queue = self.lock();
        loop {
            if queue.closed {
                return None;
            }
            if let Some(job) = queue.next() {
                return Some(job);
            }
            queue = self.arrived.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.closed = true;
        let left = (std::mem::take(&mut queue.finals), std::mem::take(&mut queue.interims));
        drop(queue);
        drop(left);
        self.shared.arrived.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    fn one_thread() -> Workers {
        Workers::start(WorkersConfig { threads: 1, waiting_finals: 2, waiting_interims: 2 }).unwrap()
    }

    /// Keeps the one thread busy until the sender is used or dropped.
    fn occupy(workers: &Workers) -> Sender<()> {
        let (go, gate) = channel::<()>();
        let (started, is_started) = channel();
        workers
            .submit_final(
                move |_| {
                    started.send(()).unwrap();
                    let _ = gate.recv();
                },
                |_| {},
            )
            .unwrap();
        is_started.recv().unwrap();
        go
    }

    fn noting(name: &'static str, log: &Sender<&'static str>) -> impl FnOnce(Result<(), Broken>) + Send + use<> {
        let log = log.clone();
        move |_| log.send(name).unwrap()
    }

    fn rest(log: Sender<&'static str>, heard: &Receiver<&'static str>) -> Vec<&'static str> {
        drop(log);
        heard.iter().collect()
    }

    #[test]
    fn finals_go_first_and_a_newer_interim_replaces_an_older() {
        let workers = one_thread();
        let (log, heard) = channel();
        let (ann, bob) = (workers.owner(), workers.owner());
        let go = occupy(&workers);
        workers.submit_interim(ann, |_| (), noting("ann, old", &log)).unwrap();
        workers.submit_interim(bob, |_| (), noting("bob", &log)).unwrap();
        workers.submit_interim(ann, |_| (), noting("ann, new", &log)).unwrap();
        workers.submit_final(|_| (), noting("final", &log)).unwrap();
        drop(go);
        assert_eq!(rest(log, &heard), ["final", "bob", "ann, new"]);
    }

    #[test]
    fn a_full_queue_refuses() {
        let workers = one_thread();
        let owners: Vec<u64> = (0..3).map(|_| workers.owner()).collect();
        let go = occupy(&workers);
        let interims: Vec<_> = owners.iter().map(|owner| workers.submit_interim(*owner, |_| (), |_| {})).collect();
        assert_eq!(interims, [Ok(()), Ok(()), Err(Full)]);
        let finals: Vec<_> = (0..3).map(|_| workers.submit_final(|_| (), |_| {})).collect();
        assert_eq!(finals, [Ok(()), Ok(()), Err(Full)]);
        assert!(workers.withdraw_interim(owners[0]) && !workers.withdraw_interim(owners[0]));
        assert_eq!(workers.submit_interim(owners[2], |_| (), |_| {}), Ok(()));
        drop(go);
    }

    #[test]
    fn a_panic_is_answered_and_the_thread_lives_on() {
        let workers = one_thread();
        let (answer, answered) = channel();
        for broken in [true, false] {
            let answer = answer.clone();
            let work = move |seat: Seat| if broken { panic!("on purpose") } else { seat };
            workers.submit_final(work, move |result| answer.send(result).unwrap()).unwrap();
        }
        assert_eq!(answered.recv().unwrap(), Err(Broken));
        assert_eq!(answered.recv().unwrap(), Ok(0));
    }

    #[test]
    fn the_threads_end_with_the_last_handle() {
        let workers = one_thread();
        let (held, ended) = channel::<()>();
        let go = occupy(&workers);
        // Waits behind the busy thread; dropped undone when the pool goes.
        workers.submit_final(move |_| drop(held), |_| {}).unwrap();
        drop(workers);
        assert!(ended.recv().is_err());
        drop(go);
    }
}

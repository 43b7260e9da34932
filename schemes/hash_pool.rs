//! Password hashing on a few threads of its own, with a bounded queue.

use std::fmt;
use std::future::Future;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use futures_channel::oneshot;

/// Runs slow, CPU-bound checks off the I/O threads.
///
/// The queue is bounded: when it is full a newcomer is turned away at once, so that a storm of
/// sign-ins cannot pile up. The threads end when the last handle is dropped.
#[derive(Clone)]
pub struct HashPool {
    jobs: Arc<SyncSender<Job>>,
    threads: usize,
    queue: usize,
}

type Job = Box<dyn FnOnce() + Send>;

/// The queue was full; nothing was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("all hashing threads are busy and the queue is full")]
pub struct HashPoolFull;

/// The job did not come to an end: it panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the hashing job broke off")]
pub struct HashJobLost;

impl HashPool {
    /// A pool of `threads` threads (at least one) with room for `queue` waiting jobs.
    ///
    /// # Panics
    ///
    /// When the system cannot start a thread.
    pub fn new(threads: usize, queue: usize) -> Self {
        let threads = threads.max(1);
        let (jobs, inbox) = sync_channel::<Job>(queue);
        let inbox = Arc::new(Mutex::new(inbox));
        for n in 0..threads {
            let inbox = Arc::clone(&inbox);
            thread::Builder::new()
                .name(format!("hash-{n}"))
                .spawn(move || work(&inbox))
                .expect("the system starts a thread");
        }
        Self { jobs: Arc::new(jobs), threads, queue }
    }

    /// One thread fewer than there are cores, at least one, and eight waiting jobs for each.
    pub fn for_this_machine() -> Self {
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = cores.saturating_sub(1).max(1);
        Self::new(threads, 8 * threads)
    }

    /// Hands a job in; the future gives its result.
    ///
    /// # Errors
    ///
    /// [`HashPoolFull`] at once when the queue is full.
    pub fn run<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(
        &self,
        job: F,
    ) -> Result<impl Future<Output = Result<T, HashJobLost>> + Send + use<T, F>, HashPoolFull> {
        let (sender, receiver) = oneshot::channel();
        let job = move || {
            // Nobody waits any more when the client has left: its result is not needed.
            if !sender.is_canceled() {
                drop(sender.send(job()));
            }
        };
        match self.jobs.try_send(Box::new(job)) {
            Ok(()) => Ok(async { receiver.await.map_err(|_broken| HashJobLost) }),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(HashPoolFull),
        }
    }
}

impl fmt::Debug for HashPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashPool").field("threads", &self.threads).field("queue", &self.queue).finish_non_exhaustive()
    }
}

fn work(inbox: &Mutex<Receiver<Job>>) {
    loop {
        let job = inbox.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            // A job that panics must not take the thread with it; its sender is dropped and tells.
            Ok(job) => drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(job))),
            Err(_closed) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn pwd_09_a_full_pool_turns_newcomers_away() {
        let pool = HashPool::new(1, 1);
        let (started, running) = mpsc::channel();
        let (release, wait) = mpsc::channel::<()>();
        let first = pool
            .run(move || {
                started.send(()).unwrap();
                wait.recv().unwrap();
                1
            })
            .unwrap();
        running.recv().unwrap();
        let second = pool.run(|| 2).unwrap();
        assert_eq!(pool.run(|| 3).err(), Some(HashPoolFull));
        release.send(()).unwrap();
        assert_eq!((first.await, second.await), (Ok(1), Ok(2)));
    }

    #[tokio::test]
    async fn crs_05_a_job_that_panics_leaves_the_pool_working() {
        let pool = HashPool::new(1, 2);
        assert_eq!(pool.run(|| -> u8 { panic!("on purpose") }).unwrap().await, Err(HashJobLost));
        assert_eq!(pool.run(|| 2).unwrap().await, Ok(2));
    }
}

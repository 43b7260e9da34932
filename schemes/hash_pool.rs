//! Password hashing on a few threads of its own, with a bounded queue.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

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
    counts: Arc<Counts>,
}

/// What became of the jobs, counted since the pool began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HashPoolFigures {
    /// Threads that there are.
    pub threads: usize,
    /// Jobs that may wait.
    pub queue: usize,
    /// Jobs that wait now.
    pub waiting: u64,
    /// Jobs that run now.
    pub running: u64,
    /// Jobs that ended, well or not.
    pub ended: u64,
    /// Jobs that were turned away since the queue was full.
    pub refused: u64,
    /// Time for which the ended ones ran, together.
    pub busy: Duration,
}

#[derive(Debug, Default)]
struct Counts {
    taken: AtomicU64,
    begun: AtomicU64,
    ended: AtomicU64,
    refused: AtomicU64,
    busy_nanos: AtomicU64,
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
        let counts = Arc::<Counts>::default();
        for n in 0..threads {
            let (inbox, counts) = (Arc::clone(&inbox), Arc::clone(&counts));
            thread::Builder::new()
                .name(format!("hash-{n}"))
                .spawn(move || work(&inbox, &counts))
                .expect("the system starts a thread");
        }
        Self { jobs: Arc::new(jobs), threads, queue, counts }
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
        // Counted before, so that no thread can begin what was not taken yet.
        self.counts.taken.fetch_add(1, Ordering::Relaxed);
        match self.jobs.try_send(Box::new(job)) {
            Ok(()) => Ok(async { receiver.await.map_err(|_broken| HashJobLost) }),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.counts.taken.fetch_sub(1, Ordering::Relaxed);
                self.counts.refused.fetch_add(1, Ordering::Relaxed);
                Err(HashPoolFull)
            }
        }
    }

    /// How busy it is.
    pub fn figures(&self) -> HashPoolFigures {
        let Counts { taken, begun, ended, refused, busy_nanos } = &*self.counts;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (ended, begun, taken) = (read(ended), read(begun), read(taken));
        HashPoolFigures {
            threads: self.threads,
            queue: self.queue,
            waiting: taken.saturating_sub(begun),
            running: begun.saturating_sub(ended),
            ended,
            refused: read(refused),
            busy: Duration::from_nanos(read(busy_nanos)),
        }
    }
}

impl fmt::Debug for HashPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashPool").field("threads", &self.threads).field("queue", &self.queue).finish_non_exhaustive()
    }
}

fn work(inbox: &Mutex<Receiver<Job>>, counts: &Counts) {
    loop {
        let job = inbox.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => {
                counts.begun.fetch_add(1, Ordering::Relaxed);
                let began = Instant::now();
                // A job that panics must not take the thread with it; its sender is dropped and tells.
                drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(job)));
                let nanos = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
                counts.busy_nanos.fetch_add(nanos, Ordering::Relaxed);
                counts.ended.fetch_add(1, Ordering::Relaxed);
            }
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
        let figures = pool.figures();
        assert_eq!((figures.waiting, figures.running, figures.refused, figures.ended), (1, 1, 1, 0));
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

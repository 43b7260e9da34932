//! Password hashing on a few threads of its own, with a bounded queue that networks share.
//!
//! Whoever fills the queue is not to lock out everybody else. A network (an IPv4 address, an IPv6 /64) has a
//! line of its own; threads take from the lines in turn. When the queue is full, a newcomer from elsewhere takes
//! the place of the latest job of the longest line, which is turned away as if it had come to a full queue.
//!
//! ```
//! use trackgate_schemes::testing::block_on;
//! use trackgate_schemes::{HashPool, HashPoolError};
//!
//! let pool = HashPool::new(1, 8);
//! let client = Some("192.0.2.1".parse()?);
//! assert_eq!(block_on(pool.run(client, || 6 * 7)), Ok(42));
//! assert_eq!(block_on(pool.run(client, || -> u8 { panic!("on purpose") })), Err(HashPoolError::Lost));
//! # Ok::<(), std::net::AddrParseError>(())
//! ```

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use futures_channel::oneshot;

use crate::ClientNetwork;

mod queue;
#[cfg(test)]
mod tests;

use queue::{Joined, Number, Queue};

/// Runs slow, CPU-bound checks off the I/O threads.
///
/// The queue is bounded: when it is full somebody is turned away at once, so that a storm of sign-ins cannot
/// pile up. The threads end when the last handle is dropped and nobody waits.
#[derive(Clone)]
pub struct HashPool {
    handle: Arc<Handle>,
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
    /// Jobs that were turned away since the queue was full, those that were displaced among them.
    pub refused: u64,
    /// Jobs that waited and were turned away for those of other networks.
    pub displaced: u64,
    /// Jobs whose client left before their turn.
    pub abandoned: u64,
    /// Time for which the ended ones ran, together.
    pub busy: Duration,
}

/// Why a job has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HashPoolError {
    /// The queue was full; nothing was computed.
    #[error("all hashing threads are busy and the queue is full")]
    Full,
    /// The job did not come to an end: it panicked.
    #[error("the hashing job broke off")]
    Lost,
}

/// The one thing that all clones of a pool share; with it the threads end.
struct Handle {
    shared: Arc<Shared>,
}

/// What the threads know.
struct Shared {
    state: Mutex<State>,
    arrived: Condvar,
}

struct State {
    queue: Queue<Job>,
    /// Threads that have nothing to do.
    idle: usize,
    is_closed: bool,
    /// All but what is read elsewhere.
    figures: HashPoolFigures,
}

type Job = Box<dyn FnOnce(Turn) + Send>;

/// What happens to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Runs,
    TurnedAway,
}

/// Where a job waits. Dropped, it takes the job away if it still does.
struct Place {
    shared: Arc<Shared>,
    network: ClientNetwork,
    number: Number,
}

impl HashPool {
    /// How many jobs for each thread should be able to wait.
    ///
    /// About a second's work, which is when whoever is turned away comes back (`Retry-After: 1`): with room for
    /// less, threads would be idle while everybody waits to come back.
    pub const QUEUE_PER_THREAD: usize = 32;

    /// A pool of `threads` threads (at least one) with room for `queue` waiting jobs.
    ///
    /// # Panics
    ///
    /// When the system cannot start a thread.
    pub fn new(threads: usize, queue: usize) -> Self {
        let threads = threads.max(1);
        let figures = HashPoolFigures { threads, queue, ..HashPoolFigures::default() };
        let state = State { queue: Queue::new(queue), idle: 0, is_closed: false, figures };
        let shared = Arc::new(Shared { state: Mutex::new(state), arrived: Condvar::new() });
        for n in 0..threads {
            let shared = Arc::clone(&shared);
            thread::Builder::new()
                .name(format!("hash-{n}"))
                .spawn(move || shared.work())
                .expect("the system starts a thread");
        }
        Self { handle: Arc::new(Handle { shared }) }
    }

    /// One thread fewer than there are cores, at least one, with the usual queue.
    pub fn for_this_machine() -> Self {
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = cores.saturating_sub(1).max(1);
        Self::new(threads, Self::QUEUE_PER_THREAD * threads)
    }

    /// Hands a job in for this client; the future gives its result.
    ///
    /// It waits from now on, whether or not the future is polled. A job whose future is dropped before its turn
    /// leaves the queue and is never run.
    ///
    /// # Errors
    ///
    /// The future gives [`HashPoolError::Full`] when there is no room, also when the job waited and lost its
    /// place to another network's; [`HashPoolError::Lost`] when the job panicked.
    #[must_use = "a job whose future is dropped leaves the queue"]
    pub fn run<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(
        &self,
        client: Option<IpAddr>,
        job: F,
    ) -> impl Future<Output = Result<T, HashPoolError>> + Send + use<T, F> {
        let (sender, receiver) = oneshot::channel();
        let job = move |turn| {
            let result = match turn {
                Turn::Runs => Ok(job()),
                Turn::TurnedAway => Err(HashPoolError::Full),
            };
            // Who left meanwhile needs no result.
            drop(sender.send(result));
        };
        let place = self.handle.shared.join(ClientNetwork::of(client), Box::new(job));
        async move {
            let _place = place;
            receiver.await.unwrap_or(Err(HashPoolError::Lost))
        }
    }

    /// How busy it is.
    pub fn figures(&self) -> HashPoolFigures {
        let state = self.handle.shared.state();
        HashPoolFigures { waiting: state.queue.waiting() as u64, ..state.figures }
    }
}

impl fmt::Debug for HashPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashPool").field("figures", &self.figures()).finish_non_exhaustive()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.state().is_closed = true;
        self.shared.arrived.notify_all();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        let job = state.queue.leave(self.network, self.number);
        state.figures.abandoned += u64::from(job.is_some());
        // What it holds is dropped when others can go on.
        drop(state);
    }
}

impl Shared {
    /// Lets a job wait; `None` when it was turned away.
    fn join(self: &Arc<Self>, network: ClientNetwork, job: Job) -> Option<Place> {
        let mut state = self.state();
        let idle = state.idle;
        let joined = state.queue.join(network, job, idle);
        state.figures.refused += u64::from(!matches!(joined, Joined::Waits(_)));
        state.figures.displaced += u64::from(matches!(joined, Joined::InPlaceOf(..)));
        drop(state);
        let (number, turned_away) = match joined {
            Joined::Waits(number) => (Some(number), None),
            Joined::InPlaceOf(other, number) => (Some(number), Some(other)),
            Joined::No(job) => (None, Some(job)),
        };
        if let Some(job) = turned_away {
            job(Turn::TurnedAway);
        }
        let number = number?;
        self.arrived.notify_one();
        Some(Place { shared: Arc::clone(self), network, number })
    }

    /// What a thread does until the pool is closed and nobody waits.
    fn work(&self) {
        let mut state = self.state();
        loop {
            let Some(job) = state.queue.next() else {
                if state.is_closed {
                    return;
                }
                state.idle += 1;
                state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
                continue;
            };
            state.figures.running += 1;
            drop(state);
            let began = Instant::now();
            // A job that panics must not take the thread with it; its sender is dropped and tells.
            drop(catch_unwind(AssertUnwindSafe(|| job(Turn::Runs))));
            let took = began.elapsed();
            state = self.state();
            state.figures.running -= 1;
            state.figures.ended += 1;
            state.figures.busy += took;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

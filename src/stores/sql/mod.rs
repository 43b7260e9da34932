//! The SQL store: SQLite or PostgreSQL by URL, one SQL text.
//!
//! One writer groups what waits into one transaction and acknowledges it after the commit; a few
//! connections read beside it. Whatever is stored is seen by every read that starts after its answer.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use sqlx::AnyConnection;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use trackgate_schemes::store::{Answer, StoreError, StoreErrorKind};

use super::{OpenError, OpenErrorKind, kept};
use crate::ports::{Store, StoreFigures};
use counts::{Counts, Ended};
use engine::Engine;
use notes::Notes;
use readers::Readers;
use writer::{Asked, Job, Pending, Writer, close};

mod accounts;
mod cleaning;
mod counts;
mod credentials;
mod engine;
mod fault;
mod items;
mod jobs;
mod log;
mod mailed;
mod migrations;
mod noted;
mod notes;
mod readers;
mod rows;
mod sessions;
mod signed;
#[cfg(test)]
mod tests;
mod trackers;
mod writer;

/// Keeps everything in a SQLite file or a PostgreSQL database.
///
/// Its work runs on the tokio runtime on which it was opened; callers may be on others. Every call ends
/// within [`SqlStore::CALL_LIMIT`]; a write that ends with an error because of that may still happen.
pub struct SqlStore {
    handle: Handle,
    queue: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    readers: Arc<Readers>,
    notes: Arc<Notes>,
    counts: Arc<Counts>,
    newest: watch::Sender<SystemTime>,
    closed: watch::Receiver<bool>,
}

/// How to open a [`SqlStore`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SqlOptions {
    /// Connections that read.
    pub readers: u32,
    /// How many writes may wait; further ones are refused as unavailable.
    pub queue: usize,
    /// How long a write waits for a writer in another process.
    pub write_wait: Duration,
}

impl Default for SqlOptions {
    fn default() -> Self {
        Self { readers: 4, queue: 2048, write_wait: Duration::from_secs(3) }
    }
}

impl SqlStore {
    /// Opens the database of this URL, making or upgrading its tables where needed.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if it cannot be used; nothing was changed then.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub async fn open(url: &str, options: SqlOptions) -> Result<Self, OpenError> {
        let engine = Engine::of(url, &options)?;
        let opening = {
            let engine = engine.clone();
            async move {
                engine.prepare()?;
                let mut connection = engine.connect_writer().await.map_err(|error| engine.open_error(&error))?;
                match migrations::upgrade(&engine, &mut connection).await {
                    Ok(()) => Ok(connection),
                    Err(error) => {
                        close(connection).await;
                        Err(error)
                    }
                }
            }
        };
        let connection = timeout(OPEN_LIMIT, opening)
            .await
            .map_err(|_slow| OpenError::new(OpenErrorKind::Unreachable, "it does not answer"))??;

        let (queue, jobs) = mpsc::channel(options.queue.max(1));
        let (closing, closed) = watch::channel(false);
        let (newest, seen) = watch::channel(SystemTime::UNIX_EPOCH);
        let readers = Arc::new(Readers::new(&engine, options.readers.max(1)));
        let (notes, counts) = (Arc::new(Notes::default()), Arc::<Counts>::default());
        let writer = Writer {
            engine,
            jobs,
            notes: Arc::clone(&notes),
            readers: Arc::clone(&readers),
            counts: Arc::clone(&counts),
            connection: Some(connection),
            newest: seen,
        };
        let handle = Handle::current();
        handle.spawn(writer.run(closing));
        Ok(Self { handle, queue: Mutex::new(Some(queue)), readers, notes, counts, newest, closed })
    }

    /// Asks beside the writer.
    fn read<T, W>(&self, work: W) -> Answer<'static, T>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut AnyConnection) -> Asked<'c, T> + Send + 'static,
    {
        let readers = Arc::clone(&self.readers);
        let (handle, counts) = (self.handle.clone(), Arc::clone(&self.counts));
        Box::pin(async move {
            let began = Instant::now();
            let asking = async move { timeout(CALL_LIMIT, readers.ask(work)).await };
            let answer = match handle.spawn(asking).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(_slow)) => Err(too_slow()),
                Err(_ended) => Err(kept::closed()),
            };
            counts.read(began, if answer.is_ok() { Ended::Well } else { Ended::Failed });
            answer
        })
    }

    /// Queues a write; the answer comes after its commit.
    fn write<T, W>(&self, work: W) -> Answer<'static, T>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut AnyConnection) -> Asked<'c, T> + Send + 'static,
    {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let handle = self.handle.clone();
        Box::pin(async move {
            let queue = queue.ok_or_else(kept::closed)?;
            let (job, answer) = Pending::new(work);
            queue.try_send(job).map_err(|refused| match refused {
                mpsc::error::TrySendError::Full(_) => {
                    StoreError::new(StoreErrorKind::Unavailable, "too many writes wait for it")
                }
                mpsc::error::TrySendError::Closed(_) => kept::closed(),
            })?;
            drop(queue);
            // The time is kept by the runtime of the store: the caller's need not have a timer.
            match handle.spawn(async move { timeout(CALL_LIMIT, answer).await }).await {
                Ok(Ok(Ok(answer))) => answer,
                Ok(Ok(Err(_dropped))) => Err(StoreError::new(StoreErrorKind::Unavailable, "the write was given up")),
                Ok(Err(_slow)) => Err(too_slow()),
                Err(_ended) => Err(kept::closed()),
            }
        })
    }

    /// Remembers the newest time that a caller named: the clean-up goes by it.
    fn saw(&self, now: SystemTime) {
        self.newest.send_if_modified(|newest| {
            let later = now > *newest;
            *newest = now.max(*newest);
            later
        });
    }

    /// How long any call may take.
    pub const CALL_LIMIT: Duration = CALL_LIMIT;
}

impl Store for SqlStore {
    fn close(&self) -> Answer<'_, ()> {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let mut closed = self.closed.clone();
        let handle = self.handle.clone();
        Box::pin(async move {
            let closing = async move { timeout(CLOSE_LIMIT, closed.wait_for(|closed| *closed)).await.is_ok() };
            match handle.spawn(closing).await {
                Ok(true) => Ok(()),
                _ => Err(too_slow()),
            }
        })
    }

    fn figures(&self) -> StoreFigures {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = queue.as_ref().map_or(0, |queue| queue.max_capacity() - queue.capacity());
        self.counts.figures(waiting)
    }
}

impl fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStore").finish_non_exhaustive()
    }
}

fn too_slow() -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "it did not answer in time")
}

const CALL_LIMIT: Duration = Duration::from_secs(5);
const CLOSE_LIMIT: Duration = Duration::from_secs(10);
const OPEN_LIMIT: Duration = Duration::from_secs(30);

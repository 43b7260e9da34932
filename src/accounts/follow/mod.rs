//! Reading the event log, so that a change in another process is seen here within a second.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use trackgate_schemes::store::{StoreError, StoreErrorKind};

use super::{AccountService, Memories};
use crate::ports::{Event, EventKind, Events};

#[cfg(test)]
mod tests;

/// Reads the event log from its end at start on.
///
/// This process's own changes are read again as well: one that was given up for its slowness may have been made all
/// the same, and this is where that is learnt.
#[derive(Debug)]
pub struct Follower {
    events: Arc<dyn Events>,
    memories: Arc<Memories>,
    seen: u64,
    read_at: Instant,
    progress: Arc<Progress>,
}

/// How far a [`Follower`] is, for metrics.
#[derive(Debug)]
pub struct Progress {
    applied: AtomicU64,
    read_at: Mutex<Instant>,
}

impl Progress {
    /// Entries that were applied.
    pub fn applied(&self) -> u64 {
        self.applied.load(Ordering::Relaxed)
    }

    /// Time since the log was last read to its end.
    pub fn age(&self) -> Duration {
        self.read_at.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

/// The event log could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the event log cannot be read")]
pub struct FollowError(#[from] StoreError);

impl AccountService {
    /// Starts to follow the event log from its present end.
    ///
    /// # Errors
    ///
    /// [`FollowError`] if the store is down.
    pub async fn follow(&self) -> Result<Follower, FollowError> {
        Ok(Follower::start(Arc::clone(&self.store) as _, Arc::clone(&self.memories)).await?)
    }
}

impl Follower {
    async fn start(events: Arc<dyn Events>, memories: Arc<Memories>) -> Result<Self, StoreError> {
        let seen = events.newest_event().await?;
        let read_at = Instant::now();
        let progress = Arc::new(Progress { applied: AtomicU64::new(0), read_at: Mutex::new(read_at) });
        Ok(Self { events, memories, seen, read_at, progress })
    }

    /// How far it is, also later.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Reads what is new and forgets what it names. A gap in the log forgets everything.
    ///
    /// # Errors
    ///
    /// [`FollowError`] if the store is down; once that has lasted for [`Follower::BOUND`], every memory
    /// is emptied at each try, so that nothing is accepted from old knowledge.
    pub async fn catch_up(&mut self) -> Result<(), FollowError> {
        self.catch_up_at(Instant::now()).await
    }

    /// Follows for ever, two times a second.
    pub async fn run(mut self) {
        loop {
            tokio::time::sleep(Self::EVERY).await;
            if let Err(error) = self.catch_up().await {
                tracing::warn!(%error, "following the event log");
            }
        }
    }

    async fn catch_up_at(&mut self, now: Instant) -> Result<(), FollowError> {
        let read = self.read().await;
        if read.is_ok() {
            self.read_at = now;
            *self.progress.read_at.lock().unwrap_or_else(PoisonError::into_inner) = now;
        } else if now.saturating_duration_since(self.read_at) > Self::BOUND {
            self.memories.forget_all();
        }
        read
    }

    async fn read(&mut self) -> Result<(), FollowError> {
        loop {
            let asked = tokio::time::timeout(Self::PATIENCE, self.events.events_after(self.seen, BATCH)).await;
            let late = |_late| StoreError::new(StoreErrorKind::Unavailable, "the event log did not answer in time");
            let events = asked.map_err(late)??;
            let full = events.len() == BATCH as usize;
            for event in events {
                self.apply(&event);
            }
            if !full {
                return Ok(());
            }
        }
    }

    fn apply(&mut self, event: &Event) {
        if event.seq != self.seen + 1 {
            self.memories.forget_all();
        }
        // Never back: what was applied need not be read again and again.
        self.seen = self.seen.max(event.seq);
        self.progress.applied.fetch_add(1, Ordering::Relaxed);
        match &event.kind {
            EventKind::Account(id) => self.memories.forget_account(*id),
            EventKind::Credential { id, .. } => self.memories.forget_credential(id),
            EventKind::Document(id) => self.memories.forget_documents(*id),
        }
    }

    /// How long memories may be trusted while the log cannot be read.
    pub const BOUND: Duration = Duration::from_secs(5);

    /// How long one reading may take.
    const PATIENCE: Duration = Duration::from_secs(1);

    const EVERY: Duration = Duration::from_millis(400);
}

const BATCH: u32 = 500;

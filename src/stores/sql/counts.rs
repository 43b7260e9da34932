//! What the store counts of its own work.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::ports::StoreFigures;

/// Counted where connections are at work anyway.
#[derive(Debug, Default)]
pub(super) struct Counts {
    written: AtomicU64,
    commits: Work,
    reads: Work,
}

#[derive(Debug, Default)]
struct Work {
    done: AtomicU64,
    failed: AtomicU64,
    nanos: AtomicU64,
}

/// How a piece of work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Failed,
    Well,
}

impl Counts {
    pub(super) fn read(&self, began: Instant, ended: Ended) {
        self.reads.count(began, ended);
    }

    /// A transaction with so many writes.
    pub(super) fn commit(&self, began: Instant, ended: Ended, writes: usize) {
        self.commits.count(began, ended);
        if ended == Ended::Well {
            self.written.fetch_add(writes as u64, Ordering::Relaxed);
        }
    }

    pub(super) fn figures(&self, waiting: usize) -> StoreFigures {
        let (commits, commits_failed, commit_time) = self.commits.read();
        let (reads, reads_failed, read_time) = self.reads.read();
        StoreFigures {
            waiting: waiting as u64,
            written: self.written.load(Ordering::Relaxed),
            commits,
            commits_failed,
            commit_time,
            reads,
            reads_failed,
            read_time,
        }
    }
}

impl Work {
    fn count(&self, began: Instant, ended: Ended) {
        let count = if ended == Ended::Well { &self.done } else { &self.failed };
        count.fetch_add(1, Ordering::Relaxed);
        self.nanos.fetch_add(u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn read(&self) -> (u64, u64, Duration) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.done), read(&self.failed), Duration::from_nanos(read(&self.nanos)))
    }
}
